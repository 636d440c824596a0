/** Plans in this process, few at the same time: whoever asks for more is told to wait, and releases go on meanwhile. */
import { demanded } from "#core/signers.ts";
import type { WorkingFiles } from "#core/release-plan.ts";
import type { ReadSource } from "#core/source.ts";
import { getProject, getResource } from "../store/resource.ts";
import type { Files } from "../release/content.ts";
import { planRelease, type Candidate, type PlanDeps } from "../release/plan-release.ts";
import type { PlanCall, Planner, PlanReply } from "./port.ts";

const PLANS_AT_ONCE_MAX = 2;

export function createPlanner(deps: PlanDeps): Planner {
  let running = 0;
  return {
    plan: async (call) => {
      if (running >= PLANS_AT_ONCE_MAX) return { kind: "busy" };
      running += 1;
      try {
        return await planOf(deps, call);
      } finally {
        running -= 1;
      }
    },
  };
}

async function planOf(deps: PlanDeps, { project, app: name, candidate }: PlanCall): Promise<PlanReply> {
  const app = await getResource(deps.db, "App", project, name);
  if (app === undefined) return { kind: "gone" };
  const asked: Candidate =
    candidate.kind === "commit"
      ? { read: candidate.read }
      : await ofFiles(deps, project, app.resource.spec.source, candidate.files);
  return { kind: "planned", plan: await planRelease(deps, app, asked) };
}

/** A working tree has no signature yet: it is planned as if it were committed and signed as demanded. */
async function ofFiles(
  { db, now }: PlanDeps,
  project: string,
  sourceName: string,
  files: WorkingFiles,
): Promise<Candidate> {
  const source = await getResource(db, "Source", project, sourceName);
  const rules =
    source === undefined
      ? ({ kind: "nothing" } as const)
      : demanded(source.resource, await getProject(db, project));
  const at = now();
  const unsaid = { author: "", email: "", message: "", committedAt: at, at };
  const read: ReadSource = {
    kind: "read",
    commit: "",
    tree: "",
    ...unsaid,
    ...(rules.kind === "signature" ? { verified: rules.digest } : {}),
  };
  return { read, files: bytesOf(files) };
}

function bytesOf(files: WorkingFiles): Files {
  return new Map(
    Object.entries(files).map(([path, file]) => [
      path,
      typeof file === "string" ? Buffer.from(file, "utf8") : Buffer.from(file.base64, "base64"),
    ]),
  );
}
