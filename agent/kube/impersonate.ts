/**
 * The same API server, asked as a service account: what that may not, the agent may not here. Its groups go unsaid, as the
 * API server fills in those of a service account itself, and to name them would be a right of its own to be given.
 */
import { accountText, accountUser, type ServiceAccount } from "#core/service-account.ts";
import { KubeError } from "./port.ts";
import type { Wire, WireRequest } from "./wire.ts";

export function impersonating(wire: Wire, account: ServiceAccount): Wire {
  const as = (request: WireRequest): WireRequest => ({
    ...request,
    headers: { "impersonate-user": accountUser(account) },
  });
  const named = (error: unknown): never => {
    if (!(error instanceof KubeError) || error.status !== 403) throw error;
    const message = `as service account ${accountText(account)}: ${error.message}`;
    throw new KubeError(error.status, error.reason, message, error.retryAfterMs);
  };
  return {
    send: (request) => wire.send(as(request)).catch(named),
    text: (request) => wire.text(as(request)).catch(named),
    stream: (request, signal) => wire.stream(as(request), signal),
    // The connections are the agent's.
    close: () => Promise.resolve(),
  };
}
