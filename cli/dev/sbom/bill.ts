/**
 * The bill of materials of a release, as CycloneDX: npm's own list of the locked runtime packages, joined with what npm cannot
 * know: the Go modules in the engines, and Node and Debian's libraries in the agent's image.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import { componentSchema, type Component, type Group } from "./component.ts";
import { goModules } from "./go-modules.ts";
import { imageParts } from "./image-parts.ts";

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const NAME = "fairlead";

const billSchema = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.literal("1.5"),
  metadata: z.looseObject({ component: componentSchema }),
  components: z.array(componentSchema),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
});
export type Bill = z.infer<typeof billSchema>;

/** `image` is the OCI layout to describe; where there is none, the bill is of the hub and the agent's code alone. */
export async function billOfMaterials(image: string = join(ROOT, "dist/image")): Promise<Bill> {
  const bill = await npmBill();
  const { version } = bill.metadata.component;
  const groups = [
    await goModules(join(ROOT, "functions/render/engine"), "engine.wasm", version),
    await goModules(join(ROOT, "functions/policy/rego"), "rego.wasm", version),
    ...(await imageParts(image)),
  ];
  return joined(bill, groups);
}

/**
 * From the lock file: what happens to be installed on this machine has no say. npm names the root by its folder; and asked to omit
 * what only development needs, npm 11 also omits what development needs besides (zod, jose): its own mark is right.
 */
async function npmBill(): Promise<Bill> {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
  const { stdout } = await run("npm", [...args, "--loglevel=error"], {
    cwd: ROOT,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  const bill = withoutDevelopment(billSchema.parse(JSON.parse(stdout)));
  const component = { ...bill.metadata.component, name: NAME, type: "application" };
  return { ...bill, metadata: { ...bill.metadata, component } };
}

function withoutDevelopment(bill: Bill): Bill {
  const components = bill.components.filter(
    ({ properties }) => properties?.some(({ name }) => name === "cdx:npm:package:development") !== true,
  );
  const kept = new Set([bill.metadata.component, ...components].map((part) => part["bom-ref"]));
  const dependencies = bill.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }));
  return { ...bill, components, dependencies };
}

/** Two engines or architectures may hold the same part: it is one component, which both depend on. */
function joined(bill: Bill, groups: readonly Group[]): Bill {
  const found = new Map<string, Component>();
  for (const { parent, parts } of groups)
    for (const part of [parent, ...parts]) found.set(part["bom-ref"], part);
  const root = bill.metadata.component["bom-ref"];
  const tops = groups.map(({ parent }) => parent["bom-ref"]);
  const dependencies = bill.dependencies.map((one) =>
    one.ref === root ? { ...one, dependsOn: [...one.dependsOn, ...tops] } : one,
  );
  const more = groups.map(({ parent, parts }) => ({
    ref: parent["bom-ref"],
    dependsOn: parts.map((part) => part["bom-ref"]),
  }));
  return {
    ...bill,
    components: [...bill.components, ...found.values()],
    dependencies: [...dependencies, ...more],
  };
}
