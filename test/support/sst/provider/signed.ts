/** Calls of AWS's HTTP APIs for which the project has no client, signed by the small one that SST's platform brings. */
import { createRequire } from "node:module";
import { needed } from "./environment.ts";

interface Aws4Fetch {
  AwsClient: new (options: Record<string, string | number>) => {
    fetch(url: string, init: RequestInit): Promise<Response>;
  };
}

const { AwsClient } = createRequire(needed("FAIRLEAD_SST_PLATFORM"))("aws4fetch") as Aws4Fetch;

function clientOf(service: string) {
  return new AwsClient({
    service,
    region: needed("AWS_REGION"),
    accessKeyId: needed("AWS_ACCESS_KEY_ID"),
    secretAccessKey: needed("AWS_SECRET_ACCESS_KEY"),
    retries: 0,
  });
}

async function send(service: string, path: string, init: RequestInit): Promise<string> {
  const answer = await clientOf(service).fetch(`${needed("AWS_ENDPOINT_URL")}${path}`, init);
  const text = await answer.text();
  if (answer.ok) return text;
  const error = new Error(`${service} ${path}: ${answer.status} ${text}`);
  error.name =
    /<Code>(\w+)<\/Code>|"__type":\s*"[^"]*?(\w+)"/.exec(text)?.slice(1).find(Boolean) ?? "Unknown";
  throw error;
}

/** IAM's way: a form in, XML out. */
export function query(service: string, action: string, parameters: Record<string, string>): Promise<string> {
  const body = new URLSearchParams({ Action: action, Version: "2010-05-08", ...parameters }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return send(service, "/", { method: "POST", body, headers });
}

export function rest(service: string, method: string, path: string, body?: unknown): Promise<string> {
  const headers = { "content-type": "application/json" };
  return send(service, path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The way of older services: the action in a header. */
export function targeted(service: string, target: string, body: unknown): Promise<string> {
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
  return send(service, "/", { method: "POST", headers, body: JSON.stringify(body) });
}
