/**
 * What a release is made of: every part is pinned and checked by a digest, stands in the bill of materials, and has a licence
 * that was agreed to.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layerOf } from "../../../agent/image/layer.ts";
import { writeLayout } from "../../../agent/image/layout.ts";
import { billOfMaterials, type Bill } from "../../../cli/dev/sbom/bill.ts";
import { licenseOf } from "../../../cli/dev/sbom/component.ts";
import { licenseFault, licenseOfText } from "../../../cli/dev/sbom/licenses.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(root, file), "utf8"));
interface Locked {
  version: string;
  dev?: boolean;
  integrity?: string;
  resolved?: string;
}

let folder: string;
let bill: Bill;
let locked: [name: string, package_: Locked][];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-sbom-"));
  const labels = {
    "org.opencontainers.image.title": "fairlead-agent",
    "org.opencontainers.image.version": "1.2.3",
    "dev.fairlead.node": "24.1.0",
    "dev.fairlead.debian": "libc6 2.36-9+deb12u14, libstdc++6 12.2.0-14",
  };
  const layers = [await layerOf([{ path: "app/agent.mjs", content: new Uint8Array(1) }])];
  await writeLayout(folder, [{ arch: "arm64", layers, entrypoint: ["/usr/bin/node"], env: [], labels }]);
  bill = await billOfMaterials(folder);
  const { packages } = (await read("package-lock.json")) as { packages: Record<string, Locked> };
  locked = Object.entries(packages).filter(([path]) => path !== "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the packages", () => {
  it("are asked for by exact version, so that an install is a decision of a commit", async () => {
    const { dependencies, devDependencies, optionalDependencies } = (await read("package.json")) as Record<
      string,
      Record<string, string>
    >;
    const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it("have a digest each in the lock file, which names no place that they must come from", () => {
    expect(locked.length).toBeGreaterThan(300);
    const wrong = locked.filter(([, { integrity, resolved }]) => {
      return integrity?.startsWith("sha512-") !== true || resolved !== undefined;
    });
    expect(wrong.map(([path]) => path)).toEqual([]);
  });
});

describe("the bill of materials", () => {
  it("holds each locked package that runs, and none that only development needs", () => {
    const wanted = locked
      .filter(([, { dev }]) => dev !== true)
      .map(([path, { version }]) => `${path.split("node_modules/").at(-1)}@${version}`);
    const held = bill.components
      .filter(({ purl }) => purl?.startsWith("pkg:npm/"))
      .map(({ name, version }) => `${name}@${version}`);
    expect([...new Set(held)].sort()).toEqual([...new Set(wanted)].sort());
  });

  it("holds what the engines link, with Go's own library, and nothing of ours as a stranger's", () => {
    const modules = bill.components.filter(({ purl }) => purl?.startsWith("pkg:golang/"));
    const names = modules.map(({ name }) => name);
    for (const name of [
      "std",
      "helm.sh/helm/v3",
      "sigs.k8s.io/kustomize/api",
      "github.com/open-policy-agent/opa",
    ])
      expect(names).toContain(name);
    expect(names.filter((name) => name.startsWith("fairlead"))).toEqual([]);
    expect(modules.filter(({ version }) => version === "")).toEqual([]);
  });

  it("holds what the image's labels name, as scanners look it up", () => {
    const purls = bill.components.map(({ purl }) => purl);
    expect(purls).toContain("pkg:generic/node@24.1.0");
    expect(purls).toContain("pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=arm64");
    expect(purls).toContain("pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=arm64");
  });

  it("names each part once, and depends on nothing that is not in it", () => {
    const refs = [bill.metadata.component, ...bill.components].map((part) => part["bom-ref"]);
    expect(new Set(refs).size).toBe(refs.length);
    const used = bill.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
    expect(used.filter((ref) => !refs.includes(ref))).toEqual([]);
    const wanted = new Set(bill.dependencies.flatMap(({ dependsOn }) => dependsOn));
    expect(bill.components.map((part) => part["bom-ref"]).filter((ref) => !wanted.has(ref))).toEqual([]);
  });
});

describe("licences", () => {
  it("of all parts are on the list, or an exception by name", () => {
    expect(bill.components.flatMap((part) => licenseFault(part.name, licenseOf(part)) ?? [])).toEqual([]);
  });

  it("of a stranger are refused by name: another licence, none, or one half of an AND", () => {
    expect(licenseFault("left", "AGPL-3.0-only")).toMatch(/^left is under AGPL-3\.0-only, which is not/);
    expect(licenseFault("left", "")).toMatch(/^left names no licence/);
    expect(licenseFault("left", "MIT AND SSPL-1.0")).toMatch(/SSPL/);
    expect(licenseFault("left", "LGPL-3.0")).toMatch(/LGPL/);
    expect(licenseFault("openpgp", "AGPL-3.0-only")).toMatch(/AGPL/);
    expect(licenseFault("left", "(MIT OR GPL-3.0-only)")).toBeUndefined();
  });

  it("are told by their text; what is not known is no licence", () => {
    expect(licenseOfText("Permission is hereby granted, free\nof charge, to any person")).toBe("MIT");
    expect(licenseOfText("                GNU GENERAL PUBLIC LICENSE\n  Version 3")).toBe("GPL");
    expect(licenseOfText("All rights reserved.")).toBe("");
  });
});
