import { describe, expect, it } from "vitest";
import { parseConfig } from "../../agent/config.ts";

const CLUSTER = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "6443" };

describe(parseConfig.name, () => {
  it("uses the mounted service account inside a cluster, and a kubeconfig when one is named", () => {
    expect(parseConfig([], CLUSTER)).toMatchObject({
      kube: { kind: "in-cluster", host: "10.0.0.1", port: "6443" },
    });
    const named = parseConfig(["--kubeconfig", "f", "--context", "c"], CLUSTER);
    expect(named).toMatchObject({ kube: { kind: "kubeconfig", file: "f", context: "c" } });
    expect(parseConfig([], {})).toMatchObject({ kube: { kind: "kubeconfig" } });
  });

  it("lets a flag outweigh its variable", () => {
    const env = { FAIRLEAD_TOKEN: "fl1.env", FAIRLEAD_DRIFT_EVERY: "5m" };
    expect(parseConfig([], env)).toMatchObject({ token: "fl1.env", options: { driftEveryMs: 300_000 } });
    const flags = parseConfig(["--token", " fl1.flag ", "--drift-every", "1s"], env);
    expect(flags).toMatchObject({ token: "fl1.flag", options: { driftEveryMs: 1_000 } });
  });

  it("takes the age at which a key is replaced, from a minute to a year", () => {
    const env = { FAIRLEAD_ROTATE_EVERY: "7d" };
    expect(parseConfig([], env)).toMatchObject({ options: { rotateEveryMs: 7 * 86_400_000 } });
    expect(parseConfig(["--rotate-every", "90d"], env)).toMatchObject({
      options: { rotateEveryMs: 90 * 86_400_000 },
    });
    expect(() => parseConfig(["--rotate-every", "1s"], {})).toThrow("--rotate-every must be a duration");
  });

  it("leads with a Lease only where it is asked to, under its Pod's name", () => {
    expect(parseConfig([], {})).toMatchObject({ lease: undefined });
    const env = { FAIRLEAD_LEASE: "24s", HOSTNAME: "pod-1" };
    expect(parseConfig([], env)).toMatchObject({ lease: { ms: 24_000, host: "pod-1" } });
    expect(() => parseConfig(["--lease", "1s"], {})).toThrow("--lease must be a duration");
  });

  it("takes the proxy from the variables that shells know, small letters first as Node does", () => {
    const env = { HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1", NO_PROXY: ".local" };
    expect(parseConfig([], env)).toMatchObject({
      proxy: { HTTPS_PROXY: "http://b:1", NO_PROXY: ".local" },
    });
  });

  it("serves only where it is told to, at a host and port", () => {
    expect(parseConfig([], {})).not.toHaveProperty("listen");
    const listen = (text: string) => parseConfig([], { FAIRLEAD_LISTEN: text });
    expect(listen("127.0.0.1:8080")).toMatchObject({ listen: { host: "127.0.0.1", port: 8080 } });
    expect(listen("[::1]:9")).toMatchObject({ listen: { host: "::1", port: 9 } });
    expect(listen(":8080")).toMatchObject({ listen: { host: "::", port: 8080 } });
    for (const wrong of ["8080", "a:b", "a:70000"])
      expect(() => listen(wrong)).toThrow("--listen must be HOST:PORT");
  });

  it("names the flag and what it allows when a value is wrong", () => {
    expect(() => parseConfig(["--watch", "pods"], {})).toThrow("--watch must be cluster or namespaces");
    expect(() => parseConfig(["--drift-every", "soon"], {})).toThrow(
      "--drift-every must be a duration such as 30s",
    );
    expect(() => parseConfig(["--no-such"], {})).toThrow("--no-such");
  });
});
