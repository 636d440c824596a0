/**
 * The service account that an App's objects are read and written as. A name alone is one in the App's own namespace, as
 * Flux's `serviceAccountName` and Argo CD's `destinationServiceAccounts` have it.
 */
import * as z from "zod";

const ACCOUNT_CHARS_MAX = 317;

export const serviceAccountSchema = z
  .string()
  .max(ACCOUNT_CHARS_MAX)
  .regex(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/)?[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/,
    "must be the name of a service account in the App's namespace, or namespace/name",
  );

export interface ServiceAccount {
  namespace: string;
  name: string;
}

/** `namespace` is the App's. */
export function accountOf(text: string, namespace: string): ServiceAccount {
  const [first = "", second] = text.split("/");
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second };
}

/** As Projects name it. */
export function accountText({ namespace, name }: ServiceAccount): string {
  return `${namespace}/${name}`;
}

/** As the API server knows it. */
export function accountUser({ namespace, name }: ServiceAccount): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
