import { describe, expect, it } from "vitest";
import { REPORT_BODY_BYTES_MAX, REPORT_PLACEMENTS_MAX } from "#core/limits.ts";
import type { ReportAnswer, ReportRequest } from "#core/protocol.ts";
import { AGENT_OPTIONS } from "../../agent/deps.ts";
import type { Hub } from "../../agent/hub.ts";
import { brokenContent, type Content } from "../../agent/placement.ts";
import { Reporter } from "../../agent/report.ts";
import { Stopper } from "../../agent/stop.ts";
import { sleep } from "../../agent/timer.ts";

function reporterOver(contents: () => Content[], sent: ReportRequest[]) {
  const stopper = new Stopper();
  const report = async (request: ReportRequest): Promise<ReportAnswer> => {
    sent.push(request);
    return { accepted: request.placements.length, stale: [] };
  };
  const rest = {
    random: Math.random,
    log: () => {},
    token: undefined,
    kube: {} as never,
    fetch: {} as never,
  };
  const deps = { clock: Date.now, sleep, options: AGENT_OPTIONS, ...rest };
  const reporter = new Reporter(deps, stopper, { report } as unknown as Hub, {
    contents,
    kubernetes: () => undefined,
  });
  return { reporter, running: reporter.run(), stop: () => stopper.stop() };
}

describe(Reporter.name, () => {
  it("keeps every request within the limits of count and size, and loses no App", async () => {
    const drift = {
      object: "x".repeat(400),
      fields: Array.from({ length: 10 }, () => ({
        path: "p".repeat(300),
        before: "ü".repeat(200),
        after: "ü".repeat(200),
      })),
      restored: true,
    };
    const long = Array.from({ length: 20 }, () => drift);
    const contents = Array.from({ length: REPORT_PLACEMENTS_MAX + 5 }, (_, index) => ({
      ...brokenContent(`app-${index}`, "m"),
      ...(index % 100 === 0 ? { drift: long, driftTotal: 20 } : {}),
    }));
    const sent: ReportRequest[] = [];
    const { reporter, running, stop } = reporterOver(() => contents, sent);
    await reporter.told();
    for (const request of sent) {
      expect(request.placements.length).toBeLessThanOrEqual(REPORT_PLACEMENTS_MAX);
      expect(Buffer.byteLength(JSON.stringify(request))).toBeLessThanOrEqual(REPORT_BODY_BYTES_MAX);
    }
    expect(sent.flatMap((request) => request.placements)).toHaveLength(contents.length);
    stop();
    await running;
  });

  it("sends only what changed, with a growing number, and another fingerprint", async () => {
    let contents = [brokenContent("a", "one"), brokenContent("b", "one")];
    const sent: ReportRequest[] = [];
    const { reporter, running, stop } = reporterOver(() => contents, sent);
    await reporter.told();
    await reporter.told();
    expect(sent).toHaveLength(1);
    contents = [brokenContent("a", "two"), brokenContent("b", "one")];
    await reporter.told();
    expect(sent[1]?.placements.map((placement) => placement.app)).toEqual(["a"]);
    expect(sent[1]?.placements[0]?.seq).toBeGreaterThan(sent[0]?.placements[0]?.seq ?? Infinity);
    expect(sent[1]?.fingerprint).not.toBe(sent[0]?.fingerprint);
    stop();
    await running;
  });
});
