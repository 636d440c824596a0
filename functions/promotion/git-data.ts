/** Trees and files as GitHub's and Gitea's APIs tell them: one folder after the other, so that a link is never followed. */
import * as z from "zod";
import type { Entry } from "#core/promotion/change.ts";
import { GitFailure } from "../source/git-failure.ts";
import { TREE_ENTRIES_MAX } from "./port.ts";
import { done, type Rest } from "./rest.ts";

export const shaSchema = z.string().regex(/^[0-9a-f]{40,64}$/);
const entrySchema = z.object({
  path: z.string().max(4096),
  mode: z.string().max(10),
  type: z.string().max(20),
  // Of a submodule some versions of Gitea tell none.
  sha: z.string().max(64),
});
const treeSchema = z.object({
  tree: z.array(entrySchema).max(100_000),
  truncated: z.boolean().optional(),
});
const blobSchema = z.object({ content: z.string(), encoding: z.literal("base64") });

/** `pages`: the API tells a large tree in pages (Gitea), of so many entries. */
export interface TreeWay {
  readonly rest: Rest;
  /** `/repos/acme/fleet` */
  readonly base: string;
  readonly pages: number | undefined;
}

type Told = z.infer<typeof entrySchema>;

/** Of everything below `folder`, from the tree or commit `root`. A folder that is not there has nothing. */
export async function entriesBelow(way: TreeWay, root: string, folder: string): Promise<Map<string, Entry>> {
  let at = root;
  let path = "";
  for (const part of folder.split("/")) {
    path = path === "" ? part : `${path}/${part}`;
    const found = (await readTree(way, at, false)).find((entry) => entry.path === part);
    if (found === undefined) return new Map();
    if (found.type !== "tree")
      throw new GitFailure(
        "invalid",
        `${path} is a file, link or submodule, no folder; name another in to.path`,
      );
    at = found.sha;
  }
  const all = (await readTree(way, at, true)).filter(({ type }) => type !== "tree");
  if (all.length > TREE_ENTRIES_MAX) throw tooLarge(folder);
  return new Map(all.map(({ path: below, sha, mode }) => [`${folder}/${below}`, { id: sha, mode }]));
}

async function readTree({ rest, base, pages }: TreeWay, sha: string, recursive: boolean): Promise<Told[]> {
  const all: Told[] = [];
  for (let page = 1; all.length <= TREE_ENTRIES_MAX; page++) {
    const query = {
      ...(recursive ? { recursive: "true" } : {}),
      ...(pages === undefined ? {} : { page: String(page), per_page: String(pages) }),
    };
    const { tree, truncated } = await done(rest, {
      path: `${base}/git/trees/${sha}`,
      query,
      schema: treeSchema,
    });
    all.push(...tree);
    if (truncated !== true) return all;
    if (pages === undefined || tree.length === 0) break;
  }
  throw tooLarge("the folder");
}

function tooLarge(what: string): GitFailure {
  return new GitFailure(
    "too-large",
    `${what} holds more than ${TREE_ENTRIES_MAX} files; name a smaller one in to.path`,
  );
}

export async function readBlob({ rest, base }: TreeWay, id: string): Promise<Uint8Array> {
  const { content } = await done(rest, { path: `${base}/git/blobs/${id}`, schema: blobSchema });
  return Buffer.from(content, "base64");
}

/** `feat/x` as one or more parts of a path: slashes stay, all else is encoded. */
export function encodedPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
