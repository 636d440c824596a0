/** Schedule → Git: looks at the refs of all Sources that are due. */
import { awsDeps, whenWriting } from "../aws.ts";
import { countedLog } from "../log.ts";
import { metered, type Metered } from "../meter/meter.ts";
import { awsOutbound } from "../outbound/aws.ts";
import { Poller } from "../release/poll-sources.ts";
import { awsSecrets } from "../secrets/aws.ts";

/** The next round comes in a minute; the function has two. */
const BEGIN_MS_MAX = 45_000;
const END_MS_MAX = 110_000;
let held: (Metered & { poller: Poller }) | undefined;

export const handler = whenWriting(work, undefined);

async function work(): Promise<void> {
  const deps = (held ??= compose());
  await metered(deps, async () => {
    await deps.poller.round();
    await deps.poller.drain(BEGIN_MS_MAX, END_MS_MAX);
  });
}

function compose(): Metered & { poller: Poller } {
  const { env, ...deps } = awsDeps();
  const log = countedLog(deps.meter);
  const poller = new Poller(
    { ...deps, outbound: awsOutbound(), secrets: awsSecrets(env) },
    ({ metadata }, error) => {
      const { project, name } = metadata;
      log({ level: "error", job: "poll sources", project, source: name, error: String(error) });
    },
  );
  return { ...deps, poller };
}
