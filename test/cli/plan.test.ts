/** `fairlead plan`: what it sends of a working tree, what it prints, and what its exit code says. */
import { execFile } from "node:child_process";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { PLAN_BODY_BYTES_MAX } from "#core/limits.ts";
import {
  planRequestSchema,
  releasePlanSchema,
  type PlanRequest,
  type ReleasePlan,
} from "#core/release-plan.ts";
import { isolatedGitEnvironment } from "../../cli/dev/git-environment.ts";
import type { Io } from "../../cli/io.ts";
import { fairlead, fixtureHub, folder, SERVER, TOKEN } from "./support.ts";

const git = (cwd: string, ...argv: string[]) =>
  promisify(execFile)("git", argv, { cwd, env: isolatedGitEnvironment() });

const refs = (...names: string[]) => ({
  count: names.length,
  listed: names.map((name) => ({ group: "", kind: "ConfigMap", namespace: "shop", name })),
});
const entry = {
  clusters: { count: 412, first: ["c-1", "c-2"] },
  action: "update" as const,
  created: refs("new"),
  changed: {
    count: 3,
    listed: [
      {
        object: { group: "apps", kind: "Deployment", namespace: "shop", name: "web" },
        fields: [
          { path: "/spec/replicas", before: "2", after: "3" },
          { path: "/spec/paused", after: "\u001B[31mtrue" },
        ],
        more: 4,
      },
    ],
  },
  deleted: refs("old"),
  left: refs(),
  unchanged: 7,
};
const PLAN: ReleasePlan = {
  project: "default",
  app: "shop",
  planned: { kind: "commit", commit: "a".repeat(40), author: "Ada", message: "Three replicas" },
  against: { release: 12, commit: "b".repeat(40) },
  verdict: { kind: "release" },
  changes: {
    clusters: { total: 413, changed: 412 },
    objects: { created: 412, changed: 1236, deleted: 412, left: 0 },
    deletes: { most: 1, budget: 20, over: 0 },
    entries: [entry],
    more: { entries: 0, clusters: 0 },
  },
};

/** A hub that answers every plan with this one, and what it was asked. */
function planHub(plan: ReleasePlan = PLAN) {
  const asked: PlanRequest[] = [];
  const hub = fixtureHub();
  hub.post("/v1/projects/default/apps/shop/plan", async (context) => {
    asked.push(planRequestSchema.parse(await context.req.json()));
    return context.json(releasePlanSchema.parse(plan));
  });
  return { hub, asked };
}

describe("the answer", () => {
  it("is printed by groups of clusters, with fields, counts and the hub's verdict", async () => {
    const { hub, asked } = planHub();
    const { code, out, err } = await fairlead(hub, ["plan", "shop", "--branch", "feature"]);
    expect([code, err, asked]).toEqual([0, "", [{ branch: "feature" }]]);
    expect(out.split("\n")).toEqual([
      "Plan of commit aaaaaaa (Three replicas) for App shop, against release 12 (commit bbbbbbb)",
      "",
      "update 412 clusters: c-1, c-2 and 410 more",
      "  + ConfigMap shop/new",
      "  ~ Deployment shop/web",
      "      /spec/replicas",
      "        - 2",
      "        + 3",
      "      /spec/paused",
      "        + [31mtrue",
      "      and 4 more fields",
      "    and 2 more",
      "  - ConfigMap shop/old",
      "    7 objects stay as they are",
      "",
      "412 of 413 clusters change: 412 objects created, 1236 changed, 412 deleted over all of them",
      "Most deletes on one cluster: 1; the budget is 20",
      "The hub would release it.",
      "",
    ]);
  });

  it("has colours on a terminal, and is the hub's own words as JSON", async () => {
    const { hub } = planHub();
    const branch = ["plan", "shop", "--branch", "feature"];
    const shown = await fairlead(hub, branch, { isTTY: true });
    expect(shown.out).toContain("\u001B[32m  + ConfigMap shop/new\u001B[0m");
    expect(shown.out).toContain("\u001B[31m  - ConfigMap shop/old\u001B[0m");
    const json = await fairlead(hub, [...branch, "-o", "json"]);
    expect(JSON.parse(json.out)).toEqual(PLAN);
  });

  it("exits with 2 for changes when asked to, with 1 where the hub would withhold it", async () => {
    const branch = ["plan", "shop", "--branch", "feature"];
    const { changes, ...rest } = PLAN;
    const nothing: ReleasePlan = {
      ...PLAN,
      verdict: { kind: "nothing" },
      changes: {
        ...(changes as NonNullable<typeof changes>),
        clusters: { total: 413, changed: 0 },
        entries: [],
      },
    };
    const withheld: ReleasePlan = {
      ...rest,
      verdict: { kind: "withheld", error: { message: "not YAML", file: "apps/a.yaml", line: 3 } },
    };
    const codeOf = async (plan: ReleasePlan, ...more: string[]) =>
      (await fairlead(planHub(plan).hub, [...branch, ...more])).code;
    expect([await codeOf(PLAN), await codeOf(PLAN, "--exit-code")]).toEqual([0, 2]);
    expect([await codeOf(nothing), await codeOf(nothing, "--exit-code")]).toEqual([0, 0]);
    expect([await codeOf(withheld), await codeOf(withheld, "--exit-code")]).toEqual([1, 1]);
    const { out } = await fairlead(planHub(withheld).hub, branch);
    expect(out).toContain("The hub would not release it: not YAML (apps/a.yaml:3)");
  });
});

describe("the question", () => {
  it("is of one thing, and a commit is named in full", async () => {
    const { hub, asked } = planHub();
    expect((await fairlead(hub, ["plan", "shop", "--commit", "a".repeat(40)])).code).toBe(0);
    expect(asked).toEqual([{ commit: "a".repeat(40) }]);
    const short = await fairlead(hub, ["plan", "shop", "--commit", "abc1234"]);
    expect([short.code, short.err]).toEqual([2, expect.stringContaining("git rev-parse abc1234")]);
    const two = await fairlead(hub, ["plan", "shop", "--branch", "x", "--dir", "."]);
    expect([two.code, two.err]).toEqual([2, expect.stringContaining("exclude each other")]);
  });
});

describe("a working tree", () => {
  const env = { ...isolatedGitEnvironment(), FAIRLEAD_SERVER: SERVER, FAIRLEAD_API_TOKEN: TOKEN };
  const planIn = async (cwd: string, ...more: string[]) => {
    const { hub, asked } = planHub();
    const io: Partial<Io> = { cwd, env };
    return { ...(await fairlead(hub, ["plan", "shop", ...more], io)), asked: asked[0] };
  };
  async function clone(): Promise<string> {
    const root = join(await folder(), "clone");
    await mkdir(join(root, "apps/shop"), { recursive: true });
    await mkdir(join(root, "bases"));
    await git(root, "init", "--quiet");
    await writeFile(join(root, "apps/shop/a.yaml"), "a: committed\n");
    await writeFile(join(root, "bases/b.yaml"), "b: ä\n");
    await writeFile(join(root, "logo.png"), Buffer.from([0x89, 0x50, 0xff]));
    await writeFile(join(root, "gone.yaml"), "gone\n");
    await writeFile(join(root, ".gitignore"), "secret.env\n");
    await writeFile(join(root, "secret.env"), "TOKEN=1\n");
    await symlink("../../bases/b.yaml", join(root, "apps/shop/link.yaml"));
    await symlink("../../bases", join(root, "apps/shop/folder"));
    await symlink("/etc/hostname", join(root, "apps/shop/out"));
    await symlink("nowhere", join(root, "apps/shop/broken"));
    await git(root, "add", "--all");
    return root;
  }

  it("is sent as Git tracks it and as it lies on disk, links as what they lead to, and what is untracked is told", async () => {
    const root = await clone();
    await writeFile(join(root, "apps/shop/a.yaml"), "a: edited\n");
    await writeFile(join(root, "apps/shop/new.yaml"), "untracked\n");
    await rm(join(root, "gone.yaml"));
    const { code, err, asked } = await planIn(root);
    expect([code, err]).toEqual([
      0,
      "1 files are not tracked by Git and are left out: git add what belongs to it\n",
    ]);
    expect(asked).toEqual({
      files: {
        ".gitignore": "secret.env\n",
        "apps/shop/a.yaml": "a: edited\n",
        "apps/shop/folder/b.yaml": "b: ä\n",
        "apps/shop/link.yaml": "b: ä\n",
        "bases/b.yaml": "b: ä\n",
        "logo.png": { base64: "iVD/" },
      },
    });
  });

  it("may be a folder of the repository, under its paths from the root", async () => {
    const root = await clone();
    const paths = (asked: PlanRequest | undefined) =>
      Object.keys(asked !== undefined && "files" in asked ? asked.files : {});
    expect(paths((await planIn(root, "--dir", "bases")).asked)).toEqual(["bases/b.yaml"]);
    expect(paths((await planIn(join(root, "apps"))).asked)).toEqual([
      "apps/shop/a.yaml",
      "apps/shop/folder/b.yaml",
      "apps/shop/link.yaml",
    ]);
  });

  it("that is too large, or that Git does not know, is refused with the way out", async () => {
    const root = await clone();
    await writeFile(join(root, "apps/shop/a.yaml"), "x".repeat(PLAN_BODY_BYTES_MAX + 1));
    const large = await planIn(root);
    expect([large.code, large.err]).toEqual([
      1,
      expect.stringContaining(`more than ${PLAN_BODY_BYTES_MAX} bytes`),
    ]);
    await writeFile(join(root, "apps/shop/a.yaml"), "\n".repeat(PLAN_BODY_BYTES_MAX - 1000));
    const escaped = await planIn(root);
    expect([escaped.code, escaped.err]).toEqual([1, expect.stringContaining("make a request of")]);
    const none = await planIn(await folder());
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("--branch or --commit")]);
    expect([large.asked, escaped.asked, none.asked]).toEqual([undefined, undefined, undefined]);
  });
});
