/**
 * What names people's identity provider goes to people's API alone. Without a provider (all empty) people use API tokens.
 * Only one of these is secret; all are set in the same way.
 */
const set = (name: string) => new sst.Secret(name, "").value;
export const people = {
  FAIRLEAD_PAGE_URL: set("PageUrl"),
  FAIRLEAD_OIDC_ISSUER: set("OidcIssuer"),
  FAIRLEAD_OIDC_CLIENT_ID: set("OidcClientId"),
  FAIRLEAD_OIDC_CLIENT_SECRET: set("OidcClientSecret"),
  FAIRLEAD_OIDC_CLI_CLIENT_ID: set("OidcCliClientId"),
  FAIRLEAD_OIDC_SCOPES: set("OidcScopes"),
  FAIRLEAD_OIDC_GROUPS_CLAIM: set("OidcGroupsClaim"),
};
