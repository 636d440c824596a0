/** What leaves a function on AWS: its own machine is nobody's business. */
import { createOutbound } from "./client.ts";
import type { Outbound } from "./port.ts";

export function awsOutbound(): Outbound {
  return createOutbound({ allowLoopback: false });
}
