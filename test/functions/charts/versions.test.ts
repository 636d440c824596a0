/** Ranges of versions: the same choice as the real `helm` makes from the same repository. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRange } from "#core/version-range.ts";
import { chooseVersion, newestFirst, readVersion, sameVersion } from "../../../functions/charts/versions.ts";
import { bench, repository, type Bench, type Repository } from "./chart-fixture.ts";

const VERSIONS = [
  "0.0.3",
  "0.0.4",
  "0.2.3",
  "0.2.9",
  "0.3.0",
  "1.0.0-alpha.1",
  "1.0.0-rc.1",
  "1.0.0",
  "1.0.1",
  "1.2.0-beta",
  "1.2.0",
  "1.2.3",
  "1.4.0",
  "1.10.0",
  "2.0.0-rc.2",
  "2.0.0",
  "2.1.0",
  "3.0.0-alpha",
];

const RANGES = [
  "1.2.3",
  "v1.2.3",
  "=1.2.0",
  "1",
  "1.2",
  "1.x",
  "1.2.x",
  "1.2.*",
  "*",
  "x",
  "^1.2",
  "^1.2.0",
  "^1",
  "^0.2.3",
  "^0.2",
  "^0.0.3",
  "^0.0",
  "^0",
  "~1.2",
  "~1.2.0",
  "~1",
  "~>1.0.0",
  "~0.2.3",
  ">1.2",
  ">1",
  ">1.2.3",
  ">=1.2 <2",
  ">= 1.0, < 1.4.0",
  ">=1.0.0,<1.10.0",
  "=> 1.0.0 =< 1.2.3",
  "<=1.2",
  "<=1",
  "<1.2.0",
  "1.0 - 1.4",
  "1.0.0 - 1.2.3",
  "^0.2 || ^1.0",
  "~0.2.3 || 5.x",
  "!=2.1.0",
  "!=2.x",
  ">=1.0.0 !=2.1.0 !=2.0.0",
  "^1.0.0-0",
  ">=1.0.0-0",
  ">=0-0",
  ">0.0.0-0",
  "~2.0.0-0",
  "<1.0.0-rc.2",
  "1.2.0-beta",
  ">=2.0.0-rc.1 <2.0.0",
  "~1.2-0",
];
const NONE = ["^4", "9.9.9", "0.0.5", ">3.0.0", "~5 || ~6", "=1.2.9"];

let tools: Bench;
let charts: Repository;

beforeAll(async () => {
  tools = await bench();
  charts = await repository(tools.helm, tools.folder);
  await charts.add(await tools.chart("shop", "1.0.0"));
  // One archive is enough: `helm show` reads which address is chosen from the index.
  const entries = VERSIONS.map(
    (version) => `  - { name: shop, version: "${version}", apiVersion: v2, urls: ["${version}.tgz"] }`,
  );
  await writeFile(
    join(charts.folder, "index.yaml"),
    `apiVersion: v1\nentries:\n  shop:\n${entries.join("\n")}\n`,
  );
}, 900_000);
afterAll(async () => {
  charts?.close();
  await tools?.close();
});

/** What helm asks for, and does not find: the index names a file for each version, and none is there. */
async function byHelm(range: string): Promise<string | undefined> {
  charts.asked();
  const home = await mkdtemp(join(tmpdir(), "fairlead-pull-"));
  try {
    await tools.helm("pull", "shop", "--repo", charts.origin, "--version", range, "--destination", home);
    throw new Error("pulled what is not there");
  } catch {
    const paths = charts.asked().map(({ path }) => path);
    return paths.map((path) => /^\/(.*)\.tgz$/.exec(path)?.[1]).find((found) => found !== undefined);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

describe("chooseVersion", () => {
  it.each([...RANGES, ...NONE])("chooses what helm chooses: %s", async (range) => {
    const theirs = await byHelm(range);
    if (NONE.includes(range)) expect(theirs).toBeUndefined();
    else expect(theirs).toBeDefined();
    expect(
      chooseVersion(
        range,
        VERSIONS.map((version) => ({ version })),
      )?.version,
    ).toBe(theirs);
  });

  it("takes the text as it stands before all else, and the highest build of equal versions", () => {
    const has = ["1.0.0+b", "1.0.0+a", "1.0.0+c"].map((version) => ({ version }));
    expect(chooseVersion("1.0.0+a", has)?.version).toBe("1.0.0+a");
    expect(chooseVersion("1.0.0", has)?.version).toBe("1.0.0+c");
  });
});

describe("parseRange", () => {
  it("refuses what helm refuses, and what has no end", () => {
    for (const text of ["", "latest", "1.2.3.4", "^", ">= ", "1 ||", "~~1", "1,2,", ">=1<2", "^1.2 foo"])
      expect(parseRange(text), text).toBeUndefined();
    expect(parseRange(Array.from({ length: 30 }, () => "1").join(" || "))).toBeUndefined();
    expect(parseRange(">=1 ".repeat(30))).toBeUndefined();
  });
});

describe("versions", () => {
  it("are read with or without v and with numbers left out; others are passed over", () => {
    expect(readVersion("v1.2")?.version).toBe("1.2.0");
    expect(readVersion("2")?.version).toBe("2.0.0");
    expect(readVersion("latest")).toBeUndefined();
    expect(newestFirst(["1.0.0", "latest", "1.10.0", "1.9"].map((version) => ({ version })))).toEqual(
      ["1.10.0", "1.9", "1.0.0"].map((version) => ({ version })),
    );
    expect(sameVersion("v1.2.0", "1.2")).toBe(true);
    expect(sameVersion("1.2.0+a", "1.2.0+b")).toBe(false);
    expect(sameVersion("one", "one")).toBe(false);
  });
});
