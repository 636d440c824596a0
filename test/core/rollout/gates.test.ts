/** Gates: when they are asked, which answers count, and that no stage is ever left without them. */
import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appSchema, type App } from "#core/app.ts";
import { needsOf } from "#core/apply-rights.ts";
import type { PutChange } from "#core/apply-plan.ts";
import { filledQuery, gateSchema, type Gate, type Verdict } from "#core/gate.ts";
import { diffResources } from "#core/resource-diff.ts";
import {
  askedGates,
  command,
  decide,
  stateWords,
  takeVerdict,
  timelineOf,
  type Rollout,
} from "#core/rollout.ts";
import { available, failed, moving, ready, rollout, row, seen, stage } from "../../support/rollout.ts";

const NOW = 1_000_000;
const MINUTE = 60_000;
const errors = gateSchema.parse({
  name: "errors",
  prometheus: { url: "https://p.example", query: "q", max: 1 },
});
const smoke = gateSchema.parse({ name: "smoke", webhook: { url: "https://s.example", credentials: "key" } });
const pass: Verdict = { kind: "pass", message: "0.01, at most 0.05" };
const fail: Verdict = { kind: "fail", message: "0.07 is above 0.05" };
const unknown: Verdict = { kind: "inconclusive", message: "HTTP 503" };

const gated = (gates: Gate[], change: object = {}) => [
  stage("canary", 0, 1, { gates, ...change }),
  stage("rest", 1, 3, { maxUnavailable: 2 }),
];
const step = (now: Rollout, at: number, ...targets: ReturnType<typeof row>) =>
  decide(now, { targets }, at).next;
/** The canary is moved and available. */
function begun(gates: Gate[], change: object = {}, more: Partial<Rollout> = {}): Rollout {
  const start = rollout({ total: 3, stages: gated(gates, change), ...more });
  return step(step(start, NOW, seen(0, ready)), NOW, seen(0, available));
}
const attemptOf = (now: Rollout, gate: string): number =>
  now.gates.find((run) => run.gate === gate)?.attempt ?? -1;
function answer(now: Rollout, gate: string, verdict: Verdict, at: number): Rollout {
  const taken = takeVerdict(now, { gate, attempt: attemptOf(now, gate), verdict }, at);
  if (taken === undefined) throw new Error(`nobody waits for ${gate}`);
  return step(taken, at);
}

describe("a stage with gates", () => {
  it("is left when all of them have passed, and not before", () => {
    const asked = begun([errors, smoke]);
    expect(asked).toMatchObject({ stage: 0, state: { step: { kind: "gates", since: NOW } } });
    expect(askedGates(undefined, asked).map(({ gate, attempt }) => [gate, attempt])).toEqual([
      ["errors", 1],
      ["smoke", 2],
    ]);
    const half = answer(asked, "errors", pass, NOW + 5);
    expect(half).toMatchObject({ stage: 0, state: { step: { kind: "gates" } } });
    expect(stateWords(half)).toBe("stage canary waits for its gates: smoke has not answered yet");
    expect(answer(half, "smoke", pass, NOW + 6)).toMatchObject({ stage: 1 });
  });

  it("samples while it soaks, asks the others after it, and no sample of the soak is enough", () => {
    const soaking = begun([errors, smoke], { soakMs: 2 * MINUTE });
    expect(soaking.state).toMatchObject({ step: { kind: "soaking" } });
    expect(soaking.gates.map(({ gate }) => gate)).toEqual(["errors"]);
    const sampled = answer(soaking, "errors", pass, NOW + 5);
    expect(askedGates(soaking, step(sampled, NOW + MINUTE - 1))).toEqual([]);
    expect(askedGates(sampled, step(sampled, NOW + MINUTE + 5))).toMatchObject([{ gate: "errors" }]);
    const soaked = step(sampled, NOW + 2 * MINUTE);
    expect(soaked.gates.map(({ gate, asked }) => [gate, asked?.soaked])).toEqual([
      ["errors", true],
      ["smoke", true],
    ]);
    const one = answer(soaked, "smoke", pass, NOW + 2 * MINUTE);
    expect(one.stage).toBe(0);
    expect(answer(one, "errors", pass, NOW + 2 * MINUTE).stage).toBe(1);
  });

  it("asks for the approval after its gates, and not for the gates again", () => {
    const asks = answer(begun([smoke], { approval: "after" }), "smoke", pass, NOW + 1);
    expect(asks.state).toMatchObject({ step: { kind: "approval", when: "after" } });
    expect(step(asks, NOW + 10 * MINUTE)).toEqual(asks);
    const said = command(asks, { kind: "approve", by: "user:eve" }, NOW + 11 * MINUTE);
    expect(said.kind === "done" && step(said.next, NOW + 11 * MINUTE).stage).toBe(1);
  });

  it("wants all samples within the limits for as long as `for` says", () => {
    const held = gateSchema.parse({
      name: "errors",
      prometheus: { url: "https://p.example", query: "q", max: 1, for: "2m" },
      maxFailures: 2,
    });
    let now = answer(begun([held]), "errors", pass, NOW);
    now = answer(step(now, NOW + MINUTE), "errors", fail, NOW + MINUTE);
    for (const minutes of [2, 3]) {
      now = answer(step(now, NOW + minutes * MINUTE), "errors", pass, NOW + minutes * MINUTE);
      expect(now.stage).toBe(0);
    }
    expect(answer(step(now, NOW + 4 * MINUTE), "errors", pass, NOW + 4 * MINUTE).stage).toBe(1);
  });

  it("begins anew when a cluster does not stay available: what was said before counts for nothing", () => {
    const soaking = begun([errors, smoke]);
    const half = answer(soaking, "smoke", pass, NOW + 1);
    const late = attemptOf(half, "errors");
    const broken = step(half, NOW + 2, seen(0, moving));
    expect(broken).toMatchObject({ gates: [], state: { kind: "running" } });
    expect(takeVerdict(broken, { gate: "errors", attempt: late, verdict: pass }, NOW + 3)).toBeUndefined();
    const again = step(broken, NOW + 4, seen(0, available));
    expect(again.gates.map(({ gate, attempt }) => [gate, attempt])).toEqual([
      ["errors", 3],
      ["smoke", 4],
    ]);
    expect(takeVerdict(again, { gate: "errors", attempt: late, verdict: pass }, NOW + 5)).toBeUndefined();
  });

  it("keeps its gates where all its clusters were silent at their turn", () => {
    const start = rollout({ total: 3, stages: gated([smoke]) });
    const passed = step(start, NOW, seen(0, { kind: "silent" }), ...row(1, ready, ready));
    expect(passed).toMatchObject({ stage: 0, later: [0], state: { step: { kind: "gates" } } });
  });

  it("has nothing to judge where nothing changes for its clusters", () => {
    const start = rollout({ total: 3, stages: gated([smoke]) });
    expect(step(start, NOW, seen(0, available), ...row(1, ready, ready))).toMatchObject({
      stage: 1,
      gates: [],
    });
  });

  it("keeps its gates when somebody ends the soak", () => {
    const skipped = command(
      begun([smoke], { soakMs: MINUTE }),
      { kind: "skip-stage", by: "user:ada" },
      NOW + 1,
    );
    const after = skipped.kind === "done" ? step(skipped.next, NOW + 1) : undefined;
    expect(after).toMatchObject({ stage: 0, state: { step: { kind: "gates" } } });
    expect(after && command(after, { kind: "skip-stage", by: "user:ada" }, NOW + 2).kind).toBe("refused");
  });
});

describe("an answer", () => {
  it("that comes twice, or for another attempt, changes nothing", () => {
    const asked = begun([smoke]);
    const told = takeVerdict(asked, { gate: "smoke", attempt: 1, verdict: fail }, NOW + 1);
    expect(told && takeVerdict(told, { gate: "smoke", attempt: 1, verdict: pass }, NOW + 2)).toBeUndefined();
    for (const attempt of [0, 2])
      expect(takeVerdict(asked, { gate: "smoke", attempt, verdict: pass }, NOW + 1)).toBeUndefined();
    expect(takeVerdict(asked, { gate: "none", attempt: 1, verdict: pass }, NOW + 1)).toBeUndefined();
  });

  it("that never comes is asked for again under its number", () => {
    const asked = begun([smoke]);
    expect(step(asked, NOW + MINUTE)).toEqual(asked);
    const again = step(asked, NOW + 90_000);
    expect(askedGates(asked, again)).toMatchObject([{ gate: "smoke", attempt: 1 }]);
    expect(again.attempts).toBe(1);
  });

  it("of no moves a rollout back, or halts it; one of neither yes nor no always halts", () => {
    const back = answer(begun([smoke], {}, { onFailure: "rollback" }), "smoke", fail, NOW + 1);
    expect(back).toMatchObject({
      fence: 2,
      state: { kind: "rolling-back", reason: "gate smoke of stage canary failed: 0.07 is above 0.05" },
    });
    const halted = answer(begun([errors]), "errors", fail, NOW + 1);
    expect(halted.state).toMatchObject({ kind: "halted", gate: "errors" });
    let now = begun([{ ...errors, maxInconclusive: 2 }], {}, { onFailure: "rollback" });
    now = answer(now, "errors", unknown, NOW);
    now = answer(step(now, NOW + MINUTE), "errors", unknown, NOW + MINUTE);
    expect(now.state).toEqual({
      kind: "halted",
      gate: "errors",
      reason: "gate errors of stage canary said neither yes nor no 2 times: HTTP 503",
    });
  });

  it("of `wait` is asked for again until the gate's time is over", () => {
    const wait: Verdict = { kind: "wait", message: "load test runs" };
    let now = begun([smoke]);
    for (let at = NOW; at < NOW + 59 * MINUTE; at += MINUTE) now = answer(step(now, at), "smoke", wait, at);
    expect(now.state).toMatchObject({ step: { kind: "gates" } });
    expect(step(now, NOW + 60 * MINUTE).state).toMatchObject({
      kind: "halted",
      reason: "gate smoke of stage canary did not pass within 1h: load test runs",
    });
  });

  it("of nothing lets a webhook alone for longer each time", () => {
    let now = begun([smoke]);
    const pauses: number[] = [];
    for (let at = NOW; pauses.length < 3;) {
      now = answer(now, "smoke", unknown, at);
      const since = at;
      while (askedGates(now, step(now, at)).length === 0) at += 1_000;
      now = step(now, at);
      pauses.push(at - since);
    }
    expect(pauses).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE]);
  });
});

describe("a rollout that a gate has halted", () => {
  const halted = answer(begun([errors]), "errors", fail, NOW + 1);

  it("stays so whatever its clusters say, until somebody tries it again: then it is judged from the start", () => {
    expect(step(halted, NOW + 3_600_000, seen(0, available))).toEqual(halted);
    expect(command(halted, { kind: "resume", by: "user:ada" }, NOW).kind).toBe("refused");
    const retried = command(halted, { kind: "retry", by: "user:ada" }, NOW + 2);
    if (retried.kind !== "done") throw new Error("not retried");
    const again = step(retried.next, NOW + 2);
    expect(again.gates).toMatchObject([{ attempt: 2, failures: 0 }]);
    expect(answer(again, "errors", pass, NOW + 3).stage).toBe(1);
  });

  it("goes back when clusters fail too and the App says so", () => {
    const back = step({ ...halted, onFailure: "rollback" }, NOW + 2, seen(0, failed));
    expect(back.state).toMatchObject({ kind: "rolling-back" });
  });
});

describe("the timeline", () => {
  it("tells each other verdict once, with its evidence", () => {
    const asked = begun([errors, smoke]);
    const told = takeVerdict(asked, { gate: "errors", attempt: 1, verdict: pass }, NOW + 1);
    if (told === undefined) throw new Error("not taken");
    expect(timelineOf(asked, told, 5)?.what).toBe("gate errors passes: 0.01, at most 0.05");
    const asks = step(told, NOW + 1 + MINUTE);
    expect(timelineOf(told, asks, 6)).toBeUndefined();
    const other = takeVerdict(
      asks,
      { gate: "errors", attempt: 3, verdict: { ...pass, message: "0.02" } },
      NOW + 2,
    );
    expect(other && timelineOf(asks, other, 7)).toBeUndefined();
  });
});

describe("an App's gates", () => {
  const parse = (gates: object[]) =>
    appSchema.safeParse({
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "shop" },
      spec: { source: "fleet", clusters: {}, rollout: { stages: [{ name: "canary", clusters: {}, gates }] } },
    });
  const prometheus = { url: "https://p.example", query: "sum(up)", max: 1 };
  const messages = (gates: object[]) =>
    parse(gates)
      .error?.issues.map(({ message }) => message)
      .join();

  it("are each of one kind, under names of their own, with a limit", () => {
    expect(parse([{ name: "a", prometheus }]).success).toBe(true);
    expect(messages([{ name: "a" }])).toContain("must be one of");
    expect(messages([{ name: "a", prometheus, scan: {} }])).toContain("must be one of");
    expect(
      messages([
        { name: "a", prometheus },
        { name: "a", scan: {} },
      ]),
    ).toContain("two of one name");
    expect(messages([{ name: "a", prometheus: { ...prometheus, max: undefined } }])).toContain(
      "needs min or max",
    );
  });

  it("are bounded: ten in a stage, and in all no more than each step can write", () => {
    const many = Array.from({ length: 11 }, (_, n) => ({ name: `g${n}`, scan: {} }));
    expect(parse(many).success).toBe(false);
    const long = many.slice(0, 3).map((gate) => ({
      name: gate.name,
      prometheus: { ...prometheus, query: "x".repeat(1_900) },
    }));
    expect(messages(long)).toContain("more than 4096 characters");
  });

  it("send no secret over plain http, and know their variables", () => {
    const open = { ...prometheus, url: "http://p.example", credentials: "prom" };
    expect(messages([{ name: "a", prometheus: open }])).toContain("plain http");
    expect(messages([{ name: "a", prometheus: { ...prometheus, query: "up{a='${ap}'}" } }])).toContain(
      "${app}",
    );
    const names = { project: "web", app: "shop", release: 7, commit: "abc", stage: "canary" };
    expect(filledQuery("${app} ${release} ${commit} ${stage} ${project} ${app}", names)).toBe(
      "shop 7 abc canary web shop",
    );
  });
});

describe("the credential of a gate", () => {
  const appOf = (...gates: object[]): App =>
    appSchema.parse({
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "shop" },
      spec: { source: "fleet", clusters: {}, rollout: { stages: [{ name: "canary", clusters: {}, gates }] } },
    });
  const asks = (before: App, after: App): number => {
    const change: PutChange = {
      kind: "put",
      place: "",
      resource: after,
      before: { version: 1, deleting: false, stamp: undefined, managedBy: undefined, resource: before },
      managedBy: undefined,
      outcome: "configured",
      diff: diffResources(before, after),
    };
    const needs = needsOf(change, () => undefined);
    return needs.filter((need) => need.kind === "ask" && need.ask.noun === "credentials").length;
  };

  it("may be named, and taken to another host, by who may write credentials", () => {
    const at = (url: string, change: object = {}) => ({
      name: "smoke",
      webhook: { url, credentials: "key" },
      ...change,
    });
    const [plain, mine] = [appOf(), appOf(at("https://s.example/a"))];
    expect(asks(plain, mine)).toBe(1);
    expect(asks(mine, appOf(at("https://s.example/b", { interval: "30s" })))).toBe(0);
    expect(asks(mine, appOf(at("https://evil.example/a")))).toBe(1);
    expect(asks(mine, plain)).toBe(0);
  });
});

/** What may happen next to a rollout of one gated stage, told by small numbers. */
const SOAK = 3 * MINUTE;
const event = fc.record({
  passMs: fc.constantFrom(0, 1, MINUTE, 2 * MINUTE, 4 * MINUTE),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constant("answer" as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "nothing",
        "break",
        "heal",
        "late",
        "pause",
        "resume",
        "retry",
        "skip-stage",
      ),
    },
  ),
  gate: fc.constantFrom("errors", "smoke"),
  verdict: fc.constantFrom(pass, pass, pass, pass, pass, fail, unknown),
});

describe("whatever happens", () => {
  it("no stage is left without a yes of each gate that was asked for after its last soak began and ended", () => {
    let left = 0;
    assert(
      property(fc.array(event, { maxLength: 60 }), fc.boolean(), (events, soaks) => {
        const soakMs = soaks ? SOAK : 0;
        const gates = [{ ...errors, maxFailures: 3 }, smoke];
        let now = begun(gates, soaks ? { soakMs } : {});
        let at = NOW;
        // Kept apart from what is tested: since when the stage has stood whole, and what each number was asked for.
        let wholeSince = NOW;
        let skipped = false;
        const asks = new Map<number, { gate: string; at: number }>();
        const yes = new Map<string, number>();
        const note = () => {
          for (const run of now.gates)
            if (run.asked !== undefined && !asks.has(run.attempt))
              asks.set(run.attempt, { gate: run.gate, at });
        };
        note();
        for (const { passMs, what, gate, verdict } of events) {
          at += passMs;
          const [was, wasOut] = [now.state.kind, now.out.length];
          if (what === "answer" || what === "late") {
            const attempt = what === "late" ? attemptOf(now, gate) - 1 : attemptOf(now, gate);
            const ask = asks.get(attempt);
            const taken = takeVerdict(now, { gate, attempt, verdict }, at);
            if (taken !== undefined && ask?.gate === gate) {
              if (verdict.kind === "pass") yes.set(gate, ask.at);
              else yes.delete(gate);
            }
            now = taken ?? now;
          } else if (what === "pause" || what === "resume" || what === "retry" || what === "skip-stage") {
            const told = command(now, { kind: what, by: "user:ada" }, at);
            if (told.kind === "done") {
              now = told.next;
              if (what === "skip-stage") skipped = true;
            }
          }
          const seenNow = what === "break" ? [seen(0, moving)] : what === "heal" ? [seen(0, available)] : [];
          now = decide(now, { targets: seenNow }, at).next;
          note();
          if (now.stage === 1) {
            left += 1;
            for (const one of ["errors", "smoke"]) {
              expect(yes.get(one)).toBeDefined();
              expect(yes.get(one)).toBeGreaterThanOrEqual(wholeSince + (skipped ? 0 : soakMs));
            }
            return;
          }
          const stands = now.state.kind === "running" && now.out.length === 0;
          const isAnew = !stands || wasOut > 0 || was !== "running";
          if (isAnew) {
            wholeSince = at;
            skipped = false;
            yes.clear();
          }
        }
      }),
      { numRuns: 3_000 },
    );
    expect(left).toBeGreaterThan(100);
  });
});
