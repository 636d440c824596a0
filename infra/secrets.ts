/**
 * The signing key (a JWK) goes to the release function alone, the API token as its SHA-256 to people's API alone. The
 * recovery key is in neither: it stays offline. The signing key moves to KMS in a later step.
 */
export const signingKey = new sst.Secret("SigningKey");
export const apiTokenSha256 = new sst.Secret("ApiTokenSha256");
