/** Bugs, planted between the hub and its table: what a wrong engine would read, write, or leave out. */
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { packRanks, unpackRanks } from "../../functions/store/ranks.ts";
import type { Item } from "../../functions/store/db.ts";
import type { Task } from "./kernel/loop.ts";
import type { Seams } from "./world/world.ts";

type Request = NonNullable<Seams["request"]>;

const isRollout = (item: unknown): boolean =>
  String((item as Item | undefined)?.["sk"]).startsWith("rollout#");

/** What is read of rollouts comes out changed. */
function reading(change: (rollout: Item, now: number) => Item): Request {
  return (command, execute, { now }) => {
    const answer = execute(command) as { Item?: Item };
    if (!(command instanceof GetCommand) || !isRollout(command.input.Key) || answer.Item === undefined)
      return answer;
    return { ...answer, Item: change(answer.Item, now) };
  };
}

/** What is read of many items at once, placements and heartbeats, comes out changed. */
function batches(change: (item: Item, now: number) => Item): Request {
  return (command, execute, { now }) => {
    const answer = execute(command) as { Responses?: Record<string, Item[]> };
    if (!(command instanceof BatchGetCommand)) return answer;
    const all = Object.entries(answer.Responses ?? {});
    return {
      ...answer,
      Responses: Object.fromEntries(
        all.map(([name, items]) => [name, items.map((item) => change(item, now))]),
      ),
    };
  };
}

function staleStatus(): Request {
  return batches((item) => {
    const { assigned, observed } = item as { assigned?: Item; observed?: Item };
    if (assigned === undefined || observed === undefined) return item;
    return { ...item, observed: { ...observed, generation: assigned["generation"] } };
  });
}

/** Each reading allows one more than the spec; each writing puts it right again, so that nobody sees it in the table. */
function budgetOffByOne(): Request {
  const widened = (item: Item, by: number): Item => ({
    ...item,
    stages: (item["stages"] as Item[]).map((stage) => ({
      ...stage,
      maxUnavailable: Number(stage["maxUnavailable"]) + by,
    })),
  });
  const read = reading((rollout) => widened(rollout, 1));
  return (command, execute, at) => {
    if (command instanceof PutCommand && isRollout(command.input.Item))
      return execute(new PutCommand({ ...command.input, Item: widened(command.input.Item as Item, -1) }));
    return read(command, execute, at);
  };
}

/** A newer release leaves the rollout before it as it is. */
function lostSupersede(): Request {
  return (command, execute) => {
    if (!(command instanceof TransactWriteCommand)) return execute(command);
    const { TransactItems = [] } = command.input;
    const kept = TransactItems.filter(({ Update }) => !isRollout(Update?.Key));
    return execute(new TransactWriteCommand({ ...command.input, TransactItems: kept }));
  };
}

/** The rollout is read as it was while it might still assign: an old fence is as good as the new one. */
function oldFence(): Request {
  const running = new Map<unknown, Item>();
  return reading((rollout) => {
    const { kind } = rollout["state"] as { kind: string };
    if (kind === "running") running.set(rollout["sk"], rollout);
    return kind === "superseded" || kind === "aborted" ? (running.get(rollout["sk"]) ?? rollout) : rollout;
  });
}

/** What was released a moment ago does not count until its assignment stands: the next look releases beside it. */
function secondTick(): Request {
  const since = new Map<string, number>();
  return reading((rollout, now) => {
    const isOld = (rank: number): boolean => {
      const key = `${String(rollout["sk"])} ${rank}`;
      if (!since.has(key)) since.set(key, now);
      return now - (since.get(key) ?? now) > 30_000;
    };
    return { ...rollout, out: packRanks(unpackRanks(String(rollout["out"])).filter(isOld)) };
  });
}

function forgottenSilent(): Request {
  return batches((item, now) => (item["heardAt"] === undefined ? item : { ...item, heardAt: now }));
}

/** "Not now" is read as nothing. */
function forgottenHold(): Request {
  return batches((item) => ({ ...item, holds: {} }));
}

/** Whoever reads a rollout sees no windows. */
function forgottenWindow(): Request {
  const closed = (item: Item): Item => {
    const { windows: _, ...rest } = item;
    const stages = (item["stages"] as Item[]).map(({ windows: __, ...stage }) => stage);
    return { ...rest, stages };
  };
  return reading(closed);
}

/** Who was silent at its turn is not written down. */
function forgottenReturning(): Request {
  return (command, execute) => {
    if (!(command instanceof PutCommand) || !isRollout(command.input.Item)) return execute(command);
    return execute(new PutCommand({ ...command.input, Item: { ...command.input.Item, later: "" } }));
  };
}

/** A function that reads the rollout anew, as after a crash, finds the soak over. */
function soakSkipped(): Request {
  return reading((rollout) => {
    const state = rollout["state"] as { kind: string; step?: Item };
    if (state.step?.["kind"] !== "soaking") return rollout;
    return { ...rollout, state: { ...state, step: { ...state.step, until: state.step["since"] } } };
  });
}

/** A function that reads the rollout anew finds that its gates said yes. */
function gateForgotten(): Request {
  return reading((rollout) => {
    const { step } = rollout["state"] as { step?: Item };
    const stage = (rollout["stages"] as { name: string; gates?: { name: string }[] }[])[
      Number(rollout["stage"])
    ];
    if (step?.["kind"] !== "gates" || stage === undefined) return rollout;
    const told = { kind: "pass", message: "yes", at: 0, soaked: true };
    const gates = (stage.gates ?? []).map(({ name }) => ({
      stage: stage.name,
      gate: name,
      attempt: 0,
      failures: 0,
      inconclusive: 0,
      told,
    }));
    return { ...rollout, gates };
  });
}

/** Who was asked finds that the rollout waits for this very answer, whatever it has asked since. */
function olderVerdict(): Request {
  type Attempts = Map<unknown, unknown>;
  const known = new WeakMap<Task, { asked: Attempts; newest: Attempts }>();
  const attemptsOf = (rollout: Item): Attempts =>
    new Map((rollout["gates"] as Item[]).map((run) => [run["gate"], run["attempt"]]));
  const renumbered = (rollout: Item, is: Attempts, shall: Attempts): Item => ({
    ...rollout,
    gates: (rollout["gates"] as Item[]).map((run) => {
      const isMeant = run["attempt"] === is.get(run["gate"]) && shall.has(run["gate"]);
      return isMeant ? { ...run, attempt: shall.get(run["gate"]) } : run;
    }),
  });
  return (command, execute, at) => {
    if (!at.task.name.endsWith("rollout.gate.asked")) return execute(command);
    const { asked, newest } = known.get(at.task) ?? {};
    if (command instanceof PutCommand && isRollout(command.input.Item) && asked !== undefined) {
      const item = renumbered(command.input.Item as Item, asked, newest ?? asked);
      return execute(new PutCommand({ ...command.input, Item: item }));
    }
    return reading((rollout) => {
      const now = attemptsOf(rollout);
      known.set(at.task, { asked: asked ?? now, newest: now });
      return asked === undefined ? rollout : renumbered(rollout, now, asked);
    })(command, execute, at);
  };
}

/** Whoever reads a rollout finds no App that it waits for. */
function forgottenDependency(): Request {
  return reading((rollout) => {
    const { dependsOn: _, ...rest } = rollout;
    return rest;
  });
}

/** What is above its budget is found with a yes that nobody gave. */
function unasked(): Request {
  return reading((rollout) => {
    const state = rollout["state"] as Item;
    if (state["kind"] !== "withheld") return rollout;
    return { ...rollout, state: { ...state, approved: { by: "user:nobody", at: 0 } } };
  });
}

/** A rollout that has succeeded without some of its clusters is taken for one that all of them took. */
function leftBehind(): Request {
  return reading((rollout) => {
    const { kind, at } = rollout["state"] as Item;
    return kind === "succeeded" ? { ...rollout, state: { kind, at, silent: 0 } } : rollout;
  });
}

/** Once its App is gone, the rollout that took it away is found as it was when it had the most to give. */
function undead(): Request {
  const most = new Map<string, Item>();
  const gone = new Set<string>();
  const nameOf = (item: Item): string => `${String(item["pk"])} ${String(item["sk"])}`;
  const read = reading((rollout) => {
    const name = nameOf(rollout);
    const { kind } = rollout["state"] as Item;
    if (kind === "running" && rollout["out"] !== "") most.set(name, rollout);
    return gone.has(String(rollout["app"])) ? (most.get(name) ?? rollout) : rollout;
  });
  return (command, execute, at) => {
    const app =
      command instanceof DeleteCommand ? /^app#(.+)$/.exec(String(command.input.Key?.["sk"])) : null;
    if (app?.[1] !== undefined) gone.add(app[1]);
    const answer = read(command, execute, at) as { Items?: Item[] };
    if (!(command instanceof QueryCommand)) return answer;
    const isSwept = (item: Item): boolean =>
      String(item["sk"]).startsWith("app-state#") && gone.has(String(item["app"]));
    return {
      ...answer,
      Items: answer.Items?.map((item) => (isSwept(item) ? { ...item, active: true } : item)),
    };
  };
}

/** A rollout that waits for a yes is taken as if it had it. */
function approvalForgotten(): Request {
  return reading((rollout) => {
    const stages = rollout["stages"] as { name: string }[];
    const yes = stages.flatMap(({ name }) =>
      ["before", "after"].map((when) => ({ stage: name, when, by: "nobody", at: 0 })),
    );
    return { ...rollout, approvals: yes };
  });
}

/** Reports are taken in the order in which they come. */
function lateReport(): Request {
  return (command, execute) => {
    const text = command instanceof UpdateCommand ? (command.input.ConditionExpression ?? "") : "";
    if (!(command instanceof UpdateCommand) || !text.includes("#observed.#seq < :seq"))
      return execute(command);
    const { ":seq": _, ...values } = command.input.ExpressionAttributeValues ?? {};
    const { "#seq": __, ...names } = command.input.ExpressionAttributeNames ?? {};
    return execute(
      new UpdateCommand({
        ...command.input,
        ConditionExpression: "attribute_exists(#assigned)",
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
      }),
    );
  };
}

export const PLANTED: Record<string, () => Request> = {
  "a report on an older generation counts for the new one": staleStatus,
  "one more than maxUnavailable": budgetOffByOne,
  "a newer release does not end the one before": lostSupersede,
  "an old fence is accepted": oldFence,
  "a second tick does not count what the first released": secondTick,
  "a silent cluster is moved all the same": forgottenSilent,
  "a silent cluster is forgotten when it returns": forgottenReturning,
  "a forgotten hold": forgottenHold,
  "a forgotten window": forgottenWindow,
  "a soak is skipped after a crash": soakSkipped,
  "a gate is skipped after a crash": gateForgotten,
  "a verdict of an older attempt counts": olderVerdict,
  "an approval is not waited for": approvalForgotten,
  "a dependency that is not healthy is not waited for": forgottenDependency,
  "a withheld release is taken for approved": unasked,
  "a deleted App goes while clusters still have it": leftBehind,
  "a deleted App's rollout goes on": undead,
  "a late report is taken over a newer one": lateReport,
};
