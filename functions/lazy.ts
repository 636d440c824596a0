/**
 * What a function's first request does not need is made, and its code loaded, when something first asks for it: a cold start pays
 * for what it uses.
 */
import type { ObjectStore } from "./objects/port.ts";
import type { Outbound } from "./outbound/port.ts";
import type { Planner } from "./plan/port.ts";
import type { SecretStore } from "./secrets/port.ts";

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

export function lazyObjects(make: () => Promise<ObjectStore>): ObjectStore {
  const store = once(make);
  return {
    put: async (key, bytes) => (await store()).put(key, bytes),
    get: async (key) => (await store()).get(key),
    renew: async (key) => (await store()).renew(key),
    list: async function* (folder) {
      yield* (await store()).list(folder);
    },
    delete: async (key, version) => (await store()).delete(key, version),
  };
}

export function lazySecrets(make: () => Promise<SecretStore>): SecretStore {
  const store = once(make);
  return {
    put: async (project, name, value) => (await store()).put(project, name, value),
    get: async (project, name) => (await store()).get(project, name),
    delete: async (project, name) => (await store()).delete(project, name),
  };
}

export function lazyPlanner(make: () => Promise<Planner>): Planner {
  const planner = once(make);
  return { plan: async (call) => (await planner()).plan(call) };
}

export function lazyOutbound(make: () => Promise<Outbound>): Outbound {
  const client = once(make);
  return { to: (hosts) => async (url, init) => (await client()).to(hosts)(url, init) };
}
