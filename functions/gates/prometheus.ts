/** A number from Prometheus, or from whatever speaks its API, against its limits. One sample of one series: what else comes says nothing. */
import * as z from "zod";
import { filledQuery, type Gate, type Verdict } from "#core/gate.ts";
import { sentence } from "#core/text.ts";
import { ask, jsonOf, type Question, type ServerAnswer } from "./ask.ts";
import { authorizationFor } from "./credential.ts";

type Spec = NonNullable<Gate["prometheus"]>;

/** The server's own, below the client's: an error of its own is better evidence than silence. */
const QUERY_SECONDS_MAX = 10;

const sampleSchema = z.tuple([z.number(), z.string()]);
const answerSchema = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("success"),
    data: z.discriminatedUnion("resultType", [
      z.object({ resultType: z.literal("scalar"), result: sampleSchema }),
      z.object({
        resultType: z.literal("vector"),
        result: z.array(z.object({ value: sampleSchema.optional() })),
      }),
      z.object({ resultType: z.enum(["matrix", "string"]) }),
    ]),
  }),
  z.object({ status: z.literal("error"), error: z.string().optional(), errorType: z.string().optional() }),
]);

/** Throws `GateTrouble`. */
export async function judgePrometheus(question: Question, spec: Spec): Promise<Verdict> {
  const { rollout, stage } = question;
  const { url, credentials } = spec;
  const query = filledQuery(spec.query, { ...rollout, stage });
  const secret =
    credentials === undefined ? {} : { authorization: await authorizationFor(question, credentials, url) };
  const answer = await ask(question.http, `${url.replace(/\/+$/, "")}/api/v1/query`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json", ...secret },
    body: new URLSearchParams({ query, timeout: `${QUERY_SECONDS_MAX}s`, limit: "2" }).toString(),
  });
  const sampled = sampleIn(answer);
  if (typeof sampled !== "string") return { ...sampled, status: answer.status };
  return { ...judgeValue(sampled, spec), status: answer.status };
}

/** The value as text, or why there is none. */
function sampleIn({ status, text }: ServerAnswer): string | Verdict {
  const { data: answer } = answerSchema.safeParse(jsonOf(text));
  if (answer === undefined) return nothing(`HTTP ${status}, and no answer of a Prometheus`);
  if (answer.status === "error")
    return nothing(`HTTP ${status}: ${answer.errorType ?? "error"}: ${answer.error ?? ""}`);
  const { data } = answer;
  if (data.resultType === "scalar") return data.result[1];
  if (data.resultType !== "vector")
    return nothing(`the query gives a ${data.resultType}, and has to give one number`);
  const [first, second] = data.result;
  if (first === undefined) return nothing("the query gives nothing: no series matches it");
  if (second !== undefined)
    return nothing("the query gives several series: bring them together with sum() or max()");
  return first.value?.[1] ?? nothing("the query gives a histogram, and has to give one number");
}

function nothing(message: string): Verdict {
  return { kind: "inconclusive", message: sentence(message) };
}

/** NaN is what a rate of nothing divided by nothing gives. */
function judgeValue(text: string, { min, max }: Spec): Verdict {
  const number = text === "" ? Number.NaN : Number(text);
  const value = sentence(text, 40);
  if (!Number.isFinite(number))
    return { ...nothing(`the value is ${value}, which is no number to compare`), value };
  if (max !== undefined && number > max) return { kind: "fail", value, message: `${value} is above ${max}` };
  if (min !== undefined && number < min) return { kind: "fail", value, message: `${value} is below ${min}` };
  const limits = [
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
  ];
  return { kind: "pass", value, message: `${value}, ${limits.join(" and ")}` };
}
