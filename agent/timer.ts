/** The one real sleep: a timer that an abort clears, so that nothing holds the process after a stop. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const cut = (): void => resolve();
  signal.addEventListener("abort", cut);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cut);
  }
}
