/** A Secret's `stringData`, which a server only ever takes in: it keeps and answers `data` in base64. */
import { groupOf, type KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";

export function isSecret(object: KubeObject): boolean {
  return groupOf(object.apiVersion) === "" && object.kind === "Secret";
}

/** The Secret as the server would keep it; any other object as it is. */
export function withEncodedData(object: KubeObject): KubeObject {
  if (!isSecret(object) || !isFields(object["stringData"])) return object;
  const { stringData, data, ...rest } = object;
  const encoded = Object.entries(stringData as object).map(
    ([name, text]) => [name, base64(String(text))] as const,
  );
  return { ...rest, data: { ...(isFields(data) ? data : {}), ...Object.fromEntries(encoded) } };
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}
