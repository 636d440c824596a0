/** The flags of `npm start`, parsed once; an unknown one is told with all that there are. */
import { parseArgs } from "node:util";

export interface StartFlags {
  /** Starts a real Kubernetes API server, building it first where it is not built. */
  real: boolean;
  /** A context of the person's own kubeconfig, attached only because it was named. */
  kubeContext: string | undefined;
  port: number;
  gitPort: number;
  /** How many simulated clusters. */
  clusters: number;
  newEpoch: boolean;
  dataDir: string;
}

export const USAGE = `npm start -- [--real] [--kube-context NAME] [--clusters 0..200] [--port 4170] [--git-port 4171] [--data .fairlead] [--new-epoch]`;

const OPTIONS = {
  real: { type: "boolean", default: false },
  "kube-context": { type: "string" },
  port: { type: "string", default: "4170" },
  "git-port": { type: "string", default: "4171" },
  clusters: { type: "string", default: "6" },
  "new-epoch": { type: "boolean", default: false },
  data: { type: "string", default: ".fairlead" },
} as const;

export function parseStartFlags(argv: readonly string[]): StartFlags {
  const values = read(argv);
  return {
    real: values.real,
    kubeContext: values["kube-context"],
    port: whole("--port", values.port, 0, 65_535),
    gitPort: whole("--git-port", values["git-port"], 0, 65_535),
    clusters: whole("--clusters", values.clusters, 0, 200),
    newEpoch: values["new-epoch"],
    dataDir: values.data,
  };
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    const what = error instanceof Error ? error.message.split(". ")[0] : String(error);
    throw new Error(`${what}\n${USAGE}`, { cause: error });
  }
}

function whole(flag: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (text !== "" && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${flag} takes a whole number from ${min} to ${max}, not "${text}"\n${USAGE}`);
}
