/** What the processes of the `fleet` bench say to each other. */
import * as z from "zod";

export const askedSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hub"), dataDir: z.string(), wasmFile: z.string() }),
  /** A registration token for each cluster; `apps` is how many each of them gets. */
  z.object({ kind: z.literal("clusters"), tokens: z.array(z.string()), apps: z.number() }),
  z.object({ kind: z.literal("counts"), id: z.number() }),
  /** From here on until it stops. */
  z.object({ kind: z.literal("profile"), file: z.string() }),
  z.object({ kind: z.literal("stop") }),
]);
export type Asked = z.infer<typeof askedSchema>;

export const toldSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hub"), url: z.string(), apiToken: z.string() }),
  z.object({ kind: z.literal("clusters") }),
  /** The hub has taken it from every cluster for every App. */
  z.object({ kind: z.literal("healthy"), commit: z.string() }),
  z.object({ kind: z.literal("counts"), id: z.number(), counts: z.record(z.string(), z.number()) }),
]);
export type Told = z.infer<typeof toldSchema>;

export type Counts = Record<string, number>;

export function add(counts: Counts, what: string, count = 1): void {
  counts[what] = (counts[what] ?? 0) + count;
}

/** To who started this process. */
export function tell(told: Told): void {
  process.send?.(told);
}

/** Each message that this process is sent; who started it is gone: so is this. */
export function serve(answer: (asked: Asked) => Promise<void>): void {
  process.on("disconnect", () => process.exit(1));
  process.on("message", (message) => {
    answer(askedSchema.parse(message)).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    });
  });
}
