/** How the CLI fails: what is wrong, then how to mend it. The exit codes are part of its interface. */
export const EXIT = {
  ok: 0,
  /** Refused, not found, halted, not reachable. */
  failed: 1,
  /** The arguments cannot be understood. */
  usage: 2,
  /** `--wait` ended before the rollout did; the number that coreutils' `timeout` uses. */
  timeout: 124,
} as const;

export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly fix: string;
  readonly exitCode: number;

  constructor(message: string, fix: string, exitCode: number = EXIT.failed) {
    super(message);
    this.fix = fix;
    this.exitCode = exitCode;
  }
}

/** The hub refused: its code lets a command treat "not there" as an answer. */
export class HubRefusal extends CliError {
  override readonly name = "HubRefusal";
  readonly status: number;
  readonly errors: readonly string[];

  constructor(status: number, message: string, fix: string, errors: readonly string[] = []) {
    super(message, fix);
    this.status = status;
    this.errors = errors;
  }
}

/** The hub did not answer, or failed inside: trying again later may help. */
export class HubAway extends CliError {
  override readonly name = "HubAway";
}
