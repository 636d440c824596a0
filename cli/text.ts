/** The words of the CLI's own errors: what is wrong, then the fix, and never a stack for what a person can mend. */
import {
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
  type ApplicationText,
} from "@stricli/core";
import { CliError } from "./errors.ts";

const HELP = "fairlead --help lists the commands, fairlead COMMAND --help their flags";

function told(message: string, fix: string, ansiColor: boolean): string {
  const [error, mend] = ansiColor
    ? ["\u001B[0m\u001B[1;31merror:\u001B[0m", "\u001B[1mfix:\u001B[0m"]
    : ["error:", "fix:"];
  return `${error} ${message}\n${mend} ${fix}`;
}

function thrown(error: unknown, ansiColor: boolean): string {
  if (error instanceof CliError) return told(error.message, error.fix, ansiColor);
  const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return told(words, "this is a fault of fairlead itself: report it with these lines", ansiColor);
}

export const cliText: ApplicationText = {
  ...text_en,
  exceptionWhileParsingArguments: (error, ansiColor) => {
    if (!(error instanceof ArgumentScannerError)) return thrown(error, ansiColor);
    return told(formatMessageForArgumentScannerError(error, {}), HELP, ansiColor);
  },
  noCommandRegisteredForInput: ({ input, corrections, ansiColor }) => {
    const fix =
      corrections.length === 0
        ? HELP
        : `did you mean ${corrections.map((one) => one.replace(/`/g, "")).join(" or ")}? ${HELP}`;
    return told(`there is no command "${input}"`, fix, ansiColor);
  },
  exceptionWhileRunningCommand: (error, ansiColor) => thrown(error, ansiColor),
  commandErrorResult: (error, ansiColor) => thrown(error, ansiColor),
  exceptionWhileLoadingCommandFunction: (error, ansiColor) => thrown(error, ansiColor),
  exceptionWhileLoadingCommandContext: (error, ansiColor) => thrown(error, ansiColor),
};
