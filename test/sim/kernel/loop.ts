/**
 * The simulated time. Everything that happens stands in one queue, ordered by when it is due, and happens alone: whatever
 * follows from it at once has run before the next. A task is one run of one function; each of its requests is parked here,
 * and while it is parked the task may be killed, before the request is done or before its answer arrives.
 */
import type { Random } from "./random.ts";

/** What is done to requests. */
export interface Rough {
  /** Of a request. */
  latencyMs: (random: Random) => number;
  /** Of each request: that its function dies at it. */
  crash: number;
  /** That the answer is lost and the SDK sends the request again. */
  again: number;
}

export interface Task {
  readonly id: number;
  readonly name: string;
  readonly startedAt: number;
  /** Parks a request until its time; never ends where the task is killed. */
  park<T>(run: () => T | Promise<T>): Promise<T>;
  readonly isAlive: boolean;
}

export type Ended = "done" | "killed" | "failed";

interface Due {
  at: number;
  order: number;
  run: () => void | Promise<void>;
}

export class Loop {
  now: number;
  rough: Rough;
  /** The task whose request is being done. */
  current: Task | undefined;
  /** Errors that no function may throw, whatever happens to it. */
  readonly errors: Error[] = [];
  readonly #random: Random;
  readonly #queue: Due[] = [];
  #order = 0;
  #tasks = 0;

  constructor(now: number, random: Random, rough: Rough) {
    this.now = now;
    this.rough = rough;
    this.#random = random;
  }

  at(time: number, run: () => void | Promise<void>): void {
    push(this.#queue, { at: Math.max(time, this.now), order: (this.#order += 1), run });
  }

  after(ms: number, run: () => void | Promise<void>): void {
    this.at(this.now + ms, run);
  }

  /** Until `end`, or until `stop` says so. */
  async run(end: number, stop: () => boolean): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined && next.at <= end; next = this.#queue[0]) {
      pop(this.#queue);
      this.now = next.at;
      await next.run();
      await still();
      if (stop()) return;
    }
    this.now = Math.max(this.now, end);
  }

  /** Runs `work` as one function of the hub; `ended` is told how it came out. */
  start(name: string, work: (task: Task) => Promise<void>, ended: (how: Ended) => void = () => {}): void {
    const killed = Promise.withResolvers<"killed">();
    const task = this.#task(name, () => killed.resolve("killed"));
    const worked = work(task).then(
      (): Ended => "done",
      (thrown: unknown): Ended => {
        if (task.isAlive && !(thrown instanceof Trouble)) this.errors.push(asError(thrown, name));
        return "failed";
      },
    );
    void Promise.race([worked, killed.promise]).then(ended);
  }

  #task(name: string, onKilled: () => void): Task {
    let isAlive = true;
    const kill = (): void => {
      isAlive = false;
      onKilled();
    };
    const task: Task = {
      id: (this.#tasks += 1),
      name,
      startedAt: this.now,
      get isAlive() {
        return isAlive;
      },
      park: <T>(run: () => T | Promise<T>): Promise<T> => {
        const { promise, resolve, reject } = Promise.withResolvers<T>();
        this.after(this.rough.latencyMs(this.#random), async () => {
          if (!isAlive) return;
          const dies = this.#random.chance(this.rough.crash);
          if (dies && this.#random.chance(0.5)) return kill();
          const answer = await this.#done(task, run);
          if (dies) return kill();
          if (answer.kind === "answer") resolve(answer.value);
          else reject(answer.error);
        });
        return promise;
      },
    };
    return task;
  }

  async #done<T>(task: Task, run: () => T | Promise<T>) {
    const isAgain = this.#random.chance(this.rough.again);
    this.current = task;
    try {
      if (isAgain) await attempt(run);
      return await attempt(run);
    } finally {
      this.current = undefined;
    }
  }
}

/** Trouble that the world makes on purpose: a function may fail by it. */
export class Trouble extends Error {}

async function attempt<T>(run: () => T | Promise<T>) {
  try {
    return { kind: "answer", value: await run() } as const;
  } catch (thrown) {
    return { kind: "error", error: asError(thrown, "request") } as const;
  }
}

function asError(thrown: unknown, where: string): Error {
  return thrown instanceof Error ? thrown : new Error(`${where}: ${String(thrown)}`);
}

/** Every promise that can go on has gone on. */
function still(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap, the next one first. */
function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up];
    if (parent === undefined || !isBefore(due, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = due;
}

function pop(heap: Due[]): void {
  const moved = heap.pop();
  if (moved === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
    const isRight = right !== undefined && left !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (child === undefined || !isBefore(child, moved)) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = moved;
}
