/**
 * How every function is packaged. Apart from what describes resources, so that measurements build the same packages
 * without SST.
 */
export const packaged = {
  // SST 4.17 documents this as its default, and does not do it.
  minify: true,
  // What is imported on demand stands apart, and is read only then.
  splitting: true,
  esbuild: {
    // To keep them, every function is given its name again each time that it is made: a tenth of a start, and more of each call.
    keepNames: false,
    // Credentials come by the environment, which is asked first; the other ways to them are never loaded.
    external: [
      "@aws-sdk/credential-provider-ini",
      "@aws-sdk/credential-provider-login",
      "@aws-sdk/credential-provider-process",
      "@aws-sdk/credential-provider-sso",
      "@aws-sdk/credential-provider-web-identity",
      "@smithy/credential-provider-imds",
    ],
  },
};
