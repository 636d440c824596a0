import { describe, expect, it } from "vitest";
import { forRun, judgeHook, runKey, RUN_ANNOTATION } from "#core/hook-run.ts";
import { batchesOf, hooksAt, isCarried, isHook, type Hook, type Moment } from "#core/hooks.ts";
import { deliverySteps } from "#core/delivery.ts";
import type { KubeObject } from "#core/object.ts";

const object = (name: string, annotations: Record<string, string> = {}, kind = "Job"): KubeObject => ({
  apiVersion: kind === "Job" ? "batch/v1" : "v1",
  kind,
  metadata: { name, annotations },
});
const argo = (value: string, more: Record<string, string> = {}) =>
  object(value, { "argocd.argoproj.io/hook": value, ...more });
const helm = (value: string, more: Record<string, string> = {}) =>
  object(value, { "helm.sh/hook": value, ...more });
const phasesAt = (one: KubeObject, moment: Moment) => hooksAt([one], moment).map((hook) => hook.phase);

describe(hooksAt.name, () => {
  it.each<[KubeObject, Moment, string[]]>([
    [argo("PreSync"), "install", ["before"]],
    [argo("PreSync,PostSync"), "upgrade", ["before", "after"]],
    [argo("Sync"), "upgrade", ["during"]],
    [argo("SyncFail"), "install", ["failed"]],
    [argo("PreSync"), "rollback", []],
    [argo("PreSync", { "fairlead.dev/hook-on-rollback": "true" }), "rollback", ["before"]],
    [argo("PostDelete"), "delete", ["after-delete"]],
    [argo("PostDelete"), "upgrade", []],
    [argo("Skip"), "install", []],
    [helm("pre-install, post-upgrade"), "install", ["before"]],
    [helm("pre-install,post-upgrade"), "upgrade", ["after"]],
    [helm("pre-rollback"), "rollback", ["before"]],
    [helm("pre-install"), "rollback", []],
    [helm("pre-delete"), "delete", ["before-delete"]],
    [helm("test"), "install", []],
    [helm("constructor"), "install", []],
    [
      object("both", { "helm.sh/hook": "pre-install", "argocd.argoproj.io/hook": "PostSync" }),
      "install",
      ["after"],
    ],
    [object("plain"), "install", []],
  ])("%o at %s", (one, moment, phases) => {
    expect(phasesAt(one, moment)).toEqual(phases);
  });

  it("takes waves of Argo CD before weights of Helm, and a time limit within a day", () => {
    const [hook] = hooksAt(
      [helm("pre-install", { "helm.sh/hook-weight": "7", "argocd.argoproj.io/sync-wave": "-2" })],
      "install",
    );
    expect(hook).toMatchObject({ wave: -2, limitMs: 300_000, policies: new Set(["before"]) });
    const limit = (text: string) =>
      hooksAt([argo("PreSync", { "fairlead.dev/hook-timeout": text })], "install")[0]?.limitMs;
    expect([limit("90s"), limit("40d"), limit("soon")]).toEqual([90_000, 86_400_000, 300_000]);
  });

  it("reads both tools' delete policies", () => {
    const policies = (more: Record<string, string>) => [
      ...(hooksAt([argo("PreSync", more)], "install")[0]?.policies ?? []),
    ];
    expect(policies({ "helm.sh/hook-delete-policy": "hook-succeeded,hook-failed" })).toEqual([
      "succeeded",
      "failed",
    ]);
    expect(policies({ "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation" })).toEqual(["before"]);
  });
});

describe(isHook.name, () => {
  it("holds for what runs at a moment; definitions of Helm 2 are objects, tests come to no cluster", () => {
    expect([object("a"), helm("crd-install"), helm("test"), argo("Skip")].map(isHook)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(
      [object("a"), helm("crd-install"), helm("test"), argo("Skip"), helm("test,post-delete")].map(isCarried),
    ).toEqual([true, true, false, false, true]);
  });
});

describe(deliverySteps.name, () => {
  it("is one step of objects and one of pruning where there are no hooks", () => {
    const objects = [object("a", {}, "ConfigMap")];
    expect(deliverySteps(objects, [])).toEqual([
      { kind: "apply", objects },
      { kind: "prune", keeping: objects },
    ]);
  });

  it("makes a namespace of the bundle before the hooks that run in it", () => {
    const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    const hook = { ...argo("PreSync"), metadata: { ...argo("PreSync").metadata, namespace: "shop" } };
    const steps = deliverySteps([hook, namespace], hooksAt([hook], "install"));
    expect(steps.map(({ kind }) => kind)).toEqual(["apply", "hooks", "tidy", "apply", "prune"]);
    expect(steps[0]).toEqual({ kind: "apply", objects: [namespace] });
    expect(steps[3]).toEqual({ kind: "apply", objects: [] });
  });

  it("makes what a hook needs before the hook, by wave and kind", () => {
    const hooks = hooksAt(
      [argo("PreSync"), object("account", { "argocd.argoproj.io/hook": "PreSync" }, "ServiceAccount")],
      "install",
    );
    expect(batchesOf(hooks, "before").map((batch) => batch.map((hook) => hook.object.kind))).toEqual([
      ["ServiceAccount"],
      ["Job"],
    ]);
  });
});

describe(judgeHook.name, () => {
  const hook = hooksAt([argo("PreSync")], "install")[0] as Hook;
  const live = (more: object, status: object = {}): KubeObject => {
    const made = forRun(hook, "1.2");
    return { ...made, metadata: { ...made.metadata, uid: "u", ...more }, status };
  };
  const running = (uid?: string) =>
    ({ state: "running", since: 0, ...(uid === undefined ? {} : { uid }) }) as const;

  it("never starts one again that has ended, whatever lives", () => {
    expect(judgeHook(hook, "1.2", { state: "succeeded" }, undefined, 0)).toEqual({ kind: "done" });
    expect(judgeHook(hook, "1.2", { state: "failed", reason: "no" }, undefined, 0)).toMatchObject({
      kind: "failed",
    });
  });

  it("goes on with the one that a dead agent made, and makes the one that it did not", () => {
    expect(judgeHook(hook, "1.2", running(), live({}), 0)).toMatchObject({ kind: "wait" });
    expect(judgeHook(hook, "1.2", running(), undefined, 0)).toEqual({ kind: "make" });
    expect(judgeHook(hook, "1.2", running("u"), undefined, 0)).toEqual({
      kind: "failed",
      reason: "was deleted before it ended",
    });
  });

  it("replaces the one of another generation, and of another phase", () => {
    for (const mark of ["1.1 before", "1.2 after"])
      expect(judgeHook(hook, "1.2", undefined, live({ annotations: { [RUN_ANNOTATION]: mark } }), 0)).toEqual(
        {
          kind: "replace",
          uid: "u",
        },
      );
  });

  it("counts a suspended Job as not ended, and one over its limit as failed", () => {
    const suspended = { ...live({}), spec: { suspend: true } };
    expect(judgeHook(hook, "1.2", running("u"), suspended, 300_000)).toMatchObject({ kind: "wait" });
    expect(judgeHook(hook, "1.2", running("u"), suspended, 300_001)).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("did not end within 300 s"),
    });
    const complete = live({}, { conditions: [{ type: "Complete", status: "True" }] });
    expect(judgeHook(hook, "1.2", running("u"), complete, 300_001)).toEqual({ kind: "done" });
  });

  it("tells phases apart by their key", () => {
    expect(runKey(hook)).toBe("before batch/Job//PreSync");
  });
});
