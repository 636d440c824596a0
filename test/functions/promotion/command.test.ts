/** "Promote now", as the API takes it: for who has the right, for what has succeeded, and told in the audit log. */
import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROLES } from "#core/access.ts";
import { API_VERSION } from "#core/metadata.ts";
import { draftOf } from "../../../functions/audit-log/records.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { forgetPromotions } from "../../../functions/promotion/forget.ts";
import { getPromotionRecord } from "../../../functions/store/promotion.ts";
import { keys } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { apiToken } from "../../support/caller.ts";
import { NAME, setting, type Setting } from "./support.ts";

let here: Setting;
let api: ReturnType<typeof buildApp>;
const tokens = { admin: "", deployer: "", viewer: "" };

beforeAll(async () => {
  here = await setting("gitea");
  const { parts } = here;
  await here.promotion();
  api = buildApp({ ...parts, log: () => undefined, hubUrl: "http://127.0.0.1:1" });
  for (const role of ["admin", "deployer", "viewer"] as const)
    tokens[role] = await apiToken(parts.db, {
      project: "default",
      name: role,
      rules: ROLES[role],
      now: parts.now(),
    });
}, 120_000);
afterAll(() => here?.stop());

const call = (method: string, path: string, token: string, body?: object) =>
  api.request(`/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      "fairlead-reason": "the fair begins",
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const path = `/projects/default/promotions/${NAME}`;
const record = () => getPromotionRecord(here.parts.db, "default", NAME);

describe("POST promote", () => {
  it("waits for a rollout that has succeeded, and writes nothing before", async () => {
    const refused = await call("POST", `${path}/promote`, tokens.admin);
    expect([refused.status, await refused.json()]).toMatchObject([409, { code: "conflict" }]);
    expect(await record()).toBeUndefined();
  });

  it("is for whoever may deploy promotions: neither viewers nor deployers", async () => {
    for (const token of [tokens.viewer, tokens.deployer]) {
      expect((await call("POST", `${path}/promote`, token)).status).toBe(403);
      expect((await call("GET", path, token)).status).toBe(200);
    }
    expect(await record()).toBeUndefined();
  });

  it("notes the release, tells the bus, and stands in the audit log with its reason", async () => {
    await here.release(1, { "web.yaml": "image: web:1\n" });
    expect((await call("POST", `${path}/promote`, tokens.admin)).status).toBe(202);
    const noted = await record();
    expect(noted).toMatchObject({ asked: { release: 1 }, stamp: { why: "the fair begins" } });
    const key = keys.promotionState("default", NAME);
    const change: DynamoDBRecord = {
      eventName: "INSERT",
      dynamodb: {
        Keys: marshall({ ...key }) as never,
        NewImage: marshall({ ...key, ...noted }, { removeUndefinedValues: true }) as never,
      },
    };
    expect(draftOf(change)).toMatchObject({ noun: "promoted", name: NAME, why: "the fair begins" });
    expect(factsOf(change)).toEqual([
      { type: "promotion.asked", detail: { project: "default", promotion: NAME, release: 1 } },
    ]);
  });
});

describe("a Promotion", () => {
  const written = (host: object) => ({
    resources: [
      {
        apiVersion: API_VERSION,
        kind: "Promotion",
        metadata: { name: "mine" },
        spec: {
          from: { app: "shop" },
          to: { source: "fleet", path: "prod" },
          change: { copy: ["apps/**"] },
          host: { kind: "gitea", ...host },
        },
      },
    ],
  });

  it("is not a deployer's to write, and with credentials only for who may write these", async () => {
    const { db, now } = here.parts;
    const rules = [{ verbs: ["read", "write"], nouns: ["promotions"] }] as const;
    const promoter = await apiToken(db, {
      project: "default",
      name: "promoter",
      rules: rules.map((one) => ({ verbs: [...one.verbs], nouns: [...one.nouns] })),
      now: now(),
    });
    const apply = async (token: string, host: object) =>
      (await call("POST", "/apply", token, written(host))).status;
    expect(await apply(tokens.deployer, {})).toBe(403);
    expect(await apply(promoter, { credentials: "writer" })).toBe(403);
    expect(await apply(promoter, {})).toBe(200);
    expect(await apply(promoter, { credentials: "writer" })).toBe(403);
  });

  it("leaves no state behind when it goes", async () => {
    expect((await call("DELETE", path, tokens.admin)).status).toBe(204);
    await forgetPromotions(here.parts.db);
    expect(await record()).toBeUndefined();
  });
});
