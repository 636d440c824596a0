/** The hub moves: what an agent finds by the addresses of the charter it holds, and what only a DNS name can mend. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  WAIT,
} from "../support/test-agent.ts";
import { HUB_URL, makeSigner, TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const NEW_URL = "http://new.test";

/** Healthy, holding a charter of `urls`; `answers` says what each address does, absent ones are the hub. */
async function moving(urls: string[], unconditionalFetchMs = 20) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  const answers = new Map<string, () => Response>();
  const asked: string[] = [];
  const fetch: TestHub["fetch"] = async (url, init) => {
    const { origin } = new URL(url);
    asked.push(origin);
    const answer = answers.get(origin);
    return answer === undefined ? hub.fetch(url, init) : answer();
  };
  const signer = await makeSigner("signer-1");
  await hub.certify({ serial: 2, epoch: 1, signers: [signer], urls });
  hub.signWith(signer);
  const agent = start({ fetch }, kube, { token: hub.token(), options: { unconditionalFetchMs } });
  await hub.assign("shop", [configMap("a")]);
  await phase(hub, "shop", "healthy");
  const assigned = async (text: string) => {
    const { generation } = await hub.assign("shop", [configMap("a", { key: text })]);
    await phase(hub, "shop", "healthy", generation);
  };
  return { hub, kube, agent, answers, asked, assigned, fetch };
}

function gone(): Response {
  throw new TypeError("fetch failed");
}

describe(runAgent.name, () => {
  it.each([
    ["is gone", gone],
    ["answers 502", () => new Response("bad gateway", { status: 502 })],
    ["is somebody else's now", () => new Response("<h1>Not found</h1>", { status: 404 })],
    ["is a hub that was not made this one yet", () => new Response("unknown", { status: 401 })],
  ])("finds the hub at its second address when the first one %s", async (_what, answer) => {
    const { answers, assigned, asked } = await moving([HUB_URL, NEW_URL], 60_000);
    answers.set(HUB_URL, answer);
    await assigned("moved");
    const from = asked.length;
    await vi.waitFor(
      () => expect(asked.slice(from).filter((url) => url === NEW_URL).length).toBeGreaterThan(3),
      WAIT,
    );
    // The address that answered last is asked first.
    expect(asked.slice(from + 2)).not.toContain(HUB_URL);
  });

  // What would break: an agent that went to a region that only serves copies would stay there, and never be heard.
  it("asks in the charter's order again whenever it asks for everything", async () => {
    const { answers, assigned, asked } = await moving([HUB_URL, NEW_URL]);
    answers.set(HUB_URL, gone);
    await assigned("moved");
    answers.delete(HUB_URL);
    await vi.waitFor(() => expect(new Set(asked.slice(-5))).toEqual(new Set([HUB_URL])), WAIT);
  });

  it("finds it also when it slept through the move, if the charter that it holds names the new address", async () => {
    const { agent, answers, assigned, kube, fetch } = await moving([HUB_URL, NEW_URL]);
    await agent.stop();
    answers.set(HUB_URL, gone);
    start({ fetch }, kube);
    await assigned("after the sleep");
  });

  it("that knows only the old address keeps what it has and asks on there: the name has to lead to the new hub", async () => {
    const { agent, hub, answers, asked, kube, assigned } = await moving([HUB_URL]);
    answers.set(HUB_URL, gone);
    hub.charter = { ...hub.charter, urls: [HUB_URL, NEW_URL] };
    const address = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "a" };
    await kube.delete(address, undefined);
    await vi.waitFor(async () => expect(await kube.get(address)).toBeDefined(), WAIT);
    await vi.waitFor(
      () => expect(agent.logs.map(({ message }) => message).join()).toContain(`no answer from ${HUB_URL}`),
      WAIT,
    );
    expect(asked).not.toContain(NEW_URL);
    answers.delete(HUB_URL);
    await assigned("the name leads on");
  });

  it("tells the refusal, and not the address that is gone, when every address fails", async () => {
    const { agent, answers } = await moving([HUB_URL, NEW_URL]);
    answers.set(HUB_URL, () => new Response("revoked", { status: 401 }));
    answers.set(NEW_URL, gone);
    await vi.waitFor(
      () => expect(agent.logs.map(({ message }) => message).join()).toContain("answered 401: revoked"),
      WAIT,
    );
  });
});
