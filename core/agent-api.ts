/**
 * Where agents ask the hub, and the headers between them. Apart from what is said in bodies (`protocol.ts`), whose many schemas
 * an idle poll has no use for.
 */
export const PROTOCOL_VERSION = 1;
export const AGENT_PATHS = {
  register: "/agent/v1/register",
  desired: "/agent/v1/desired",
  report: "/agent/v1/report",
  rotate: "/agent/v1/rotate",
  served: "/agent/v1/served",
  hold: "/agent/v1/hold",
  apis: (digest: string) => `/agent/v1/apis/${digest}`,
  schemas: (digest: string) => `/agent/v1/schemas/${digest}`,
  bundle: (app: string) => `/agent/v1/apps/${app}/bundle`,
} as const;

/** Names the wait until the next poll (ms) on a 304, which has no body. */
export const POLL_HEADER = "fairlead-poll-ms";
/**
 * Digest of the desired state in an answer. An agent that asks without a tag sends back what it has: a 304 then says that its
 * assignments were read, and are these.
 */
export const CONTENT_HEADER = "fairlead-content";
/** Sent by the agent when its heartbeat is due: the hub writes it down. */
export const BEAT_HEADER = "fairlead-beat";
/** The hub's clock (ms since 1970) on a 401 for time. */
export const TIME_HEADER = "fairlead-time";
