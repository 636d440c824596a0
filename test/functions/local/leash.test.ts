import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startLeashed, startServer } from "../../../functions/local/leash.ts";

const WAIT = { timeout: 20_000, interval: 10 };
const LEASH = new URL("../../../functions/local/leash.ts", import.meta.url).href;

describe("startLeashed", () => {
  it("ends the child and its own children when the owner is killed with SIGKILL", async () => {
    const program = `
      import { startLeashed } from ${JSON.stringify(LEASH)};
      const child = await startLeashed({ command: "sh", args: ["-c", "sleep 600 & echo $!; wait"] });
      while (!child.output().includes("\\n")) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(child.pid, child.output().trim());
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(owner.stdout, "data")) as [Buffer];
    const pids = line.toString().trim().split(" ").map(Number);
    expect(pids.map(alive)).toEqual([true, true]);
    owner.kill("SIGKILL");
    await vi.waitFor(() => expect(pids.map(alive)).toEqual([false, false]), WAIT);
  });

  it("stops a child in order, and tells how it ended", async () => {
    const child = await startLeashed({
      command: "sh",
      args: ["-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"],
    });
    await vi.waitFor(() => expect(child.output()).toContain("up"), WAIT);
    expect(child.ended()).toBeUndefined();
    await child.stop();
    expect(child.output()).toContain("bye");
    expect(child.ended()).toBe("exit code 3");
    await child.stop();
  });

  it("reports a command that does not exist as exit code 127", async () => {
    const child = await startLeashed({ command: "no-such-command-here", args: [] });
    await vi.waitFor(() => expect(child.ended()).toBe("exit code 127"), WAIT);
    expect(child.output()).toContain("no-such-command-here");
  });

  it("passes arguments and environment on as they are", async () => {
    const args = ["-c", 'printf "%s|" "$@" "$WORD"; cat', "x", "a b", "$HOME", "'q'"];
    const child = await startLeashed({ command: "sh", args, env: { WORD: "w w" } });
    await vi.waitFor(() => expect(child.ended()).toBe("exit code 0"), WAIT);
    expect(child.output()).toBe("a b|$HOME|'q'|w w|");
  });
});

describe("startServer", () => {
  const plan = {
    name: "Probe",
    readyMsMax: 20_000,
    portTaken: /EADDRINUSE/,
    command: (port: number) => ({
      command: process.execPath,
      args: [
        "--eval",
        `require("net").createServer().listen(${port}, "127.0.0.1", () => console.log("serving", ${port}))`,
      ],
    }),
    ready: async (port: number, child: { output(): string }) => child.output().includes(`serving ${port}`),
  };

  it("takes another port when the first was taken meanwhile", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    onTestFinished(() => void squatter.close());
    const taken = (squatter.address() as { port: number }).port;
    let tries = 0;
    const { port, child } = await startServer({
      ...plan,
      command: (port) => plan.command(++tries === 1 ? taken : port),
    });
    onTestFinished(() => child.stop());
    expect(tries).toBe(2);
    expect(port).not.toBe(taken);
  });

  it("throws with the server's own words when a given port is taken", async () => {
    const squatter = createServer().listen(0, "127.0.0.1");
    await once(squatter, "listening");
    onTestFinished(() => void squatter.close());
    const { port } = squatter.address() as { port: number };
    await expect(startServer({ ...plan, port })).rejects.toThrow(
      /^Probe on port \d+: ended with exit code 1.*EADDRINUSE/s,
    );
  });

  it("stops a server that is not ready in time", async () => {
    let pid = 0;
    const never = startServer({
      ...plan,
      readyMsMax: 100,
      ready: async (_port, child) => {
        pid = child.pid;
        return false;
      },
    });
    await expect(never).rejects.toThrow("not ready within 100 ms");
    expect(alive(pid)).toBe(false);
  });
});

/** A zombie that nobody has waited for yet still counts as alive. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
