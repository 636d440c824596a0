/** Documents of project `web` as people send them, and the ways of sending them, for the tests of `apply`. */
import { expect } from "vitest";
import { applyAnswerSchema, type ApplyAnswer } from "#core/view.ts";
import { ask, refused, type ApiHub } from "../../support/api-hub.ts";

export const API = "apiVersion: fairlead.dev/v1";

export interface Sent {
  query?: string;
  token?: string;
  headers?: Record<string, string>;
}
/** `apply` of one hub; its admin asks unless another token is given. */
export function applyTo(hub: ApiHub) {
  const request = (body: string, { query = "", token = hub.tokens.admin, headers = {} }: Sent = {}) => ({
    method: "POST",
    url: `/v1/apply${query}`,
    token,
    body,
    headers: { "content-type": "application/yaml", ...headers },
  });
  return {
    request,
    yaml: async (body: string, sent?: Sent): Promise<ApplyAnswer> => {
      const answer = await ask(hub.api, request(body, sent));
      const text = await answer.text();
      expect([answer.status, text]).toEqual([200, expect.any(String)]);
      return applyAnswerSchema.parse(JSON.parse(text));
    },
    refusal: (body: string, status: number, sent?: Sent) =>
      refused(hub, request(body, sent), status) as Promise<{
        code: string;
        detail: string;
        errors?: string[];
      }>,
  };
}

export const doc = (kind: string, name: string, spec: string, labels = "") =>
  `${API}\nkind: ${kind}\nmetadata: { name: ${name}, project: web, labels: { ${labels} } }\nspec: ${spec}\n`;
export const source = (name: string, more = "") =>
  doc("Source", name, `{ git: { url: "https://git.example.com/${name}.git" }${more} }`, "team: web");
export const app = (name: string, more = "", labels = "team: web") =>
  doc("App", name, `{ source: fleet, clusters: {}${more} }`, labels);
export const cluster = (name: string, labels = "", spec = "{}") => doc("Cluster", name, spec, labels);
export const project = (name: string, spec: string) =>
  `${API}\nkind: Project\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
export const documents = (...all: string[]) => all.join("---\n");
export const outcomes = ({ results }: ApplyAnswer) =>
  results.map(({ kind, name, outcome }) => `${kind} ${name} ${outcome}`);
