/**
 * The `fairlead` CLI: `run(argv, io)` gives an exit code and touches nothing that `io` does not hand it. Data goes to
 * standard output, words for people to standard error, and every error ends with its fix.
 */
import { createInterface } from "node:readline/promises";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { buildApplication, buildRouteMap, run as runApplication, type StricliProcess } from "@stricli/core";
import { agent, runAgentProgram } from "./commands/agent.ts";
import { apply } from "./commands/apply.ts";
import { audit } from "./commands/audit.ts";
import { auditLogList } from "./commands/audit-log.ts";
import { auditLogVerify } from "./commands/audit-log-verify.ts";
import { clusterHold, clusterReleaseHold } from "./commands/cluster-hold.ts";
import { clusterRevoke, clusterRotate } from "./commands/cluster-key.ts";
import { clusterRegister } from "./commands/cluster-register.ts";
import { cost } from "./commands/cost.ts";
import { credentials } from "./commands/credentials.ts";
import { deadLetters } from "./commands/dead-letters.ts";
import { remove } from "./commands/delete.ts";
import { exportHub } from "./commands/export.ts";
import { get } from "./commands/get.ts";
import { hub } from "./commands/hub.ts";
import { importHub } from "./commands/import.ts";
import { manifests } from "./commands/manifests.ts";
import { login } from "./commands/login.ts";
import { logout } from "./commands/logout.ts";
import { plan } from "./commands/plan.ts";
import { promote } from "./commands/promote.ts";
import { rolloutCommand, rolloutRollback } from "./commands/rollout-command.ts";
import { rolloutHistory } from "./commands/rollout-history.ts";
import { rolloutStatus } from "./commands/rollout-status.ts";
import { sync } from "./commands/sync.ts";
import { token } from "./commands/token.ts";
import { version } from "./commands/version.ts";
import { webhook } from "./commands/webhook.ts";
import { whoami } from "./commands/whoami.ts";
import { why } from "./commands/why.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Context, Io } from "./io.ts";
import { hasColours } from "./print.ts";
import { cliText } from "./text.ts";

const rollout = buildRouteMap({
  routes: {
    status: rolloutStatus,
    history: rolloutHistory,
    pause: rolloutCommand("pause"),
    resume: rolloutCommand("resume"),
    approve: rolloutCommand("approve"),
    reject: rolloutCommand("reject"),
    skip: rolloutCommand("skip-stage"),
    promote: rolloutCommand("promote"),
    retry: rolloutCommand("retry"),
    abort: rolloutCommand("abort"),
    rollback: rolloutRollback,
    unpin: rolloutCommand("unpin"),
  },
  docs: { brief: "Follow rollouts, and tell them what to do" },
});
const cluster = buildRouteMap({
  routes: {
    register: clusterRegister,
    rotate: clusterRotate,
    revoke: clusterRevoke,
    hold: clusterHold,
    releaseHold: clusterReleaseHold,
  },
  docs: { brief: "Make clusters known, hold them, and see to the keys of their agents" },
});
const auditLog = buildRouteMap({
  routes: { list: auditLogList, verify: auditLogVerify },
  defaultCommand: "list",
  docs: { brief: "Show who changed what and why, or check that nothing of it was altered" },
});
const root = buildRouteMap({
  routes: {
    get,
    apply,
    plan,
    rollout,
    promote,
    why,
    cluster,
    credentials,
    sync,
    webhook,
    audit,
    auditLog,
    manifests,
    delete: remove,
    hub,
    cost,
    deadLetters,
    export: exportHub,
    import: importHub,
    agent,
    login,
    logout,
    whoami,
    token,
    version,
  },
  docs: {
    brief: "Fairlead: Git is the truth, every cluster pulls its own line",
    fullDescription:
      "Follows a fleet of Kubernetes clusters through its hub. The hub is named by --server and --token, by FAIRLEAD_SERVER and FAIRLEAD_API_TOKEN, by the nearest .fairlead/cli.json, which `npm start` writes, or by the last `fairlead login`.",
  },
});

const application = buildApplication<Context>(root, {
  name: "fairlead",
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { useAliasInUsageLine: true, onlyRequiredInUsageLine: true },
  localization: { text: cliText },
  determineExitCode: (error) => (error instanceof CliError ? error.exitCode : EXIT.failed),
});

/** The exit code: 0 done, 1 failed, 2 wrong usage, 124 the time of a wait is up. Never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv[0] === "agent" && argv.length > 1) return runAgentProgram(argv.slice(1));
  const depth = { getColorDepth: () => (hasColours(io) ? 8 : 1) };
  const process: StricliProcess = {
    stdout: { write: (text) => void io.stdout.write(text), ...depth },
    stderr: { write: (text) => void io.stderr.write(text), ...depth },
  };
  const context: Context & { process: StricliProcess } = { process, io, exitCode: EXIT.ok };
  await runApplication(application, argv, context);
  const ended = Number(process.exitCode ?? EXIT.ok);
  // The parser's own codes are negative: all of them say that the arguments are not understood.
  if (ended < 0) return EXIT.usage;
  return ended === EXIT.ok ? context.exitCode : ended;
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  return "";
}

function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: () => readAll(process.stdin),
    line: firstLine,
    env: process.env,
    fetch: (url, init) => fetch(url, init),
    cwd: process.cwd(),
    isTTY: process.stdout.isTTY,
    sleep: (ms) => sleep(ms),
    now: Date.now,
  };
}

if (import.meta.main) {
  // A reader that has seen enough (`| head`) closes the pipe: that is no failure of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) =>
    process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
  );
  process.exitCode = await run(process.argv.slice(2), processIo());
}
