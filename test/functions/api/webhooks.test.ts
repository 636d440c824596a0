/**
 * Webhooks over people's API: what each provider sends is noted, and what nobody with the secret sent is refused in one way,
 * whatever is behind it. Each refusal asserts that nothing was written.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WEBHOOK_BODY_BYTES_MAX, WEBHOOKS_PER_SOURCE } from "#core/limits.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { getNudge } from "../../../functions/store/nudge.ts";
import { hubParts, type HubParts } from "../../support/hub-parts.ts";
import {
  generic,
  gitea,
  github,
  gitlabSigned,
  gitlabToken,
  providers,
  SECRET,
  STANDARD_SECRET,
  type Delivery,
} from "../webhook/deliveries.ts";

let hub: HubParts;
let api: ReturnType<typeof buildApp>;
const logged: Record<string, unknown>[] = [];
const MAIN = "refs/heads/main";

const sourceOf = (name: string, webhook: string | undefined, ref: object = { branch: "main" }) => ({
  kind: "Source",
  metadata: { name },
  spec: {
    git: { url: `https://git.example.com/${name}.git`, ref },
    ...(webhook === undefined ? {} : { webhook }),
  },
});

beforeAll(async () => {
  hub = await hubParts();
  api = buildApp({ ...hub, log: (entry) => void logged.push(entry), hubUrl: "http://127.0.0.1:1" });
  const store = (name: string, credential: object) =>
    hub.secrets.put("default", name, JSON.stringify(credential));
  await store("hook", { kind: "webhook", secret: SECRET });
  await store("standard", { kind: "webhook", secret: STANDARD_SECRET });
  await store("git", { kind: "token", token: SECRET });
  await hub.apply(
    sourceOf("fleet", "hook"),
    sourceOf("signed", "standard"),
    sourceOf("tags", "hook", { semver: "^1" }),
    sourceOf("busy", "hook"),
    sourceOf("none", undefined),
    sourceOf("missing", "nowhere"),
    sourceOf("wrong-kind", "git"),
  );
}, 900_000);
afterAll(() => hub?.stop());

const post = ({ headers, body }: Delivery, source = "fleet", project = "default"): Promise<Response> =>
  Promise.resolve(api.request(`/v1/webhooks/${project}/${source}`, { method: "POST", headers, body }));
const push = (ref = MAIN, secret = SECRET) => ({ secret, ref, at: hub.now() });
const kindOf = async (answer: Response): Promise<string> => ((await answer.json()) as { kind: string }).kind;

/** Nothing but reads, and how many of them. */
async function withoutWrites<T>(run: () => Promise<T>): Promise<T> {
  hub.units();
  const result = await run();
  const writes = Object.keys(hub.units()).filter(
    (operation) => !["get", "query", "batch-get"].includes(operation),
  );
  expect(writes).toEqual([]);
  return result;
}

async function refusal(delivery: Delivery, source?: string, project?: string): Promise<unknown> {
  const answer = await withoutWrites(() => post(delivery, source, project));
  expect(answer.status).toBe(401);
  return [await answer.json(), [...answer.headers.keys()]];
}

describe("POST /v1/webhooks/{project}/{source}", () => {
  it.each(providers)("notes a push of %s, and does nothing for a copy of it", async (_, make, secret) => {
    const source = secret === STANDARD_SECRET ? "signed" : "fleet";
    hub.setNow(hub.now() + 60_000);
    const delivery = make(push(MAIN, secret));
    hub.units();
    const answer = await post(delivery, source);
    expect([answer.status, await kindOf(answer)]).toEqual([202, "noted"]);
    // The two writes are the nudge and the mark of this delivery.
    expect(hub.units()).toMatchObject({ put: 2 });
    const nudge = await getNudge(hub.db, "default", source);
    expect(nudge).toMatchObject({ at: hub.now(), by: expect.stringMatching(/^webhook:/) });
    hub.setNow(hub.now() + 60_000);
    const copy = { ...delivery, headers: { ...delivery.headers, "x-github-delivery": "another" } };
    const again = await withoutWrites(() => post(copy, source));
    expect([again.status, await kindOf(again)]).toEqual([200, "repeated"]);
    expect(await getNudge(hub.db, "default", source)).toEqual(nudge);
  });

  it("takes a delivery for each Source that it was sent to", async () => {
    const delivery = github(push("refs/tags/v1.4.0"));
    expect(await kindOf(await post(delivery, "tags"))).toBe("noted");
    expect(await kindOf(await post(delivery, "fleet"))).toBe("ignored");
    expect(await kindOf(await post(delivery, "tags"))).toBe("repeated");
  });

  it("answers a trial, and ignores other events and other branches, without a write", async () => {
    const cases: [Delivery, string][] = [
      [github(push(), "ping"), "pong"],
      [github(push(), "issues"), "ignored"],
      [github(push("refs/heads/other")), "ignored"],
      [gitlabToken(push("refs/tags/v1")), "ignored"],
    ];
    for (const [delivery, kind] of cases) {
      const answer = await withoutWrites(() => post(delivery));
      expect([answer.status, await kindOf(answer)]).toEqual([200, kind]);
    }
  });

  it("gives one answer to a wrong signature, no signature, and whatever is not there: it tells nobody what exists", async () => {
    const wrong = github(push(MAIN, "another secret, long enough"));
    const expected = await refusal(wrong);
    const others: [Delivery, string?, string?][] = [
      [gitea(push(MAIN, "another secret, long enough"))],
      [gitlabToken(push(MAIN, "another secret, long enough"))],
      [generic({ ...push(), at: hub.now() - 10 * 60_000 })],
      [gitlabSigned({ ...push(MAIN, STANDARD_SECRET), at: hub.now() + 10 * 60_000 }), "signed"],
      [{ headers: {}, body: "{}" }],
      [github(push()), "no-such-source"],
      [github(push()), "fleet", "no-such-project"],
      [github(push()), "none"],
      [github(push()), "missing"],
      [github(push()), "wrong-kind"],
      [github(push()), "NO NAME"],
      [github(push()), "a".repeat(300)],
      [gitlabToken(push(MAIN, "")), "none"],
    ];
    for (const [delivery, source, project] of others)
      expect(await refusal(delivery, source, project)).toEqual(expected);
    expect(JSON.stringify(expected)).not.toContain(SECRET);
  });

  it("tells the cause in the log alone, and no secret there", async () => {
    logged.length = 0;
    await post(github(push(MAIN, "another secret, long enough")));
    await post(github(push()), "no-such-source");
    expect(logged.filter(({ webhook }) => webhook !== undefined)).toEqual([
      { level: "warn", webhook: "default/fleet", refused: "github: wrong or too old" },
      { level: "warn", webhook: "default/no-such-source", refused: "no such Source" },
    ]);
    expect(JSON.stringify(logged)).not.toContain("secret");
  });

  it("refuses a body above its limit before it is read, and says the limit", async () => {
    const body = "x".repeat(WEBHOOK_BODY_BYTES_MAX + 1);
    const answer = await withoutWrites(() => post({ headers: github(push()).headers, body }));
    expect(answer.status).toBe(413);
    expect(await answer.text()).toContain(`${WEBHOOK_BODY_BYTES_MAX} bytes`);
  });

  it("takes a large push", async () => {
    hub.setNow(hub.now() + 60_000);
    const large = JSON.stringify({
      ref: MAIN,
      commits: Array.from({ length: 2000 }, (_, n) => ({ id: n, message: "m".repeat(2000) })),
    });
    const { createHmac } = await import("node:crypto");
    const signature = createHmac("sha256", SECRET).update(large).digest("hex");
    const headers = { "x-github-event": "push", "x-hub-signature-256": `sha256=${signature}` };
    expect(await kindOf(await post({ headers, body: large }))).toBe("noted");
  });

  it("takes so many genuine ones of one Source at once, then asks to wait, and forged ones use none of that up", async () => {
    hub.setNow(hub.now() + 3_600_000);
    const forged = github(push(MAIN, "another secret, long enough"));
    for (let n = 0; n < 20; n += 1) expect((await post(forged, "busy")).status).toBe(401);
    let last = new Response();
    let taken = 0;
    for (; taken <= WEBHOOKS_PER_SOURCE.burst; taken += 1) {
      last = await post(github(push()), "busy");
      if (last.status !== 202) break;
    }
    expect([last.status, taken]).toEqual([429, WEBHOOKS_PER_SOURCE.burst]);
    expect(last.headers.get("retry-after")).toBe("1");
    expect((await withoutWrites(() => post(github(push()), "busy"))).status).toBe(429);
    expect((await post(github(push()), "fleet")).status).toBe(202);
    hub.setNow(hub.now() + 1000);
    expect((await post(github(push()), "busy")).status).toBe(202);
  });

  it("reads a replaced secret within seconds", async () => {
    const next = "the next secret, also long enough";
    expect((await post(github(push()))).status).toBe(202);
    await hub.secrets.put("default", "hook", JSON.stringify({ kind: "webhook", secret: next }));
    hub.setNow(hub.now() + 6_000);
    expect((await post(github(push(MAIN, next)))).status).toBe(202);
    expect((await post(github(push()))).status).toBe(401);
  });
});
