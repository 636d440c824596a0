/**
 * Where a follower of a stream stands: per shard the last sequence number that was handled, or that the shard is
 * finished. Shards are followed parents first, so one that is unknown here starts at its oldest record.
 * A lost checkpoint costs a second delivery, never a lost record.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";

export interface Checkpoint {
  /** The newest saved position, or undefined when there is none. */
  load(): Promise<string | undefined>;
  /** `position` is opaque text of at most a few hundred bytes per live shard. */
  save(position: string): Promise<void>;
}

const positionSchema = z.object({
  stream: z.string(),
  shards: z.record(z.string(), z.object({ after: z.string().optional(), finished: z.boolean().optional() })),
});
export type Position = z.infer<typeof positionSchema>;

/** Text that is no position throws; a position in another stream (a table made anew) counts as none. */
export function parsePosition(text: string | undefined, stream: string): Position {
  const none: Position = { stream, shards: {} };
  if (text === undefined) return none;
  const position = readPosition(text, stream);
  return position.stream === stream ? position : none;
}

function readPosition(text: string, stream: string): Position {
  try {
    return positionSchema.parse(JSON.parse(text));
  } catch (cause) {
    const fix = "remove it: the stream is then delivered again from its oldest record";
    throw new Error(`the checkpoint of ${stream} cannot be read; ${fix}`, { cause });
  }
}

/**
 * A checkpoint in one file, replaced as a whole. Not synced to disk at each save: after a power loss it may be an
 * older one, which only delivers again. An empty file, which some file systems leave behind then, counts as none.
 */
export function fileCheckpoint(file: string): Checkpoint {
  return {
    load: async () => {
      try {
        const text = await readFile(file, "utf8");
        return text === "" ? undefined : text;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    save: async (position) => {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, position);
      await rename(`${file}.new`, file);
    },
  };
}
