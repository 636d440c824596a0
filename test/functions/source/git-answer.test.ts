/** fetchCommit and the server's answers: errors it tells, answers it breaks off or forges, and time that runs out. */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OutboundFetch } from "../../../functions/outbound/port.ts";
import { fetchCommit, type FetchResult } from "../../../functions/source/git.ts";
import { commitFiles, type GitFixture, gitFixture, manyFiles } from "./git-fixture.ts";
import { answer, blob, deltaOf, header, offsetDelta, pack, packet, shallowRequest } from "./pack-fixture.ts";

const URL = "http://localhost/fleet.git";
const TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const PERSON = "Ada <ada@example.com> 1760000000 +0000";

function answering(body: Buffer | string): OutboundFetch {
  return () => Promise.resolve(new Response(Buffer.from(body as Buffer)));
}

function fetchFrom(http: OutboundFetch, commit: string, timeoutMs = 20_000): Promise<FetchResult> {
  return fetchCommit({ url: URL, ref: { commit }, commit, http, timeoutMs });
}

/** A commit of an empty tree; only the text counts. */
function commitObject(text: string): { oid: string; packed: Buffer } {
  const content = Buffer.from(text);
  return {
    oid: createHash("sha1").update(`commit ${content.length}\0`).update(content).digest("hex"),
    packed: Buffer.concat([header(1, content.length), deflateSync(content)]),
  };
}

function fetchText(text: string): Promise<FetchResult> {
  const { oid, packed } = commitObject(text);
  return fetchFrom(answering(answer(pack([packed]))), oid);
}

describe("fetchCommit of an answer made by hand", () => {
  const { oid, packed } = commitObject(`tree ${TREE}\nauthor ${PERSON}\ncommitter ${PERSON}\n\nOne\n`);

  it("is content with one commit of nothing", async () => {
    const result = await fetchFrom(answering(answer(pack([packed]))), oid);
    expect(result).toMatchObject({ kind: "fetched", commit: oid, message: "One", files: new Map() });
  });

  it("tells a commit that is not given out from other errors of the server, cleaned", async () => {
    const notOurs = await fetchFrom(answering(packet(`ERR upload-pack: not our ref ${oid}`)), oid);
    expect(notOurs).toMatchObject({ code: "ref-not-found" });
    for (const line of ["ERR disk \u001b[31mfull", "\u0003disk \u001b[31mfull"]) {
      const result = await fetchFrom(answering(packet(line)), oid);
      expect(result).toMatchObject({ code: "invalid", message: expect.stringContaining('"disk [31mfull"') });
    }
  });

  it("refuses what is cut off or no packet line", async () => {
    const whole = answer(pack([packed]));
    for (const bytes of [
      "",
      "00",
      "zzzz",
      "0100short",
      "<html>",
      whole.subarray(0, 40),
      whole.subarray(0, -30),
    ]) {
      expect(await fetchFrom(answering(bytes), oid), String(bytes)).toMatchObject({ code: "invalid" });
    }
  });

  it("refuses another commit than the one that was asked for", async () => {
    const result = await fetchFrom(answering(answer(pack([packed]))), "1".repeat(40));
    expect(result).toMatchObject({ code: "invalid" });
  });

  it("does not follow a delta that leads to itself", async () => {
    const loop = offsetDelta(0, deltaOf(1, 1, Buffer.from([1, 120])));
    expect(await fetchFrom(answering(answer(pack([packed, loop]))), oid)).toMatchObject({ code: "invalid" });
  });

  it("refuses commits whose text would keep the library busy for hours", async () => {
    const line = `${" <> ".repeat(10_000)}\u2028`;
    const texts = [
      `tree ${TREE}\nauthor ${line}\ncommitter ${PERSON}\n\nOne\n`,
      `tree ${TREE}\nauthor A\n ${line}\ncommitter ${PERSON}\n\nOne\n`,
      `tree ${TREE}\nauthor ${PERSON}\ncommitter ${PERSON}\n\nOne${"\n".repeat(200_000)}x`,
      `tree ${TREE}\nauthor ${PERSON}\ncommitter ${PERSON}\n\n${"x".repeat(300_000)}`,
    ];
    for (const text of texts) {
      expect(await fetchText(text)).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("262144"),
      });
    }
  });

  it("refuses commits without what every commit has", async () => {
    for (const text of ["", "tree", `tree ${TREE}\n\nOne`, `tree ../../etc/passwd\nauthor ${PERSON}\n`]) {
      expect(await fetchText(text), text).toMatchObject({ code: "invalid" });
    }
    const outside = `tree ../../../etc/passwd\nauthor ${PERSON}\ncommitter ${PERSON}\n\nOne\n`;
    expect(await fetchText(outside)).toMatchObject({ code: "invalid" });
  });

  it("answers any damage with a result: it neither throws, nor waits for ever", async () => {
    const whole = answer(pack([packed, blob(Buffer.from("a file\n".repeat(20)))]));
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
      end: fc.integer({ min: 0, max: whole.length }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, bytes, end }) => {
        const changed = Buffer.from(whole);
        changed.set(bytes.subarray(0, whole.length - at), at);
        const result = await fetchFrom(answering(changed.subarray(0, end)), oid);
        if (result.kind === "failed") expect(["invalid", "too-large"]).toContain(result.code);
        else expect(result.commit).toBe(oid);
      }),
      { numRuns: 300 },
    );
  });
});

describe("fetchCommit of thousands of files", () => {
  let fixture: GitFixture;
  let commit: string;
  let http: OutboundFetch;

  beforeAll(async () => {
    fixture = await gitFixture();
    const bare = await fixture.repository("many.git");
    commit = await commitFiles(bare, manyFiles(2000));
    const recorded = await fetch(`${fixture.url("many.git")}/git-upload-pack`, {
      method: "POST",
      headers: { "content-type": "application/x-git-upload-pack-request" },
      body: shallowRequest(commit),
    });
    http = answering(Buffer.from(await recorded.arrayBuffer()));
  });
  afterAll(() => fixture.close());

  it("lets others have their turn while it reads", async () => {
    let turns = 0;
    let isDone = false;
    const others = (): void => {
      turns += 1;
      if (!isDone) setImmediate(others);
    };
    setImmediate(others);
    const result = await fetchFrom(http, commit);
    isDone = true;
    expect(result).toMatchObject({ kind: "fetched" });
    expect(turns).toBeGreaterThan(5);
  });

  it("ends with its time although everything has arrived", async () => {
    expect(await fetchFrom(http, commit, 5)).toMatchObject({
      code: "timeout",
      message: expect.stringContaining("5 ms"),
    });
  });
});
