/** What every secret store checks before it is asked: names that are safe in paths, and the size that the smallest store takes. */
import { nameSchema } from "#core/metadata.ts";

/** A standard parameter of AWS; every store has the same limit, so that a hub can move. */
export const SECRET_BYTES_MAX = 4096;

/** Throws for a name that could lead elsewhere; the message never holds a value. */
export function checkSecretName(project: string, name: string): void {
  for (const part of [project, name])
    if (!nameSchema.safeParse(part).success)
      throw new Error(`${JSON.stringify(part.slice(0, 100))} is no name of a project or a secret`);
}

export function secretFits(value: string): boolean {
  return Buffer.byteLength(value) <= SECRET_BYTES_MAX && value !== "";
}

export function checkSecret(project: string, name: string, value: string): void {
  checkSecretName(project, name);
  if (!secretFits(value))
    throw new Error(
      `secret ${project}/${name} must have 1 to ${SECRET_BYTES_MAX} bytes; store a smaller one`,
    );
}
