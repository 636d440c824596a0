/** What is above its budget is signed, and so may be given to clusters, only once a second person has said yes to it. */
import type { Rollout, RolloutState } from "#core/rollout.ts";
import type { Checks } from "./checks.ts";
import type { Entry } from "./ledger.ts";

type Withheld = Extract<RolloutState, { kind: "withheld" }>;

const ENDS: ReadonlySet<string> = new Set(["aborted", "superseded"]);

export function checkWithheld(oracle: Checks, entry: Entry, was: Rollout | undefined, is: Rollout): void {
  const name = `release ${is.release}`;
  if (is.state.kind === "withheld") {
    oracle.must(entry.targets.length === 0, `${name} is withheld, and there are statements of it`);
    const approved = was?.state.kind === "withheld" ? was.state.approved : undefined;
    oracle.must(
      approved === undefined || is.state.approved !== undefined,
      `${name}: the yes of ${approved?.by ?? ""} is forgotten`,
    );
    checkYes(oracle, is, is.state);
  } else if (was?.state.kind === "withheld" && !ENDS.has(is.state.kind))
    oracle.must(was.state.approved !== undefined, `${name} was withheld and is ${is.state.kind} unapproved`);
}

function checkYes(oracle: Checks, { release }: Rollout, { approved, authors }: Withheld): void {
  if (approved === undefined) return;
  const isSaid = oracle.told.some(
    (one) => one.release === release && one.command === "approve" && one.by === approved.by,
  );
  oracle.must(isSaid, `release ${release}: the yes of ${approved.by} is written down, who never gave it`);
  oracle.must(
    !authors.includes(approved.by),
    `release ${release}: ${approved.by} approves what is their own`,
  );
}
