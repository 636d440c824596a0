/** Which Apps of a project wait for which: no circle, and each looked at after those that it waits for. */
import type { App } from "./app.ts";

type Dependencies = ReadonlyMap<string, readonly string[]>;

export function dependenciesOf(apps: readonly App[]): Map<string, readonly string[]> {
  return new Map(apps.map(({ metadata, spec }) => [metadata.name, spec.dependsOn ?? []]));
}

/** The circle that `app` is part of, from it back to it: `a`, `b`, `a`. Each App is visited once. */
export function dependencyCycle(app: string, dependencies: Dependencies): string[] | undefined {
  const came = new Map<string, string>();
  const open = [app];
  for (let name = open.pop(); name !== undefined; name = open.pop())
    for (const next of dependencies.get(name) ?? []) {
      if (next === app) return wayTo(app, name, came);
      if (came.has(next)) continue;
      came.set(next, name);
      open.push(next);
    }
  return undefined;
}

function wayTo(app: string, last: string, came: ReadonlyMap<string, string>): string[] {
  const way = [app];
  for (let name: string | undefined = last; name !== undefined && name !== app; name = came.get(name))
    way.unshift(name);
  return [app, ...way];
}

/** Each after those that it depends on; of a circle, in the order given. */
export function dependencyOrder<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  dependencies: Dependencies,
): T[] {
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  const order: T[] = [];
  const entered = new Set<string>();
  for (const item of items) {
    // A stack of its own: a chain of Apps may be longer than the program's.
    const stack = [{ name: nameOf(item), left: false }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { name, left } = top;
      const found = byName.get(name);
      if (left && found !== undefined) order.push(found);
      if (left || entered.has(name)) continue;
      entered.add(name);
      stack.push({ name, left: true });
      for (const next of dependencies.get(name) ?? []) stack.push({ name: next, left: false });
    }
  }
  return order;
}
