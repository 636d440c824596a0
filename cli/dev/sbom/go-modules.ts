/** The Go modules whose code is in the engines: what the WebAssembly modules link, which is less than their go.mod names. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { componentOf, type Component, type Group } from "./component.ts";
import { licenseOfText } from "./licenses.ts";

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
/** Ours are the main module and what it puts in another one's place by a folder. */
const FORMAT =
  "{{with .Module}}{{if not (or .Main .Replace)}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}";

/** `folder` holds the go.mod; `file` is what it is built into. */
export async function goModules(folder: string, file: string, version: string): Promise<Group> {
  const env = { ...process.env, GOOS: "wasip1", GOARCH: "wasm" };
  const options = { cwd: folder, env, maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout } = await run("go", ["list", "-deps", "-f", FORMAT, "."], options);
  const lines = [...new Set(stdout.split("\n"))].filter((line) => line !== "").sort();
  const go = (await run("go", ["env", "GOVERSION"], options)).stdout.trim().replace(/^go/, "");
  return {
    parent: componentOf("application", file, version, undefined, "Apache-2.0"),
    parts: [
      componentOf("library", "std", go, `pkg:golang/std@${go}`, "BSD-3-Clause"),
      ...(await Promise.all(lines.map(moduleOf))),
    ],
  };
}

async function moduleOf(line: string): Promise<Component> {
  const [path = "", version = "", folder = ""] = line.split("\t");
  const purl = `pkg:golang/${path.toLowerCase()}@${encodeURIComponent(version)}`;
  return componentOf("library", path, version, purl, await licenseIn(folder));
}

/** The first of a module's licence files whose text is known. */
async function licenseIn(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^(?:licen[sc]e|copying)/i.test(name)).sort();
  for (const name of names) {
    const license = licenseOfText(await readFile(join(folder, name), "utf8"));
    if (license !== "") return license;
  }
  return "";
}
