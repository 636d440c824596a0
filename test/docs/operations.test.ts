/** The operator's page tells of commands that exist, of limits as they are, and of headings that are there. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as limits from "#core/limits.ts";
import { run } from "../../cli/main.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["docs/operations.md", "docs/recovery.md", "docs/deploy.md"];
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** `fairlead rollout status APP` as `rollout status`: what is not the reader's own. */
function commandsIn(text: string): string[] {
  const found = [...text.matchAll(/fairlead ((?:[a-z][a-z-]*(?: |(?=`)))+)/g)].map(([, words = ""]) =>
    words.trim(),
  );
  // The agent is a program of its own, whose help goes past the CLI's streams.
  return [...new Set(found)].filter((words) => words !== "agent").sort();
}

async function helpOf(words: string): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await run([...words.split(" "), "--help"], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    fetch: () => Promise.reject(new Error("help asks nobody")),
    cwd: root,
    isTTY: false,
    sleep: () => Promise.resolve(),
    now: () => 0,
  });
  return { code, out, err };
}

describe.each(pages)("%s", (page) => {
  it("names commands that the CLI has", async () => {
    const commands = commandsIn(read(page));
    expect(commands.length).toBeGreaterThan(5);
    for (const words of commands) {
      // Of a noun that is shown, the command is the word before it.
      const command = words.replace(/^get .*/, "get");
      const { code, out } = await helpOf(command);
      expect([command, code]).toEqual([command, 0]);
      expect(out).toContain(`fairlead ${command}`);
    }
  });

  it("refers to headings that are there", () => {
    const anchors = (file: string): string[] =>
      [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, "")
          .replaceAll(" ", "-"),
      );
    for (const [, target = "", anchor = ""] of read(page).matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
      if (target.startsWith("http")) continue;
      const file = target === "" ? page : join(dirname(page), target);
      expect(anchor === "" || anchors(file).includes(anchor), `${file}#${anchor}`).toBe(true);
    }
  });
});

describe("docs/operations.md", () => {
  it("tells limits as they are", () => {
    const rows = [...read("docs/operations.md").matchAll(/^\|[^|]*\| *([\d,]+) *\| *`([A-Z_]+)` *\|$/gm)];
    expect(rows.length).toBeGreaterThan(8);
    const known: Record<string, unknown> = limits;
    for (const [, told = "", name = ""] of rows)
      expect([name, known[name]]).toEqual([name, Number(told.replaceAll(",", ""))]);
  });
});
