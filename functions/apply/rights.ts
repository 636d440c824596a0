/** Holds what a plan asks for against the rules of who applies, each project's rules read once. */
import type { Rule } from "#core/access.ts";
import { needsOf, unmet } from "#core/apply-rights.ts";
import type { Change } from "#core/apply-plan.ts";
import type { Project } from "#core/project.ts";

export type RulesIn = (project: string) => Promise<readonly Rule[]>;

/** What is not allowed of each change, in words; undefined where all of it is. */
export function rightsCheck(
  rulesIn: RulesIn,
  projectOf: (name: string) => Project | undefined,
): (change: Change) => Promise<string | undefined> {
  const known = new Map<string, Promise<readonly Rule[]>>();
  const rules = (project: string): Promise<readonly Rule[]> => {
    const found = known.get(project) ?? rulesIn(project);
    known.set(project, found);
    return found;
  };
  return async (change) => {
    for (const need of needsOf(change, projectOf)) {
      const words = unmet(need, await rules(need.project));
      if (words !== undefined) return words;
    }
    return undefined;
  };
}
