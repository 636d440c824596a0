/** The few calls of the hub's own API that `npm start` makes: the demo has no way in that a person has not. */
import { setTimeout as delay } from "node:timers/promises";
import { applyAnswerSchema, registrationAnswerSchema } from "#core/view.ts";

export interface HubClient {
  apply(resources: readonly unknown[]): Promise<void>;
  /** A registration token for the cluster. */
  register(cluster: string): Promise<string>;
  sync(source: string): Promise<void>;
}

export function hubClient(url: string, apiToken: string): HubClient {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const headers = { authorization: `Bearer ${apiToken}`, "content-type": "application/json" };
    const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (answer.status === 429) {
      await answer.body?.cancel();
      await delay(1_000 * Number(answer.headers.get("retry-after") ?? 1));
      return post(path, body);
    }
    if (!answer.ok) throw new Error(`the hub refused ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    apply: async (resources) => void applyAnswerSchema.parse(await post("/v1/apply", { resources })),
    register: async (cluster) =>
      registrationAnswerSchema.parse(await post(`/v1/projects/default/clusters/${cluster}/registration`, {}))
        .token,
    sync: async (source) => void (await post(`/v1/projects/default/sources/${source}/sync`, {})),
  };
}
