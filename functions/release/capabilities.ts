/**
 * What an App's clusters are known to serve: one value for all that told the same, the standard for who told nothing. An
 * App depends only on their answers to what it asked, so a definition that is installed somewhere concerns few.
 */
import { answersDigest, NOTHING_ASKED, type Asked } from "#core/asked.ts";
import { capabilitiesOf, minorOf, type ClusterCapabilities } from "#core/capabilities.ts";
import type { Cluster } from "#core/cluster.ts";
import { digestOf } from "#core/digest.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Served } from "../store/served.ts";
import { getApiLists } from "./api-lists.ts";
import type { Situation } from "./situation.ts";

/** By the names of `clusters`. */
export async function readCapabilities(
  objects: Pick<ObjectStore, "get">,
  clusters: readonly Cluster[],
  served: ReadonlyMap<string, Served>,
): Promise<ReadonlyMap<string, ClusterCapabilities>> {
  const told = clusters.map(({ metadata: { name } }) => [name, served.get(name)] as const);
  const lists = await getApiLists(
    objects,
    told.flatMap(([, facts]) => facts?.apis ?? []),
  );
  const alike = new Map<string, ClusterCapabilities>();
  const found = new Map<string, ClusterCapabilities>();
  for (const [name, facts] of told) {
    const { kubernetes = "", apis = "" } = facts ?? {};
    const key = `${minorOf(kubernetes)} ${apis}`;
    const held = alike.get(key) ?? capabilitiesOf(kubernetes, lists.get(apis));
    alike.set(key, held);
    found.set(name, held);
  }
  return found;
}

/** What an App asked when it was looked at last, and the digest of the answers. */
export interface Questions {
  asked: Asked;
  answers: string;
}

export function questionsOf(asked: Asked, known: ReadonlyMap<string, ClusterCapabilities>): Questions {
  return { asked, answers: answersDigest(asked, known) };
}

const NOTHING = digestOf(NOTHING_ASKED);

/** Whether its clusters would answer otherwise by now; what was never asked changes nothing. */
export async function answersChanged(
  objects: Pick<ObjectStore, "get">,
  { record, clusters, served }: Situation,
): Promise<boolean> {
  if (record?.asked === undefined || digestOf(record.asked) === NOTHING) return false;
  const known = await readCapabilities(objects, clusters, served);
  return answersDigest(record.asked, known) !== record.answers;
}
