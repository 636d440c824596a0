/** The end of a deleted App: it goes once no cluster has it, and nothing of what it was comes back after that. */
import type { World } from "../world/world.ts";

export class Gone {
  readonly #world: World;
  readonly #app: string;
  /** When it went last, and the newest release that it had. */
  #last: { at: number; release: number } | undefined;

  constructor(world: World, app: string) {
    this.#world = world;
    this.#app = app;
  }

  /** The App's item is deleted. Why it should not be; undefined: it may go. */
  went(newest: number): string | undefined {
    this.#last = { at: this.#world.now(), release: newest };
    const left = [...this.#world.agents.values()].filter((agent) => {
      const tenant = agent.tenant(this.#app);
      return tenant !== undefined && !(tenant.statement?.order.action === "remove" && tenant.isHealthy);
    });
    if (left.length === 0) return undefined;
    const names = left.map(({ name }) => name).join(", ");
    return `App ${this.#app} is gone, and ${names} still has it`;
  }

  /** Whether what this release gives by whoever read its rollout at `readAt` comes after the App's end. */
  isAfter(release: number, readAt: number): boolean {
    return this.#last !== undefined && release <= this.#last.release && readAt > this.#last.at;
  }
}
