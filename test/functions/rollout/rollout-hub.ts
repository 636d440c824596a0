/** One App on labelled clusters over a real table: releases, steps, reports and time, as events would bring them. */
import { makeBack } from "../../../functions/release/back.ts";
import { look } from "../../../functions/release/look.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { putBeat } from "../../../functions/store/cluster.ts";
import { getPlacements, putReport } from "../../../functions/store/placement.ts";
import { getAssignment } from "../../../functions/store/assignment.ts";
import { getRollout } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { commandRollout } from "../../../functions/rollout/command.ts";
import type { CommandKind, Rollout } from "#core/rollout.ts";
import type { Phase } from "#core/protocol.ts";
import type { Statement } from "#core/statement.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

export interface RolloutHub extends HubParts {
  /** Commits, looks, and gives the number of the new release. */
  release(commit: string, text: string): Promise<number>;
  step(release: number): Promise<Rollout>;
  /** Every cluster that was given something says so, as `phase`, and `more`; others of `silent` are not heard. */
  report(phases: Partial<Record<string, Phase>>, more?: object): Promise<void>;
  /** Time passes; all but these are heard. */
  pass(ms: number, ...silent: string[]): Promise<void>;
  /** Steps and healthy reports until nothing changes. */
  run(release: number, phases?: Partial<Record<string, Phase>>): Promise<Rollout>;
  back(release: number): Promise<void>;
  tell(release: number, command: CommandKind, by?: string, why?: string): ReturnType<typeof commandRollout>;
  /** Release of the bundle that each cluster was given, by its statement. */
  given(): Promise<Record<string, number | undefined>>;
  rollout(release: number): Promise<Rollout>;
}

export const CLUSTERS = { a: "0", b: "1", c: "1", d: "2" } as const;
const NAMES = Object.keys(CLUSTERS);

export async function rolloutHub(): Promise<RolloutHub> {
  const hub = await hubParts();
  await hub.apply(source);
  for (const [name, ring] of Object.entries(CLUSTERS)) {
    await hub.apply(cluster(name, { ring }));
    await putBeat(hub.db, "default", name, hub.now());
  }
  let seq = 0;
  const self: RolloutHub = {
    ...hub,
    release: async (commit, text) => {
      await hub.commit(commit, configMaps(text));
      const looked = await look(hub, "default", "shop");
      if (looked.kind !== "released") throw new Error(`not released: ${JSON.stringify(looked)}`);
      return looked.release;
    },
    rollout: async (release) => {
      const rollout = await getRollout(hub.db, "default", "shop", release);
      if (rollout === undefined) throw new Error(`no rollout ${release}`);
      return rollout;
    },
    step: async (release) => {
      await tick(hub, "default", "shop", release, { redrive: true });
      return self.rollout(release);
    },
    report: async (phases, more = {}) => {
      const placements = await getPlacements(hub.db, "default", "shop", NAMES);
      for (const { cluster: name, assigned } of placements.values()) {
        const phase = phases[name];
        if (phase === undefined || assigned === undefined) continue;
        const { epoch, generation, release } = assigned;
        const told = {
          message: `${name} is ${phase}`,
          objects: 1,
          outcomes: {},
          failures: [],
          drift: [],
          driftTotal: 0,
        };
        await putReport(
          hub.db,
          "default",
          name,
          { app: "shop", seq: (seq += 1), epoch, generation, release, phase, ...told, ...more },
          hub.now(),
        );
      }
    },
    pass: async (ms, ...silent) => {
      hub.setNow(hub.now() + ms);
      for (const name of NAMES) if (!silent.includes(name)) await putBeat(hub.db, "default", name, hub.now());
    },
    run: async (release, phases = {}) => {
      const healthy = Object.fromEntries(NAMES.map((name) => [name, "healthy" as const]));
      let last = -1;
      for (;;) {
        const { version } = await self.step(release);
        if (version === last) return self.rollout(release);
        last = version;
        const given = await self.given();
        // What a cluster says of this release, it says only once it has it.
        const said = Object.entries(phases).filter(([name]) => given[name] === release);
        await self.report({ ...healthy, ...Object.fromEntries(said) });
      }
    },
    back: async (release) => {
      await makeBack(hub, "default", "shop", release);
    },
    tell: (release, command, by = "user:ada", why) =>
      commandRollout(hub, {
        project: "default",
        app: "shop",
        release,
        command,
        stamp: { by, ...(why === undefined ? {} : { why }) },
      }),
    given: async () => {
      const rows = await Promise.all(
        NAMES.map(async (name) => {
          const row = await getAssignment(hub.db, "default", name, "shop");
          const text = Buffer.from(row?.statement.split(".")[1] ?? "", "base64url").toString();
          return [name, text === "" ? undefined : (JSON.parse(text) as Statement).release];
        }),
      );
      return Object.fromEntries(rows) as Record<string, number | undefined>;
    },
  };
  return self;
}

export const RINGS = [
  { name: "canary", clusters: { matchLabels: { ring: "0" } } },
  { name: "wide", clusters: { matchLabels: { ring: "1" } }, maxUnavailable: 1 },
];

export const staged = (change: object = {}, first: object = {}) =>
  app({ rollout: { stages: [{ ...RINGS[0], ...first }, RINGS[1]], ...change } });

export { getAppRecord };
