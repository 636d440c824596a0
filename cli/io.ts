/** What a run of the CLI is given from outside; everything else it does is decided from its arguments. */
import type { CommandContext } from "@stricli/core";

export interface Stream {
  write(text: string): unknown;
  /** Progress on standard error renews its line on a terminal, and is whole lines elsewhere. */
  isTTY?: boolean | undefined;
}

export interface Io {
  stdout: Stream;
  stderr: Stream;
  /** The whole of standard input, asked for by `apply -f -` only. */
  stdin?: () => Promise<string>;
  /** The next line of standard input, for a secret that somebody pastes or a program pipes in. */
  line?: () => Promise<string>;
  env: Readonly<Record<string, string | undefined>>;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Where relative files and `.fairlead/cli.json` are looked for. */
  cwd: string;
  /** Standard output is a terminal: colours, and words around a token. */
  isTTY: boolean;
  sleep: (ms: number) => Promise<void>;
  /** Milliseconds since 1970. */
  now: () => number;
}

export interface Context extends CommandContext {
  readonly io: Io;
  /** Set by a command that ends well but does not mean 0. */
  exitCode: number;
}
