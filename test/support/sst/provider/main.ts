/**
 * A Pulumi provider for the types of resources that `infra/` uses, against any endpoint that speaks AWS's own APIs. It
 * stands in for pulumi-aws, which cannot be had offline: AWS's validation, defaults and rules of replacement are not
 * shown by it. Each call is written down in `$FAIRLEAD_SST_CALLS`.
 */
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { needed } from "./environment.ts";
import { policyDocument } from "./iam.ts";
import type { Inputs } from "./kind.ts";
import { kindOf } from "./kinds.ts";

/** Pulumi's marks on values: a secret, an asset on disk. */
const MARK = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
/** In a state: which inputs it was made of. */
const GIVEN = "__given";

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  if (fields[MARK] === SECRET) return plain(fields["value"]);
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, part]) => part !== undefined && part !== null)
      .map(([name, part]) => [name, plain(part)]),
  );
}
const inputsOf = (value: unknown): Inputs => plain(value) as Inputs;

/** `urn:pulumi:stack::project::parent$type::name` */
function partsOf(urn: string): { type: string; name: string } {
  const [, , types = "", name = ""] = urn.split("::");
  return { type: types.split("$").at(-1) ?? "", name };
}

function note(act: "create" | "update" | "delete", urn: string): void {
  appendFileSync(needed("FAIRLEAD_SST_CALLS"), `${JSON.stringify({ act, ...partsOf(urn) })}\n`);
}

function changed(before: Inputs, after: Inputs): string[] {
  const given = (before[GIVEN] ?? []) as string[];
  const names = new Set([...given, ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Wire values go back as they came, so that a secret stays marked in the state. */
function stateOf(wire: Record<string, unknown>, outs: Record<string, unknown>): Record<string, unknown> {
  const made = Object.fromEntries(Object.entries(outs).filter(([, value]) => value !== undefined));
  return { ...wire, ...made, [GIVEN]: Object.keys(wire) };
}

const answers: Record<string, (args: Inputs) => Record<string, unknown>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({ accountId: "000000000000" }),
  "aws:index/getPartition:getPartition": () => ({ partition: "aws", dnsSuffix: "amazonaws.com" }),
  "aws:index/getRegion:getRegion": () => ({ region: needed("AWS_REGION"), name: needed("AWS_REGION") }),
  "aws:iam/getPolicyDocument:getPolicyDocument": ({ statements = [] }) => ({
    json: policyDocument(statements as Parameters<typeof policyDocument>[0]),
  }),
};

type Wire = Record<string, unknown>;
const provider = {
  version: "1.0.0",
  diff(_id: string, urn: string, olds: Wire, news: Wire) {
    const { names, update } = kindOf(partsOf(urn).type);
    const fields = changed(inputsOf(olds), inputsOf(news));
    const replaces = update === undefined ? fields : fields.filter((field) => names.includes(field));
    return Promise.resolve({ changes: fields.length > 0, replaces, deleteBeforeReplace: true });
  },
  async create(urn: string, wire: Wire) {
    note("create", urn);
    const { type, name } = partsOf(urn);
    const { id, outs } = await kindOf(type).create(inputsOf(wire), name);
    return { id, outs: stateOf(wire, outs) };
  },
  async update(id: string, urn: string, olds: Wire, wire: Wire) {
    note("update", urn);
    const { update } = kindOf(partsOf(urn).type);
    if (update === undefined) throw new Error(`${urn} is never updated`);
    const given = new Set((inputsOf(olds)[GIVEN] ?? []) as string[]);
    const kept = Object.fromEntries(Object.entries(olds).filter(([name]) => !given.has(name)));
    const outs = await update(id, inputsOf(wire), inputsOf(olds));
    return { outs: stateOf(wire, { ...outs, ...withoutNew(kept, outs) }) };
  },
  async delete(id: string, urn: string, state: Wire) {
    note("delete", urn);
    await kindOf(partsOf(urn).type).remove(id, inputsOf(state));
  },
  invoke(token: string, wire: Wire) {
    const args = inputsOf(wire);
    const answer = answers[token];
    if (answer === undefined) throw new Error(`the provider of the test does not know the call ${token}`);
    return Promise.resolve({ outputs: { id: "made-up", ...args, ...answer(args) } });
  },
};

function withoutNew(kept: Wire, outs: Wire): Wire {
  return Object.fromEntries(Object.entries(kept).filter(([name]) => !(name in outs) && name !== GIVEN));
}

const pulumi = createRequire(needed("FAIRLEAD_SST_PLATFORM"))("@pulumi/pulumi/provider") as {
  main(own: typeof provider, args: string[]): Promise<void>;
};
await pulumi.main(provider, process.argv.slice(2));
