import { once } from "node:events";
import { createServer } from "node:http";
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, it, onTestFinished } from "vitest";
import { createS3Store } from "../../../functions/objects/s3.ts";
import { objectsConformance } from "../../conformance/objects.ts";
import { startMiniStack } from "../../support/ministack.ts";

const bucket = "fairlead-objects";
const bytes = new Uint8Array([1, 2, 3]);

describe("createS3Store", () => {
  objectsConformance(async () => {
    const ministack = await startMiniStack();
    const { endpoint, credentials, region } = ministack;
    const newClient = (): S3Client => new S3Client({ endpoint, credentials, region, forcePathStyle: true });
    const client = newClient();
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
    );
    return {
      store: createS3Store({ client, bucket }),
      reopened: createS3Store({ client: newClient(), bucket }),
      renewing: createS3Store({ client: newClient(), bucket, renewAfterMs: 0 }),
      close: () => ministack.stop(),
    };
  });

  it("tries a put again while another write of the key is under way (409)", async () => {
    const { store, requests } = await storeAnswering([409, 409, 200]);
    expect(await store.put("a/b", bytes)).toBe("stored");
    expect(requests).toEqual(["PUT if-none-match *", "PUT if-none-match *", "PUT if-none-match *"]);
  });

  it("takes the outcome of the other write when that one wins", async () => {
    const { store } = await storeAnswering([409, 412]);
    expect(await store.put("a/b", bytes)).toBe("exists");
  });

  it("gives up after a bounded number of conflicts, naming the object", async () => {
    const { store, requests } = await storeAnswering([409]);
    await expect(store.put("a/b", bytes)).rejects.toThrow("put a/b to bucket fairlead-objects");
    expect(requests).toHaveLength(6);
  });

  it("throws when reading is denied, and names the permission that tells absent from denied", async () => {
    const { store } = await storeAnswering([403]);
    await expect(store.get("a/b")).rejects.toThrow("s3:ListBucket");
  });

  it("deletes nothing in a bucket without versions: what was renewed could not be told apart", async () => {
    const { store, requests } = await storeAnswering([200]);
    await expect(store.delete("a/b", "null")).rejects.toThrow("turn versioning on");
    expect(requests).toEqual([]);
  });
});

/** The store over a server that answers these statuses in turn, the last one for ever: no server races on demand. */
async function storeAnswering(statuses: number[]) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    requests.push(`${request.method} if-none-match ${request.headers["if-none-match"]}`);
    response.statusCode = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 500;
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    region: "us-east-1",
    forcePathStyle: true,
  });
  return { store: createS3Store({ client, bucket }), requests };
}
