/**
 * What `sst diff` makes of the deployment, offline: who may do what, what becomes of an event that fails, and whether each
 * package starts. The engine only writes resources down (`test/support/sst`), so AWS's own validation is not in play.
 */
import { fork, spawnSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../functions/policy/job.ts";
import type { JobAnswer, RenderJob } from "../../functions/render/job.ts";
import { MEMORY_BYTES_MAX_DEFAULT } from "../../functions/render/limits.ts";
import { withMemoryMax } from "../../functions/render/memory-max.ts";
import { pack } from "../../functions/render/pack.ts";
import { matchingRules } from "../support/event-ruler.ts";
import { eventSamples, nearMisses, streamSamples } from "../support/event-samples.ts";
import { dumpResources, type Dump, type DumpedResource } from "../support/sst/dump.ts";
import { environmentOf, functionsOf, nameOf, rightsAlone, rightsOf } from "../support/sst/rights.ts";

interface KeyPolicy {
  Statement: { Action: string[] }[];
}

const CLIENT_SECRET = "a-secret-of-the-hub-at-its-provider";
const SIGNING_KEY = "SigningKey2";
const RENDERING = ["Release", "Plan"];
const kB = 1000;
/** What is read, compiled and run before the first request; half a megabyte is what an empty handler costs again. */
const START_BYTES_MAX: Record<string, number> = { Agents: 500 * kB, Api: 1_500 * kB };
/** The others are woken by events, which wait. */
const OTHERS_BYTES_MAX = 2_000 * kB;
let dump: Dump;

beforeAll(async () => {
  dump = await dumpResources({ SigningKeys: "2, 1", OidcClientSecret: CLIENT_SECRET });
}, 600_000);
afterAll(() => dump?.remove());

const ofType = (type: string): DumpedResource[] =>
  dump.resources.filter((resource) => resource.type === type);
const functions = (): DumpedResource[] => functionsOf(dump.resources);

describe("rights", () => {
  it("are, for each function, what this list says and nothing more", () => {
    const found = Object.fromEntries(
      functions().map((resource) => [nameOf(resource), rightsOf(dump.resources, nameOf(resource))]),
    );
    expect(found).toEqual(rightsAlone(SIGNING_KEY));
  });

  it("give the provider's secret to people's API, and the signing key's name to the release function", () => {
    const knowing = (value: string) =>
      functions()
        .filter((resource) => JSON.stringify(environmentOf(resource)).includes(value))
        .map(nameOf)
        .sort();
    expect(knowing(SIGNING_KEY)).toEqual(["Release"]);
    expect(knowing(CLIENT_SECRET)).toEqual(["Api"]);
  });

  // What would break: a policy of any role of the account could be written so that it orders what every cluster does.
  it("to sign are given by each key itself to the release function's role alone: an agent endpoint taken over can order nothing", () => {
    const made = ofType("aws:kms/key:Key").map(({ name, inputs }) => ({ name, ...inputs }));
    const spec = { customerMasterKeySpec: "ECC_NIST_EDWARDS25519", keyUsage: "SIGN_VERIFY" };
    expect(made.map(({ name }) => name)).toEqual(["SigningKey2", "SigningKey1"]);
    for (const one of made) expect(one).toMatchObject({ ...spec, deletionWindowInDays: 30 });
    const policies = ofType("aws:kms/keyPolicy:KeyPolicy");
    expect(policies.map(({ inputs }) => inputs["keyId"])).toEqual(made.map(({ name }) => name));
    const found = policies.map(({ inputs }) => JSON.parse(String(inputs["policy"])) as KeyPolicy);
    for (const { Statement } of found) {
      const signing = Statement.filter(({ Action }) => Action.some((one) => /Sign|CreateGrant|\*/.test(one)));
      expect(signing).toEqual([
        expect.objectContaining({
          Action: ["kms:Sign", "kms:GetPublicKey"],
          Principal: { AWS: "arn:aws:iam:us-east-1:000000000000:ReleaseRole" },
        }),
      ]);
    }
  });
});

describe("a hub of one region", () => {
  it("knows of no other: no function is told a region, and nothing is copied", () => {
    expect(functions().filter((resource) => "FAIRLEAD_REGION" in environmentOf(resource))).toEqual([]);
    expect(ofType("aws:dynamodb/table:Table").map(({ inputs }) => inputs["replicas"])).toEqual([undefined]);
    expect(ofType("aws:s3/bucket:Bucket").map(({ name }) => name)).toEqual(["ObjectsBucket"]);
    expect(ofType("aws:s3/bucketReplicationConfig:BucketReplicationConfig")).toEqual([]);
  });
});

describe("rules of the bus", () => {
  /** By the function that each wakes. */
  function patterns(): Record<string, unknown> {
    const rules = new Map(
      ofType("aws:cloudwatch/eventRule:EventRule").map(({ name, inputs }) => [
        String(inputs["name"] ?? name),
        JSON.parse(String(inputs["eventPattern"])) as unknown,
      ]),
    );
    const targets = ofType("aws:cloudwatch/eventTarget:EventTarget").map(
      ({ inputs }) =>
        [String(inputs["arn"]).replace(/^.*:|Function$/g, ""), rules.get(String(inputs["rule"]))] as const,
    );
    expect([targets.length, targets.filter(([, rule]) => rule === undefined)]).toEqual([rules.size, []]);
    return Object.fromEntries(targets);
  }

  it("wake, by AWS's own matcher, for every fact the functions that it is meant for and no other", async () => {
    const samples = eventSamples();
    const matched = await matchingRules(
      patterns(),
      samples.map(({ event }) => event),
    );
    const found = samples.map(({ type }, index) => [type, matched[index]]);
    expect(found).toEqual(samples.map(({ type, to }) => [type, to]));
  }, 300_000);

  it("wake nobody for what only looks like a fact", async () => {
    const misses = eventSamples().flatMap(({ type, event }) => nearMisses(type, event));
    const matched = await matchingRules(patterns(), misses);
    expect(misses.filter((_, index) => matched[index]?.length !== 0)).toEqual([]);
    expect(matched.length).toBe(misses.length);
  }, 300_000);
});

describe("filters of the stream", () => {
  it("let, by the same matcher, no heartbeat and no write of the relay's own come to the relay, and reports alone to rollouts", async () => {
    const mappings = ofType("aws:lambda/eventSourceMapping:EventSourceMapping").map(({ name, inputs }) => {
      const { filters } = inputs["filterCriteria"] as { filters: { pattern: string }[] };
      return [name.replace(/^TableSubscriber|EventSourceMapping$/g, ""), ...filters] as const;
    });
    const rules = Object.fromEntries(
      mappings.map(([name, { pattern } = { pattern: "" }]) => [name, JSON.parse(pattern) as unknown]),
    );
    const records = streamSamples();
    const matched = await matchingRules(
      rules,
      records.map(({ record }) => record),
    );
    expect(records.map(({ what }, index) => [what, matched[index]])).toEqual(
      records.map(({ what, to }) => [what, to]),
    );
  }, 300_000);
});

describe("failures", () => {
  const aside = (arn: unknown): boolean => String(arn).endsWith(":DeadLettersQueue");

  it("of a delivery by the bus, of the function behind it, of a stream's record and of a schedule end in the dead-letter queue", () => {
    const at = (type: string, ...path: string[]): unknown[] =>
      ofType(type).map(({ inputs }) =>
        path.reduce((value: unknown, name) => (value as Record<string, unknown> | undefined)?.[name], inputs),
      );
    const places = {
      targets: at("aws:cloudwatch/eventTarget:EventTarget", "deadLetterConfig", "arn"),
      asynchronous: at(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "destinationConfig",
        "onFailure",
        "destination",
      ),
      streams: at(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "destinationConfig",
        "onFailure",
        "destinationArn",
      ),
      schedules: at("aws:scheduler/schedule:Schedule", "target", "deadLetterConfig", "arn"),
    };
    expect(Object.values(places).map((arns) => arns.length)).toEqual([5, 5, 2, 6]);
    const types = at("aws:lambda/eventSourceMapping:EventSourceMapping", "functionResponseTypes");
    expect(types).toEqual([["ReportBatchItemFailures"], ["ReportBatchItemFailures"]]);
    expect(
      Object.values(places)
        .flat()
        .filter((arn) => !aside(arn)),
    ).toEqual([]);
  });
});

describe("logs", () => {
  it("hold what the hub tells and what fails, and no lines of AWS's own for each call", () => {
    const levels = functions().map(({ inputs }) => inputs["loggingConfig"]);
    const quiet = { logFormat: "JSON", systemLogLevel: "WARN" };
    expect(levels).toEqual(levels.map(() => expect.objectContaining(quiet)));
  });
});

describe("packages", () => {
  const folderOf = (name: string): string => join(dump.folder, ".sst/artifacts", `${name}-src`);

  it("start under Node 24 with nothing beside them and export their handler", () => {
    const failed = functions().flatMap((resource) => {
      const folder = folderOf(nameOf(resource));
      const check = `const { handler } = await import("./bundle.mjs"); process.exit(typeof handler === "function" ? 0 : 3)`;
      const run = spawnSync(process.execPath, ["--input-type=module", "-e", check], {
        cwd: folder,
        encoding: "utf8",
        env: { ...environmentOf(resource), SST_KEY_FILE: "", AWS_REGION: "us-east-1" },
      });
      return run.status === 0 ? [] : [`${nameOf(resource)}: ${run.status} ${run.stderr}`];
    });
    expect(failed).toEqual([]);
  });

  it("are, in what a function reads to start, below their limits", async () => {
    const sizes = await Promise.all(
      functions().map(async (resource) => [
        nameOf(resource),
        await startBytes(join(folderOf(nameOf(resource)), "bundle.mjs")),
      ]),
    );
    const over = sizes.filter(
      ([name, bytes]) => Number(bytes) > (START_BYTES_MAX[String(name)] ?? OTHERS_BYTES_MAX),
    );
    expect(over).toEqual([]);
  });

  it("that render hold the engine and a worker that renders with it", async () => {
    for (const name of RENDERING) {
      const engine = withMemoryMax(
        await readFile(join(folderOf(name), "engine.wasm")),
        MEMORY_BYTES_MAX_DEFAULT,
      );
      const answer = await renderOnce(join(folderOf(name), "worker.ts"), await WebAssembly.compile(engine));
      expect(answer).toMatchObject({ kind: "manifests" });
      expect(answer.kind === "manifests" ? answer.json : "").toContain('"name":"settings"');
    }
  }, 120_000);

  it("that render hold the process that evaluates Policies, and it starts alone", async () => {
    for (const name of RENDERING)
      expect(await firstReply(join(folderOf(name), "policy-process.ts"))).toEqual({ kind: "ready" });
  }, 60_000);
});

/** The file and what it imports before its own first line runs; what is imported on demand does not count. */
async function startBytes(file: string, seen = new Set<string>()): Promise<number> {
  if (seen.has(file)) return 0;
  seen.add(file);
  const text = await readFile(file, "utf8");
  const found = [...text.matchAll(/(?:from|import) ?"(\.\/[^"]+\.mjs)"/g)].map(([, name = ""]) =>
    join(file, "..", name),
  );
  let bytes = (await stat(file)).size;
  for (const one of found) bytes += await startBytes(one, seen);
  return bytes;
}

async function firstReply(file: string): Promise<unknown> {
  const context = {
    app: { name: "shop", namespace: "shop", labels: {} },
    project: { name: "web", labels: {} },
  };
  const job: Job = { kind: "setup", policies: [], context, timeoutMs: 30_000 };
  const child = fork(file, [], { env: {}, execArgv: [], serialization: "advanced" });
  try {
    return await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", (code) => reject(new Error(`the process exited with ${code}`)));
      child.send(job);
    });
  } finally {
    child.kill("SIGKILL");
  }
}

async function renderOnce(file: string, engine: WebAssembly.Module): Promise<JobAnswer> {
  const text = new TextEncoder();
  const files = pack([
    ["kustomization.yaml", text.encode("resources: [map.yaml]\nnamespace: shop\n")],
    ["map.yaml", text.encode("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n")],
  ]);
  const job: RenderJob = { kind: "kustomize", path: "", helm: undefined, files, engine };
  const workerData = { memoryBytesMax: MEMORY_BYTES_MAX_DEFAULT };
  const worker = new Worker(file, { workerData, env: {}, execArgv: [] });
  try {
    return await new Promise<JobAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`the worker exited with ${code}`)));
      worker.postMessage(job);
    });
  } finally {
    await worker.terminate();
  }
}
