/**
 * What every bus promises (`functions/bus/port.ts`): each target gets each event of its types, whole and at least
 * once, whatever the size of the publish; a failed delivery comes again; what cannot be sent is refused.
 */
import { afterEach, expect, it, vi } from "vitest";
import type { EventType, HubEvent } from "#core/event.ts";
import type { Bus } from "../../functions/bus/port.ts";

const WAIT = { timeout: 30_000, interval: 10 };

export interface BusTarget {
  name: string;
  types: EventType[];
  handle(event: HubEvent): Promise<void>;
}

export interface BusUnderTest {
  bus: Bus;
  close(): Promise<void>;
}

/** Registers the suite inside the caller's `describe`; `make` connects the targets and delivers to them. */
export function busConformance(make: (targets: BusTarget[]) => Promise<BusUnderTest>): void {
  const opened: BusUnderTest[] = [];
  afterEach(async () => {
    for (const under of opened.splice(0)) await under.close();
  });
  const open = async (...targets: BusTarget[]): Promise<Bus> => {
    const under = await make(targets);
    opened.push(under);
    return under.bus;
  };

  it("delivers an event to each target of its type, as it was published", async () => {
    const [first, second] = [
      collector("first", "release.created"),
      collector("second", "release.created", "app.changed"),
    ];
    const bus = await open(first, second);
    const event = created(7, 'é "quoted" \u2028');
    await bus.publish([event]);
    await vi.waitFor(() => expect([first.got[0], second.got[0]]).toEqual([event, event]), WAIT);
  });

  it("delivers nothing of another type", async () => {
    const target = collector("one", "app.changed");
    const bus = await open(target);
    await bus.publish([created(1), { type: "app.changed", detail: { project: "p", app: "last" } }]);
    await vi.waitFor(() => expect(target.got.length).toBeGreaterThan(0), WAIT);
    expect(new Set(target.got.map((event) => event.type))).toEqual(new Set(["app.changed"]));
  });

  it("delivers all of a publish with many events", async () => {
    const target = collector("many", "release.created");
    const bus = await open(target);
    const releases = Array.from({ length: 37 }, (_, n) => n + 1);
    await bus.publish(releases.map((release) => created(release)));
    await vi.waitFor(() => expect(target.releases()).toEqual(new Set(releases)), WAIT);
  });

  it("delivers all of a publish that is larger than one call may be", async () => {
    const target = collector("large", "release.created");
    const bus = await open(target);
    const commit = "c".repeat(100 * 1024);
    await bus.publish([1, 2, 3, 4, 5].map((release) => created(release, commit)));
    await vi.waitFor(() => expect(target.releases()).toEqual(new Set([1, 2, 3, 4, 5])), WAIT);
    expect(target.got[0]).toMatchObject({ detail: { commit } });
  });

  it("takes an empty publish", async () => {
    const bus = await open(collector("none", "app.changed"));
    await expect(bus.publish([])).resolves.toBeUndefined();
  });

  it("refuses a publish with an event that is too large for the bus, and sends nothing of it", async () => {
    const target = collector("one", "release.created");
    const bus = await open(target);
    await expect(bus.publish([created(1), created(2, "c".repeat(300 * 1024))])).rejects.toThrow("262144");
    await bus.publish([created(3)]);
    await vi.waitFor(() => expect(target.releases()).toEqual(new Set([3])), WAIT);
  });

  it("delivers again what a target failed to handle, to that target alone", async () => {
    const sound = collector("sound", "release.created");
    const failing = collector("failing", "release.created");
    let tries = 0;
    const handle = async (event: HubEvent): Promise<void> => {
      if (++tries < 3) throw new Error("not yet");
      await failing.handle(event);
    };
    const bus = await open(sound, { ...failing, handle });
    await bus.publish([created(1)]);
    await vi.waitFor(() => expect(failing.releases()).toEqual(new Set([1])), WAIT);
    expect(sound.releases()).toEqual(new Set([1]));
    expect(tries).toBe(3);
  });
}

function created(release: number, commit = "abc"): HubEvent {
  return { type: "release.created", detail: { project: "web", app: "shop", release, commit } };
}

function collector(name: string, ...types: EventType[]) {
  const got: HubEvent[] = [];
  const releases = (): Set<number> =>
    new Set(got.flatMap((event) => (event.type === "release.created" ? [event.detail.release] : [])));
  return {
    name,
    types,
    got,
    releases,
    handle: async (event: HubEvent): Promise<void> => void got.push(event),
  };
}
