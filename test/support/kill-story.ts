/**
 * One story, told again and again on one API server: a hundred objects are applied, then twenty of them changed and
 * thirty pruned, and at one request the agent dies, or its connection breaks. What stands at the end is to be compared.
 */
import { AGENT_ENV, AGENT_NODE_ARGS } from "../../agent/build.ts";
import { createKubeApi } from "../../agent/kube/api.ts";
import type { KubeObject } from "#core/object.ts";
import { startContainer } from "./agent-process.ts";
import type { Rig } from "./agent-rig.ts";
import { openDoor, type Door, type Fate } from "./api-door.ts";
import { endOf, versionsOf, wipe, type End } from "./kill-end.ts";
import { configMap, startAgent } from "./test-agent.ts";
import { until } from "./wait.ts";

/** `unsent` and `unanswered` kill the agent at that request; after `cut` it lives on without the answer. */
export interface Death {
  at: number;
  way: "unsent" | "unanswered" | "cut";
  /** A process of its own, and SIGKILL. */
  process?: boolean;
}

export interface Told {
  requests: string[];
  /** The request that was lost; absent where the story was over before it. */
  lost: string | undefined;
  end: End;
  /** What was written in the second delivery without a reason: its bundle says the same, or it is nobody's of ours. */
  touched: string[];
}

const APP = "shop";
const OBJECTS = 100;
const CHANGED = 20;
const PRUNED = 30;
const WAIT_MS = 60_000;
const QUICK = { driftEveryMs: 60_000, stopGraceMs: 0 };

function object(kind: string, name: string, fields: Record<string, unknown> = {}): KubeObject {
  const apiVersion = kind.startsWith("Role") ? "rbac.authorization.k8s.io/v1" : "v1";
  return { apiVersion, kind, metadata: { name }, ...fields };
}

/** A kind whose health needs no controllers in each wave. */
function bundle(from: number, changed: number): KubeObject[] {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r-0" };
  const subjects = [{ kind: "ServiceAccount", name: "a-0" }];
  return Array.from({ length: OBJECTS }, (_, index) => {
    const value = index >= OBJECTS - changed ? "new" : "old";
    const made = [
      configMap(`c-${index}`, { key: value }),
      object("Secret", `s-${index}`, { stringData: { key: value } }),
      object("ServiceAccount", `a-${index}`, { metadata: { name: `a-${index}`, labels: { value } } }),
      object("Role", `r-${index}`, { rules: [{ apiGroups: [""], resources: [value], verbs: ["get"] }] }),
      object("RoleBinding", `b-${index}`, {
        roleRef,
        subjects: [...subjects, { ...subjects[0], name: value }],
      }),
    ];
    return made[index % made.length] ?? configMap(`c-${index}`);
  }).slice(from);
}

interface Acting {
  stop(): Promise<void>;
}

export async function tell(rig: Rig, namespace: string, death?: Death): Promise<Told> {
  await wipe(rig);
  await rig.ask("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  await rig.ask("POST", `/api/v1/namespaces/${namespace}/configmaps`, configMap("foreign"));
  const story = new Story(rig, death);
  try {
    await story.begin();
    await story.deliver(namespace, bundle(0, 0));
    await annotate(rig, namespace);
    const before = await versionsOf(rig, namespace);
    await story.deliver(namespace, bundle(PRUNED, CHANGED));
    const after = await versionsOf(rig, namespace);
    const touched = [...after].filter(([at, version]) => stays(at) && before.get(at) !== version);
    return { ...story.told(), end: await endOf(rig, namespace), touched: touched.map(([at]) => at) };
  } finally {
    await story.over();
    // Only room for the next one: nobody waits for it, and it ends with the server.
    void wipe(rig, namespace).catch(() => undefined);
  }
}

/** Ours that the second bundle does not change, and what is not ours. */
function stays(at: string): boolean {
  const index = Number(at.split("-")[1]);
  return Number.isNaN(index) || index < OBJECTS - CHANGED;
}

/** Somebody else's field on one of ours, that no bundle names. */
async function annotate(rig: Rig, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/c-${PRUNED}?fieldManager=somebody-else`;
  await rig.ask("PATCH", path, { metadata: { annotations: { "example.com/note": "not of the bundle" } } });
}

class Story {
  readonly #rig: Rig;
  readonly #death: Death | undefined;
  #replaced: Promise<void> | undefined;
  #door: Door | undefined;
  #acting: Acting | undefined;
  #kill: () => void = () => {};
  #lost: string | undefined;

  constructor(rig: Rig, death: Death | undefined) {
    this.#rig = rig;
    this.#death = death;
  }

  /** Everything of the first agent goes through the door; the one after it has the server to itself. */
  async begin(): Promise<void> {
    const { hub } = this.#rig;
    hub.statements.clear();
    hub.latest.clear();
    this.#door = await openDoor(() => this.#rig.cluster, {
      fate: (index) => this.#fate(index),
      lost: () => this.#lose(),
    });
    const { url } = this.#door;
    this.#acting = this.#death?.process === true ? await this.#process(url) : agentAt(this.#rig, url);
  }

  async deliver(namespace: string, objects: readonly KubeObject[]): Promise<void> {
    const { hub } = this.#rig;
    const { generation } = await hub.assign(APP, objects, { namespace, pruneLimit: PRUNED });
    const look = async (): Promise<true> => {
      const told = hub.latest.get(APP);
      if (told?.generation === generation && told.phase === "healthy") return true;
      throw new Error(`${this.#lost} was lost; the hub has heard ${JSON.stringify(told)}`);
    };
    await until(`generation ${generation} healthy`, look, WAIT_MS);
  }

  told(): Pick<Told, "requests" | "lost"> {
    return { requests: [...(this.#door?.requests ?? [])], lost: this.#lost };
  }

  async over(): Promise<void> {
    await this.#replaced;
    await this.#acting?.stop();
    this.#door?.close();
  }

  #fate(index: number): Fate {
    const { at, way } = this.#death ?? { at: Number.POSITIVE_INFINITY, way: "cut" };
    if (index < at) return "open";
    if (index === at) return way === "unsent" ? "unsent" : "unanswered";
    return way === "cut" ? "open" : "gone";
  }

  #lose(): void {
    this.#lost = this.#door?.requests[this.#death?.at ?? 0];
    if (this.#death?.way === "cut") return;
    this.#kill();
    this.#door?.sever();
    this.#replaced = this.#replace();
  }

  async #replace(): Promise<void> {
    await this.#acting?.stop();
    this.#acting = agentAt(this.#rig, this.#rig.cluster.url);
  }

  async #process(url: string): Promise<Acting> {
    const { hostname, port } = new URL(url);
    const env = {
      ...AGENT_ENV,
      PATH: process.env["PATH"],
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      FAIRLEAD_TOKEN: this.#rig.hub.token(),
    };
    const child = await startContainer(AGENT_NODE_ARGS, ["--service-account", this.#rig.serviceAccount], env);
    this.#kill = () => void child.kill("SIGKILL");
    return { stop: () => child.kill("SIGKILL") };
  }
}

function agentAt(rig: Rig, server: string): Acting {
  const authorization = async (): Promise<string> => `Bearer ${rig.cluster.token}`;
  const kube = createKubeApi({ server, ca: rig.ca, authorization });
  const agent = startAgent(rig.hub, kube, { token: rig.hub.token(), options: QUICK });
  return {
    async stop() {
      await agent.stop();
      await kube.close();
    },
  };
}
