/** A project's audit log for tests: a sequencer on a real table, fed as the stream does, and the check of what it wrote. */
import type { DynamoDBRecord } from "aws-lambda";
import { checkBatches, checkFrom, checkEnd, type LogFinding } from "#core/audit-chain.ts";
import type { AuditRecord } from "#core/audit-record.ts";
import { marshall } from "@aws-sdk/util-dynamodb";
import { readFound } from "../../functions/audit-log/found.ts";
import { readRecords } from "../../functions/audit-log/read.ts";
import type { ObjectStore } from "../../functions/objects/port.ts";
import type { Db, Item } from "../../functions/store/db.ts";
import { keys, type Key } from "../../functions/store/table.ts";

let sequence = 0;

/** As the stream tells of a change; `at` in seconds. */
export function change(
  key: Key,
  before: Item | undefined,
  after: Item | undefined,
  at = 1_800_000_000 + Math.floor(sequence / 10),
): DynamoDBRecord {
  const image = (item: Item | undefined) =>
    item === undefined
      ? undefined
      : (marshall({ ...key, ...item }, { removeUndefinedValues: true }) as never);
  return {
    eventID: `event-${(sequence += 1)}`,
    eventName: before === undefined ? "INSERT" : after === undefined ? "REMOVE" : "MODIFY",
    dynamodb: {
      Keys: marshall(key) as never,
      SequenceNumber: String(sequence).padStart(21, "0"),
      ApproximateCreationDateTime: at,
      ...(before === undefined ? {} : { OldImage: image(before) }),
      ...(after === undefined ? {} : { NewImage: image(after) }),
    },
  };
}

export function appItem(project: string, name: string, version: number, by = "user:ada@example.com"): Item {
  const resource = {
    kind: "App",
    metadata: { name, project },
    spec: { path: `apps/${name}`, replicas: version },
  };
  return {
    project,
    name,
    resource,
    version,
    stamp: { by, why: `edit ${version}`, request: `request-${version}` },
  };
}

/** The App's changes from nothing to version `to`. */
export function appHistory(project: string, name: string, to: number): DynamoDBRecord[] {
  return Array.from({ length: to }, (_, index) =>
    change(
      keys.app(project, name),
      index === 0 ? undefined : appItem(project, name, index),
      appItem(project, name, index + 1),
    ),
  );
}

export function assignment(
  project: string,
  app: string,
  cluster: string,
  generation: number,
): DynamoDBRecord {
  const placement = (of: number): Item => ({
    project,
    app,
    cluster,
    assigned: {
      action: "apply",
      epoch: 1,
      generation: of,
      release: of,
      bundle: "b".repeat(64),
      at: of * 1000,
    },
  });
  return change(
    keys.placement(project, app, cluster),
    generation === 1 ? undefined : placement(generation - 1),
    placement(generation),
  );
}

/** Oldest first. */
export async function allRecords(db: Db, project: string): Promise<AuditRecord[]> {
  const found: AuditRecord[] = [];
  for (let after: string | undefined; ;) {
    const page = await readRecords(db, project, {}, { limit: 500, after }, (batch) => {
      throw new Error(`batch ${batch} is damaged`);
    });
    found.push(...page.items);
    if (page.next === undefined) return found.toReversed();
    after = page.next;
  }
}

/** The whole log, page by page, as the CLI does it. */
export async function verifyAll(deps: { db: Db; objects: ObjectStore }, project: string) {
  const findings: LogFinding[] = [];
  let checked = checkFrom(project);
  for (;;) {
    const page = await readFound(deps, project, checked.n);
    const step = checkBatches(project, page.batches, checked);
    findings.push(...step.findings);
    checked = step.checked;
    if (page.next === undefined) {
      findings.push(...checkEnd(checked, page.beyond));
      return { findings, batches: checked.batches, records: checked.records };
    }
  }
}
