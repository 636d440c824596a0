/** What each provider sends for one push, with the headers and the signature that it makes of its secret. */
import { createHmac, randomUUID } from "node:crypto";

export interface Delivery {
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Push {
  readonly secret: string;
  /** A full name, `refs/heads/main`. */
  readonly ref: string;
  /** Milliseconds since 1970, by the provider's clock. */
  readonly at: number;
}

export const SECRET = "a secret of the tests, long enough";
export const STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const hex = (secret: string, text: string): string => createHmac("sha256", secret).update(text).digest("hex");
const json = { "content-type": "application/json" };
const seconds = (at: number): string => String(Math.floor(at / 1000));
/** Commits differ from push to push, so do bodies. */
const commits = () => ({ before: randomUUID(), after: randomUUID() });

export const github = ({ secret, ref }: Push, event = "push"): Delivery => {
  const body = JSON.stringify({ ref, ...commits(), repository: { full_name: "acme/fleet" } });
  return {
    body,
    headers: {
      ...json,
      "x-github-event": event,
      "x-github-delivery": randomUUID(),
      "x-hub-signature": `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`,
      "x-hub-signature-256": `sha256=${hex(secret, body)}`,
    },
  };
};

export const githubForm = (push: Push): Delivery => {
  const { headers, body: payload } = github(push);
  const body = new URLSearchParams({ payload }).toString();
  return {
    body,
    headers: {
      ...headers,
      "content-type": "application/x-www-form-urlencoded",
      "x-hub-signature-256": `sha256=${hex(push.secret, body)}`,
    },
  };
};

export const gitlabToken = ({ secret, ref }: Push): Delivery => ({
  body: JSON.stringify({ object_kind: "push", event_name: "push", ref, ...commits() }),
  headers: {
    ...json,
    "x-gitlab-event": ref.startsWith("refs/tags/") ? "Tag Push Hook" : "Push Hook",
    "x-gitlab-event-uuid": randomUUID(),
    "x-gitlab-token": secret,
  },
});

export const gitlabSigned = ({ secret, ref, at }: Push): Delivery => {
  const { headers, body } = gitlabToken({ secret: "", ref, at });
  const { "x-gitlab-token": _, ...rest } = headers;
  const id = randomUUID();
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key)
    .update(`${id}.${seconds(at)}.${body}`)
    .digest("base64");
  return {
    body,
    headers: {
      ...rest,
      "webhook-id": id,
      "webhook-timestamp": seconds(at),
      "webhook-signature": `v1,${Buffer.alloc(32).toString("base64")} v1,${signature}`,
    },
  };
};

export const bitbucketCloud = ({ secret, ref }: Push): Delivery => {
  const [, kind, name] = /^refs\/(heads|tags)\/(.*)$/.exec(ref) ?? [];
  const end = { type: kind === "tags" ? "tag" : "branch", name, target: { hash: randomUUID() } };
  const body = JSON.stringify({ push: { changes: [{ new: end, old: null }] }, actor: { nickname: "ada" } });
  return {
    body,
    headers: {
      ...json,
      "x-event-key": "repo:push",
      "x-request-uuid": randomUUID(),
      "x-hub-signature": `sha256=${hex(secret, body)}`,
    },
  };
};

export const bitbucketServer = ({ secret, ref }: Push): Delivery => {
  const changes = [{ ref: { id: ref, type: "BRANCH" }, refId: ref, toHash: randomUUID(), type: "UPDATE" }];
  const body = JSON.stringify({ eventKey: "repo:refs_changed", changes });
  return {
    body,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "x-event-key": "repo:refs_changed",
      "x-request-id": randomUUID(),
      "x-hub-signature": `sha256=${hex(secret, body)}`,
    },
  };
};

/** Gitea sends GitHub's headers too; Forgejo both of theirs. */
export const gitea = (push: Push, names = ["gitea"]): Delivery => {
  const { headers, body } = github(push);
  const own = names.flatMap((name) => [
    [`x-${name}-event`, "push"],
    [`x-${name}-delivery`, randomUUID()],
    [`x-${name}-signature`, hex(push.secret, body)],
  ]);
  return { body, headers: { ...headers, ...(Object.fromEntries(own) as Record<string, string>) } };
};
export const forgejo = (push: Push): Delivery => gitea(push, ["forgejo", "gitea", "gogs"]);

export const generic = ({ secret, ref, at }: Push): Delivery => {
  const body = JSON.stringify({ ref });
  const signature = hex(secret, `${seconds(at)}.${body}`);
  return { body, headers: { "fairlead-signature": `t=${seconds(at)},v1=${signature}` } };
};

export const genericEmpty = ({ secret, at }: Push): Delivery => ({
  body: "",
  headers: { "fairlead-signature": `t=${seconds(at)},v1=${hex(secret, `${seconds(at)}.`)}` },
});

/** Of all of them, by name; the secret that goes with it. */
export const providers: readonly [name: string, make: (push: Push) => Delivery, secret: string][] = [
  ["GitHub", (push) => github(push), SECRET],
  ["GitHub, as a form", githubForm, SECRET],
  ["GitLab, by token", gitlabToken, SECRET],
  ["GitLab, signed", gitlabSigned, STANDARD_SECRET],
  ["Bitbucket Cloud", bitbucketCloud, SECRET],
  ["Bitbucket Data Center", bitbucketServer, SECRET],
  ["Gitea", (push) => gitea(push), SECRET],
  ["Forgejo", forgejo, SECRET],
  ["anybody", generic, SECRET],
];
