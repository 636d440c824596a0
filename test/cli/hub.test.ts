/** The CLI's side of keys and moves: what is signed here, what is refused before anything is sent. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { charterSchema, fingerprintOf, kidOf, type Charter } from "#core/charter.ts";
import { charterRequestSchema, type HubView } from "#core/hub.ts";
import { Problem } from "#core/problem.ts";
import { readCharter } from "../../functions/release/charter.ts";
import { makePrivateKey, publicHalf, type PrivateKey } from "../../functions/release/sign.ts";
import { fairlead, fixtureHub, folder } from "./support.ts";

async function hubOf() {
  const [recovery, signing] = [await makePrivateKey(), await makePrivateKey()];
  const key = publicHalf(signing);
  let view: HubView = {
    hub: "hub-1",
    epoch: 3,
    serial: 7,
    urls: ["https://old.example.com"],
    signers: [{ kid: kidOf(key), key }],
    signing: kidOf(key),
    recovery: fingerprintOf(recovery),
  };
  const bodies: string[] = [];
  const charters: Charter[] = [];
  const hub = fixtureHub();
  hub.get("/v1/hub", (context) => context.json(view));
  hub.put("/v1/hub/charter", async (context) => {
    const body = await context.req.text();
    bodies.push(body);
    const read = await readCharter(
      charterRequestSchema.parse(JSON.parse(body)).charter,
      publicHalf(recovery),
    );
    if (read.kind === "refused") throw new Problem("invalid-request", read.message);
    charters.push(charterSchema.parse(read.charter));
    view = { ...view, ...read.charter };
    return context.json(view);
  });
  const at = await folder();
  const keyFile = async (name: string, one: object): Promise<string> => {
    const path = join(at, name);
    await writeFile(path, JSON.stringify(one), { mode: 0o600 });
    return path;
  };
  const here = (is: HubView["here"], writer?: string): void => {
    view = { ...view, here: is, ...(writer === undefined ? {} : { region: writer }) };
  };
  return { hub, recovery, signing, bodies, charters, keyFile, at, here };
}

describe("fairlead hub", () => {
  it("shows who the hub is, and which key is in use", async () => {
    const { hub, recovery, signing } = await hubOf();
    const ran = await fairlead(hub, ["hub", "status"]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(fingerprintOf(recovery));
    expect(ran.out).toContain(`${kidOf(signing)} (in use)`);
  });

  // What would break: the one key that must stay offline would pass through the hub, or through a log.
  it("signs a move here: the addresses in order, a higher serial, and the private key nowhere", async () => {
    const { hub, recovery, charters, bodies, keyFile } = await hubOf();
    const file = await keyFile("recovery.json", recovery);
    const urls = ["--url", "https://old.example.com", "--url", "https://new.example.com/"];
    const ran = await fairlead(hub, ["hub", "move", ...urls, "--recovery-key", file]);
    expect([ran.code, ran.err]).toEqual([
      0,
      expect.stringContaining("https://old.example.com, then https://new.example.com"),
    ]);
    expect(charters).toMatchObject([
      { hub: "hub-1", epoch: 3, urls: ["https://old.example.com", "https://new.example.com"] },
    ]);
    expect(charters[0]?.serial).toBeGreaterThan(7);
    expect(bodies.join() + ran.out + ran.err).not.toContain(recovery.d);
  });

  it("makes a new signing key in a file, certifies it beside the old one, and sends its public half only", async () => {
    const { hub, recovery, signing, charters, bodies, keyFile, at } = await hubOf();
    const file = await keyFile("recovery.json", recovery);
    const path = join(at, "next.json");
    const argv = ["hub", "rotate-signing-key", "--signing-key", path, "--recovery-key", file];
    expect((await fairlead(hub, argv)).code).toBe(0);
    const made = JSON.parse(await readFile(path, "utf8")) as PrivateKey;
    expect(charters[0]?.signers.map(({ kid }) => kid)).toEqual([kidOf(made), kidOf(signing)]);
    expect(charters[0]?.epoch).toBe(3);
    expect(bodies.join()).not.toContain(made.d);
    expect((await fairlead(hub, [...argv, "--drop-old"])).code).toBe(0);
    expect(charters[1]).toMatchObject({ epoch: 4, signers: [{ kid: kidOf(made) }] });
  });

  it("opens a new epoch", async () => {
    const { hub, recovery, charters, keyFile } = await hubOf();
    const file = await keyFile("recovery.json", recovery);
    expect((await fairlead(hub, ["hub", "new-epoch", "--recovery-key", file])).code).toBe(0);
    expect(charters).toMatchObject([{ epoch: 4, urls: ["https://old.example.com"] }]);
  });

  it("refuses another key, half a key, no file and no URL before it signs anything", async () => {
    const { hub, recovery, signing, bodies, keyFile } = await hubOf();
    const move = ["hub", "move", "--url", "https://new.example.com", "--recovery-key"];
    const other = await fairlead(hub, [...move, await keyFile("other.json", signing)]);
    expect([other.code, other.err]).toEqual([1, expect.stringContaining("the agents of this hub pin")]);
    const half = await fairlead(hub, [...move, await keyFile("public.json", publicHalf(recovery))]);
    expect([half.code, half.err]).toEqual([2, expect.stringContaining("holds no private Ed25519 key")]);
    const none = await fairlead(hub, [...move, "/nowhere/recovery.json"]);
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("cannot be read")]);
    const file = await keyFile("recovery.json", recovery);
    const bad = await fairlead(hub, ["hub", "move", "--url", "new.example.com", "--recovery-key", file]);
    expect(bad.code).toBe(2);
    expect(bodies).toEqual([]);
  });
});

describe("fairlead import", () => {
  /** A small whole export, changed by `change` after its digest was made. */
  async function file(recovery: PrivateKey, at: string, change: (text: string) => string): Promise<string> {
    const charter = "signed";
    const lines = [
      { kind: "header", fairlead: "export", version: 1, hub: "hub-0", at: 1 },
      { kind: "hub", hub: "hub-0", epoch: 1, serial: 1, charter, recoveryKey: publicHalf(recovery) },
      { kind: "credential", project: "web", name: "fleet-read" },
    ].map((line) => `${JSON.stringify(line)}\n`);
    const digest = createHash("sha256").update(lines.join("")).digest("hex");
    const path = join(at, "hub.jsonl");
    await writeFile(path, change(`${lines.join("")}${JSON.stringify({ kind: "end", lines: 3, digest })}\n`));
    return path;
  }

  it("sends the lines with a charter for the new hub's key and address, and names what has to be set again", async () => {
    const { hub, recovery, keyFile, at, signing } = await hubOf();
    const seen: { from: number; lines: unknown[]; charter: string }[] = [];
    hub.post("/v1/import", async (context) => {
      seen.push(await context.req.json<(typeof seen)[number]>());
      return context.json({ outcome: "done" });
    });
    const path = await file(recovery, at, (text) => text);
    const ran = await fairlead(hub, ["import", path, "--recovery-key", await keyFile("r.json", recovery)]);
    expect([ran.code, ran.err]).toEqual([0, expect.stringContaining("web/fleet-read")]);
    expect(seen.map(({ from, lines }) => [from, lines.length])).toEqual([[0, 4]]);
    const read = await readCharter(seen[0]?.charter ?? "", publicHalf(recovery));
    expect(read).toMatchObject({
      charter: {
        hub: "hub-0",
        epoch: 2,
        urls: ["https://old.example.com"],
        signers: [{ kid: kidOf(signing) }],
      },
    });
  });

  it.each([
    ["cut", (text: string) => text.split("\n").slice(0, 3).join("\n"), "its last line is missing"],
    ["changed", (text: string) => text.replace("fleet-read", "fleet-reed"), "do not fit their digest"],
    ["of another version", (text: string) => text.replace('"version":1', '"version":2'), "is of version 2"],
    ["no export", () => "apiVersion: v1\n", "is no export of a hub"],
    ["broken in a line", (text: string) => text.replace('"name":"fleet-read"', '"name":7'), "line 3: name"],
  ])("sends nothing of a file that is %s", async (_what, change, words) => {
    const { hub, recovery, keyFile, at } = await hubOf();
    let asked = 0;
    hub.all("*", (context) => {
      asked += 1;
      return context.json({});
    });
    const path = await file(recovery, at, change);
    const ran = await fairlead(hub, ["import", path, "--recovery-key", await keyFile("r.json", recovery)]);
    expect([ran.code === 0, ran.err, asked]).toEqual([false, expect.stringContaining(words), 0]);
  });
});

describe("fairlead cluster", () => {
  it("asks for a rotation, and revokes, by name", async () => {
    const hub = fixtureHub();
    const asked: string[] = [];
    hub.post("/v1/projects/:project/clusters/:name/:act", (context) => {
      asked.push(context.req.path);
      return context.json(
        context.req.param("act") === "revoke" ? { revoked: true } : { key: "k", rotating: true },
      );
    });
    expect((await fairlead(hub, ["cluster", "rotate", "eu-1"])).code).toBe(0);
    const ran = await fairlead(hub, ["cluster", "revoke", "eu-1", "--project", "web"]);
    expect([ran.code, ran.err]).toEqual([0, expect.stringContaining("fairlead cluster register eu-1")]);
    expect(asked).toEqual([
      "/v1/projects/default/clusters/eu-1/rotate",
      "/v1/projects/web/clusters/eu-1/revoke",
    ]);
  });
});

describe("fairlead hub failover", () => {
  it("makes the region that is asked the writer: its address first, the epoch its serial, the reason told", async () => {
    const { hub, recovery, charters, keyFile, here } = await hubOf();
    const file = await keyFile("recovery.json", recovery);
    const argv = ["hub", "failover", "--to", "west", "--recovery-key", file];
    expect((await fairlead(hub, [...argv])).err).toContain("a failover needs its reason");
    const told = [...argv, "--reason", "east is away"];
    expect((await fairlead(hub, told)).err).toContain("is in no region that it knows of, not in west");
    here({ region: "west", url: "https://west.example.com" }, "east");
    const ran = await fairlead(hub, told);
    expect([ran.code, ran.err]).toEqual([
      0,
      expect.stringContaining("what east orders from here on, agents refuse"),
    ]);
    expect(charters).toMatchObject([
      { region: "west", urls: ["https://west.example.com", "https://old.example.com"] },
    ]);
    expect(charters[0]?.epoch).toBe(charters[0]?.serial);
    expect((await fairlead(hub, told)).err).toContain("region west writes already");
    // Any charter from here on names it too.
    await fairlead(hub, ["hub", "move", "--url", "https://west.example.com", "--recovery-key", file]);
    expect(charters[1]).toMatchObject({ region: "west" });
  });

  it("names the first writer without a new epoch", async () => {
    const { hub, recovery, charters, keyFile, here } = await hubOf();
    here({ region: "east", url: "https://old.example.com" });
    const file = await keyFile("recovery.json", recovery);
    await fairlead(hub, [
      "hub",
      "failover",
      "--to",
      "east",
      "--recovery-key",
      file,
      "--reason",
      "two regions",
    ]);
    expect(charters).toMatchObject([{ region: "east", epoch: 3, urls: ["https://old.example.com"] }]);
  });
});
