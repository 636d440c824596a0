/** Ready-made health of kinds that many clusters have: what their controllers write, and what we make of it. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { health } from "#core/health.ts";
import type { KubeObject } from "#core/object.ts";

function of(apiVersion: string, kind: string, rest = ""): string {
  const text = `{ apiVersion: ${apiVersion}, kind: ${kind}, metadata: { name: x, generation: 2 }${rest === "" ? "" : `, ${rest}`} }`;
  const { status, sentence } = health(parse(text) as KubeObject);
  return `${status}: ${sentence}`;
}
const conditions = (...list: string[]): string => `status: { conditions: [${list.join(", ")}] }`;
const condition = (type: string, status: string, reason = "", message = ""): string =>
  `{ type: ${type}, status: "${status}", reason: "${reason}", message: "${message}" }`;

describe("health of progressive delivery", () => {
  const rollout = (status: string) =>
    of("argoproj.io/v1alpha1", "Rollout", `spec: { replicas: 3 }, status: { ${status} }`);

  it("follows an Argo Rollout of this generation alone: its generation is a text", () => {
    expect(rollout(`observedGeneration: "1", phase: Healthy`)).toBe(
      "progressing: generation 2 is not observed yet",
    );
    expect(rollout(`observedGeneration: "2", phase: Healthy, availableReplicas: 3`)).toBe(
      "current: 3 of 3 replicas available",
    );
    expect(rollout(`observedGeneration: "2", phase: Paused, message: CanaryPauseStep`)).toBe(
      "progressing: paused: CanaryPauseStep",
    );
    expect(rollout(`observedGeneration: "2", phase: Degraded, message: aborted`)).toBe(
      "failed: degraded: aborted",
    );
    expect(rollout("")).toBe("progressing: generation 2 is not observed yet");
    expect(rollout(`observedGeneration: "2"`)).toBe("progressing: 0 of 3 replicas available");
  });

  it("follows a Flagger canary through its phases", () => {
    const canary = (status: string) => of("flagger.app/v1beta1", "Canary", `status: { ${status} }`);
    expect(canary("phase: Succeeded")).toBe("current: Succeeded");
    expect(canary("phase: Progressing, canaryWeight: 20")).toBe(
      "progressing: Progressing, 20 % of traffic: Progressing",
    );
    expect(
      canary(
        `phase: Failed, conditions: [${condition("Promoted", "False", "Failed", "Canary analysis failed")}]`,
      ),
    ).toBe("failed: Canary analysis failed");
    expect(canary("")).toMatch(/^progressing: not looked at yet/);
  });
});

describe("health of certificates", () => {
  const certificate = (...list: string[]) => of("cert-manager.io/v1", "Certificate", conditions(...list));

  it("waits for the issuance, and fails when that did", () => {
    expect(certificate()).toBe("progressing: its controller has not looked at it yet");
    expect(
      certificate(condition("Ready", "False", "DoesNotExist", "no secret"), condition("Issuing", "True")),
    ).toBe("progressing: being issued: Issuing");
    expect(certificate(condition("Issuing", "False", "Failed", "the order is invalid"))).toBe(
      "failed: not issued: the order is invalid",
    );
    expect(certificate(condition("Ready", "True", "Ready", "up to date"))).toBe("current: ready: up to date");
  });

  it("takes a denied request for failed, and a pending one for on its way", () => {
    const request = (reason: string) =>
      of("cert-manager.io/v1", "CertificateRequest", conditions(condition("Ready", "False", reason)));
    expect(request("Pending")).toBe("progressing: not ready: Pending");
    expect(request("Denied")).toBe("failed: not ready: Denied");
  });
});

describe("health of secrets", () => {
  it("waits for a SealedSecret to be unsealed, and says why it is not", () => {
    const sealed = (...list: string[]) => of("bitnami.com/v1alpha1", "SealedSecret", conditions(...list));
    expect(sealed()).toBe("progressing: not unsealed yet");
    expect(sealed(condition("Synced", "False", "", "no key could decrypt secret"))).toBe(
      "failed: not unsealed: no key could decrypt secret",
    );
    expect(sealed(condition("Synced", "True"))).toBe("current: unsealed");
  });

  it("waits for an ExternalSecret, and fails when the store refuses", () => {
    const external = (...list: string[]) =>
      of("external-secrets.io/v1", "ExternalSecret", conditions(...list));
    expect(external()).toMatch(/^progressing/);
    expect(external(condition("Ready", "False", "SecretSyncedError", "access denied"))).toBe(
      "failed: not ready: access denied",
    );
    expect(external(condition("Ready", "True", "SecretSynced"))).toBe("current: ready: SecretSynced");
  });
});

describe("health of Knative and Crossplane", () => {
  it("takes Knative's Unknown for on its way, its False for failed", () => {
    const service = (status: string) =>
      of("serving.knative.dev/v1", "Service", conditions(condition("Ready", status, "", "m")));
    expect(service("Unknown")).toBe("progressing: not ready: m");
    expect(service("False")).toBe("failed: not ready: m");
    expect(service("True")).toBe("current: ready: m");
  });

  it("holds for every provider's kinds, and for packages", () => {
    const bucket = (...list: string[]) => of("s3.aws.upbound.io/v1beta1", "Bucket", conditions(...list));
    expect(bucket()).toBe("current: Bucket is in place");
    expect(bucket(condition("Synced", "False", "ReconcileError", "no credentials"))).toBe(
      "failed: not synced: no credentials",
    );
    expect(bucket(condition("Synced", "True"))).toBe("progressing: synced, not ready yet");
    expect(bucket(condition("Synced", "True"), condition("Ready", "True", "Available"))).toBe(
      "current: ready: Available",
    );
    const provider = (...list: string[]) => of("pkg.crossplane.io/v1", "Provider", conditions(...list));
    expect(provider(condition("Installed", "True"))).toBe("progressing: Healthy is not told yet");
    expect(provider(condition("Installed", "True"), condition("Healthy", "True"))).toBe(
      "current: installed and healthy",
    );
  });
});
