/** Deaths one after another, each beside the same story undisturbed; what is broken comes with the line that repeats it. */
import type { Rig } from "./agent-rig.ts";
import { tell, type Death, type Told } from "./kill-story.ts";

const WAYS = ["unsent", "unanswered", "cut"] as const;

export class KillMatrix {
  readonly #rig: Rig;
  readonly #undisturbed: Told;
  #stories = 0;
  /** Of the deaths asked for, those that came: a story may be over before. */
  died = 0;

  private constructor(rig: Rig, undisturbed: Told) {
    this.#rig = rig;
    this.#undisturbed = undisturbed;
  }

  static async of(rig: Rig): Promise<KillMatrix> {
    await rig.ask("POST", "/api/v1/namespaces", { metadata: { name: "fairlead-system" } });
    return new KillMatrix(rig, await tell(rig, "undisturbed"));
  }

  get undisturbed(): Told {
    return this.#undisturbed;
  }

  /** Every `step`th request from `from` on, in each of the ways or in turn. */
  deaths(from: number, step: number, ways: "each" | "in-turn"): Death[] {
    const indices: number[] = [];
    for (let at = from; at < this.#undisturbed.requests.length; at += step) indices.push(at);
    if (ways === "each") return indices.flatMap((at) => WAYS.map((way) => ({ at, way })));
    return indices.map((at, index) => ({ at, way: WAYS[(from + index) % WAYS.length] ?? "cut" }));
  }

  /** `repeat` is how the first request of a run is named on the command line. */
  async broken(deaths: readonly Death[], repeat: (death: Death) => string): Promise<string[]> {
    const broken: string[] = [];
    for (const death of deaths) {
      const wrong = await this.#wrongWith(death);
      if (wrong !== undefined) broken.push(`${repeat(death)}    # ${death.way}: ${wrong}`);
    }
    return broken;
  }

  async #wrongWith(death: Death): Promise<string | undefined> {
    this.#stories += 1;
    try {
      const told = await tell(this.#rig, `story-${this.#stories}`, death);
      if (told.lost !== undefined) this.died += 1;
      return this.#differences(told);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #differences({ lost, end, touched }: Told): string | undefined {
    const other = (["objects", "inventory", "own"] as const).flatMap((part) => {
      const [is, should] = [end[part], this.#undisturbed.end[part]];
      const more = is.filter((one) => !should.includes(one)).map((one) => `more ${part}: ${one}`);
      const less = should.filter((one) => !is.includes(one)).map((one) => `missing ${part}: ${one}`);
      return [...more, ...less];
    });
    const all = [...other, ...touched.map((at) => `written without a reason: ${at}`)];
    return all.length === 0 ? undefined : `${lost} was lost; ${all.slice(0, 5).join("; ")}`;
  }
}
