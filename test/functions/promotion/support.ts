/** A project with an App that has releases, and a Promotion of it to a host of each kind over a real repository. */
import { join } from "node:path";
import { hubStamp } from "#core/actor.ts";
import { promotionSchema, type Promotion } from "#core/promotion.ts";
import { initBareRepository } from "../../../cli/dev/git-server.ts";
import type { Outbound } from "../../../functions/outbound/port.ts";
import { promoteNow } from "../../../functions/promotion/command.ts";
import { lookAtPromotion } from "../../../functions/promotion/look.ts";
import { putTree } from "../../../functions/release/content.ts";
import { getPromotionRecord } from "../../../functions/store/promotion.ts";
import { createRelease } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { release, rollout } from "../../conformance/store-parts.ts";
import { HOST_TOKEN, startHost, type HostKind, type TestHost } from "../../support/git-hosts.ts";
import { hostRepository, type HostRepository } from "../../support/host-repository.ts";
import { app, plainParts, type PlainParts } from "../../support/hub-parts.ts";
import { commitFiles, git, gitFixture, type FixtureFile } from "../source/git-fixture.ts";

export type Kind = HostKind | "git";
export const NAME = "shop-prod";
export const STAGING = "apps/shop/staging";
export const PROD = "apps/shop/prod";

export interface Setting {
  parts: PlainParts;
  repository: HostRepository;
  /** Absent for Git itself. */
  host: TestHost | undefined;
  promotion(spec?: object): Promise<Promotion>;
  /** A release of App `shop` whose rollout has succeeded. */
  release(n: number, staging: Record<string, string>, commit?: string): Promise<void>;
  commit(files: Record<string, string | FixtureFile>): Promise<string>;
  look(): Promise<Awaited<ReturnType<typeof getPromotionRecord>>>;
  /** As a person asks for it, then looked at. */
  promote(): Promise<Awaited<ReturnType<typeof getPromotionRecord>>>;
  file(path: string, branch?: string): Promise<string | undefined>;
  log(branch?: string): Promise<string[]>;
  /** Called before each request to the host: the place for a rival. */
  rival(before: (call: string) => Promise<void>): void;
  stop(): Promise<void>;
}

export async function setting(kind: Kind): Promise<Setting> {
  const parts = await plainParts();
  const fixture = await gitFixture();
  const bare = await initBareRepository(join(fixture.root, "acme"), "fleet.git");
  const host = kind === "git" ? undefined : await startHost(kind, bare);
  const repository = hostRepository(bare);
  const url = fixture.url("acme/fleet.git");
  await parts.secrets.put("default", "writer", JSON.stringify({ kind: "token", token: HOST_TOKEN }));
  await parts.apply({ kind: "Source", metadata: { name: "fleet" }, spec: { git: { url } } });
  await parts.apply(app({ path: STAGING }));
  let rival: (call: string) => Promise<void> = () => Promise.resolve();
  const outbound: Outbound = {
    to: (hosts) => async (to, init) => {
      await rival(`${init.method ?? "GET"} ${to}`);
      return parts.outbound.to(hosts)(to, init);
    },
  };
  const look = async () => {
    await lookAtPromotion({ ...parts, outbound }, "default", NAME);
    return getPromotionRecord(parts.db, "default", NAME);
  };
  const made = (spec: object) => ({
    kind: "Promotion",
    metadata: { name: NAME },
    spec: {
      from: { app: "shop" },
      to: { source: "fleet", path: PROD },
      change: { copy: [`${STAGING}/**`] },
      by: kind === "git" ? "commit" : "pullRequest",
      host: {
        kind,
        credentials: "writer",
        ...(host === undefined ? {} : { url: host.url, repository: "acme/fleet" }),
      },
      ...spec,
    },
  });
  let promotion: Promotion | undefined;
  return {
    parts,
    repository,
    host,
    promotion: async (spec = {}) => {
      const written = made(spec);
      await parts.apply(written);
      promotion = promotionSchema.parse({ apiVersion: "fairlead.dev/v1", ...written });
      return promotion;
    },
    release: async (n, staging, commit = String(n).repeat(40)) => {
      const { db, objects, now } = parts;
      const content = Object.entries(staging).map(
        ([name, text]) => [`${STAGING}/${name}`, new TextEncoder().encode(text)] as const,
      );
      const tree = await putTree(objects, new Map(content));
      const record = await getAppRecord(db, "default", "shop");
      const version = (record?.version ?? 0) + 1;
      const next = { project: "default", app: "shop", version, epoch: 1, generation: n, release: n };
      const more = { active: false, commit, inputs: "", lookedAt: 0 };
      const succeeded = { kind: "succeeded", at: now(), silent: 0 } as const;
      await createRelease(
        db,
        release("default", n, { tree, commit, message: `Change ${n}` }),
        { ...rollout("default", n), commit, state: succeeded },
        { ...next, ...more },
        record?.version,
      );
    },
    commit: (files) => commitFiles(bare, files),
    look,
    promote: async () => {
      if (promotion === undefined) throw new Error("apply the Promotion first");
      const asked = await promoteNow(parts.db, promotion, hubStamp("test"), parts.now());
      if (asked.kind === "refused") throw new Error(asked.message);
      return look();
    },
    file: async (path, branch = "main") => {
      const at = await repository.head(branch);
      const line =
        at === undefined ? undefined : (await repository.lines(at, true)).find((one) => one.path === path);
      return line === undefined ? undefined : (await repository.blob(line.sha)).toString();
    },
    log: async (branch = "main") =>
      (await git(bare, "log", "--format=%s (%an)", `refs/heads/${branch}`)).split("\n"),
    rival: (before) => {
      rival = before;
    },
    stop: async () => {
      await host?.stop();
      await fixture.close();
      await parts.stop();
    },
  };
}
