/**
 * A question to a server of one's own, signed as Standard Webhooks say. The id stays the same when an attempt is sent again,
 * so that whoever answers may do its work once.
 */
import { createHmac } from "node:crypto";
import * as z from "zod";
import type { Gate, Verdict } from "#core/gate.ts";
import { sentence } from "#core/text.ts";
import { ask, jsonOf, type Question } from "./ask.ts";
import { signingKey } from "./credential.ts";

type Spec = NonNullable<Gate["webhook"]>;

const answerSchema = z.object({
  verdict: z.enum(["pass", "fail", "wait"]),
  message: z.string().optional(),
});

/** Throws `GateTrouble`. */
export async function judgeWebhook(question: Question, { url, credentials }: Spec): Promise<Verdict> {
  const { rollout, gate, stage, attempt, at } = question;
  const { project, app, release, commit } = rollout;
  const id = [project, app, release, stage, gate.name, attempt].join(".");
  const body = JSON.stringify({ id, project, app, release, commit, stage, gate: gate.name, attempt });
  const seconds = Math.floor(at / 1000);
  const key = await signingKey(question, credentials);
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  const { status, text } = await ask(question.http, url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": `v1,${signature}`,
    },
    body,
  });
  const { data: answer } = answerSchema.safeParse(status === 200 ? jsonOf(text) : undefined);
  if (answer === undefined)
    return {
      kind: "inconclusive",
      status,
      message: `HTTP ${status}${status === 200 ? ", and no verdict" : ""}`,
    };
  return { kind: answer.verdict, status, message: sentence(answer.message ?? `HTTP ${status}`) };
}
