/**
 * Finds the reason, the file, the line and the object in what Kustomize says. Kustomize wraps a reason once per folder
 * that it came through, so the innermost one counts; where its text is not known here, it is passed on whole.
 */
import { failed } from "./result.ts";
import type { RenderError, RenderFailure } from "./result.ts";

/** What is known of the render beside the message: the folder asked for, and a folder's kustomization file. */
export type FailureContext = { folder: string; kustomizationIn: (folder: string) => string | undefined };

/** A failed render from Kustomize's message; `file` when the engine named one itself. */
export function readEngineFailure(
  message: string,
  file: string | undefined,
  context: FailureContext,
): RenderFailure {
  const { folder, rest } = innermost(message, context.folder);
  const reason = readReason(rest, folder);
  const line = /\bline (\d+):/.exec(reason.message)?.[1];
  const object = reason.object ?? readObject(reason.message);
  const place = file ?? reason.file ?? context.kustomizationIn(folder);
  return failed(polish(reason.message), {
    ...(place !== undefined && { file: place }),
    ...(line !== undefined && { line: Number(line) }),
    ...(object !== undefined && { object }),
  });
}

/** The deepest folder that Kustomize was in, and what it said there. */
function innermost(message: string, folder: string): { folder: string; rest: string } {
  const wrapper =
    /(?:recursed (?:accumulation of|merging from) path|couldn't make target for path) '\/([^']*)': /g;
  const deepest = [...message.matchAll(wrapper)].at(-1);
  if (deepest === undefined) return { folder, rest: message };
  return { folder: deepest[1] ?? "", rest: message.slice(deepest.index + deepest[0].length) };
}

type Pattern = { form: RegExp; read: (groups: readonly string[], folder: string) => RenderError };

/** From the most to the least telling form; the first that matches wins. */
const patterns: readonly Pattern[] = [
  {
    form: /MalformedYAMLError: (.*) in File: (\S+?)['"]?$/s,
    read: ([message = "", name = ""], folder) => ({ message, file: join(folder, name) }),
  },
  {
    form: /resources from '([^']+)': '([^']+)' does not exist in the repository/,
    read: ([, path = ""]) => ({ message: `${path} does not exist in the repository` }),
  },
  {
    form: /accumulation err='.*?': (cycle detected: .*|expected kind .*)$/s,
    read: ([message = ""]) => ({ message: message.replaceAll("'/", "'") }),
  },
  {
    form: /(?:accumulating|merging) resources from '([^']+)': (.*?)': must build at directory/s,
    read: ([name = "", message = ""], folder) => ({ message, file: join(folder, name) }),
  },
  {
    form: /with config: `.*`: .*patch.*\[path: \\?"([^"\\]+)/s,
    read: ([name = ""], folder) => ({
      message: "not a patch: neither a strategic merge nor a JSON patch can be read from it",
      file: join(folder, name),
    }),
  },
  {
    form: /trouble configuring builtin (\w+) with config: `.*`: (.*)$/s,
    read: ([plugin = "", message = ""]) => ({ message: `${message} (${plugin})` }),
  },
  {
    form: /unable to load external plugin '([^']*)'/,
    read: ([plugin = ""]) => ({
      message: `${plugin} is not built into Kustomize: exec and container functions are not supported`,
    }),
  },
  {
    form: /--enable-helm/,
    read: () => ({ message: "HelmChartInflationGenerator is not run: name the chart in helmCharts" }),
  },
  {
    form: /accumulating components: (?:loader\.New|accumulateDirectory:) "(?:must build at directory: not a valid directory: )?(.*)"$/s,
    read: ([message = ""]) => ({ message }),
  },
];

function readReason(text: string, folder: string): RenderError {
  for (const { form, read } of patterns) {
    const groups = form.exec(text);
    if (groups !== null) return read(groups.slice(1), folder);
  }
  return { message: text };
}

/** Kustomize writes an object as `Deployment.v1.apps/web.shop`, with `[noNs]` where it has no namespace. */
function readObject(message: string): string | undefined {
  const id = /\b([A-Z]\w*)\.v\w+(?:\.[\w.-]+)?\/([\w.-]+)\.(\[noNs\]|[a-z0-9-]+)/.exec(message);
  if (id === null) return undefined;
  const [, kind = "", name = "", namespace = ""] = id;
  return `${kind} ${namespace === "[noNs]" ? "" : `${namespace}/`}${name}`;
}

function polish(message: string): string {
  return message
    .replace(/(directory ')\/|(under: )\//, "$1$2")
    .replace(/^(?:accumulating (?:resources|components): )+/, "")
    .replace(/^(?:invalid Kustomization: )?yaml: (?:line \d+: )?/, "not valid YAML: ");
}

function join(folder: string, name: string): string {
  const parts: string[] = [];
  for (const part of `${folder}/${name}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
