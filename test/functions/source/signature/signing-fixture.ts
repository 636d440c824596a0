/**
 * Real keys and real signatures: `gpg` in a home of its own with an agent that ends with it, `ssh-keygen`, and Git told to sign with
 * them. Nothing of the machine's own keys or configuration is touched.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isolatedGitEnvironment } from "../../../../cli/dev/git-environment.ts";
import { ensureTool } from "../../../../cli/dev/tools.ts";
import type { RawObject } from "../../../../functions/source/signature/payload.ts";
import { AUTHOR } from "../git-fixture.ts";

const run = promisify(execFile);

export interface GpgKey {
  readonly kind: "gpg";
  readonly fingerprint: string;
  /** The public half as it stands now. */
  armored(...options: string[]): Promise<string>;
}

export interface SshKey {
  readonly kind: "ssh";
  /** Of the private half; the public one is beside it. */
  readonly file: string;
  readonly line: string;
}

export interface Signing {
  readonly folder: string;
  /** `at` is a date as gpg takes it, `20200101T000000`. */
  gpgKey(algorithm: string, options?: { expire?: string; at?: string }): Promise<GpgKey>;
  sshKey(type: string, bits?: number): Promise<SshKey>;
  gpg(argv: string[], input?: string): Promise<string>;
  sshKeygen(argv: string[], input?: string | Buffer): Promise<string>;
  /** Runs Git in a repository, signing with that key. */
  git(cwd: string, key: GpgKey | SshKey | undefined, ...argv: string[]): Promise<string>;
  /** A repository with a work tree. */
  repository(): Promise<string>;
  close(): Promise<void>;
}

export async function signing(): Promise<Signing> {
  const bin = join(await ensureTool("signing-tools"), "bin");
  // Short, because the agent's socket stands in it.
  const folder = await mkdtemp(join(tmpdir(), "fl-sign-"));
  const home = join(folder, "gpg");
  await run("mkdir", ["-m", "700", home]);
  const env = { ...isolatedGitEnvironment(), GNUPGHOME: home, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
  const tool =
    (name: string) =>
    async (argv: string[], input: string | Buffer = ""): Promise<string> => {
      const child = run(join(bin, name), argv, { env, cwd: folder });
      // One that ends before it has read everything tells more by its exit.
      child.child.stdin?.on("error", () => undefined).end(input);
      return (await child).stdout;
    };
  const gpgRun = tool("gpg");
  const gpg = (argv: string[], input?: string) =>
    gpgRun(["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", ...argv], input);
  const sshKeygen = tool("ssh-keygen");
  let count = 0;

  const git: Signing["git"] = async (cwd, key, ...argv) => {
    const as = ["-c", `user.name=${AUTHOR.name}`, "-c", `user.email=${AUTHOR.email}`];
    const own =
      key === undefined
        ? []
        : key.kind === "gpg"
          ? ["-c", `user.signingkey=${key.fingerprint}!`, "-c", `gpg.program=${join(bin, "gpg")}`]
          : [
              "-c",
              "gpg.format=ssh",
              "-c",
              `user.signingkey=${key.file}`,
              "-c",
              `gpg.ssh.program=${join(bin, "ssh-keygen")}`,
            ];
    return (await run("git", [...as, ...own, ...argv], { cwd, env })).stdout.trimEnd();
  };

  return {
    folder,
    gpg,
    sshKeygen,
    git,
    async gpgKey(algorithm, { expire = "never", at } = {}) {
      const name = `Signer ${(count += 1)} <signer-${count}@example.com>`;
      const time = at === undefined ? [] : ["--faked-system-time", at];
      await gpg([...time, "--quick-gen-key", name, algorithm, "sign", expire]);
      const listed = await gpg(["--with-colons", "--list-keys", `signer-${count}@example.com`]);
      const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
      return {
        kind: "gpg",
        fingerprint,
        armored: (...options) => gpg([...options, "--armor", "--export", fingerprint]),
      };
    },
    async sshKey(type, bits) {
      const file = join(folder, `ssh-${(count += 1)}`);
      await sshKeygen([
        "-q",
        "-t",
        type,
        ...(bits === undefined ? [] : ["-b", String(bits)]),
        "-N",
        "",
        "-f",
        file,
      ]);
      return { kind: "ssh", file, line: (await readFile(`${file}.pub`, "utf8")).trim() };
    },
    async repository() {
      const path = join(folder, `repository-${(count += 1)}`);
      await git(folder, undefined, "init", "--quiet", "--template=", "--initial-branch=main", path);
      await writeFile(join(path, "README.md"), "# fleet\n");
      await git(path, undefined, "add", ".");
      return path;
    },
    async close() {
      await tool("gpg-connect-agent")(["--no-autostart", "--homedir", home, "killagent", "/bye"]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The object as Git has stored it. */
export async function rawObject(cwd: string, kind: RawObject["kind"], name: string): Promise<RawObject> {
  const env = isolatedGitEnvironment();
  const oid = (await run("git", ["rev-parse", name], { cwd, env })).stdout.trim();
  const { stdout } = await run("git", ["cat-file", kind, oid], { cwd, env, encoding: "buffer" });
  return { kind, oid, raw: stdout };
}
