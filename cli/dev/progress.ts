/** Tells what is being done once it takes longer than two seconds, and how long it took. */
const QUIET_MS = 2_000;

export function progress(out: { isTTY?: boolean; write(text: string): unknown }) {
  return async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const since = Date.now();
    const seconds = (): string => `${Math.round((Date.now() - since) / 1000)} s`;
    const tick = (): void =>
      void out.write(out.isTTY === true ? `\r\u001B[K${what} … ${seconds()}` : `${what} …\n`);
    let told = false;
    const first = setTimeout(() => {
      told = true;
      tick();
    }, QUIET_MS);
    const timer = setInterval(() => {
      if (told && out.isTTY === true) tick();
    }, 1_000);
    try {
      return await work();
    } finally {
      clearTimeout(first);
      clearInterval(timer);
      if (told && out.isTTY === true) out.write("\r\u001B[K");
    }
  };
}
