/**
 * Secrets as they stand in a repository. Encrypted by SOPS they are fine; readable ones are told, refused or let be, as
 * the Project says. What SOPS encrypted and is no Secret withholds a release: no agent opens it. No value is ever quoted.
 */
import { findingsOf, type Finding, type Findings } from "./finding.ts";
import { refOf, refText, type KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";
import type { Project } from "./project.ts";
import { isSecret } from "./secret.ts";

const READABLE =
  "stands readable in the repository: encrypt it with SOPS (docs/secrets.md), or use a SealedSecret or an ExternalSecret";

export function secretFindings(
  { metadata, spec }: Project,
  objects: readonly KubeObject[],
): { errors: Findings; warnings: Findings } {
  const refuses = spec.secrets === "refuse";
  const misplaced = objects
    .filter((object) => isFields(object["sops"]) && !isSecret(object))
    .map((object) =>
      finding(
        "SOPS",
        object,
        "is encrypted and no Secret, so no agent opens it: put what is secret into a Secret",
      ),
    );
  const readable = objects
    .filter((object) => spec.secrets !== "allow" && isSecret(object) && isReadable(object))
    .map((object) => finding(refuses ? `Project ${metadata.name}` : "Secrets", object, READABLE));
  return {
    errors: findingsOf(refuses ? [...misplaced, ...readable] : misplaced),
    warnings: findingsOf(refuses ? [] : readable),
  };
}

function finding(by: string, object: KubeObject, message: string): Finding {
  return { by, object: refText(refOf(object)), message };
}

/** Whether any value is more than nothing and not encrypted. */
function isReadable(object: KubeObject): boolean {
  const encrypted = isFields(object["sops"]);
  const values = [object["data"], object["stringData"]].flatMap((data) =>
    isFields(data) ? Object.values(data) : [],
  );
  return values.some((value) => {
    if (value === null || value === undefined || value === "") return false;
    return !encrypted || typeof value !== "string" || !value.startsWith("ENC[");
  });
}
