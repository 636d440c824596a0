/** A process of the `fleet` bench: what it was told is kept until somebody waits for it, and its end ends all waits. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { toldSchema, type Asked, type Counts, type Told } from "./words.ts";

export type Is<K extends Told["kind"]> = Extract<Told, { kind: K }>;

export class Process {
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  #waiting: (() => void)[] = [];
  #ended: string | undefined;
  #asked = 0;

  constructor(file: string) {
    this.#child = fork(file, []);
    this.#child.on("message", (message) => {
      this.#told.push(toldSchema.parse(message));
      this.#wake();
    });
    this.#child.on("exit", (code, signal) => {
      this.#ended = signal ?? `code ${code}`;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(asked: Asked): void {
    this.#child.send(asked);
  }

  /** What it told, or will. */
  async told<K extends Told["kind"]>(kind: K, isIt: (told: Is<K>) => boolean = () => true): Promise<Is<K>> {
    for (;;) {
      const found = this.#told.find((told): told is Is<K> => told.kind === kind && isIt(told as Is<K>));
      if (found !== undefined) return found;
      if (this.#ended !== undefined) throw new Error(`a process of the bench ended: ${this.#ended}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async counts(): Promise<Counts> {
    const id = (this.#asked += 1);
    this.ask({ kind: "counts", id });
    return (await this.told("counts", (told) => told.id === id)).counts;
  }

  async stop(): Promise<void> {
    if (this.#ended !== undefined) return;
    const ended = once(this.#child, "exit");
    this.ask({ kind: "stop" });
    await ended;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
