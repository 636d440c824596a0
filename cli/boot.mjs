/**
 * The first step of `npm start` and `npm test` on a fresh checkout: runs on any Node from 20 with nothing installed,
 * names what is missing and how to get it, installs the locked packages once, and goes on under the project's own
 * Node 24, which runs TypeScript as it is.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, projectNode, runInPlace } from "./project-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = join(root, "node_modules", ".fairlead-lock");
const targets = { start: "cli/dev/start.ts", test: "cli/dev/test.ts", check: "cli/dev/check.ts" };
/** What does not build or run programs of Go does not ask for it. */
const needsGo = new Set(["start", "test"]);
const NODE_MAJOR_MIN = 20;
const GO_MINOR_MIN = 26;
const TELL_EVERY_MS = 10_000;

const [target = "", ...args] = process.argv.slice(2);
const program = targets[target];
if (program === undefined) fail(`no such step: "${target}"; known are ${Object.keys(targets).join(", ")}`);
requirePrograms();
await install();
const node = projectNode(root);
if (node === undefined)
  fail(
    `no Node 24 is packaged for ${process.platform}-${process.arch}: run this with Node 24 or newer (https://nodejs.org)`,
  );
runInPlace(node, [join(root, program), ...args], { cwd: root, env: environment() });

function requirePrograms() {
  const missing = [];
  const { node } = process.versions;
  if (Number(node.split(".")[0]) < NODE_MAJOR_MIN)
    missing.push(`Node ${NODE_MAJOR_MIN} or newer, found ${node}: https://nodejs.org`);
  if (versionOf("npm") === undefined)
    missing.push("npm: it comes with Node from https://nodejs.org (Debian: apt-get install npm)");
  if (versionOf("git") === undefined) missing.push("git: https://git-scm.com (Debian: apt-get install git)");
  const go = needsGo.has(target) ? goMissing() : undefined;
  if (go !== undefined) missing.push(go);
  if (missing.length > 0)
    fail(`npm ${target} needs what this machine does not have:\n  - ${missing.join("\n  - ")}`);
}

function goMissing() {
  const wanted = `Go 1.${GO_MINOR_MIN} or newer (it builds the render engine and, for tests, Kubernetes)`;
  const found = versionOf("go", "version");
  if (found === undefined) return `${wanted}: https://go.dev/doc/install`;
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(found) ?? [];
  const isOld =
    major !== undefined && (Number(major) < 1 || (Number(major) === 1 && Number(minor) < GO_MINOR_MIN));
  return isOld ? `${wanted}, found ${major}.${minor}: https://go.dev/doc/install` : undefined;
}

/** What the program says of itself; undefined where it is not on the PATH or does not run. */
function versionOf(command, argument = "--version") {
  const { status, stdout } = spawnSync(command, [argument], { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/**
 * Once for each state of the lock file; nothing is asked of any registry when it is there already. Not `npm ci`: it
 * insists on optional packages for foreign platforms, which not every registry mirror holds; the lock binds all the same.
 */
async function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const since = Date.now();
  const seconds = () => Math.round((Date.now() - since) / 1000);
  process.stderr.write("installing packages (once, about half a minute) …\n");
  const telling = setInterval(
    () => process.stderr.write(`installing packages … ${seconds()} s\n`),
    TELL_EVERY_MS,
  );
  const npm = spawn("npm", ["install", "--no-save", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  const code = await new Promise((resolve) => npm.once("exit", resolve).once("error", () => resolve(1)));
  clearInterval(telling);
  if (code !== 0) fail("npm install failed; its last lines above say why. Try again when that is mended");
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(`packages installed in ${seconds()} s\n`);
}

/** Programs that are started from here find the same Node and the project's tools first. */
function environment() {
  return { ...process.env, PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter) };
}
