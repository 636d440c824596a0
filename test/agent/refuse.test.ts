/** Whoever can write to the hub's rows or bucket, but cannot sign, changes nothing in a cluster: each way is told. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Statement } from "#core/statement.ts";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  userObjects,
  WAIT,
} from "../support/test-agent.ts";
import { HUB_URL, makeSigner, TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

/** A healthy App at generation 1, and then what `attack` puts in its place. */
async function attacked(attack: (hub: TestHub, held: Statement) => Promise<unknown>) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  start(hub, kube, { token: hub.token(), options: { unconditionalFetchMs: 100 } });
  const held = await hub.assign("shop", [configMap("a")], { generation: 5, floor: 5 });
  await phase(hub, "shop", "healthy");
  const before = userObjects(kube);
  await attack(hub, held);
  await phase(hub, "shop", "refused");
  expect(userObjects(kube)).toEqual(before);
  return { hub, kube, message: hub.latest.get("shop")?.message ?? "" };
}

const evil = [configMap("a", { key: "evil" })];

describe(runAgent.name, () => {
  it("refuses a bundle with one byte changed, and takes the right one when it is back", async () => {
    const { hub, kube, message } = await attacked(async (hub) => {
      await hub.assign("shop", evil);
      const bytes = hub.bundles.get("shop");
      if (bytes !== undefined) bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    });
    expect(message).toContain("bad-bundle: bundle digest");
    expect(hub.latest.get("shop")).toMatchObject({ generation: 6 });
    const bytes = hub.bundles.get("shop");
    if (bytes !== undefined) bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
    await phase(hub, "shop", "healthy", 6);
    expect(userObjects(kube)[0]).toContain("evil");
  });

  it("refuses a bundle of another size", async () => {
    const { message } = await attacked(async (hub) => {
      await hub.assign("shop", evil);
      hub.bundles.set("shop", new Uint8Array(10));
    });
    expect(message).toContain("bad-bundle: bundle has 10 bytes");
  });

  it.each([
    ["another cluster", { cluster: "c2" }, "other-cluster"],
    ["another hub", { hub: "other" }, "other-hub"],
    ["another epoch", { epoch: 2 }, "other-epoch"],
    ["a lower generation", { generation: 4 }, "older-generation"],
    ["a release below the floor", { generation: 6, release: 4 }, "below-floor"],
  ])("refuses a statement for %s", async (_what, options, code) => {
    const { message } = await attacked((hub) => hub.assign("shop", evil, options));
    expect(message).toContain(code);
  });

  it("refuses the statement of another App", async () => {
    const { message } = await attacked(async (hub) => {
      await hub.assign("other", evil);
      hub.statements.set("shop", hub.statements.get("other") ?? "");
    });
    expect(message).toContain("other-app");
  });

  it("refuses the same generation with one changed option", async () => {
    const { message } = await attacked(async (hub, held) => {
      if (held.order.action === "apply")
        await hub.put("shop", { ...held, order: { ...held.order, pruneLimit: 21 } });
    });
    expect(message).toContain("same-generation-changed");
  });

  it("refuses a statement whose payload was changed after it was signed", async () => {
    const { message } = await attacked(async (hub, held) => {
      const [header, , signature] = (hub.statements.get("shop") ?? "").split(".");
      const payload = Buffer.from(JSON.stringify({ ...held, generation: 6 })).toString("base64url");
      hub.statements.set("shop", `${header}.${payload}.${signature}`);
    });
    expect(message).toContain("bad-signature");
  });

  it("refuses a key that the charter does not name, and a key that borrows a known name", async () => {
    const unknown = await attacked(async (hub, held) => {
      await hub.put("shop", { ...held, generation: 6 }, await makeSigner("signer-x"));
    });
    expect(unknown.message).toContain("unknown-signer");
    const borrowed = await attacked(async (hub, held) => {
      await hub.put("shop", { ...held, generation: 6 }, await makeSigner("signer-1"));
    });
    expect(borrowed.message).toContain("bad-signature");
  });

  it("refuses a charter that the recovery key did not sign, and goes on with the one it has", async () => {
    const hub = await TestHub.create();
    const agent = start(hub, memoryCluster(), { token: hub.token() });
    const forger = await makeSigner("signer-2");
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(0), WAIT);
    await hub.certify({ serial: 2, epoch: 1, signers: [forger], by: await makeSigner("recovery") });
    hub.signWith(forger);
    await hub.assign("shop", evil);
    await phase(hub, "shop", "refused");
    expect(hub.latest.get("shop")?.message).toContain("unknown-signer");
    expect(agent.logs.map((entry) => entry.message).join()).toContain("charter refused");
  });

  it("follows a newer charter to a new key, a new epoch and a new URL, and does not go back", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token(), options: { unconditionalFetchMs: 50 } });
    await hub.assign("shop", [configMap("a")], { generation: 9 });
    await phase(hub, "shop", "healthy");
    const first = { charter: hub.charter, jws: hub.charterJws };
    const next = await makeSigner("signer-2");
    await hub.certify({ serial: 2, epoch: 2, signers: [next], urls: [HUB_URL, "http://moved.test"] });
    hub.signWith(next);
    await hub.assign("shop", [configMap("a", { key: "two" })], { generation: 1, release: 10 });
    await phase(hub, "shop", "healthy", 1);
    hub.charter = { ...hub.charter, urls: ["http://moved.test"] };
    const polls = hub.polls;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 3), WAIT);
    Object.assign(hub, { charter: { ...first.charter, urls: ["http://moved.test"] }, charterJws: first.jws });
    const answered = (): number => hub.answered200 + hub.sameContent;
    const before = answered();
    await vi.waitFor(() => expect(answered()).toBeGreaterThan(before + 1), WAIT);
    expect(hub.latest.get("shop")).toMatchObject({ phase: "healthy", epoch: 2 });
    expect(userObjects(kube)[0]).toContain("two");
  });
});
