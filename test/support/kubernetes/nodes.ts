/**
 * Nodes that KWOK plays: it turns them Ready, and pods bound to them run without a container.
 */
import { type Api, call, create, startMsMax, waitFor } from "./api.ts";

/** Creates the nodes and returns once pods can be scheduled to each; `until` ends the wait by rejecting. */
export async function joinNodes(api: Api, nodes: number, until: Promise<never>): Promise<void> {
  const names = Array.from({ length: nodes }, (_, index) => `node-${index}`);
  for (const name of names) await create(api, "/api/v1/nodes", nodeObject(name));
  for (const name of names) {
    await waitFor(`a Ready node ${name}`, startMsMax, () => nodeIsReady(api, name), until);
  }
}

async function nodeIsReady(api: Api, name: string): Promise<true | string> {
  const { text } = await call(api, "GET", `/api/v1/nodes/${name}`);
  const node = JSON.parse(text) as {
    spec?: { taints?: { key: string }[] };
    status?: { conditions?: { type: string; status: string }[] };
  };
  const ready = node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  // The lifecycle controller takes its taint away a moment after the condition turns.
  const held = node.spec?.taints?.some(({ key }) => key.startsWith("node.kubernetes.io/"));
  return (ready === true && held !== true) || JSON.stringify([node.status?.conditions, node.spec]);
}

function nodeObject(name: string) {
  const room = { cpu: "64", memory: "256Gi", pods: "1000" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
    status: { allocatable: room, capacity: room },
  };
}
