#!/usr/bin/env node
/** Starts the CLI under the project's own Node 24, from whatever Node (20 or newer) the person has. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, projectNode, runInPlace } from "./project-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = projectNode(root);
if (node === undefined)
  fail(
    `Node ${process.versions.node} is too old and no Node 24 is installed here: run \`npm start\` once, or use Node 24 or newer`,
  );
runInPlace(node, [join(root, "cli", "main.ts"), ...process.argv.slice(2)]);
