/** Asking an identity provider: what it answers is bounded in time and size before anything reads it. */
import type { OutboundFetch } from "../outbound/port.ts";

const ANSWER_BYTES_MAX = 256 * 1024;
const ANSWER_MS_MAX = 5000;

/** The same `fetch`, its answer's body read whole. Throws beyond the limits. */
export function boundedFetch(fetch: OutboundFetch): OutboundFetch {
  return async (url, init) => {
    const time = AbortSignal.timeout(ANSWER_MS_MAX);
    const given = init.signal ?? undefined;
    const signal = given === undefined ? time : AbortSignal.any([given, time]);
    const answer = await fetch(url, { ...init, redirect: "manual", signal });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_BYTES_MAX)
        throw new Error(`the answer of ${new URL(url).host} is larger than ${ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk);
    }
    const { status, statusText, headers } = answer;
    const body = chunks.length === 0 ? null : Buffer.concat(chunks);
    return new Response(body, { status, statusText, headers });
  };
}
