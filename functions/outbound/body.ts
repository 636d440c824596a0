/** Answers of other servers, read whole within a bound. The bytes counted are those after decompression. */
import { OutboundRefused } from "./refused.ts";

/** Throws `OutboundRefused` above `bytesMax`, and stops the transfer. */
export async function readText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > bytesMax) throw new OutboundRefused(`The answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString("utf8");
}

/** Throws `SyntaxError` where the answer is no JSON; its shape is the caller's to check. */
export async function readJson(response: Response, bytesMax: number): Promise<unknown> {
  return JSON.parse(await readText(response, bytesMax));
}
