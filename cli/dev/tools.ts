/**
 * The one list of tools that are built from source on first use, and the way to get one.
 *
 * They land outside the tree, in `$FAIRLEAD_CACHE` or `~/.cache/fairlead`, one folder per tool and key, so that
 * every checkout and every process shares them. Nothing is ever downloaded but Go modules, through the Go tool, and packages
 * of Debian, through apt, where the machine lacks them.
 * `node cli/dev/tools.ts [name…]` builds the named ones, or all.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, cacheFolder, keyOf, type BuildIo, type BuildSpec, type BuildStep } from "./build.ts";
import { goVersion } from "./go.ts";
import { signingTools } from "./signing-tools.ts";

export type ToolName =
  | "kubernetes"
  | "leash"
  | "render-engine"
  | "helm"
  | "kustomize"
  | "sops"
  | "age-keygen"
  | "registry"
  | "crane"
  | "pulumi"
  | "signing-tools";
const toolNames: readonly ToolName[] = [
  "leash",
  "kubernetes",
  "render-engine",
  "helm",
  "kustomize",
  "sops",
  "age-keygen",
  "registry",
  "crane",
  "pulumi",
  "signing-tools",
];

const versions = {
  kubernetes: "1.34.4",
  kwok: "0.7.0",
  helm: "3.20.2",
  kustomize: "5.8.1",
  sops: "3.11.0",
  age: "1.2.1",
  registry: "0.22.1",
  /** The newest near SST's own (3.215.0) whose sources the checksum database knows. */
  pulumi: "3.213.0",
};
/** The programs of the tool `kubernetes`, each a file in its folder. */
export const kubernetesPrograms = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "kwok",
] as const;

const root = fileURLToPath(new URL("../..", import.meta.url));
const kubernetesFolder = join(root, "test/support/kubernetes");
const leashFolder = join(kubernetesFolder, "leash");
const engineFolder = join(root, "functions/render/engine");
const regoFolder = join(root, "functions/policy/rego");
const platform = `${process.platform}/${process.arch}`;
/** No C compiler is asked for, and no stamp of the surrounding checkout reaches the binary. */
const goEnv = { CGO_ENABLED: "0" };

/** The folder of a tool's built files; the first call on a machine builds it, later ones return at once. */
export async function ensureTool(name: ToolName, io: BuildIo = stderrIo()): Promise<string> {
  return build(await tools[name](), cacheFolder(), io);
}

/** Whether a call of `ensureTool` would return at once. */
export async function isBuilt(name: ToolName): Promise<boolean> {
  return existsSync(join(cacheFolder(), name, await keyOf(await tools[name]())));
}

const tools: Record<ToolName, () => Promise<BuildSpec>> = {
  kubernetes: async () => ({
    name: "kubernetes",
    about: `etcd, Kubernetes ${versions.kubernetes} and KWOK ${versions.kwok} (once, about 5 minutes on 2 cores)`,
    outputs: kubernetesPrograms,
    stamp: [platform, versions.kubernetes, versions.kwok],
    sources: ["cmd", "go.mod", "go.sum"].map((part) => join(kubernetesFolder, part)),
    steps: kubernetesSteps,
  }),
  helm: async () => yardstick("helm", `helm.sh/helm/v3/cmd/helm@v${versions.helm}`),
  sops: async () => yardstick("sops", `github.com/getsops/sops/v3/cmd/sops@v${versions.sops}`),
  "age-keygen": async () => yardstick("age-keygen", `filippo.io/age/cmd/age-keygen@v${versions.age}`),
  registry: async () =>
    yardstick("registry", `github.com/google/go-containerregistry/cmd/registry@v${versions.registry}`),
  crane: async () =>
    yardstick("crane", `github.com/google/go-containerregistry/cmd/crane@v${versions.registry}`),
  pulumi: async () => ({
    name: "pulumi",
    about: `Pulumi ${versions.pulumi}, the engine below SST (once, about 4 minutes on 2 cores)`,
    outputs: ["pulumi"],
    stamp: [platform, versions.pulumi, await goVersion(engineFolder, "pulumi")],
    sources: [],
    steps: async (out) => pulumiSteps(out),
  }),
  kustomize: async () => yardstick("kustomize", `sigs.k8s.io/kustomize/kustomize/v5@v${versions.kustomize}`),
  leash: async () => ({
    name: "leash",
    about: "the program that ends test servers with their starter (a second)",
    outputs: ["leash"],
    stamp: [platform],
    sources: [leashFolder],
    steps: async (out) => {
      await goVersion(leashFolder, "leash");
      return [goBuild(leashFolder, ["-o", out, "."])];
    },
  }),
  "render-engine": async () => ({
    name: "render-engine",
    about: "Kustomize, Helm and Open Policy Agent as WebAssembly modules (once, about two minutes)",
    outputs: ["engine.wasm", "rego.wasm"],
    stamp: [await goVersion(engineFolder, "render-engine")],
    sources: [engineFolder, regoFolder],
    steps: async (out) => [
      wasmBuild(engineFolder, join(out, "engine.wasm")),
      wasmBuild(regoFolder, join(out, "rego.wasm")),
    ],
  }),
  "signing-tools": () => Promise.resolve(signingTools()),
};

/** A reactor: a program without a main, that a host calls again and again. */
function wasmBuild(folder: string, file: string): BuildStep {
  const args = ["-buildmode=c-shared", "-ldflags", "-s -w", "-o", file, "."];
  return goBuild(folder, args, { GOOS: "wasip1", GOARCH: "wasm" });
}

/** A program that ours is held against, or speaks to, in tests and benches. Helm and Kustomize have the version of the library in the engine. */
async function yardstick(name: string, module: string): Promise<BuildSpec> {
  const args = ["install", "-ldflags", "-s -w", module];
  await goVersion(engineFolder, name);
  return {
    name,
    about: `the ${name} program (once, about a minute)`,
    outputs: [name],
    stamp: [platform, module],
    sources: [],
    steps: async (out) => [{ command: "go", args, cwd: out, env: { ...goEnv, GOBIN: out } }],
  };
}

/** In a module of its own: `go install` refuses a module that replaces parts of itself. */
function pulumiSteps(out: string): BuildStep[] {
  const program = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
  const go = (...args: string[]): BuildStep => ({ command: "go", args, cwd: out, env: goEnv });
  return [
    go("mod", "init", "fairlead.dev/pulumi"),
    go("get", "-tool", `${program}@v${versions.pulumi}`),
    goBuild(out, ["-ldflags", "-s -w", "-o", join(out, "pulumi"), program]),
  ];
}

async function kubernetesSteps(out: string): Promise<BuildStep[]> {
  await goVersion(kubernetesFolder, "kubernetes");
  const [major, minor] = versions.kubernetes.split(".");
  const stamp = { gitVersion: `v${versions.kubernetes}`, gitMajor: major, gitMinor: minor };
  const stamps = Object.entries(stamp).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  );
  const kwok = `sigs.k8s.io/kwok/cmd/kwok@v${versions.kwok}`;
  return [
    goBuild(kubernetesFolder, ["-ldflags", ["-s", "-w", ...stamps].join(" "), "-o", out, "./cmd/..."]),
    {
      command: "go",
      args: ["install", "-ldflags", "-s -w", kwok],
      cwd: kubernetesFolder,
      env: { ...goEnv, GOBIN: out },
    },
  ];
}

function goBuild(cwd: string, args: string[], env: Record<string, string> = {}): BuildStep {
  return { command: "go", args: ["build", "-buildvcs=false", ...args], cwd, env: { ...goEnv, ...env } };
}

/** Progress on standard error: a line that renews itself on a terminal, whole lines elsewhere. */
function stderrIo(): BuildIo {
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  if (!process.stderr.isTTY) return { log };
  return {
    log: (line) => log(`\r\u001B[K${line}`),
    status: (line) => void process.stderr.write(`\r\u001B[K${line}`),
  };
}

async function main(names: string[]): Promise<void> {
  const unknown = names.filter((name) => !toolNames.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`no tool ${unknown.join(", ")}: take ${toolNames.join(", ")}`);
  for (const name of toolNames.filter((known) => names.length === 0 || names.includes(known))) {
    process.stdout.write(`${name} ${await ensureTool(name)}\n`);
  }
}

if (import.meta.main) await main(process.argv.slice(2));
