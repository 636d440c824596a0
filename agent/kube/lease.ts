/** The agent's Lease, read and written with the version that was read: of two writers at once one is told so. */
import * as z from "zod";
import { KubeError } from "./port.ts";
import type { Wire } from "./wire.ts";

const NAMESPACE = "fairlead-system";
const NAME = "fairlead-agent";
const COLLECTION = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const HELD_MS_MAX = 10 * 60_000;

export interface Lease {
  version: string;
  /** Empty: nobody. */
  holder: string;
  heldMs: number;
  acquired: string | undefined;
  transitions: number;
}

export interface LeaseStore {
  read(): Promise<Lease | undefined>;
  /** Undefined where it is not as `before` any more, and nothing was written. */
  write(
    before: Lease | undefined,
    next: { holder: string; heldMs: number; now: number },
  ): Promise<Lease | undefined>;
}

const leaseSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1) }),
  spec: z
    .object({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().positive().nullish(),
      acquireTime: z.string().nullish(),
      leaseTransitions: z.number().int().nullish(),
    })
    .default({}),
});

export function createLeaseStore(wire: Pick<Wire, "send">): LeaseStore {
  return {
    async read() {
      try {
        return parsed(await wire.send({ method: "GET", path: `${COLLECTION}/${NAME}` }));
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) return undefined;
        throw error;
      }
    },
    async write(before, next) {
      const body = bodyOf(before, next);
      const request =
        before === undefined
          ? ({ method: "POST", path: COLLECTION, body } as const)
          : ({ method: "PUT", path: `${COLLECTION}/${NAME}`, body } as const);
      try {
        return parsed(await wire.send(request));
      } catch (error) {
        // Written, made or deleted by somebody since it was read; one that cannot be made lacks its namespace.
        const raced = before === undefined ? [409] : [404, 409];
        if (error instanceof KubeError && raced.includes(error.status)) return undefined;
        throw error;
      }
    },
  };
}

function bodyOf(before: Lease | undefined, next: { holder: string; heldMs: number; now: number }) {
  const { holder, heldMs, now } = next;
  // Kubernetes keeps these times to the microsecond.
  const time = new Date(now).toISOString().replace("Z", "000Z");
  const kept = before !== undefined && before.holder === holder;
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      ...(before === undefined ? {} : { resourceVersion: before.version }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(heldMs / 1000)),
      acquireTime: kept ? (before.acquired ?? time) : time,
      renewTime: time,
      leaseTransitions: (before?.transitions ?? 0) + (kept || holder === "" ? 0 : 1),
    },
  };
}

function parsed(answer: unknown): Lease {
  const lease = leaseSchema.safeParse(answer);
  if (!lease.success) throw new KubeError(502, "NoLease", `no Lease came back: ${lease.error.message}`);
  const { metadata, spec } = lease.data;
  return {
    version: metadata.resourceVersion,
    holder: spec.holderIdentity ?? "",
    heldMs: Math.min((spec.leaseDurationSeconds ?? 1) * 1000, HELD_MS_MAX),
    acquired: spec.acquireTime ?? undefined,
    transitions: spec.leaseTransitions ?? 0,
  };
}
