import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkBatches,
  checkFrom,
  checkEnd,
  type Anchor,
  type FoundBatch,
  type LogFinding,
} from "#core/audit-chain.ts";
import { chainStart, pointAfter, sealBatch, type AuditRecord } from "#core/audit-record.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";

const PROJECT = "web";

interface Chain {
  batches: FoundBatch[];
  /** As the object store has it; beyond the batches nothing. */
  anchors: Anchor[];
}

/** Batches of these sizes: apps that are edited in turn, and one assignment at the end of each batch. */
function chainOf(sizes: readonly number[]): Chain {
  const batches: FoundBatch[] = [];
  const anchors: Anchor[] = [];
  const versions = new Map<string, number>();
  let point = chainStart(PROJECT);
  for (const [index, size] of sizes.entries()) {
    const records = Array.from({ length: size }, (_, at): AuditRecord => {
      const n = point.last + 1 + at;
      const base = { n, id: `id-${n}`, at: n * 1000, by: "user:ada@example.com" };
      if (at === size - 1) {
        const placed = (generation: number) => ({ epoch: 1, generation, release: generation });
        const before = index === 0 ? {} : { before: placed(index) };
        return {
          ...base,
          noun: "assignment",
          name: "shop/eu-1",
          action: "assigned",
          ...before,
          after: placed(index + 1),
        };
      }
      const name = `app-${at % 3}`;
      const version = (versions.get(name) ?? 0) + 1;
      versions.set(name, version);
      const action = version === 1 ? "created" : "configured";
      return {
        ...base,
        noun: "app",
        name,
        action,
        version,
        changes: [{ path: "/spec/path", after: `"v${version}"` }],
      };
    });
    const sealed = sealBatch(PROJECT, point, records, records.length);
    point = pointAfter(sealed);
    anchors.push({ project: PROJECT, ...point });
    batches.push({ place: point.n, hash: point.hash, text: sealed.text });
  }
  return { batches, anchors };
}

function check({ batches, anchors }: Chain): LogFinding[] {
  const anchored = batches.map((batch) => ({
    ...batch,
    anchor: anchors.find(({ n }) => n === batch.place) ?? ("absent" as const),
  }));
  const { findings, checked } = checkBatches(PROJECT, anchored, checkFrom(PROJECT));
  const beyond = anchors.find(({ n }) => n === checked.n + 1);
  return [...findings, ...checkEnd(checked, beyond)];
}

/** Whoever alters a batch and knows how the hashes are made, and makes them anew to the end. */
function resealed(
  { batches, anchors }: Chain,
  from: number,
  alter: (records: AuditRecord[]) => AuditRecord[],
): Chain {
  let point = chainStart(PROJECT);
  const forged = batches.map(({ text }, index) => {
    const records = (JSON.parse(text ?? "") as { records: AuditRecord[] }).records;
    const sealed = sealBatch(PROJECT, point, index === from ? alter(records) : records, records.length);
    point = pointAfter(sealed);
    return { place: point.n, hash: point.hash, text: sealed.text };
  });
  return { batches: forged, anchors };
}

const chain = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 }).map(chainOf);
const told = (findings: readonly LogFinding[]) =>
  findings.map(({ kind, batch, record }) => [kind, batch, record]);

describe("checkBatches", () => {
  it("finds nothing in a log as it was written, in one piece or in windows", () => {
    fc.assert(
      fc.property(chain, fc.nat(7), (valid, cut) => {
        expect(check(valid)).toEqual([]);
        const first = checkBatches(PROJECT, valid.batches.slice(0, cut), checkFrom(PROJECT));
        const rest = checkBatches(PROJECT, valid.batches.slice(cut), first.checked);
        expect([...first.findings, ...rest.findings]).toEqual([]);
        const at = valid.anchors[cut - 1];
        const window = checkBatches(PROJECT, valid.batches.slice(cut), checkFrom(PROJECT, at));
        expect(cut > 0 && at === undefined ? [] : window.findings).toEqual([]);
      }),
    );
  });

  it("finds any one character that was altered, in a batch or its hash", () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), fc.boolean(), (valid, which, where, inHash) => {
        const index = which % valid.batches.length;
        const batches = valid.batches.map((batch, at) => {
          if (at !== index) return batch;
          return inHash
            ? { ...batch, hash: flipped(batch.hash, where) }
            : { ...batch, text: flipped(batch.text ?? "", where) };
        });
        const findings = check({ ...valid, batches });
        expect(findings.map(({ batch }) => batch)).toContain(index + 1);
      }),
    );
  });

  it("finds any batch that was removed, exchanged or put twice, also at the end", () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), (valid, one, other) => {
        const count = valid.batches.length;
        const [a, b] = [one % count, other % count];
        const removed = { ...valid, batches: valid.batches.filter((_, at) => at !== a) };
        expect(check(removed).map(({ batch }) => batch)).toContain(a + 1);
        const [batchA, batchB] = [valid.batches[a], valid.batches[b]];
        if (a !== b && batchA !== undefined && batchB !== undefined) {
          const batches = valid.batches
            .with(a, { ...batchB, place: a + 1 })
            .with(b, { ...batchA, place: b + 1 });
          expect(told(check({ ...valid, batches }))).toContainEqual(["misplaced-batch", a + 1, undefined]);
          const twice = valid.batches.with(a, { ...batchB, place: a + 1 });
          expect(told(check({ ...valid, batches: twice }))).toContainEqual([
            "misplaced-batch",
            a + 1,
            undefined,
          ]);
        }
        const batches = valid.batches.slice(0, a);
        expect(told(check({ ...valid, batches }))).toContainEqual(["missing-batch", a + 1, undefined]);
      }),
    );
  });

  it("names a record that was altered, removed, added or moved, though the batch's own hash was made anew", () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), fc.nat(3), (valid, which, where, how) => {
        const index = which % valid.batches.length;
        const found = valid.batches[index];
        const batch = JSON.parse(found?.text ?? "") as { records: AuditRecord[] };
        const at = where % batch.records.length;
        const record = batch.records[at];
        if (record === undefined) return;
        const number = record.n;
        const next = batch.records[at + 1];
        const mutation = [
          {
            kind: "altered-record",
            records: batch.records.with(at, { ...record, by: "user:eve@example.com" }),
          },
          { kind: "missing-record", records: batch.records.toSpliced(at, 1) },
          {
            kind: "added-record",
            records: batch.records.toSpliced(at, 0, { ...record, id: "forged", n: 9999 }),
          },
          {
            kind: "misplaced-record",
            records: next === undefined ? [] : batch.records.with(at, next).with(at + 1, record),
          },
        ][how];
        if (mutation === undefined || mutation.records.length === 0) return;
        const text = canonicalJson({ ...batch, records: mutation.records });
        const batches = valid.batches.with(index, { place: index + 1, hash: sha256(text), text });
        const findings = told(check({ ...valid, batches }));
        expect(findings).toContainEqual([mutation.kind, index + 1, how === 2 ? 9999 : number]);
        expect(findings).toContainEqual(["anchor", index + 1, undefined]);
      }),
    );
  });

  // What would break: who can write the table could rewrite history and make every hash anew.
  it("finds a log that was rewritten from some batch on, by its anchors", () => {
    fc.assert(
      fc.property(chain, fc.nat(), (valid, which) => {
        const from = which % valid.batches.length;
        const forged = resealed(valid, from, (records) =>
          records.map((record) => ({ ...record, by: "nobody" })),
        );
        const found = told(check(forged));
        expect(found).toContainEqual(["anchor", from + 1, undefined]);
        expect(found.map(([, batch]) => batch)).not.toContain(from);
      }),
    );
  });

  it("tells a version that comes twice or leaves one out, and an assignment that replaces another than the log's", () => {
    const valid = chainOf([4, 4]);
    const later = (records: AuditRecord[]) =>
      records.map((record) =>
        record.version === undefined ? record : { ...record, version: record.version + 1 },
      );
    const gaps = check({ ...resealed(valid, 1, later), anchors: [] }).filter(({ kind }) => kind === "gap");
    expect(told(gaps)).toEqual([5, 6, 7].map((record) => ["gap", 2, record]));
    const replaced = (records: AuditRecord[]) =>
      records.map((record) =>
        record.noun === "assignment" ? { ...record, before: { epoch: 1, generation: 7 } } : record,
      );
    const other = check({ ...resealed(valid, 1, replaced), anchors: [] }).filter(
      ({ kind }) => kind === "gap",
    );
    expect(other.map(({ message }) => message)).toEqual([
      "assignment/shop/eu-1: record 8 replaces generation 1.7, the log has generation 1.1 before it",
    ]);
  });

  it("tells a batch without an anchor", () => {
    const valid = chainOf([2, 2]);
    expect(told(check({ ...valid, anchors: valid.anchors.slice(1) }))).toEqual([["no-anchor", 1, undefined]]);
  });
});

function flipped(text: string, where: number): string {
  const at = where % text.length;
  const character = text.charAt(at) === "a" ? "b" : "a";
  return text.slice(0, at) + character + text.slice(at + 1);
}
