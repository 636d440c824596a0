import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { folder } from "./support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

interface Options {
  args?: readonly string[];
  path?: string;
  /** Called with each piece of standard output, and the way to send a signal. */
  onOut?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

function node(file: string, { args = [], path, onOut }: Options = {}): Promise<Ended> {
  const env = { ...process.env, ...(path === undefined ? {} : { PATH: path }) };
  const child = spawn(process.execPath, [file, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    onOut?.(out, (signal) => void child.kill(signal));
  });
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve, reject) =>
    child.once("error", reject).once("close", (code) => resolve({ code, out, err })),
  );
}

/** A checkout with nothing to install, whose `check` step is `program`. */
async function checkout(program: string): Promise<string> {
  const at = await folder();
  await mkdir(join(at, "cli", "dev"), { recursive: true });
  for (const file of ["boot.mjs", "project-node.mjs"])
    await copyFile(join(root, "cli", file), join(at, "cli", file));
  await writeFile(
    join(at, "package.json"),
    JSON.stringify({ name: "empty", version: "1.0.0", type: "module" }),
  );
  const lock = {
    name: "empty",
    version: "1.0.0",
    lockfileVersion: 3,
    requires: true,
    packages: { "": { name: "empty", version: "1.0.0" } },
  };
  await writeFile(join(at, "package-lock.json"), JSON.stringify(lock));
  await writeFile(join(at, "cli", "dev", "check.ts"), program);
  return at;
}

describe("cli/boot.mjs", () => {
  it("installs once for each state of the lock, then runs the step under Node 24 with its arguments and exit code", async () => {
    const program = `const [, , ...args]: string[] = process.argv;\nconsole.log(process.versions.node.split(".")[0], ...args);\nprocess.exitCode = 7;\n`;
    const at = await checkout(program);
    const boot = () => node(join(at, "cli", "boot.mjs"), { args: ["check", "--a", "b c"] });
    const first = await boot();
    expect(first).toMatchObject({ code: 7, err: expect.stringContaining("installing packages (once") });
    expect(Number(first.out.split(" ")[0])).toBeGreaterThanOrEqual(24);
    expect(first.out).toContain("--a b c");
    expect((await boot()).err).toBe("");
    await writeFile(
      join(at, "package-lock.json"),
      `${await readFile(join(at, "package-lock.json"), "utf8")}\n`,
    );
    expect((await boot()).err).toContain("installing packages");
  });

  it("names everything that is missing at once, with how to get it, before anything is installed", async () => {
    const at = await checkout("");
    const bin = await folder();
    await symlink(process.execPath, join(bin, "node"));
    const ended = await node(join(at, "cli", "boot.mjs"), { args: ["test"], path: bin });
    expect([ended.code, ended.out]).toEqual([1, ""]);
    for (const words of [
      "npm: it comes with Node",
      "git: https://git-scm.com",
      "Go 1.26 or newer",
      "https://go.dev/doc/install",
    ])
      expect(ended.err).toContain(words);
    expect(ended.err).not.toContain("installing");
  });

  it("names a Go that is too old", async () => {
    const at = await checkout("");
    const bin = await folder();
    await writeFile(join(bin, "go"), "#!/bin/sh\necho go version go1.19.8 linux/amd64\n");
    await chmod(join(bin, "go"), 0o755);
    const ended = await node(join(at, "cli", "boot.mjs"), {
      args: ["start"],
      path: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter),
    });
    expect([ended.code, ended.err]).toEqual([1, expect.stringContaining("found 1.19")]);
  });

  it("knows its steps", async () => {
    const ended = await node(join(root, "cli", "boot.mjs"), { args: ["dance"] });
    expect([ended.code, ended.err]).toEqual([
      1,
      'fairlead: no such step: "dance"; known are start, test, check\n',
    ]);
  });

  // What would break: Ctrl-C in a script would leave the hub and its clusters running.
  it("passes a signal on and waits for the step to tidy up", async () => {
    const program = `process.on("SIGTERM", () => setTimeout(() => { console.log("tidied"); process.exit(3); }, 50));\nsetInterval(() => undefined, 1000);\nconsole.log("up");\n`;
    const at = await checkout(program);
    let sent = false;
    const onOut: Options["onOut"] = (text, kill) => {
      if (sent || !text.includes("up")) return;
      sent = true;
      kill("SIGTERM");
    };
    expect(await node(join(at, "cli", "boot.mjs"), { args: ["check"], onOut })).toMatchObject({
      code: 3,
      out: "up\ntidied\n",
    });
  });
});

describe("cli/fairlead.mjs", () => {
  const launcher = join(root, "cli", "fairlead.mjs");

  it("runs the CLI and passes its exit code on", async () => {
    expect(await node(launcher, { args: ["version"] })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^fairlead \d/),
      err: "",
    });
    expect(await node(launcher, { args: ["gett"] })).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining('no command "gett"'),
    });
  });

  it("hands `agent` its own flags", async () => {
    const ended = await node(launcher, { args: ["agent", "--help"] });
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("--kubeconfig FILE"), err: "" });
    expect((await node(launcher, { args: ["agent", "--nonsense"] })).code).toBe(1);
  });
});
