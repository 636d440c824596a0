/** The way to the hub through a real CONNECT proxy, with an authority of one's own. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const FETCH = new URL("../../agent/hub-fetch.ts", import.meta.url).href;

let folder: string;
let hub: TlsServer;
let proxy: Server;
const asked: string[] = [];
const tunnels = new Set<Socket>();
const port = (server: Server | TlsServer): number => (server.address() as AddressInfo).port;
const listen = (server: Server | TlsServer) =>
  new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-proxy-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=hub.test"];
  const names = "subjectAltName=DNS:hub.test,DNS:near.test,IP:127.0.0.1";
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...made, "-addext", names], {
    stdio: "ignore",
  });
  hub = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, answer) =>
    answer.end("hub"),
  );
  proxy = createServer((_, answer) => answer.writeHead(405).end()).on(
    "connect",
    (request, client: Socket) => {
      asked.push(request.url ?? "");
      if (request.url?.startsWith("closed.test") === true)
        return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      const onward = connect(port(hub), "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        onward.pipe(client).pipe(onward);
      });
      tunnels.add(client).add(onward);
      for (const socket of [client, onward]) socket.on("error", () => socket.destroy());
      return undefined;
    },
  );
  await Promise.all([listen(hub), listen(proxy)]);
});
afterAll(() => {
  for (const socket of tunnels) socket.destroy();
  hub?.close();
  proxy?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A process of its own: authorities are read from the environment at its start. */
async function said(url: string, trust: boolean, except = ""): Promise<string> {
  const settings = { HTTPS_PROXY: `http://127.0.0.1:${port(proxy)}`, NO_PROXY: except };
  const code = `
    import { createHubFetch } from ${JSON.stringify(FETCH)};
    const fetch = createHubFetch(20_000, ${JSON.stringify(settings)});
    const init = { method: "GET", headers: {}, redirect: "error", signal: AbortSignal.timeout(20_000) };
    try {
      let text = "";
      for await (const part of (await fetch(${JSON.stringify(url)}, init)).body) text += Buffer.from(part).toString();
      process.stdout.write(text);
    } catch (error) { process.stdout.write(error.code + " " + error.message); }
    process.exit(0);`;
  const env = {
    PATH: process.env["PATH"],
    ...(trust ? { NODE_EXTRA_CA_CERTS: join(folder, "cert.pem") } : {}),
  };
  return await new Promise((resolve, reject) => {
    execFile(process.execPath, ["--input-type=module", "-e", code], { env }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

describe("createHubFetch, behind a proxy", () => {
  it("asks the proxy for a tunnel and speaks TLS to the hub through it, to an authority that is added", async () => {
    expect(await said("https://hub.test/x", true)).toBe("hub");
    expect(asked.splice(0)).toEqual(["hub.test:443"]);
    expect(await said("https://hub.test/x", false)).toContain("self-signed certificate");
    asked.length = 0;
  });
  it("goes past it to what is excepted", async () => {
    expect(await said(`https://127.0.0.1:${port(hub)}/x`, true, "127.0.0.1")).toBe("hub");
    expect(asked).toEqual([]);
  });
  it("tells that the proxy refused", async () => {
    expect(await said("https://closed.test/x", true)).toContain("403");
    asked.length = 0;
  });
});
