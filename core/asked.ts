/**
 * What a release wants to know of its clusters: what its charts asked while they were rendered, and what its objects are
 * held against. Clusters that answer alike get alike, and an App is looked at again only when an answer has changed.
 */
import * as z from "zod";
import { API_CHARS_MAX, STANDARD_APIS, type Capabilities, type ClusterCapabilities } from "./capabilities.ts";
import { digestOf } from "./digest.ts";

export const askedSchema = z.object({
  kubeVersion: z.boolean().default(false),
  apis: z.array(z.string()).default([]),
  allApis: z.boolean().default(false),
});
export type Asked = z.infer<typeof askedSchema>;

export const NOTHING_ASKED: Asked = { kubeVersion: false, apis: [], allApis: false };

/** An App's record is read at each look: beyond this many, any change of a list counts as a changed answer. */
export const ASKED_APIS_MAX = 200;

/** A cluster's answers to what a render asked, as one text to compare. */
export function answersTo(asked: Asked, { kubeVersion, apiVersions }: Capabilities): string {
  const has = new Set(apiVersions);
  return JSON.stringify([
    asked.kubeVersion ? kubeVersion : null,
    asked.allApis ? [...has].sort() : asked.apis.map((api) => has.has(api)),
  ]);
}

/** All questions in one, bounded; equal questions give an equal value. */
export function allAsked(questions: Iterable<Asked>): Asked {
  const apis = new Set<string>();
  let kubeVersion = false;
  let allApis = false;
  for (const asked of questions) {
    kubeVersion ||= asked.kubeVersion;
    allApis ||= asked.allApis;
    // No list holds a longer one: the answer never changes.
    for (const api of asked.apis) if (api.length <= API_CHARS_MAX) apis.add(api);
  }
  allApis ||= apis.size > ASKED_APIS_MAX;
  return { kubeVersion, apis: allApis ? [] : [...apis].sort(), allApis };
}

const STANDARD: ReadonlySet<string> = new Set(STANDARD_APIS);

/**
 * Digest of what these clusters answer. A cluster that has told nothing answers with `null` where the standard does not
 * say yes: its first word may change what is said about it, although no render does.
 */
export function answersDigest(asked: Asked, clusters: ReadonlyMap<string, ClusterCapabilities>): string {
  const known = new Map<ClusterCapabilities, string>();
  const answers: [string, string][] = [];
  for (const [name, capabilities] of clusters) {
    const answer = known.get(capabilities) ?? digestOf(told(asked, capabilities));
    known.set(capabilities, answer);
    answers.push([name, answer]);
  }
  return digestOf(answers.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function told(
  asked: Asked,
  { versionTold, apisTold, kubeVersion, apiVersions }: ClusterCapabilities,
): unknown {
  const has = apisTold ? new Set(apiVersions) : undefined;
  const answer = (api: string): boolean | null =>
    has === undefined ? STANDARD.has(api) || null : has.has(api);
  return [
    asked.kubeVersion ? (versionTold ? kubeVersion : null) : 0,
    asked.allApis ? (has === undefined ? null : [...has].sort()) : asked.apis.map(answer),
  ];
}
