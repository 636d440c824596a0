/**
 * Kustomize as people use it, on the engine, and the same objects as `kubectl kustomize` makes of the same files.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { configMap, deployment, useRenderer } from "./support.ts";
import type { Texts } from "./support.ts";

const renderer = useRenderer();

const base: Texts = {
  "apps/shop/base/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\n",
  "apps/shop/base/deployment.yaml": deployment("web"),
  "apps/shop/base/service.yaml":
    "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [{ port: 80 }] }\n",
};

type Case = { name: string; path: string; files: Texts };

const cases: readonly Case[] = [
  {
    name: "an overlay with prefix, namespace and labels",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml":
        "resources: [../base]\nnamePrefix: prod-\nnamespace: shop\nlabels: [{ pairs: { env: prod }, includeSelectors: true }]\n",
    },
  },
  {
    name: "a strategic merge patch from a folder shared by overlays",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml": "resources: [../base]\npatches: [{ path: patch.yaml }]\n",
      "apps/shop/prod/patch.yaml":
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 5\n  template:\n    spec:\n      containers: [{ name: main, resources: { limits: { memory: 64Mi } } }]\n",
    },
  },
  {
    name: "a JSON patch with a target",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml":
        "resources: [../base]\npatches:\n  - target: { kind: Deployment }\n    patch: |\n      - { op: replace, path: /spec/replicas, value: 7 }\n",
    },
  },
  {
    name: "images and replicas",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml":
        "resources: [../base]\nimages: [{ name: nginx, newName: example.com/nginx, newTag: '1.28' }]\nreplicas: [{ name: web, count: 4 }]\n",
    },
  },
  {
    name: "generators with files, literals and an env file, and their hashes in references",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml":
        "resources: [../base, pod.yaml]\nconfigMapGenerator:\n  - { name: settings, files: [app.conf, other=sub/x.txt], literals: [a=1, b=yes] }\n  - { name: env, envs: [vars.env] }\nsecretGenerator:\n  - { name: token, files: [binary.dat] }\n",
      "apps/shop/prod/app.conf": "listen 80;\nroot /srv;\n",
      "apps/shop/prod/sub/x.txt": "text",
      "apps/shop/prod/vars.env": "LEVEL=info\nTOKEN=a=b\n",
      "apps/shop/prod/binary.dat": "\u0000\u0001\u00ff",
      "apps/shop/prod/pod.yaml":
        "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  volumes: [{ name: v, configMap: { name: settings } }]\n  containers: [{ name: c, image: i, envFrom: [{ configMapRef: { name: env } }] }]\n",
    },
  },
  {
    name: "a component",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml": "resources: [../base]\ncomponents: [../../parts/debug]\n",
      "apps/parts/debug/kustomization.yaml":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\npatches:\n  - target: { kind: Service }\n    patch: |\n      - { op: add, path: /spec/type, value: NodePort }\n",
      "apps/parts/debug/extra.yaml": configMap("debug"),
    },
  },
  {
    name: "replacements",
    path: "apps/shop/prod",
    files: {
      ...base,
      "apps/shop/prod/kustomization.yaml":
        "resources: [../base, host.yaml]\nreplacements:\n  - source: { kind: ConfigMap, name: host, fieldPath: data.key }\n    targets: [{ select: { kind: Deployment }, fieldPaths: ['spec.template.spec.containers.[name=main].image'] }]\n",
      "apps/shop/prod/host.yaml": configMap("host", "{ key: 'registry/x:1' }"),
    },
  },
  {
    name: "scalars, lists and several documents in a file",
    path: "",
    files: {
      Kustomization: "resources: [all.yml]\n",
      "all.yml": `${configMap("a", "{ yes: 'on', mode: '0644' }")}---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n  - { apiVersion: example.com/v1, kind: Thing, metadata: { name: t }, spec: { mode: 0644, on: yes, rate: 1.5, big: 1e3, when: "2001-01-01", none: ~ } }\n`,
    },
  },
  {
    name: "a namespace transformer, annotations and a name suffix over two bases",
    path: "apps/all",
    files: {
      ...base,
      "apps/other/kustomization.yaml": "resources: [c.yaml]\nnameSuffix: -v2\n",
      "apps/other/c.yaml": configMap("other"),
      "apps/all/kustomization.yaml":
        "resources: [../shop/base, ../other]\nnamespace: all\ncommonAnnotations: { owner: team }\n",
    },
  },
];

describe("render of a kustomization", () => {
  it.each(cases)("makes the same objects as kubectl: $name", async ({ files, path }) => {
    const objects = await renderer.objects(files, path);
    const expected = await kubectlKustomize(files, path);
    expect(expected.length).toBeGreaterThan(0);
    expect(inOrder(objects)).toEqual(inOrder(expected));
  });

  it("gives the same bytes for the same files, whatever was rendered in between", async () => {
    const [first, second] = [cases[0], cases[1]];
    if (first === undefined || second === undefined) expect.fail("there are fewer than two cases");
    const before = JSON.stringify(await renderer.objects(first.files, first.path));
    await renderer.objects(second.files, second.path);
    await renderer.error({ "kustomization.yaml": "resources: [none.yaml]\n" }, "");
    expect(JSON.stringify(await renderer.objects(first.files, first.path))).toBe(before);
  });

  it("forgets one repository's openapi schema before it renders the next", async () => {
    const thing = (items: string) =>
      `apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: t }\nspec: { items: [${items}] }\n`;
    const files: Texts = {
      "kustomization.yaml": "resources: [thing.yaml]\npatches: [{ path: patch.yaml }]\n",
      "thing.yaml": thing("{ name: a, x: 1 }"),
      "patch.yaml": thing("{ name: b, x: 2 }"),
    };
    const withSchema: Texts = {
      ...files,
      "kustomization.yaml": `${files["kustomization.yaml"]}openapi: { path: schema.json }\n`,
      "schema.json": JSON.stringify(mergingSchema),
    };
    const items = async (texts: Texts) => {
      const [object] = await renderer.objects(texts, "");
      if (object === undefined) expect.fail("nothing was rendered");
      return (object["spec"] as { items: unknown[] }).items.length;
    };
    expect(await items(withSchema)).toBe(2);
    expect(await items(files)).toBe(1);
  });

  it("drops what only configures Kustomize, and keeps the order of the resources", async () => {
    const files: Texts = {
      "kustomization.yaml": "resources: [z.yaml, local.yaml, a.yaml]\n",
      "z.yaml": configMap("z"),
      "a.yaml": configMap("a"),
      "local.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: local, annotations: { config.kubernetes.io/local-config: "true" } }\n',
    };
    const objects = await renderer.objects(files, ".");
    expect(objects.map((object) => object.metadata.name)).toEqual(["z", "a"]);
  });
});

/** Lists of Things merge by the name of their items. */
const mergingSchema = {
  definitions: {
    "v1.Thing": {
      type: "object",
      "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Thing" }],
      properties: {
        spec: {
          type: "object",
          properties: {
            items: {
              type: "array",
              items: { type: "object" },
              "x-kubernetes-patch-strategy": "merge",
              "x-kubernetes-patch-merge-key": "name",
            },
          },
        },
      },
    },
  },
};

/** kubectl sorts by kind what Kustomize leaves in the order of its resources; an agent sorts for itself. */
function inOrder(objects: readonly unknown[]): unknown[] {
  const key = (object: unknown) => JSON.stringify(object, ["apiVersion", "kind", "metadata", "name"]);
  return [...objects].sort((left, right) => key(left).localeCompare(key(right)));
}

async function kubectlKustomize(files: Texts, path: string): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-kustomize-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const { stdout } = await promisify(execFile)("kubectl", ["kustomize", join(folder, path)]);
    const documents = parseAllDocuments(stdout);
    return (Array.isArray(documents) ? documents : []).map((document): unknown => document.toJS());
  } finally {
    await rm(folder, { recursive: true });
  }
}
