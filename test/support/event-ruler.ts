/**
 * AWS's own matcher of patterns, the library that EventBridge runs (`software.amazon.event.ruler`), fetched by Maven on first use
 * and driven by a small program. Java 17 with `javac`, and Maven, are needed.
 */
import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { build, cacheFolder, type BuildStep } from "../../cli/dev/build.ts";

const MATCH_MS_MAX = 120_000;
const DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.7.0:copy-dependencies";
const source = (name: string): string => fileURLToPath(new URL(`event-ruler/${name}`, import.meta.url));

async function ensureMatcher(): Promise<string> {
  const sources = ["pom.xml", "Match.java"];
  const step = (cwd: string, command: string, ...args: string[]): BuildStep => ({ command, args, cwd });
  const spec = {
    name: "event-ruler",
    about: "AWS's matcher of events (once, some seconds; needs Java 17 and Maven)",
    outputs: ["lib", "Match.class"],
    stamp: [],
    sources: sources.map(source),
    steps: async (out: string) => {
      for (const name of sources) await copyFile(source(name), join(out, name));
      return [
        step(out, "mvn", "--quiet", "--batch-mode", DEPENDENCIES, "-DoutputDirectory=lib"),
        step(out, "javac", "-cp", "lib/*", "Match.java"),
      ];
    },
  };
  return build(spec, cacheFolder(), { log: (line) => void process.stderr.write(`${line}\n`) });
}

const answerSchema = z.array(z.string());

/** For each event the names of the rules that match it, sorted. A pattern that AWS would refuse fails the whole. */
export async function matchingRules(
  rules: Readonly<Record<string, unknown>>,
  events: readonly object[],
): Promise<string[][]> {
  const folder = await ensureMatcher();
  const input = [rules, ...events].map((line) => `${JSON.stringify(line)}\n`).join("");
  const output = await new Promise<string>((resolve, reject) => {
    const argv = ["-cp", [`${folder}/lib/*`, folder].join(delimiter), "Match"];
    const child = execFile("java", argv, { timeout: MATCH_MS_MAX }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`the matcher failed: ${stderr}`, { cause: error })),
    );
    child.stdin?.end(input);
  });
  const lines = output.split("\n").filter((line) => line !== "");
  return lines.map((line) => answerSchema.parse(JSON.parse(line)).toSorted());
}
