/** The workflows that test and release: what runs in them is pinned, and may do no more than it needs. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureTool } from "../../../cli/dev/tools.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(root, ".github/workflows");
interface Workflow {
  permissions?: Record<string, string>;
  jobs: Record<string, { permissions?: Record<string, string>; "timeout-minutes"?: number }>;
}

const texts = new Map<string, string>();
beforeAll(async () => {
  for (const name of await readdir(folder)) texts.set(name, await readFile(join(folder, name), "utf8"));
});
const workflow = (name: string): Workflow => parse(texts.get(name) ?? "") as Workflow;

describe("the workflows", () => {
  it("are sound by actionlint", async () => {
    const program = join(await ensureTool("actionlint"), "actionlint");
    // The machine's own shellcheck and pyflakes, of whatever version, have no say.
    const files = [...texts.keys()].map((name) => join(folder, name));
    await run(program, ["-shellcheck=", "-pyflakes=", ...files]);
  }, 600_000);

  it("use actions by commit, with the version beside it: a moved tag changes nothing", () => {
    const uses = [...texts.values()].flatMap((text) => text.match(/^.*\buses:.*$/gm) ?? []);
    expect(uses.length).toBeGreaterThan(5);
    expect(uses.filter((line) => !/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual(
      [],
    );
  });

  it("put nothing of the event into a script, where it would be run as one", () => {
    for (const [name, text] of texts) {
      const { jobs } = parse(text) as { jobs: Record<string, { steps: { run?: string }[] }> };
      const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => step.run ?? []));
      expect(
        scripts.filter((script) => script.includes("${{")),
        name,
      ).toEqual([]);
    }
  });

  it("may read by default; only the job that publishes may write, after the tests", () => {
    expect(workflow("ci.yml").permissions).toEqual({ contents: "read" });
    expect(workflow("release.yml").permissions).toEqual({});
    const { jobs } = workflow("release.yml");
    expect(jobs["test"]?.permissions).toEqual({ contents: "read" });
    expect(jobs["publish"]).toMatchObject({ needs: "test" });
    expect(Object.values(workflow("ci.yml").jobs).filter(({ permissions }) => permissions)).toEqual([]);
  });

  it("end by themselves, and leave no credential in the checkout", () => {
    for (const name of texts.keys())
      for (const job of Object.values(workflow(name).jobs)) expect(job["timeout-minutes"]).toBeGreaterThan(0);
    for (const text of texts.values())
      expect(text.split("actions/checkout@").length).toBe(text.split("persist-credentials: false").length);
  });

  it("ask for advisories, of which this machine's mirror may know nothing", () => {
    for (const name of ["ci.yml", "release.yml"])
      expect(texts.get(name)).toMatch(/^ +- run: npm audit --audit-level=high$/m);
  });
});
