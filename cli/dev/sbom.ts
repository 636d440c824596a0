/**
 * `npm run sbom` writes the release's bill of materials into `dist/`; `npm run licenses` prints the licence of each part.
 * Both fail on a part whose licence is not on the list.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { billOfMaterials, type Bill } from "./sbom/bill.ts";
import { licenseOf } from "./sbom/component.ts";
import { licenseFault, licenseNote } from "./sbom/licenses.ts";

const FILE = fileURLToPath(new URL("../../dist/fairlead.cdx.json", import.meta.url));

function listed({ components }: Bill): string[] {
  return components.map((part) => {
    const note = licenseNote(part.name);
    const reason = note === undefined ? "" : ` (${note})`;
    return `${licenseOf(part) || "none"}\t${part.name} ${part.version}${reason}`;
  });
}

async function write(bill: Bill): Promise<void> {
  await mkdir(dirname(FILE), { recursive: true });
  await writeFile(FILE, `${JSON.stringify(bill, undefined, 2)}\n`);
  const hasImage = bill.components.some(({ name }) => name.startsWith("fairlead-agent-"));
  const image = hasImage
    ? "with the agent's image"
    : "without the agent's image: run `npm run build:image` first";
  process.stdout.write(`${FILE}: ${bill.components.length} parts, ${image}\n`);
}

const bill = await billOfMaterials();
if (process.argv.includes("--licenses")) process.stdout.write(`${listed(bill).sort().join("\n")}\n`);
else await write(bill);
const faults = bill.components.flatMap((part) => licenseFault(part.name, licenseOf(part)) ?? []);
for (const fault of faults) process.stderr.write(`${fault}\n`);
if (faults.length > 0) process.exitCode = 1;
