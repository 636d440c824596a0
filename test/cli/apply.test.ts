import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseResource } from "#core/resource.ts";
import { Problem } from "#core/problem.ts";
import { applyRequestSchema, type ApplyAnswer, type ApplyRequest } from "#core/view.ts";
import { fairlead, fixtureHub, folder } from "./support.ts";

const SOURCE = `apiVersion: fairlead.dev/v1
kind: Source
metadata: { name: fleet }
spec: { git: { url: "https://git.example.com/acme/fleet.git" } }
`;
const APP = `apiVersion: fairlead.dev/v1
kind: App
metadata: { name: shop, project: web }
spec: { source: fleet, path: apps/shop, clusters: {} }
`;

/** Validates as the hub does; keeps what was sent. */
function applyHub(answer?: ApplyAnswer) {
  const sent: ApplyRequest[] = [];
  const hub = fixtureHub();
  hub.post("/v1/apply", async (context) => {
    const request = applyRequestSchema.parse(await context.req.json());
    const parsed = request.resources.map((value, at) => parseResource(`document ${at + 1}`, value));
    const errors = parsed.flatMap((one) => (one.kind === "refused" ? one.errors : []));
    if (errors.length > 0) throw new Problem("invalid-resource", errors[0] ?? "", errors);
    sent.push(request);
    const results = parsed.flatMap((one) =>
      one.kind === "parsed"
        ? [
            {
              kind: one.resource.kind,
              project: one.resource.metadata.project,
              name: one.resource.metadata.name,
              outcome: "created",
            },
          ]
        : [],
    );
    return context.json(answer ?? { results });
  });
  return { hub, sent };
}

async function files(texts: Record<string, string>): Promise<string> {
  const cwd = await folder();
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(join(cwd, name, ".."), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
  return cwd;
}

describe("fairlead apply", () => {
  it("sends the documents of a file in order and prints each outcome", async () => {
    const { hub, sent } = applyHub();
    const cwd = await files({ "all.yaml": `${SOURCE}---\n${APP}---\n# nothing here\n` });
    const ran = await fairlead(hub, ["apply", "-f", "all.yaml"], { cwd });
    expect(ran).toEqual({ code: 0, out: "Source fleet created\nApp shop created\n", err: "" });
    expect(sent[0]?.resources).toHaveLength(2);
    expect(sent[0]?.dryRun).toBe(false);
  });

  it("reads a folder's YAML and JSON sorted, several -f, and standard input", async () => {
    const { hub, sent } = applyHub();
    const json = JSON.stringify({ apiVersion: "fairlead.dev/v1", kind: "Cluster", metadata: { name: "a" } });
    const cwd = await files({
      "fleet/b.yaml": APP,
      "fleet/a.yml": SOURCE,
      "fleet/c.json": json,
      "fleet/README.md": "# no",
      "fleet/below/d.yaml": "kind: No",
    });
    const ran = await fairlead(hub, ["apply", "-f", "fleet", "-f", "-"], { cwd, stdin: async () => SOURCE });
    expect(ran.out).toBe("Source fleet created\nApp shop created\nCluster a created\nSource fleet created\n");
    expect(sent).toHaveLength(1);
  });

  it("fills in the project where a document names none, and never overrules one", async () => {
    const { hub, sent } = applyHub();
    const cwd = await files({ "all.yaml": `${SOURCE}---\n${APP}` });
    await fairlead(hub, ["apply", "-f", "all.yaml", "--project", "ops", "--dry-run"], { cwd });
    expect(sent[0]).toMatchObject({
      dryRun: true,
      resources: [{ metadata: { project: "ops" } }, { metadata: { project: "web" } }],
    });
  });

  it("names file, document, line and column of what does not parse, and sends nothing", async () => {
    const { hub, sent } = applyHub();
    const cwd = await files({ "bad.yaml": `${SOURCE}---\nkind: App\nmetadata: { name: x\nspec: 1\n` });
    const ran = await fairlead(hub, ["apply", "-f", "bad.yaml"], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(/^error: bad\.yaml: document 2, line \d+: column \d+: not valid YAML: /);
    expect(ran.err).toMatch(/\nfix: correct what is named; nothing was applied\n$/);
    expect(sent).toEqual([]);
  });

  it("gives what the hub refuses its file and document again, though the hub counts over all files", async () => {
    const { hub, sent } = applyHub();
    const cwd = await files({
      "a.yaml": SOURCE,
      "b.yaml": `${APP}---\n${APP.replace("clusters: {}", "clusters: {}, sync: { prune: maybe }")}`,
    });
    const ran = await fairlead(hub, ["apply", "-f", "a.yaml", "-f", "b.yaml"], { cwd });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(
      "nothing was applied:\n  b.yaml: document 2, line 9: spec.sync.prune: must be true or false, not the text `maybe`",
    );
    expect(sent).toEqual([]);
  });

  it("refuses aliases that unfold without end", async () => {
    const lines = Array.from(
      { length: 12 },
      (_, at) => `a${at + 1}: &a${at + 1} [${Array.from({ length: 9 }, () => `*a${at}`).join(", ")}]`,
    );
    const { hub, sent } = applyHub();
    const ran = await fairlead(hub, ["apply", "-f", "-"], {
      stdin: async () => ["a0: &a0 [x]", ...lines].join("\n"),
    });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("standard input: document 1, line 1: ")]);
    expect(sent).toEqual([]);
  });

  it.each([
    ["none.yaml", "none.yaml cannot be read (ENOENT)"],
    ["empty", "empty holds no .yaml, .yml or .json file"],
    ["blank.yaml", "blank.yaml: no document in it"],
    ["large.yaml", "bytes are more than one apply takes (1048576)"],
    ["many.yaml", "many.yaml: document 501, line 1000: more than 500 documents"],
  ])("says what is wrong with %s", async (name, words) => {
    const cwd = await files({
      "empty/x.txt": "",
      "blank.yaml": "# only a comment\n",
      "large.yaml": `# ${"x".repeat(1_100_000)}`,
      "many.yaml": "a: 1\n---\n".repeat(500) + "a: 1\n",
    });
    const ran = await fairlead(applyHub().hub, ["apply", "-f", name], { cwd });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(words)]);
    expect(ran.err).toMatch(/\nfix: .+\n$/);
  });

  it("names the file also where only the hub knows what is wrong", async () => {
    const hub = fixtureHub();
    hub.post("/v1/apply", () => {
      throw new Problem("invalid-resource", "x", ["document 2 (App shop): spec.newer: is not allowed"]);
    });
    const cwd = await files({ "a.yaml": SOURCE, "b.yaml": `# first\n${APP}` });
    const ran = await fairlead(hub, ["apply", "-f", "a.yaml", "-f", "b.yaml"], { cwd });
    expect(ran.err).toContain("  b.yaml: document 1, line 2 (App shop): spec.newer: is not allowed");
  });

  it("with --dry-run prints each field with before and after, and warnings apart", async () => {
    const changes = [
      { path: "/spec/path", before: '"a"', after: '"b"' },
      { path: "/metadata/labels/team", after: '"web"' },
    ];
    const shop = {
      kind: "App",
      project: "web",
      name: "shop",
      outcome: "configured" as const,
      changes,
      more: 3,
    };
    const { hub } = applyHub({
      results: [shop],
      warnings: ["App shop: spec.clusters matches none of 2 clusters"],
    });
    const ran = await fairlead(hub, ["apply", "-f", "-", "--dry-run"], { stdin: async () => APP });
    expect(ran).toEqual({
      code: 0,
      out: [
        "App shop configured (dry run)",
        "    /spec/path",
        '      - "a"',
        '      + "b"',
        "    /metadata/labels/team",
        '      + "web"',
        "    and 3 more fields",
        "",
      ].join("\n"),
      err: "warning: App shop: spec.clusters matches none of 2 clusters\n",
    });
    const plain = await fairlead(hub, ["apply", "-f", "-"], { stdin: async () => APP });
    expect(plain.out).toBe("App shop configured\n");
  });

  it("colours only a terminal", async () => {
    const { hub } = applyHub();
    const ran = await fairlead(hub, ["apply", "-f", "-"], { stdin: async () => APP, isTTY: true });
    expect(ran.out).toBe("App shop \u001B[32mcreated\u001B[0m\n");
  });

  it("sends what may be pruned, taken over, and why", async () => {
    const { hub, sent } = applyHub();
    const argv = ["apply", "-f", "-", "--prune", "-l", "team=web", "--prune-kind", "cluster", "--takeover"];
    await fairlead(hub, argv, { stdin: async () => APP });
    expect(sent[0]).toMatchObject({ prune: { selector: "team=web", kinds: ["Cluster"] }, takeover: true });
    for (const wrong of [["--prune"], ["-l", "a=b"], ["--prune", "-l", "a=b", "--prune-kind", "project"]]) {
      const ran = await fairlead(hub, ["apply", "-f", "-", ...wrong], { stdin: async () => APP });
      expect([ran.code, ran.err]).toEqual([2, expect.stringMatching(/\nfix: .+\n$/)]);
    }
    expect(sent).toHaveLength(1);
  });

  it("needs a file", async () => {
    expect((await fairlead(applyHub().hub, ["apply"])).code).toBe(2);
  });
});
