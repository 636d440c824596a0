/**
 * The repository tests its own style: sizes, direction of imports, dead files, headers, one owner of the table's keys.
 * A failure lists every offender.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { hubEventSchema } from "#core/event.ts";
import { PROBLEM_CODES } from "#core/problem.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 2 ** 24,
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
const text = new Map(
  files
    .filter((file) => /\.(ts|mjs|json|md|go|css|yaml)$/.test(file) || file === ".npmrc")
    .map((file) => [file, readFileSync(join(root, file), "utf8")]),
);
const sources = [...text].filter(
  ([file]) => /^(core|functions|agent|cli|infra)\/.*\.(ts|mjs)$/.test(file) && !file.endsWith(".d.ts"),
);
const tests = [...text].filter(([file]) => /^test\/.*\.ts$/.test(file));
const linesOf = (content: string): number => content.split("\n").length - 1;

/** Relative and `#core` imports of a file, as paths from the root. */
function importsOf(file: string, content: string): string[] {
  const found = [...content.matchAll(/(?:from|import\()\s*"([^"]+)"|new URL\("([^"]+\.ts)"/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
  return found.flatMap((target) => {
    if (target.startsWith("#core/")) return [target.slice(1)];
    return target.startsWith(".") || target.endsWith(".ts")
      ? [relative(root, join(root, dirname(file), target))]
      : [];
  });
}

describe("sizes", () => {
  it("no production file is above 500 lines, no test file above 600", () => {
    expect(sources.filter(([, content]) => linesOf(content) > 500).map(([file]) => file)).toEqual([]);
    expect(tests.filter(([, content]) => linesOf(content) > 600).map(([file]) => file)).toEqual([]);
  });

  it("the median production file is at most 100 lines, nine in ten at most 300", () => {
    const sizes = sources.map(([, content]) => linesOf(content)).sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(100);
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(300);
  });
});

describe("imports", () => {
  const allowed: [from: RegExp, to: RegExp][] = [
    [/^core\//, /^core\//],
    [/^functions\//, /^(core|functions)\//],
    [/^agent\//, /^(core|agent)\//],
    [/^cli\/(?!dev\/)/, /^(core|cli|agent)\//],
    [/^cli\/dev\//, /^(core|cli|agent|functions|test\/support\/kubernetes)\//],
  ];

  it("go one way: core knows nobody, functions and agent never each other, nobody cli or test", () => {
    const wrong = sources.flatMap(([file, content]) => {
      const rule = allowed.find(([from]) => from.test(file));
      return rule === undefined
        ? []
        : importsOf(file, content)
            .filter((target) => /^(core|functions|agent|cli|test)\//.test(target) && !rule[1].test(target))
            .map((target) => `${file} → ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it("of core are zod, yaml, CEL and createHash at most: it cannot reach clock, network or disk", () => {
    const wrong = sources
      .filter(([file]) => file.startsWith("core/"))
      .flatMap(([file, content]) => [
        ...[
          ...content.matchAll(
            /from "((?!#core\/|\.\/|\.\.\/|zod"|yaml"|@marcbachmann\/cel-js"|node:crypto")[^"]+)"/g,
          ),
        ].map((match) => `${file} → ${match[1]}`),
        ...[...content.matchAll(/import \{([^}]*)\} from "node:crypto"/g)]
          .filter((match) => match[1]?.trim() !== "createHash")
          .map(() => `${file} → node:crypto`),
        ...(/Date\.now|Math\.random|process\.|new Date\(\)|setTimeout/.test(content)
          ? [`${file} reads clock, chance or environment`]
          : []),
      ]);
    expect(wrong).toEqual([]);
  });

  it("reach every production file from an entry: nothing is dead", () => {
    const entry =
      /^(functions\/events\/|functions\/api\/(index|agent-index)\.ts|functions\/render\/worker\.ts|cli\/(main\.ts|.*\.mjs)|cli\/dev\/(start|test|check|tools|pack-renderer|schemas|manifest|sbom)\.ts|agent\/(main|build|image\/build)\.ts|infra\/)/;
    const production = new Map(sources);
    const reached = new Set<string>();
    const visit = (file: string): void => {
      const content = production.get(file);
      if (content === undefined || reached.has(file)) return;
      reached.add(file);
      for (const target of importsOf(file, content)) visit(target);
    };
    for (const [file] of sources) if (entry.test(file)) visit(file);
    expect(sources.map(([file]) => file).filter((file) => !reached.has(file))).toEqual([]);
  });
});

describe("files", () => {
  it("open with a comment that says what they promise", () => {
    expect(
      sources
        .filter(
          ([, content]) =>
            !content.replace(/^#!.*\n/, "").startsWith("/**") && !content.startsWith("/// <reference"),
        )
        .map(([file]) => file),
    ).toEqual([]);
  });

  it("hold no TODO without an issue, and no address of a registry", () => {
    const self = "test/tidy.test.ts";
    const wrong = [...text]
      .filter(([file]) => file !== self)
      .flatMap(([file, content]) => [
        ...[...content.matchAll(/\b(TODO|FIXME)\b(?! ?\(#\d+\))/g)].map(() => `${file}: TODO`),
        ...(/registry\.npmjs\.org|proxy\.golang\.org|pypi\.org|repo1?\.maven/.test(content)
          ? [`${file}: registry`]
          : []),
      ]);
    expect(wrong).toEqual([]);
  });

  it("leave the table's keys to functions/store/table.ts", () => {
    const may =
      /^(functions\/store\/(table|db|resource)\.ts|functions\/stream\/change\.ts|infra\/table\.ts)$/;
    const wrong = sources
      .filter(([file, content]) => !may.test(file) && /\b(pk|sk):/.test(content))
      .map(([file]) => file);
    expect(wrong).toEqual([]);
  });

  it("stand in the top level that was agreed", () => {
    const known = new Set([
      ".ci",
      ".git",
      ".github",
      ".gitignore",
      ".npmrc",
      ".oxfmtrc.json",
      ".oxlintrc.json",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "agent",
      "cli",
      "core",
      "docs",
      "functions",
      "infra",
      "package-lock.json",
      "package.json",
      "sst.config.ts",
      "test",
      "tsconfig.json",
    ]);
    const top = new Set(files.map((file) => file.split("/")[0] ?? ""));
    expect([...top].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("docs", () => {
  it("explain every error code", () => {
    const page = text.get("docs/errors.md") ?? "";
    expect(PROBLEM_CODES.filter((code) => !page.includes(`## ${code}\n`))).toEqual([]);
  });
});

describe("infra", () => {
  const infra = [...text].filter(([file]) => file.startsWith("infra/") || file === "sst.config.ts");

  it("names handlers that exist and export `handler`", () => {
    const named = infra.flatMap(([, content]) =>
      [...content.matchAll(/"(functions\/[a-z/-]+)\.handler"/g)].map((match) => `${match[1]}.ts`),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(
      named.filter((file) => !/export (const|async function) handler/.test(text.get(file) ?? "")),
    ).toEqual([]);
    const handlers = readdirSync(join(root, "functions/events")).map((file) => `functions/events/${file}`);
    expect(handlers.filter((file) => !named.includes(file))).toEqual([]);
  });

  it("subscribes to events that the hub really publishes", () => {
    const types = new Set(hubEventSchema.options.map((option) => option.shape.type.value as string));
    const named = infra.flatMap(([, content]) =>
      [...content.matchAll(/"((?:source|app|cluster|release|rollout|drift|audit)\.[a-z]+)"/g)].map(
        (match) => match[1] ?? "",
      ),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((type) => !types.has(type))).toEqual([]);
  });
});
