/** A chart's archive is what anybody may have made: what is no plain chart within the limits is refused, and says why. */
import { execFile } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { packTar, type TarEntry } from "modern-tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkChart, unpackChart } from "../../../functions/charts/archive.ts";
import { ChartFailure } from "../../../functions/charts/failure.ts";
import {
  ARCHIVE_BYTES_MAX,
  ARCHIVE_FILE_BYTES_MAX,
  ARCHIVE_FILES_MAX,
  UNPACKED_BYTES_MAX,
} from "../../../functions/charts/limits.ts";
import { bench, type Bench } from "./chart-fixture.ts";

let tools: Bench;
beforeAll(async () => {
  tools = await bench();
}, 900_000);
afterAll(() => tools?.close());

const CHART = "apiVersion: v2\nname: shop\nversion: 1.0.0\n";
const file = (name: string, body: string | Uint8Array = "x"): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), type: "file" },
  body,
});
const tgz = async (...entries: TarEntry[]): Promise<Buffer> =>
  gzipSync(await packTar([file("shop/Chart.yaml", CHART), ...entries]));
const texts = (files: ReadonlyMap<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([path, content]) => [path, Buffer.from(content).toString()]));

async function refusal(archive: Uint8Array): Promise<ChartFailure> {
  const error = await unpackChart(archive).catch((error: unknown) => error);
  if (error instanceof ChartFailure) return error;
  throw new Error(`was not refused: ${String(error)}`);
}

/** As GNU's own `tar` packs a folder. */
async function gnuTar(files: Record<string, string>, ...argv: string[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-tar-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await symlink("/etc/passwd", join(folder, "shop/secrets"));
    await promisify(execFile)("tar", ["-czf", "out.tgz", ...argv], { cwd: folder });
    return await readFile(join(folder, "out.tgz"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("unpackChart", () => {
  it("reads what helm packages, below the chart's own folder", async () => {
    const long = `templates/${"deep/".repeat(30)}${"n".repeat(90)}.yaml`;
    const path = await tools.chart("shop", "1.0.0", { [long]: "a: b\n", "README.md": "# Ünïcode\n" });
    const files = texts(await unpackChart(await readFile(path)));
    expect(Object.keys(files).sort()).toEqual(
      ["Chart.yaml", "README.md", "values.yaml", long, "templates/map.yaml"].sort(),
    );
    expect(files["README.md"]).toBe("# Ünïcode\n");
  });

  it("reads what GNU tar packs, and the way it marks long names", async () => {
    const long = `shop/${"n".repeat(120)}.yaml`;
    const files = { "shop/Chart.yaml": CHART, [long]: "a" };
    const archive = await gnuTar(files, "--format=gnu", "--exclude=secrets", "./shop");
    expect(Object.keys(texts(await unpackChart(archive))).sort()).toEqual(["Chart.yaml", long.slice(5)]);
  });

  it("refuses paths that lead out, however they are written", async () => {
    for (const name of [
      "/etc/passwd",
      "../evil",
      "shop/../../evil",
      "shop/templates/..",
      "C:/evil",
      "shop\\..\\evil",
      "shop/a\nb",
      "./../evil",
    ]) {
      const failure = await refusal(await tgz(file(name)));
      expect(failure.code, name).toBe("invalid");
      expect(failure.message, name).toContain("a path must stay in the chart's folder");
    }
  });

  it("refuses links and devices, as tar packs them", async () => {
    const archive = await gnuTar({ "shop/Chart.yaml": CHART }, "shop");
    expect((await refusal(archive)).message).toContain('"shop/secrets", a symlink: only files');
    for (const type of ["link", "symlink", "character-device", "block-device", "fifo"] as const) {
      const entry: TarEntry = { header: { name: "shop/x", size: 0, type, linkname: "../../etc/passwd" } };
      expect((await refusal(await tgz(entry))).message).toContain(`a ${type}: only files are taken`);
    }
  });

  it("refuses one path twice, and files beside the folder", async () => {
    expect((await refusal(await tgz(file("shop/a"), file("shop//./a")))).message).toContain('"a" twice');
    expect((await refusal(await tgz(file("Chart.yaml")))).message).toContain("beside the chart's folder");
  });

  it("ends a bomb at the limit of what it unpacks to, and goes on with the next", async () => {
    const bomb = gzipSync(Buffer.alloc(UNPACKED_BYTES_MAX + 1));
    expect(bomb.byteLength).toBeLessThan(100_000);
    const failure = await refusal(bomb);
    expect(failure).toMatchObject({ code: "too-large" });
    expect(failure.message).toContain("unpacks to more than the limit of 32 MiB");
    expect(texts(await unpackChart(await tgz()))).toEqual({ "Chart.yaml": CHART });
  });

  it("says which limit was passed: archive, file, count, path", async () => {
    const large = await refusal(Buffer.alloc(ARCHIVE_BYTES_MAX + 1));
    expect(large.message).toContain("the limit is 20 MiB");
    const one = await refusal(await tgz(file("shop/big", Buffer.alloc(ARCHIVE_FILE_BYTES_MAX + 1))));
    expect(one.message).toContain('"shop/big" in it has 4 MiB, the limit is 4 MiB');
    const many = Array.from({ length: ARCHIVE_FILES_MAX }, (_, at) => file(`shop/${at}`, ""));
    expect((await refusal(await tgz(...many))).message).toContain(`more than ${ARCHIVE_FILES_MAX} files`);
    const deep = await refusal(await tgz(file(`shop/${"a/".repeat(300)}x`)));
    expect(deep.message).toContain("the limit is 500");
  });

  it("refuses what is no archive, and one that is cut off or altered", async () => {
    const whole = await packTar([file("shop/Chart.yaml", CHART), file("shop/a", "a".repeat(2000))]);
    expect((await refusal(Buffer.from("<html>"))).message).toContain("is no gzip file");
    expect((await refusal(gzipSync("not a tar at all".repeat(100)))).message).toContain("is no tar file");
    expect((await refusal(gzipSync(whole.subarray(0, 1700)))).message).toContain("is no tar file");
    const altered = Buffer.from(whole);
    altered[1] = 0x41;
    expect((await refusal(gzipSync(altered))).message).toContain("is no tar file");
    // A size that the archive does not have.
    const lying = Buffer.from(await packTar([file("shop/a", "")]));
    lying.write("77777777777\0", 124);
    expect((await refusal(gzipSync(lying))).message).toMatch(/is no tar file|the limit is/);
  });

  it("never ends in anything but files or a refusal, whatever bytes are changed", async () => {
    const whole = await packTar([file("shop/Chart.yaml", CHART), file("shop/templates/a.yaml", "a: b\n")]);
    const change = fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        const done = await unpackChart(gzipSync(bytes)).catch((error: unknown) => error);
        if (done instanceof Map)
          for (const path of (done as Map<string, unknown>).keys()) {
            expect(path.startsWith("/")).toBe(false);
            expect(path.split("/")).not.toContain("..");
          }
        else expect(done).toBeInstanceOf(ChartFailure);
      }),
      { numRuns: 300 },
    );
  });
});

describe("checkChart", () => {
  const of = (chart: string) => new Map([["Chart.yaml", Buffer.from(chart)]]);

  it("takes the chart that was asked for, with or without v", () => {
    expect(() => checkChart(of(CHART), { name: "shop" }, "1.0.0")).not.toThrow();
    expect(() => checkChart(of(CHART), { name: "shop" }, "v1.0.0")).not.toThrow();
  });

  it("refuses another chart or an older version under its name", () => {
    expect(() => checkChart(of(CHART), { name: "shop" }, "1.0.1")).toThrow('"shop" "1.0.0", and shop 1.0.1');
    expect(() => checkChart(of(CHART), { name: "cart" }, "1.0.0")).toThrow("cart 1.0.0 was asked for");
    expect(() => checkChart(new Map(), { name: "shop" }, "1.0.0")).toThrow("has no Chart.yaml");
    expect(() => checkChart(of("name: shop"), { name: "shop" }, "1.0.0")).toThrow(
      "without a name and a version",
    );
    expect(() => checkChart(of("a: [&x 1, *x]"), { name: "shop" }, "1.0.0")).toThrow("without a name");
  });
});
