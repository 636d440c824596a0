/** Lists: pages by cursor, selectors as kubectl writes them, and cursors that are worth nothing anywhere else. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiHub, ask, refused, writes, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";
import { cluster } from "../../support/hub-parts.ts";

const COUNT = 60;
const URL = "/v1/projects/default/clusters";
let hub: ApiHub;

beforeAll(async () => {
  hub = await apiHub();
  for (let n = 0; n < COUNT; n++)
    await hub.apply(
      cluster(`n-${n}`, { team: n % 3 === 0 ? "web" : "db", ...(n % 2 === 0 ? { even: "" } : {}) }),
    );
}, 300_000);
afterAll(() => hub?.stop());

interface List {
  items: { resource: { metadata: { name: string; labels?: Record<string, string> } } }[];
  next?: string;
}

async function list(query: Record<string, string> = {}, url = URL, token = hub.tokens.admin): Promise<List> {
  const answer = await ask(hub.api, {
    method: "GET",
    url: `${url}?${new URLSearchParams(query).toString()}`,
    token,
  });
  expect([answer.status, url, query]).toEqual([200, url, query]);
  return (await answer.json()) as List;
}

const namesOf = ({ items }: List): string[] => items.map(({ resource }) => resource.metadata.name);

async function all(query: Record<string, string>, token?: string): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, URL, token);
    names.push(...namesOf(page));
    cursor = page.next;
  } while (cursor !== undefined);
  return names;
}

async function nextOf(query: Record<string, string>, url = URL): Promise<string> {
  return (await list({ limit: "1", ...query }, url)).next ?? "";
}

describe("pages", () => {
  it("together hold everything once, by name", async () => {
    const whole = namesOf(await list({ limit: "500" }));
    expect(whole).toEqual(whole.toSorted());
    expect(whole.length).toBe(COUNT + 2);
    for (const limit of [1, 7, 31, COUNT + 1, COUNT + 2])
      expect(await all({ limit: String(limit) })).toEqual(whole);
  });

  it("are the same bytes when asked again: a cursor does not change with every answer", async () => {
    const [one, two] = [await list({ limit: "5" }), await list({ limit: "5" })];
    expect(one).toEqual(two);
    expect(one.next).toMatch(/^[\w-]{40,200}$/);
  });

  it("of releases, rollouts and placements go on as well", async () => {
    for (const noun of ["releases", "rollouts", "placements"])
      expect((await list({ limit: "1" }, `/v1/projects/default/apps/shop/${noun}`)).items.length).toBe(1);
  });

  it("are not larger than the limit, and the limit is bounded", async () => {
    for (const limit of ["0", "501", "-1", "1.5", "many", ""])
      await refused(hub, { method: "GET", url: `${URL}?limit=${limit}`, token: hub.tokens.admin }, 400);
  });
});

describe("selectors", () => {
  const cases: [string, (n: number) => boolean][] = [
    ["team=web", (n) => n % 3 === 0],
    ["team!=web,even", (n) => n % 3 !== 0 && n % 2 === 0],
    ["team in (web, db),!even", (n) => n % 2 === 1],
    ["even=", (n) => n % 2 === 0],
    ["nothing", () => false],
  ];

  it.each(cases)("%s: selects as kubectl does, over all pages", async (selector, fits) => {
    const wanted = Array.from({ length: COUNT }, (_, n) => n)
      .filter(fits)
      .map((n) => `n-${n}`);
    const found = (await all({ selector, limit: "9" })).filter((name) => name.startsWith("n-"));
    expect(found).toEqual(wanted.toSorted());
  });

  it("that cannot be read are named", async () => {
    const asked = {
      method: "GET",
      url: `${URL}?selector=${encodeURIComponent("a in b")}`,
      token: hub.tokens.admin,
    };
    expect((await refused(hub, asked, 400)).detail).toContain('selector: "a in b" is no term');
  });

  it("and labels that a role is limited to hold together", async () => {
    const rules = [
      { verbs: ["read" as const], nouns: ["clusters" as const], labels: { matchLabels: { team: "web" } } },
    ];
    const token = await apiToken(hub.db, { project: "default", name: "web", rules, now: hub.now() });
    const found = await all({ selector: "even", limit: "3" }, token);
    const wanted = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % 6 === 0);
    expect(found).toEqual(wanted.map((n) => `n-${n}`).toSorted());
  });
});

describe("a cursor", () => {
  const forged = (cursor: string, query = "", url = URL) =>
    refused(
      hub,
      {
        method: "GET",
        url: `${url}?limit=1&cursor=${encodeURIComponent(cursor)}${query}`,
        token: hub.tokens.admin,
      },
      400,
    );

  it("is worth nothing in another list, project or selector", async () => {
    const cursor = await nextOf({});
    expect((await forged(cursor, "&selector=even")).detail).toContain("begin again");
    await forged(cursor, "", "/v1/projects/other/clusters");
    await forged(cursor, "", "/v1/projects/default/apps");
    await forged(await nextOf({ selector: "even" }));
    await forged(await nextOf({}, "/v1/projects"));
  });

  it("that is changed in any bit, cut, or made up is refused", async () => {
    const cursor = await nextOf({});
    const bytes = Buffer.from(cursor, "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await forged(changed.toString("base64url"));
    }
    for (const made of ["", "x", cursor.slice(0, -1), `${cursor}A`, `${cursor}=`, "n-1", "_".repeat(60)])
      await forged(made);
  });

  it("does not say where it leads", async () => {
    const [first] = namesOf(await list({ limit: "1" }));
    const bytes = Buffer.from(await nextOf({}), "base64url").toString("latin1");
    expect(first).toBe("a");
    expect(Buffer.from(await nextOf({ selector: "even" }), "base64url").toString("latin1")).not.toContain(
      "n-0",
    );
    expect(bytes).not.toContain("default");
  });

  it("of another hub is refused, and refusing it writes nothing", async () => {
    const cursor = await nextOf({});
    const other = await apiHub();
    try {
      const url = `${URL}?limit=1&cursor=${cursor}`;
      await refused(other, { method: "GET", url, token: other.tokens.admin }, 400);
    } finally {
      await other.stop();
    }
  });

  it("is opened by every instance of the hub, and made without a write once there is a key", async () => {
    const cursor = await nextOf({});
    const elsewhere = hub.build({});
    writes(hub);
    const asked = { method: "GET", url: `${URL}?limit=1&cursor=${cursor}`, token: hub.tokens.admin };
    const answer = await ask(elsewhere, asked);
    expect(namesOf((await answer.json()) as List)).toEqual(["b"]);
    expect(writes(hub)).toEqual([]);
  });

  it("of any text never fails the request", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 80 }), async (text) => {
        const url = `${URL}?limit=1&cursor=${encodeURIComponent(text.toWellFormed())}`;
        const { status } = await ask(hub.api, { method: "GET", url, token: hub.tokens.admin });
        expect(status).toBe(400);
      }),
      { numRuns: 50 },
    );
  });
});
