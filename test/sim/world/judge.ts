/** The server that gates ask: it answers by chance, at its own time, and sometimes nothing that anybody could read. */
import * as z from "zod";
import type { Outbound } from "../../../functions/outbound/port.ts";
import type { Task } from "../kernel/loop.ts";
import type { Random } from "../kernel/random.ts";

const questionSchema = z.object({
  app: z.string(),
  release: z.number(),
  stage: z.string(),
  gate: z.string(),
  attempt: z.number(),
});

export type Said = z.infer<typeof questionSchema> & { at: number; verdict: string };

interface JudgeWorld {
  now: () => number;
  random: Random;
  /** That it says something else than yes. */
  doubt: () => number;
  /** Until it comes to answering; undefined: at once. */
  late: () => Promise<void> | undefined;
  said: (one: Said) => void;
}

export function outboundOf(task: Task, { now, random, doubt, late, said }: JudgeWorld): Outbound {
  const answer = (body: unknown): Response => {
    const question = questionSchema.parse(JSON.parse(String(body)));
    const verdict = random.chance(doubt()) ? random.pick(["fail", "wait", "nothing"]) : "pass";
    said({ ...question, at: now(), verdict });
    const text = verdict === "nothing" ? "<html>" : JSON.stringify({ verdict });
    // A real one would read its body on the machine's time, not on the simulation's.
    return { status: 200, body: [new TextEncoder().encode(text)] } as unknown as Response;
  };
  return {
    to:
      () =>
      async (_, { body }) => {
        const wait = late();
        if (wait !== undefined) await wait;
        return task.park(() => answer(body));
      },
  };
}

/** What signs its questions. */
export const secrets = { get: async () => JSON.stringify({ kind: "webhook", secret: "0123456789abcdef" }) };
