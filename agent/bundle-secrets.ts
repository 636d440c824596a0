/**
 * The values of an App's own Secrets, opened: what no text that leaves the cluster may hold. Undefined where the bundle is
 * not at hand.
 */
import { isSecret, withEncodedData } from "#core/secret.ts";
import { isFields } from "#core/pointer.ts";
import { applyOrderOf, objectsOf, type AppState } from "./app-state.ts";
import type { Kube } from "./kube/port.ts";
import { openSecrets } from "./sops.ts";

const VALUES_MAX = 1_000;

export async function secretValues(kube: Kube, state: AppState): Promise<string[] | undefined> {
  const kept = applyOrderOf(state);
  const objects = kept === undefined ? undefined : await objectsOf(state, kept.order);
  if (objects === undefined) return undefined;
  const secrets = await openSecrets(kube, objects.filter(isSecret));
  return secrets.objects
    .flatMap((secret) => {
      const { data } = withEncodedData(secret);
      return isFields(data) ? Object.values(data) : [];
    })
    .slice(0, VALUES_MAX)
    .map((value) => Buffer.from(String(value), "base64").toString("utf8"));
}
