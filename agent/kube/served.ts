/** The one refusal that both implementations word alike: a kind that no API serves. */
import { refOf, refText, type KubeObject } from "#core/object.ts";
import { KubeError } from "./port.ts";

/** Reason of an apply of a kind that is not served; it passes once the kind's definition is there. */
const NOT_SERVED = "NotServed";

/** `versions` are those under which the kind's group does serve it. */
export function notServed(object: KubeObject, versions: readonly string[]): KubeError {
  const fix =
    versions.length > 0
      ? `served are ${versions.join(", ")}`
      : "its CustomResourceDefinition is not installed";
  return new KubeError(
    404,
    NOT_SERVED,
    `${refText(refOf(object))}: ${object.apiVersion} is not served here; ${fix}`,
  );
}
