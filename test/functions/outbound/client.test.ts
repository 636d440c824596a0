/** The outbound client against real listeners: what it refuses never becomes a connection. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { LookupAddress } from "node:dns";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { readJson, readText } from "../../../functions/outbound/body.ts";
import { createOutbound, type OutboundOptions } from "../../../functions/outbound/client.ts";
import { OutboundRefused } from "../../../functions/outbound/refused.ts";
import { until } from "../../support/wait.ts";

/** Allotted to nobody: a connection there goes nowhere, so no real machine is bothered. */
const PUBLIC_NOBODY = "2c0f:ffff::1";
/** The same within private networks. */
const PRIVATE_NOBODY = "fd12:3456:789a::1";
const goesOut = { cause: { code: expect.stringMatching(/TIMEDOUT|UNREACH|ADDRNOTAVAIL/) } };

function outbound(options: Partial<OutboundOptions> = {}) {
  const made = createOutbound({ allowLoopback: false, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** Counts connections, so that "no request leaves" is seen where it would arrive. */
async function listener(
  answer: RequestListener = (_request, response) => void response.end("ok"),
  host = "127.0.0.1",
) {
  let connections = 0;
  const server = createServer(answer).on("connection", () => (connections += 1));
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, connections: () => connections };
}

const resolver = (...answers: string[][]) => {
  const asked: string[] = [];
  const resolve = async (host: string): Promise<LookupAddress[]> => {
    asked.push(host);
    const found = answers[Math.min(asked.length, answers.length) - 1] ?? [];
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return { asked, resolve };
};

async function refusal(sent: Promise<unknown>): Promise<string> {
  const error = await sent.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(OutboundRefused);
  return (error as OutboundRefused).message;
}

describe("an address as a literal", () => {
  it.each([
    ["127.0.0.1", "its own machine"],
    ["127.1", "its own machine"],
    ["2130706433", "its own machine"],
    ["0x7f.0.0.1", "its own machine"],
    ["0177.0.0.01", "its own machine"],
    ["127.0.0.1.", "its own machine"],
    ["[::1]", "its own machine"],
    ["[::ffff:127.0.0.1]", "its own machine"],
    ["[0:0:0:0:0:ffff:7f00:1]", "its own machine"],
    ["[::127.0.0.1]", "a reserved address"],
    ["0.0.0.0", "no address of a machine"],
    ["[::]", "no address of a machine"],
    ["169.254.169.254", "a link-local address"],
    ["[fe80::1]", "a link-local address"],
    ["[::ffff:169.254.169.254]", "a link-local address"],
    ["[fd00:ec2::254]", "metadata"],
    ["100.100.100.200", "metadata"],
    ["168.63.129.16", "metadata"],
    ["10.0.0.5", "spec.egress"],
    ["172.16.3.4", "spec.egress"],
    ["192.168.1.1", "spec.egress"],
    ["3232235777", "spec.egress"],
    ["100.64.0.1", "spec.egress"],
    ["[fd12:3456::1]", "spec.egress"],
    ["[::ffff:10.0.0.5]", "spec.egress"],
    ["224.0.0.1", "a multicast address"],
    ["[ff02::1]", "a multicast address"],
    ["255.255.255.255", "a broadcast address"],
    ["240.0.0.1", "a reserved address"],
    ["192.0.2.1", "a reserved address"],
    ["[2001:db8::1]", "a reserved address"],
    ["[64:ff9b::7f00:1]", "a translated IPv4 address"],
    ["[64:ff9b:1::a00:5]", "a translated IPv4 address"],
    ["[2002:7f00:1::]", "a tunnelled IPv4 address"],
    ["[2001:0:7f00:1::]", "a tunnelled IPv4 address"],
    ["[fec0::1]", "a reserved address"],
  ])("%s is refused, and why is said", async (host, why) => {
    const { asked, resolve } = resolver([PUBLIC_NOBODY]);
    const message = await refusal(outbound({ resolve }).to([])(`http://${host}:1/`, {}));
    expect(message).toContain("The hub does not speak to ");
    expect(message).toContain(why);
    expect(asked).toEqual([]);
  });

  it("on loopback is spoken to by the local hub alone", async () => {
    const { port, connections } = await listener();
    const url = `http://127.0.0.1:${port}/`;
    await refusal(outbound().to([])(url, {}));
    await refusal(outbound().to(["127.0.0.1", "localhost"])(url, {}));
    expect(connections()).toBe(0);
    expect(await (await outbound({ allowLoopback: true }).to([])(url, {})).text()).toBe("ok");
  });

  it("in a private network is opened by the Project's egress, in any spelling; metadata and link-local are not", async () => {
    const limits = { connectMsMax: 50 };
    const fetch = outbound({ limits }).to([PRIVATE_NOBODY, "169.254.169.254", "fd00:ec2::254"]);
    for (const host of [`[${PRIVATE_NOBODY}]`, "[FD12:3456:789A:0:0:0:0:1]"])
      await expect(fetch(`http://${host}:4999/`, {})).rejects.toMatchObject(goesOut);
    await refusal(fetch("http://[fd12:3456:789a::2]:4999/", {}));
    await refusal(fetch("http://169.254.169.254/latest/meta-data/", {}));
    await refusal(fetch("http://[fd00:ec2::254]/latest/meta-data/", {}));
  });
});

describe("a name", () => {
  it("that leads to loopback or a private network is refused, with host and address in the sentence", async () => {
    const { port, connections } = await listener();
    const { resolve } = resolver(["127.0.0.1"]);
    const message = await refusal(outbound({ resolve }).to(["git.test"])(`http://git.test:${port}/`, {}));
    expect(message).toBe(
      "The hub does not speak to git.test (127.0.0.1), its own machine, which only a local hub does; give an address that others reach as well",
    );
    const near = resolver(["10.0.0.5"]);
    expect(await refusal(outbound(near).to([])("https://git.test/", {}))).toContain(
      "git.test (10.0.0.5), a private address; if it is meant, name git.test in spec.egress of the Project",
    );
    expect(connections()).toBe(0);
  });

  it("of the system's own resolver is checked as well: localhost", async () => {
    const { port, connections } = await listener();
    await refusal(outbound().to([])(`http://localhost:${port}/`, {}));
    expect(connections()).toBe(0);
  });

  it("with one forbidden address among good ones is refused whole", async () => {
    const { port, connections } = await listener();
    const { resolve } = resolver([PUBLIC_NOBODY, "127.0.0.1"]);
    await refusal(outbound({ resolve }).to([])(`http://git.test:${port}/`, {}));
    expect(connections()).toBe(0);
  });

  // What would break: a DNS server that answers a public address to the check and loopback to the connection.
  it("that is bound to another address after the check is not followed there", async () => {
    const { port, connections } = await listener();
    const { asked, resolve } = resolver([PUBLIC_NOBODY], ["127.0.0.1"]);
    const fetch = outbound({ resolve, limits: { connectMsMax: 200 } }).to([]);
    await expect(fetch(`http://git.test:${port}/`, {})).rejects.toMatchObject(goesOut);
    expect(asked).toEqual(["git.test"]);
    await refusal(fetch(`http://git.test:${port}/`, {}));
    expect(connections()).toBe(0);
  });

  it("is resolved once for a connection, and the connection goes to the address that was checked", async () => {
    const first = await listener((_request, response) => void response.end("first"));
    const { asked, resolve } = resolver(["127.0.0.1"], ["127.0.0.2"]);
    const fetch = outbound({ resolve, allowLoopback: true }).to([]);
    expect(await (await fetch(`http://git.test:${first.port}/`, {})).text()).toBe("first");
    expect(asked).toEqual(["git.test"]);
  });

  it("in a Project's egress may be private, and only in that Project's: no connection is shared", async () => {
    const { asked, resolve } = resolver([PRIVATE_NOBODY]);
    const made = outbound({ resolve, limits: { connectMsMax: 50 } });
    await expect(made.to(["Git.Test."])("http://git.test:4999/", {})).rejects.toMatchObject(goesOut);
    await refusal(made.to(["other.test"])("http://git.test:4999/", {}));
    expect(asked).toEqual(["git.test", "git.test"]);
  });

  it("without an address is told as such", async () => {
    expect(await refusal(outbound(resolver([])).to([])("http://git.test/", {}))).toContain(
      "git.test has no address",
    );
  });
});

describe("a redirect", () => {
  it("is handed back, and the next hop is checked like the first", async () => {
    const inner = await listener();
    const outer = await listener((_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/` }).end();
    });
    const answer = await outbound({ allowLoopback: true }).to([])(`http://127.0.0.1:${outer.port}/`, {
      // Not even by one who asks for it.
      redirect: "follow",
    });
    expect(answer.status).toBe(302);
    expect(inner.connections()).toBe(0);
    await refusal(outbound().to([])(answer.headers.get("location") ?? "", {}));
    expect(inner.connections()).toBe(0);
  });
});

describe("an address that is none", () => {
  it.each(["ftp://git.test/", "file:///etc/passwd", "git.test", "", "unix:/run/docker.sock"])(
    "%s is refused",
    async (url) => {
      expect(await refusal(outbound().to([])(url, {}))).toContain("http and https only");
    },
  );

  it("with credentials is refused and not repeated", async () => {
    const message = await refusal(outbound().to([])("https://ada:hunter2@git.test/", {}));
    expect(message).toContain("carries credentials");
    expect(message).not.toContain("hunter2");
  });
});

describe("a request", () => {
  it("carries method, headers and a body of any kind, and the answer its status, headers and cookies", async () => {
    const { port } = await listener((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const { method, headers } = request;
        response.writeHead(
          418,
          "Teapot",
          [
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
          ].flat(),
        );
        response.end(
          JSON.stringify({ method, type: headers["content-type"], body: Buffer.concat(pieces).toString() }),
        );
      });
    });
    const fetch = outbound({ allowLoopback: true }).to([]);
    for (const [body, type] of [
      ["x", "text/plain;charset=UTF-8"],
      [new TextEncoder().encode("x"), undefined],
      [new URLSearchParams({ x: "" }), "application/x-www-form-urlencoded;charset=UTF-8"],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      expect([answer.status, answer.statusText]).toEqual([418, "Teapot"]);
      expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
      expect(await answer.json()).toEqual({
        method: "POST",
        ...(type && { type }),
        body: expect.stringMatching(/^x/),
      });
    }
  });

  it.each([
    ["gzip", gzipSync("text")],
    ["deflate", deflateSync("text")],
    ["br", brotliCompressSync("text")],
  ])(
    "reads an answer in %s, and tells one that breaks off as a broken connection",
    async (encoding, bytes) => {
      let isWhole = true;
      const { port } = await listener((_request, response) => {
        response.writeHead(200, { "content-encoding": encoding, "content-length": bytes.length });
        if (isWhole) response.end(bytes);
        else response.write(bytes.subarray(0, 3), () => response.destroy());
      });
      const fetch = outbound({ allowLoopback: true }).to([]);
      const read = async () => (await fetch(`http://127.0.0.1:${port}/`, {})).text();
      expect(await read()).toBe("text");
      isWhole = false;
      await expect(read()).rejects.toThrow(TypeError);
    },
  );

  // What would break: a function that slept would fail at its first look, on a connection that the server had closed.
  it("that only reads is sent again where the kept connection turned out to be closed; others are not", async () => {
    let requests = 0;
    const { port, connections } = await listener((request, response) => {
      requests += 1;
      if (requests % 2 === 1) response.end("ok");
      else request.socket.resetAndDestroy();
    });
    const fetch = outbound({ allowLoopback: true }).to([]);
    const ask = async (method: string) => (await fetch(`http://127.0.0.1:${port}/`, { method })).text();
    expect(await ask("GET")).toBe("ok");
    expect(await ask("GET")).toBe("ok");
    expect([requests, connections()]).toEqual([3, 2]);
    await expect(ask("POST")).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(requests).toBe(4);
  });

  it("whose answer is not read to its end leaves no connection behind", async () => {
    let closed = false;
    const { port } = await listener((_request, response) => {
      response.on("close", () => (closed = true));
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    });
    const answer = await outbound({ allowLoopback: true }).to([])(`http://127.0.0.1:${port}/`, {});
    await answer.body?.cancel();
    await until("the server sees it closed", async () => closed);
  });
});

describe("time", () => {
  it.each<[string, RequestListener]>([
    ["no headers", () => undefined],
    ["a body that stops", (_request, response) => void response.write("half")],
  ])("ends: %s", async (_what, answer) => {
    const { port } = await listener(answer);
    const limits = { headersMsMax: 100, bodyPauseMsMax: 100 };
    const fetch = outbound({ allowLoopback: true, limits }).to([]);
    const read = async () => (await fetch(`http://127.0.0.1:${port}/`, {})).text();
    await expect(read()).rejects.toThrow();
  });

  it("of the whole request ends a body that drips", async () => {
    const { port } = await listener((_request, response) => {
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    });
    const fetch = outbound({ allowLoopback: true, limits: { requestMsMax: 150 } }).to([]);
    const read = async () => (await fetch(`http://127.0.0.1:${port}/`, {})).text();
    await expect(read()).rejects.toThrow(/timeout|aborted/);
  });

  it("of the caller counts as well", async () => {
    const { port } = await listener(() => undefined);
    const fetch = outbound({ allowLoopback: true }).to([]);
    const signal = AbortSignal.timeout(50);
    await expect(fetch(`http://127.0.0.1:${port}/`, { signal })).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});

describe("readText and readJson", () => {
  it("read what fits and stop at what does not, after decompression too", async () => {
    expect(await readJson(Response.json({ a: 1 }), 100)).toEqual({ a: 1 });
    expect(await readText(new Response(null), 0)).toBe("");
    const zipped = gzipSync(Buffer.alloc(1_000_000, "a"));
    const { port } = await listener((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(zipped);
    });
    const answer = await outbound({ allowLoopback: true }).to([])(`http://127.0.0.1:${port}/`, {});
    expect(await refusal(readText(answer, 100_000))).toContain("larger than 100000 bytes");
  });
});
