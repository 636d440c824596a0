/** The same cluster; what our own requests found or left is noted, so that its echo in a watch is no news. */
import { refKey, refOf } from "#core/object.ts";
import type { Kube } from "../kube/port.ts";
import type { LiveIndex } from "./live.ts";

export function noting(kube: Kube, index: LiveIndex): Kube {
  return {
    ...kube,
    async get(address) {
      const live = await kube.get(address);
      if (live !== undefined) index.noted(refKey(refOf(live)), live);
      return live;
    },
    async setManagers(address, managers, version) {
      const owned = await kube.setManagers(address, managers, version);
      index.noted(refKey(refOf(owned)), owned);
      return owned;
    },
    async apply(object, options) {
      const applied = await kube.apply(object, options);
      if (!options.dryRun) index.noted(refKey(refOf(applied)), applied);
      return applied;
    },
  };
}
