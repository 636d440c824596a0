import { describe, expect, it } from "vitest";
import { Problem } from "#core/problem.ts";
import { applyRequestSchema, resourceSchema, type ClusterView } from "#core/view.ts";
import { NOW, cluster } from "../functions/dashboard/fleet-fixture.ts";
import { manifestsIn } from "../support/agent-pod.ts";
import { fairlead, fixtureHub } from "./support.ts";

function registerHub(known: string[] = []) {
  const applied: unknown[] = [];
  const hub = fixtureHub();
  hub.get("/v1/projects/:project/clusters/:name", (context) => {
    const name = context.req.param("name");
    if (!known.includes(name)) throw new Problem("not-found", `there is no Cluster ${name}`);
    return context.json(cluster(name) as unknown as ClusterView);
  });
  hub.post("/v1/apply", async (context) => {
    const { resources } = applyRequestSchema.parse(await context.req.json());
    const parsed = resources.map((one) => resourceSchema.parse(one));
    applied.push(...parsed);
    known.push(...parsed.map(({ metadata }) => metadata.name));
    return context.json({
      results: parsed.map(({ kind, metadata }) => ({
        kind,
        project: metadata.project,
        name: metadata.name,
        outcome: "created",
      })),
    });
  });
  hub.post("/v1/projects/:project/clusters/:name/registration", (context) => {
    if (!known.includes(context.req.param("name")))
      throw new Problem("not-found", "there is no such cluster");
    return context.json({ token: "fl1.secret", expiresAt: NOW + 3_600_000, recovery: "r" }, 201);
  });
  return { hub, applied };
}

describe("fairlead cluster register", () => {
  it("makes the Cluster with its labels and poll, then prints the token alone when piped", async () => {
    const { hub, applied } = registerHub();
    const ran = await fairlead(hub, [
      "cluster",
      "register",
      "eu-1",
      "--label",
      "env=prod",
      "--label",
      "region=eu",
      "--poll",
      "10s",
      "--project",
      "web",
    ]);
    expect([ran.code, ran.out]).toEqual([0, "fl1.secret\n"]);
    expect(applied).toMatchObject([
      {
        kind: "Cluster",
        metadata: { name: "eu-1", project: "web", labels: { env: "prod", region: "eu" } },
        spec: { poll: "10s" },
      },
    ]);
  });

  // What would break: a CI job's log would keep a secret that a person only meant to pipe.
  it("keeps the token out of standard error when piped", async () => {
    const ran = await fairlead(registerHub().hub, ["cluster", "register", "eu-1"]);
    expect(ran.err).not.toContain("fl1.secret");
    expect(ran.err).toContain("good for 60 min: fairlead agent --kubeconfig FILE --token TOKEN");
  });

  it("prints the exact command on a terminal", async () => {
    const ran = await fairlead(registerHub().hub, ["cluster", "register", "eu-1"], { isTTY: true });
    expect(ran.out).toBe("fairlead agent --kubeconfig FILE --token fl1.secret\n");
    expect(ran.err).toContain("within 60 min");
  });

  it("leaves a Cluster that is there as it is, and says so", async () => {
    const { hub, applied } = registerHub(["eu-1"]);
    const ran = await fairlead(hub, ["cluster", "register", "eu-1", "--label", "env=dev"]);
    expect([ran.code, ran.out, applied]).toEqual([0, "fl1.secret\n", []]);
    expect(ran.err).toContain("its labels and poll stay as they are");
  });

  it.each([
    [["--label", "env"], "--label env is no KEY=VALUE"],
    [["--label", "a b=c"], "--label a b: key or value is no label"],
    [["--poll", "soon"], "must be a duration"],
  ])("refuses %j before it asks the hub", async (flags, words) => {
    const { hub, applied } = registerHub();
    const ran = await fairlead(hub, ["cluster", "register", "eu-1", ...flags]);
    expect([ran.code, ran.err, applied]).toEqual([2, expect.stringContaining(words), []]);
  });

  it("prints what kubectl applies, with the image and the token in it", async () => {
    const { hub } = registerHub();
    const image = "registry.example.com:5000/tools/fairlead-agent:0.1.0";
    const ran = await fairlead(hub, ["cluster", "register", "eu-1", "--manifest", image]);
    expect(ran.code, ran.err).toBe(0);
    const manifests = manifestsIn(ran.out);
    expect(manifests.find(({ kind }) => kind === "Secret")).toMatchObject({
      metadata: { name: "fairlead-token", namespace: "fairlead-system" },
      stringData: { token: "fl1.secret" },
    });
    expect(JSON.stringify(manifests.find(({ kind }) => kind === "Deployment"))).toContain(
      `"image":"${image}"`,
    );
    expect(ran.out).not.toContain("image.invalid");
    expect(ran.err).not.toContain("fl1.secret");
  });

  it("takes no manifest for what is no image", async () => {
    const { hub, applied } = registerHub();
    const ran = await fairlead(hub, ["cluster", "register", "eu-1", "--manifest", 'a"\nb: c']);
    expect(ran.code).not.toBe(0);
    expect(ran.err).toContain("give the name of an image");
    expect(applied).toEqual([]);
  });
});
