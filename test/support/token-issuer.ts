/** An OIDC issuer that signs whatever a test says: metadata and keys over HTTP, as CI systems have them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";

export interface TokenIssuer {
  issuer: string;
  /** How often its keys were asked for. */
  asked(): number;
  /** With standard times around `now` unless `claims` say them. `undefined` leaves a claim out. */
  sign(claims: Record<string, unknown>, how?: { header?: object; key?: CryptoKey }): Promise<string>;
  /** From here on a new key signs, and the old one is not published any more. */
  rotate(): Promise<void>;
  /** What the metadata say instead. */
  lie(metadata: object): void;
  stop(): Promise<void>;
}

export async function startIssuer(now: () => number, algorithm = "ES256"): Promise<TokenIssuer> {
  let [keys, generation, asked, lies] = [await generateKeyPair(algorithm), 1, 0, {}];
  const published = async () => ({
    keys: [{ ...(await exportJWK(keys.publicKey)), kid: `k${generation}`, alg: algorithm, use: "sig" }],
  });
  const server = createServer((request, response) => {
    const isKeys = request.url === "/keys";
    asked += isKeys ? 1 : 0;
    const answer = isKeys ? published() : Promise.resolve({ issuer, jwks_uri: `${issuer}/keys`, ...lies });
    void answer.then((body) =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(body)),
    );
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    asked: () => asked,
    sign: (claims, how = {}) => {
      const seconds = Math.floor(now() / 1000);
      const times = { iat: seconds, nbf: seconds, exp: seconds + 300 };
      const payload = { iss: issuer, ...times, ...claims } as JWTPayload;
      return new SignJWT(payload)
        .setProtectedHeader({ alg: algorithm, kid: `k${generation}`, ...how.header })
        .sign(how.key ?? keys.privateKey);
    },
    rotate: async () => {
      [keys, generation] = [await generateKeyPair(algorithm), generation + 1];
    },
    lie: (metadata) => {
      lies = metadata;
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
