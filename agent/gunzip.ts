/** Decompression with a bound on what comes out: a small answer must not fill the memory. */
import { gunzip as gunzipCallback } from "node:zlib";

/** Throws when the data is no gzip or is larger than `bytesMax` once unpacked. */
export function gunzip(packed: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gunzipCallback(packed, { maxOutputLength: bytesMax }, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}
