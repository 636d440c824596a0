/** The same cluster; what our own requests found or left is noted, so that its echo in a watch is no news. */
import type { Kube } from "../kube/port.ts";
import type { Held } from "./watches.ts";

export function noting(kube: Kube, held: Held): Kube {
  return {
    ...kube,
    as: (account) => noting(kube.as(account), held),
    async get(address) {
      const live = await kube.get(address);
      if (live === undefined) held.missed(address);
      else held.noted(live);
      return live;
    },
    async setManagers(address, managers, version) {
      const owned = await kube.setManagers(address, managers, version);
      held.noted(owned);
      return owned;
    },
    async apply(object, options) {
      const applied = await kube.apply(object, options);
      if (!options.dryRun) held.noted(applied);
      return applied;
    },
  };
}
