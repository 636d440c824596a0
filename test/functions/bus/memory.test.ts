import { describe, expect, it, vi } from "vitest";
import type { HubEvent } from "#core/event.ts";
import { createMemoryBus, type MemoryBusOptions } from "../../../functions/bus/memory.ts";
import { busConformance } from "../../conformance/bus.ts";

const WAIT = { timeout: 20_000, interval: 1 };

describe("createMemoryBus", () => {
  busConformance(async (targets) => {
    const bus = createMemoryBus(options({ targets }));
    return { bus, close: () => bus.stop() };
  });

  it("gives an event up after the last retry, with target and cause, waiting longer each time", async () => {
    const waits: number[] = [];
    const dead: string[] = [];
    let tries = 0;
    const bus = createMemoryBus(
      options({
        targets: [target("bad", async () => Promise.reject(new Error(`try ${++tries}`)))],
        retriesMax: 3,
        backoffMs: (attempt) => attempt * 10,
        sleep: async (ms) => void waits.push(ms),
        onDead: (event, name, error) => void dead.push(`${event.type} ${name} ${error.message}`),
      }),
    );
    await bus.publish([changed("a")]);
    await bus.idle();
    expect(dead).toEqual(["app.changed bad try 4"]);
    expect(waits).toEqual([10, 20, 30]);
  });

  it("does not try an event again that has become too old", async () => {
    let nowMs = 0;
    const dead: string[] = [];
    let tries = 0;
    const bus = createMemoryBus(
      options({
        targets: [target("late", async () => Promise.reject(new Error(`try ${++tries}`)))],
        retriesMax: 100,
        maxAgeMs: 25,
        clock: () => nowMs,
        sleep: async () => void (nowMs += 10),
        onDead: (_event, _name, error) => void dead.push(error.message),
      }),
    );
    await bus.publish([changed("a")]);
    await bus.idle();
    expect(tries).toBe(3);
    expect(dead).toEqual(["event is 30 ms old: at most 25 ms are allowed"]);
  });

  it("runs a bounded number of handlers of one target, and those of another meanwhile", async () => {
    const gate = Promise.withResolvers<void>();
    let running = 0;
    const other: string[] = [];
    const slow = async (): Promise<void> => {
      running++;
      await gate.promise;
    };
    const bus = createMemoryBus(
      options({
        targets: [target("slow", slow), target("quick", async (event) => void other.push(appOf(event)))],
        concurrencyMax: 2,
      }),
    );
    await bus.publish(["a", "b", "c", "d"].map(changed));
    await vi.waitFor(() => expect(other).toEqual(["a", "b", "c", "d"]), WAIT);
    expect(running).toBe(2);
    gate.resolve();
    await bus.idle();
    expect(running).toBe(4);
  });

  it("lets other events pass one that waits for its retry", async () => {
    const retry = Promise.withResolvers<void>();
    const handled: string[] = [];
    let failures = 0;
    const handle = async (event: HubEvent): Promise<void> => {
      if (appOf(event) === "bad" && ++failures === 1) throw new Error("not yet");
      handled.push(appOf(event));
    };
    const bus = createMemoryBus(
      options({ targets: [target("one", handle)], concurrencyMax: 1, sleep: () => retry.promise }),
    );
    await bus.publish(["bad", "good"].map(changed));
    await vi.waitFor(() => expect(handled).toEqual(["good"]), WAIT);
    retry.resolve();
    await bus.idle();
    expect(handled).toEqual(["good", "bad"]);
  });

  it("makes a publish wait while the queue of a target is full", async () => {
    const gate = Promise.withResolvers<void>();
    const handled: string[] = [];
    const handle = async (event: HubEvent): Promise<void> => {
      await gate.promise;
      handled.push(appOf(event));
    };
    const bus = createMemoryBus(options({ targets: [target("slow", handle)], queueEventsMax: 2 }));
    let published = false;
    const publishing = bus.publish(["a", "b", "c"].map(changed)).then(() => (published = true));
    await new Promise(setImmediate);
    expect(published).toBe(false);
    gate.resolve();
    await publishing;
    await bus.idle();
    expect(handled).toEqual(["a", "b", "c"]);
  });

  it("stops after the running handlers, and takes nothing more", async () => {
    const gate = Promise.withResolvers<void>();
    const handled: string[] = [];
    const handle = async (event: HubEvent): Promise<void> => {
      await gate.promise;
      handled.push(appOf(event));
    };
    const bus = createMemoryBus(
      options({ targets: [target("slow", handle)], concurrencyMax: 1, queueEventsMax: 2 }),
    );
    const waiting = bus.publish(["running", "queued", "waiting"].map(changed));
    const refused = expect(waiting).rejects.toThrow("the bus is stopped");
    await new Promise(setImmediate);
    const stopping = bus.stop();
    await refused;
    gate.resolve();
    await stopping;
    expect(handled).toEqual(["running"]);
    await expect(bus.publish([changed("after")])).rejects.toThrow("the bus is stopped");
  });

  it("says so when a dead letter could not be kept", async () => {
    const bus = createMemoryBus(
      options({
        targets: [target("bad", async () => Promise.reject(new Error("bad")))],
        retriesMax: 0,
        onDead: () => Promise.reject(new Error("disk full")),
      }),
    );
    await bus.publish([changed("a")]);
    await expect(bus.idle()).rejects.toThrow("the dead letter of app.changed for bad is lost");
  });
});

function options(over: Partial<MemoryBusOptions>): MemoryBusOptions {
  return {
    targets: [],
    retriesMax: 5,
    backoffMs: () => 1,
    maxAgeMs: 60_000,
    onDead: (event, name, error) => {
      throw new Error(`unexpected dead letter ${event.type} for ${name}`, { cause: error });
    },
    clock: () => 0,
    sleep: async () => {},
    ...over,
  };
}

function target(
  name: string,
  handle: (event: HubEvent) => Promise<void>,
): MemoryBusOptions["targets"][number] {
  return { name, types: ["app.changed"], handle };
}

function changed(app: string): HubEvent {
  return { type: "app.changed", detail: { project: "web", app } };
}

function appOf(event: HubEvent): string {
  return event.type === "app.changed" ? event.detail.app : "";
}
