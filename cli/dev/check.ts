/** `npm run check` on a fresh checkout: types, lint, format, unused code, one after the other; the first fault ends it. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { status } = spawnSync("npm", ["run", "--silent", "check"], { cwd: root, stdio: "inherit" });
process.exitCode = status ?? 1;
