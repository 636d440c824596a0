/**
 * `gpg` and `ssh-keygen` for tests of signatures: the machine's own where they are, else Debian's packages, taken apart into the cache
 * without touching the system. Nothing needs to be root, and no agent of a person is spoken to.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { BuildSpec, BuildStep } from "./build.ts";

/** Each stands in `bin/` of the tool's folder. */
const programs = ["gpg", "gpg-agent", "gpg-connect-agent", "ssh-keygen"];
const packages = ["gpg", "gpg-agent", "gpgconf", "openssh-client"];

/** `status` names the list of installed packages; what is in it is not downloaded again. */
export function signingTools(path = process.env["PATH"] ?? "", status = "/var/lib/dpkg/status"): BuildSpec {
  const own = programs.map((name) => onPath(name, path));
  const found = own.filter((file) => file !== undefined);
  const isComplete = found.length === programs.length;
  return {
    name: "signing-tools",
    about: "gpg and ssh-keygen (once, some seconds)",
    outputs: programs.map((name) => `bin/${name}`),
    stamp: isComplete ? found : ["Debian", status, process.arch, ...packages],
    sources: [],
    steps: (out) =>
      Promise.resolve(
        isComplete ? [shell(out, `mkdir bin && ln -s ${found.join(" ")} bin/`)] : unpack(out, status),
      ),
  };
}

function onPath(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/** With lists and archives of its own, so that apt needs no right and changes nothing. */
function unpack(out: string, status: string): BuildStep[] {
  const apt = [
    "apt-get -y -o Debug::NoLocking=1 -o APT::Sandbox::User= --no-install-recommends",
    `-o Dir::State="$PWD/apt" -o Dir::State::status=${status} -o Dir::Cache="$PWD/apt"`,
  ].join(" ");
  const missing = `needs ${programs.join(", ")} on the PATH: install ${packages.join(", ")} (this machine has no apt-get to do it)`;
  return [
    shell(out, `command -v apt-get dpkg >/dev/null || { echo ${JSON.stringify(missing)} >&2; exit 1; }`),
    shell(out, `mkdir -p apt/lists/partial apt/archives/partial && ${apt} update`),
    shell(out, `${apt} --download-only install ${packages.join(" ")}`),
    shell(out, `for deb in apt/archives/*.deb; do dpkg -x "$deb" . || exit 1; done; rm -rf apt; mkdir bin`),
    ...programs.map((name) => shell(out, wrapper(name))),
  ];
}

/** Debian's programs look for each other and for their libraries in fixed places; these look beside themselves. */
function wrapper(name: string): string {
  const agent =
    name === "gpg" || name === "gpg-connect-agent" ? ` --agent-program "$here/bin/gpg-agent"` : "";
  const lines = [
    "#!/bin/sh",
    `here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)`,
    `for libs in "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu; do LD_LIBRARY_PATH="$libs:$LD_LIBRARY_PATH"; done`,
    "export LD_LIBRARY_PATH",
    `exec "$here/usr/bin/${name}"${agent} "$@"`,
  ];
  return `cat > bin/${name} <<'END' && chmod +x bin/${name}\n${lines.join("\n")}\nEND\n`;
}

function shell(cwd: string, script: string): BuildStep {
  return { command: "sh", args: ["-c", script], cwd };
}
