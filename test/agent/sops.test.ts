/**
 * Secrets made by the real `sops`: they arrive opened in the cluster and nowhere else, and whatever does not fit is told
 * without a word of what is in them.
 */
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import type { KubeObject } from "#core/object.ts";
import { openSecrets, SOPS_KEYS } from "../../agent/sops.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { DATA_ONLY, makeAgeKey, sopsEncrypted, type AgeKey } from "../support/sops-files.ts";
import { memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

const PLAIN = "correct-horse-battery-staple";
beforeAll(async () => {
  await Promise.all([ensureTool("sops"), ensureTool("age-keygen")]);
}, 900_000);
afterEach(stopAgents);

const encrypted = async (text: string, key: AgeKey, ...args: string[]): Promise<KubeObject> =>
  parse(await sopsEncrypted(text, key, ...args)) as KubeObject;

const SECRET = `apiVersion: v1
kind: Secret
metadata: { name: db }
stringData:
  password: ${PLAIN}
  # and a nested thing
  config: |
    user: me
    password: ${PLAIN}
`;
async function keyIn(kube: ReturnType<typeof memoryCluster>, key: AgeKey): Promise<void> {
  const data = { "age.agekey": Buffer.from(key.identity).toString("base64") };
  const metadata = { name: SOPS_KEYS, namespace: "fairlead-system" };
  await kube.apply({ apiVersion: "v1", kind: "Secret", metadata, data }, { dryRun: false, force: true });
}

const DB = { apiVersion: "v1", kind: "Secret", namespace: "shop", name: "db" };

describe("a Secret encrypted by SOPS", () => {
  it("arrives opened in the cluster, and its text is nowhere in what the hub hears or the agent says", async () => {
    const key = await makeAgeKey();
    const [hub, kube] = [await TestHub.create(), memoryCluster()];
    await keyIn(kube, key);
    const agent = startAgent(hub, kube, { token: hub.token() });
    await hub.assign("shop", [await encrypted(SECRET, key, ...DATA_ONLY)]);
    await phase(hub, "shop", "healthy");
    const live = (await kube.get(DB)) as { data: Record<string, string>; sops?: unknown } | undefined;
    expect(Buffer.from(live?.data["password"] ?? "", "base64").toString()).toBe(PLAIN);
    expect(Buffer.from(live?.data["config"] ?? "", "base64").toString()).toContain(`password: ${PLAIN}`);
    expect(live?.sops).toBeUndefined();

    kube.edit(DB, { data: { password: Buffer.from("changed by hand").toString("base64") } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    await phase(hub, "shop", "healthy");
    const base64 = Buffer.from(PLAIN).toString("base64");
    const told = JSON.stringify([hub.reports, agent.logs, [...hub.statements]]);
    const bundles = [...hub.bundles.values()].map((bytes) => Buffer.from(bytes).toString()).join();
    for (const text of [PLAIN, base64, "changed by hand", "AGE-SECRET-KEY"])
      expect(told + bundles).not.toContain(text);
  });

  it("waits for its key: says which Secret is missing where, and opens once it is there", async () => {
    const key = await makeAgeKey();
    const [hub, kube] = [await TestHub.create(), memoryCluster()];
    startAgent(hub, kube, { token: hub.token() });
    await hub.assign("shop", [await encrypted(SECRET, key, ...DATA_ONLY)]);
    await phase(hub, "shop", "failed");
    expect(hub.latest.get("shop")?.failures[0]?.reason).toContain(
      `put the age key into the Secret ${SOPS_KEYS} in fairlead-system`,
    );
    expect(await kube.get(DB)).toBeUndefined();
    await keyIn(kube, key);
    await phase(hub, "shop", "healthy");
  });

  it("keeps numbers, booleans and lists as they were, and everything is encrypted that sops encrypts by default", async () => {
    const key = await makeAgeKey();
    const kube = memoryCluster();
    await keyIn(kube, key);
    const text = `apiVersion: v1\nkind: Secret\nmetadata: { name: x }\ndata: { a: "" }\nextra: { int: 7, float: 1.5, bool: true, list: [one, { two: 2 }] }\n`;
    const opened = await openSecrets(kube, [
      await encrypted(text, key, "--encrypted-regex", "^(data|extra)$"),
    ]);
    expect([...opened.problems]).toEqual([]);
    expect(opened.objects[0]?.["extra"]).toEqual({
      int: 7,
      float: 1.5,
      bool: true,
      list: ["one", { two: 2 }],
    });
  });
});

describe("what cannot be opened", () => {
  const problemOf = async (object: KubeObject, key?: AgeKey): Promise<string> => {
    const kube = memoryCluster();
    if (key !== undefined) await keyIn(kube, key);
    const { problems, objects } = await openSecrets(kube, [object]);
    expect(objects).toEqual([object]);
    return [...problems.values()].join();
  };

  it("is told: another key, another kind of key, an object that is no Secret", async () => {
    const [key, other] = [await makeAgeKey(), await makeAgeKey()];
    const secret = await encrypted(SECRET, key, ...DATA_ONLY);
    expect(await problemOf(secret, other)).toContain("encrypted for none of the age keys");
    expect(await problemOf({ ...secret, sops: { kms: [{ arn: "x" }] } }, key)).toContain("for no age key");
    expect(await problemOf({ ...secret, kind: "ConfigMap" }, key)).toContain("no Secret");
  });

  it("is told without a word of it: a value that was moved, altered, or put there", async () => {
    const key = await makeAgeKey();
    const secret = await encrypted(SECRET, key, ...DATA_ONLY);
    const values = secret["stringData"] as Record<string, string>;
    const { password = "", config = "" } = values;
    const altered = password.replace(/data:(.)/, (_, first: string) => `data:${first === "A" ? "B" : "A"}`);
    for (const stringData of [
      { password: config, config: password },
      { password: altered },
      { password: "ENC[AES256_GCM,data:AA,iv:AA,tag:AA,type:str]" },
      { password: "ENC[ROT13,xyz]" },
    ]) {
      const problem = await problemOf({ ...secret, stringData }, key);
      expect(problem).toMatch(/cannot be opened/);
      expect(problem).not.toContain("horse");
    }
  });
});
