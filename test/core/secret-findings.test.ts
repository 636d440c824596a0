import { describe, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { projectSchema } from "#core/project.ts";
import { secretFindings } from "#core/secret-findings.ts";

const project = (secrets?: string) =>
  projectSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "Project",
    metadata: { name: "web" },
    spec: secrets === undefined ? {} : { secrets },
  });
const secret = (fields: object, kind = "Secret", apiVersion = "v1"): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "db", namespace: "shop" },
  ...fields,
});
const sops = { age: [{ enc: "…" }], version: "3.9.0" };
const ENC = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";
const plain = secret({ stringData: { password: "hunter2" } });
const counts = (of: ReturnType<typeof secretFindings>) => [of.errors.total, of.warnings.total];

describe(secretFindings, () => {
  it("warns of a readable Secret, with the ways out and without its value", () => {
    const { errors, warnings } = secretFindings(project(), [plain]);
    expect(errors.total).toBe(0);
    expect(warnings.listed).toEqual([
      {
        by: "Secrets",
        object: "Secret shop/db",
        message:
          "stands readable in the repository: encrypt it with SOPS (docs/secrets.md), or use a SealedSecret or an ExternalSecret",
      },
    ]);
    expect(JSON.stringify(warnings)).not.toContain("hunter2");
  });

  it("refuses it, or lets it be, where the Project says so", () => {
    const refused = secretFindings(project("refuse"), [plain]);
    expect(refused.errors.listed[0]).toMatchObject({ by: "Project web", object: "Secret shop/db" });
    expect(counts(refused)).toEqual([1, 0]);
    expect(counts(secretFindings(project("allow"), [plain]))).toEqual([0, 0]);
  });

  it.each([
    ["encrypted by SOPS", secret({ sops, data: { a: ENC }, stringData: { b: ENC } })],
    ["empty", secret({ data: {} })],
    ["a place to be filled in the cluster", secret({ data: { token: "" } })],
    [
      "a SealedSecret",
      secret({ spec: { encryptedData: { a: "x" } } }, "SealedSecret", "bitnami.com/v1alpha1"),
    ],
    ["another group's Secret", secret({ data: { a: "x" } }, "Secret", "example.org/v1")],
    ["a ConfigMap", secret({ data: { a: "x" } }, "ConfigMap")],
  ])("has nothing to say about one that is %s", (_, object) => {
    expect(counts(secretFindings(project("refuse"), [object]))).toEqual([0, 0]);
  });

  it("finds the value that was left readable in an encrypted Secret", () => {
    const half = secret({ sops, data: { a: ENC, b: "aHVudGVyMg==" } });
    expect(counts(secretFindings(project(), [half]))).toEqual([0, 1]);
  });

  it("refuses what SOPS encrypted and is no Secret, whatever the Project says of Secrets", () => {
    const { errors } = secretFindings(project("allow"), [secret({ sops, data: { a: ENC } }, "ConfigMap")]);
    expect(errors.listed).toMatchObject([{ by: "SOPS", object: "ConfigMap shop/db" }]);
  });
});
