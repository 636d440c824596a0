/** What a Project lets its Apps bring. A hole here is a tenant in another tenant's namespace, or in the whole cluster. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { fitsGlob } from "#core/glob.ts";
import { appSchema } from "#core/app.ts";
import { projectSchema, type Project } from "#core/project.ts";
import { accountRefusal, allowsSource, projectFindings, sourceAddress } from "#core/project-rules.ts";

const project = (spec: object = {}): Project =>
  projectSchema.parse({ apiVersion: "fairlead.dev/v1", kind: "Project", metadata: { name: "web" }, spec });
const object = (apiVersion: string, kind: string, name: string, namespace?: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});
const messages = (spec: object, ...objects: KubeObject[]): string[] =>
  projectFindings(project(spec), "shop", objects).listed.map((one) => `${one.object}: ${one.message}`);

const limited = { namespaces: ["shop", "shop-*"] };
const definition = (scope: string, versions = ["v1"]): KubeObject => ({
  ...object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.com"),
  spec: {
    group: "example.com",
    scope,
    names: { kind: "Widget" },
    versions: versions.map((name) => ({ name })),
  },
});
const allowDefinitions = [{ kind: "*" }, { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition" }];

describe(accountRefusal.name, () => {
  const refusal = (serviceAccounts: string[], serviceAccount?: string) =>
    accountRefusal(
      project({ serviceAccounts }),
      appSchema.parse({
        apiVersion: "fairlead.dev/v1",
        kind: "App",
        metadata: { name: "shop", project: "web" },
        spec: { source: "fleet", namespace: "shop", clusters: {}, sync: { serviceAccount } },
      }),
    );
  it("lets an App name any account, or none, where the Project names none", () => {
    expect([refusal([]), refusal([], "deployer")]).toEqual([undefined, undefined]);
  });
  it("holds the account with its namespace against the globs", () => {
    expect(refusal(["shop/*"], "deployer")).toBeUndefined();
    expect(refusal(["shop/*"], "shop/deployer")).toBeUndefined();
    expect(refusal(["shop/*"], "kube-system/deployer")).toContain("(kube-system/deployer) is not among");
    expect(refusal(["deployer"], "deployer")).toContain("(shop/deployer) is not among");
  });
  it("takes no account for none of them: it would be all that the agent may", () => {
    expect(refusal(["shop/*"])).toContain("names no service account");
  });
});

describe("projectFindings", () => {
  it("lets a Project that limits nothing hold anything", () => {
    const all = [
      object("v1", "ConfigMap", "a", "kube-system"),
      object("rbac.authorization.k8s.io/v1", "ClusterRole", "b"),
      object("example.com/v1", "Widget", "c"),
    ];
    expect(messages({}, ...all)).toEqual([]);
  });

  it("holds the namespace an object will have against the globs: its own, else the App's", () => {
    expect(
      messages(limited, object("v1", "ConfigMap", "a"), object("v1", "ConfigMap", "b", "shop-eu")),
    ).toEqual([]);
    expect(messages(limited, object("v1", "ConfigMap", "c", "kube-system"))).toEqual([
      "ConfigMap kube-system/c: namespace kube-system is not among spec.namespaces of Project web (shop, shop-*): move it, or allow the namespace there",
    ]);
    expect(messages({ namespaces: ["other"] }, object("v1", "ConfigMap", "a"))).toHaveLength(1);
    expect(messages({ namespaces: [] }, object("v1", "ConfigMap", "a"))).toHaveLength(1);
  });

  it("counts a Namespace by its name", () => {
    expect(messages(limited, object("v1", "Namespace", "shop-eu"))).toEqual([]);
    expect(messages(limited, object("v1", "Namespace", "kube-system", "shop"))).toHaveLength(1);
  });

  it("keeps what is cluster-scoped out of a Project that limits namespaces, unless its kind is named", () => {
    const role = object("rbac.authorization.k8s.io/v1", "ClusterRole", "reader");
    expect(messages(limited, role)).toEqual([
      'ClusterRole reader: ClusterRole.rbac.authorization.k8s.io is cluster-scoped, and Project web limits namespaces: take it out, or name { group: "rbac.authorization.k8s.io", kind: ClusterRole } in its spec.kinds.allow',
    ]);
    expect(messages({ namespaces: ["*"] }, role)).toHaveLength(1);
    expect(messages({ ...limited, kinds: { allow: [{ kind: "*" }] } }, role)).toHaveLength(1);
    const named = [{ kind: "*" }, { group: "rbac.authorization.k8s.io", kind: "ClusterRole" }];
    expect(messages({ ...limited, kinds: { allow: named } }, role)).toEqual([]);
  });

  it("is not taken in by a namespace on what is cluster-scoped: agents leave it away", () => {
    expect(
      messages(limited, object("rbac.authorization.k8s.io/v1", "ClusterRole", "x", "shop")),
    ).toHaveLength(1);
    expect(messages(limited, object("example.com/v1", "ClusterWidget", "x", "shop"))).toEqual([
      'ClusterWidget shop/x: ClusterWidget.example.com may be cluster-scoped, no definition says, and Project web limits namespaces: take it out, or name { group: "example.com", kind: ClusterWidget } in its spec.kinds.allow',
    ]);
  });

  it("lets a named kind of unknown scope in, and holds its namespace all the same", () => {
    const named = { ...limited, kinds: { allow: [{ group: "example.com", kind: "Widget" }] } };
    expect(
      messages(
        named,
        object("example.com/v1", "Widget", "a"),
        object("example.com/v1", "Widget", "b", "shop"),
      ),
    ).toEqual([]);
    expect(messages(named, object("example.com/v1", "Widget", "a", "kube-system"))).toHaveLength(1);
  });

  it("takes the scope of a definition in the same bundle, of the very version", () => {
    const spec = { ...limited, kinds: { allow: allowDefinitions } };
    const widget = object("example.com/v1", "Widget", "w");
    expect(messages(spec, definition("Namespaced"), widget)).toEqual([]);
    expect(messages(spec, definition("Cluster"), widget)).toHaveLength(1);
    expect(messages(spec, definition("Namespaced", ["v2"]), widget)).toHaveLength(1);
    expect(messages(spec, definition("Namespaced"), definition("Cluster"), widget)).toHaveLength(1);
    expect(messages(limited, definition("Namespaced"), widget)).toEqual([
      expect.stringContaining("CustomResourceDefinition widgets.example.com: "),
    ]);
  });

  it("denies and allows by group and kind; a denial outweighs", () => {
    const secret = object("v1", "Secret", "s");
    const job = object("batch/v1", "Job", "j");
    expect(messages({ kinds: { deny: [{ group: "", kind: "Secret" }] } }, secret, job)).toEqual([
      "Secret shop/s: Secret is denied by spec.kinds.deny of Project web: take the object out",
    ]);
    expect(messages({ kinds: { allow: [{ group: "batch", kind: "*" }] } }, secret, job)).toEqual([
      "Secret shop/s: Secret is not among spec.kinds.allow of Project web: take the object out, or allow its kind there",
    ]);
    expect(messages({ kinds: { allow: [{ kind: "*" }], deny: [{ kind: "Job" }] } }, job)).toHaveLength(1);
  });

  it("never lets an object of a known or unknown kind out of the fence", () => {
    const kinds = fc.constantFrom(
      ["v1", "ConfigMap"],
      ["apps/v1", "Deployment"],
      ["v1", "Namespace"],
      ["rbac.authorization.k8s.io/v1", "ClusterRole"],
      ["x.io/v1", "Thing"],
    );
    const namespaces = fc.constantFrom(undefined, "shop", "shop-eu", "kube-system", "shop/../kube-system");
    fc.assert(
      fc.property(
        kinds,
        namespaces,
        fc.constantFrom("shop", "kube-system"),
        ([apiVersion = "", kind = ""], own, name) => {
          const one = object(apiVersion, kind, name, own);
          if (projectFindings(project(limited), "shop", [one]).total > 0) return;
          const place = kind === "Namespace" ? name : (own ?? "shop");
          expect(place === "shop" || place === "shop-eu").toBe(true);
          expect(["ConfigMap", "Deployment", "Namespace"]).toContain(kind);
        },
      ),
    );
  });
});

describe("allowsSource", () => {
  const acme = project({ sources: ["https://git.example.com/acme/**", "https://*.mirror.example.com/**"] });

  it("allows what a glob names", () => {
    expect(allowsSource(project(), "http://anywhere/x.git")).toBe(true);
    expect(allowsSource(acme, "https://git.example.com/acme/fleet.git")).toBe(true);
    expect(allowsSource(acme, "HTTPS://GIT.example.com:443/acme/deep/fleet.git")).toBe(true);
    expect(allowsSource(acme, "https://eu.mirror.example.com/any")).toBe(true);
  });

  it.each([
    "https://git.example.com/acme/../evil/fleet.git",
    "https://git.example.com/acme/%2e%2e/evil/fleet.git",
    "https://git.example.com/acme/..%2Fevil/fleet.git",
    "https://git.example.com/acme/..%5cevil/fleet.git",
    "https://git.example.com@evil.example/acme/fleet.git",
    "https://evil.example/?https://git.example.com/acme/fleet.git",
    "https://evil.example?.mirror.example.com/fleet.git",
    "https://evil.example#.mirror.example.com/fleet.git",
    "https://evil.example\\.mirror.example.com/fleet.git",
    "http://git.example.com/acme/fleet.git",
    "https://git.example.com:8443/acme/fleet.git",
    "file:///acme/fleet.git",
    "git.example.com/acme/fleet.git",
  ])("refuses %s", (url) => {
    expect(allowsSource(acme, url)).toBe(false);
  });

  it("reads an address as a client would ask for it", () => {
    expect(sourceAddress("https://Git.Example.com:443/a/./b/../c?x#y")).toBe("https://git.example.com/a/c");
  });
});

describe("fitsGlob", () => {
  it("agrees with what its two wildcards say", () => {
    const glob = fc
      .array(fc.constantFrom("a", "b", "/", "*", "**", "."), { maxLength: 6 })
      .map((parts) => parts.join(""));
    const text = fc
      .array(fc.constantFrom("a", "b", "/", ".", "\n"), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(glob, text, (pattern, value) => {
        const source = pattern
          .replaceAll(".", "\\.")
          .split(/(\*\*|\*)/)
          .map((part) => (part === "**" ? "[^]*" : part === "*" ? "[^/]*" : part))
          .join("");
        expect(fitsGlob(pattern, value)).toBe(new RegExp(`^${source}$`).test(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it("answers at once where a backtracking matcher would not", () => {
    expect(fitsGlob("*a".repeat(250), `${"a".repeat(2_000)}b`)).toBe(false);
  });
});
