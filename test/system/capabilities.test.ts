/**
 * A definition that one App brings to one cluster reaches another App's chart there, and nobody else: real hub, real
 * agents, a real Git server; only the clusters are in memory.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appViewSchema, listOf } from "#core/view.ts";
import { releaseSchema } from "#core/release.ts";
import type { LocalHub } from "../../functions/local/hub.ts";
import { smallFleet, type SmallFleet } from "../support/small-fleet.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 300_000;
let fleet: SmallFleet;
let hub: LocalHub;
beforeAll(async () => {
  fleet = await smallFleet(["east", "west"]);
  hub = await fleet.open("a");
  await fleet.apply(hub);
  await fleet.startAll(hub);
}, LONG_MS);
afterAll(() => fleet?.stop(), LONG_MS);

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { kind: Gadget, plural: gadgets }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
status: { conditions: [{ type: Established, status: "True" }] }
`;
const TEMPLATE = `apiVersion: v1
kind: ConfigMap
metadata: { name: answer }
data: { text: "{{ .Capabilities.APIVersions.Has "example.org/v1/Gadget" }}" }
`;
const PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: greeting }\ndata: { text: hello }\n";

const app = (name: string, env?: string) => ({
  apiVersion: "fairlead.dev/v1",
  kind: "App",
  metadata: { name },
  spec: {
    source: "fleet",
    path: `apps/${name}`,
    namespace: "shop",
    clusters: env === undefined ? {} : { matchLabels: { env } },
  },
});
const releases = async (name: string) =>
  (await fleet.read(hub, `/v1/projects/default/apps/${name}/releases`, listOf(releaseSchema))).items;
const answers = () => Promise.all(["east", "west"].map((name) => fleet.greeting(name, "answer")));

describe("a definition", () => {
  it(
    "brought to one cluster by one App renders the App anew whose chart asked for it, for that cluster",
    async () => {
      await fleet.tree.push(
        {
          "apps/asks/Chart.yaml": "apiVersion: v2\nname: asks\nversion: 0.1.0\n",
          "apps/asks/templates/a.yaml": TEMPLATE,
          "apps/shop/a.yaml": PLAIN,
          "apps/defines/a.yaml": DEFINITION,
        },
        "Ask",
      );
      const asked = await fleet.call(hub, "POST", "/v1/apply", { resources: [app("asks")] });
      expect(asked.status).toBe(200);
      await until("the first answers", async () => expect(await answers()).toEqual(["false", "false"]));
      const defined = await fleet.call(hub, "POST", "/v1/apply", { resources: [app("defines", "west")] });
      expect(defined.status).toBe(200);
      await until("the second answers", async () => expect(await answers()).toEqual(["false", "true"]));
      const [newest, ...older] = await releases("asks");
      expect(newest).toMatchObject({ reason: "clusters changed", targetCount: 2, changed: 1 });
      expect(older).toHaveLength(1);
      expect(await releases("shop")).toHaveLength(1);
      const view = await fleet.read(hub, "/v1/projects/default/apps/shop", appViewSchema);
      expect(view.state?.warnings).toBeUndefined();
    },
    LONG_MS,
  );
});
