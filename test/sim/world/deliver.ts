/** Stream and bus of the simulation: at least once as a rule, and otherwise late, twice, out of order or never. */
import type { DynamoDBRecord } from "aws-lambda";
import { marshall } from "@aws-sdk/util-dynamodb";
import type { HubEvent } from "#core/event.ts";
import { kindOf } from "../../../functions/store/table.ts";
import type { Loop, Task } from "../kernel/loop.ts";
import type { Random } from "../kernel/random.ts";
import type { Change } from "../engine/table.ts";
import type { Delivery } from "./weather.ts";

const TRIES_MAX = 3;
const BATCH_MAX = 20;

/** Hands `load` to `work` as a function of its own, as the weather allows. */
export function deliver<T>(
  loop: Loop,
  random: Random,
  { drop, twice, delayMsMax, retry }: Delivery,
  name: string,
  load: T,
  work: (task: Task, load: T) => Promise<void>,
  tries = TRIES_MAX,
): void {
  if (random.chance(drop)) return;
  for (let copy = random.chance(twice) ? 2 : 1; copy > 0; copy -= 1)
    loop.after(random.between(1, delayMsMax), () =>
      loop.start(
        name,
        (task) => work(task, load),
        (how) => {
          if (how === "done" || tries <= 1 || !random.chance(retry)) return;
          deliver(
            loop,
            random,
            { drop: 0, twice: 0, shuffle: 0, delayMsMax: 5_000, retry },
            name,
            load,
            work,
            tries - 1,
          );
        },
      ),
    );
}

export type Follower = {
  name: string;
  work: (task: Task, records: readonly DynamoDBRecord[]) => Promise<void>;
};

/** The table's stream, with its followers. */
export class Stream {
  readonly #loop: Loop;
  readonly #random: Random;
  readonly #weather: () => Delivery;
  readonly #followers: readonly Follower[];
  #waiting: Change[] = [];

  constructor(loop: Loop, random: Random, weather: () => Delivery, followers: readonly Follower[]) {
    this.#loop = loop;
    this.#random = random;
    this.#weather = weather;
    this.#followers = followers;
  }

  push(change: Change): void {
    if (kindOf(change.key) === undefined) return;
    this.#waiting.push(change);
    if (this.#waiting.length === 1) this.#loop.after(this.#random.between(1, 300), () => this.#send());
  }

  #send(): void {
    const changes = this.#waiting;
    this.#waiting = [];
    const { shuffle } = this.#weather();
    const order = this.#random.chance(shuffle) ? this.#random.shuffled(changes) : changes;
    const records = order.map((change) => recordOf(change, this.#loop.now));
    for (let start = 0; start < records.length; start += BATCH_MAX)
      for (const { name, work } of this.#followers)
        deliver(
          this.#loop,
          this.#random,
          this.#weather(),
          name,
          records.slice(start, start + BATCH_MAX),
          work,
        );
  }
}

function recordOf({ key, before, after }: Change, now: number): DynamoDBRecord {
  const image = (item: Record<string, unknown>): never => marshall(item) as never;
  return {
    eventName: before === undefined ? "INSERT" : after === undefined ? "REMOVE" : "MODIFY",
    dynamodb: {
      Keys: image({ ...key }),
      ApproximateCreationDateTime: Math.floor(now / 1000),
      ...(before === undefined ? {} : { OldImage: image(before) }),
      ...(after === undefined ? {} : { NewImage: image(after) }),
    },
  };
}

export interface BusTarget {
  name: string;
  types: readonly string[];
  handle: (task: Task, event: HubEvent) => Promise<void>;
}

/** The bus takes events at once and brings them when it likes. */
export function publish(
  loop: Loop,
  random: Random,
  weather: Delivery,
  targets: readonly BusTarget[],
  events: readonly HubEvent[],
): void {
  const order = random.chance(weather.shuffle) ? random.shuffled(events) : events;
  for (const event of order)
    for (const { name, types, handle } of targets)
      if (types.includes(event.type)) deliver(loop, random, weather, `${name} ${event.type}`, event, handle);
}
