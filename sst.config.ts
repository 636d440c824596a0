/// <reference path="./.sst/platform/config.d.ts" />
/**
 * What `npx sst deploy` makes of Fairlead on AWS: one table, one bus, one bucket, functions with the rights each needs,
 * schedules. One file for each noun in `infra/`.
 */
export default $config({
  app: (input) => ({
    name: "fairlead",
    home: "aws",
    removal: input?.stage === "production" ? "retain" : "remove",
    protect: input?.stage === "production",
    providers: { aws: "7.20.0" },
  }),
  async run() {
    const { agentsUrl, apiUrl } = await import("./infra/api.ts");
    const { deadLetters } = await import("./infra/bus.ts");
    const { copies } = await import("./infra/copies.ts");
    const { objects } = await import("./infra/objects.ts");
    const { signingKeys } = await import("./infra/signing-key.ts");
    const { table } = await import("./infra/table.ts");
    await import("./infra/stream.ts");
    await import("./infra/events.ts");
    await import("./infra/schedules.ts");
    await import("./infra/promotion.ts");
    return {
      api: apiUrl,
      agents: agentsUrl,
      table: table.name,
      deadLetters: deadLetters.url,
      // Separated by spaces; the first signs.
      signingKeys: signingKeys.apply((arns) => arns.join(" ")),
      ...(copies === undefined ? {} : { bucket: objects.name, copies }),
    };
  },
});
