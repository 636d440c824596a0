/** What `npm start` prints when all is up: what runs, and three commands to try. */
export interface Started {
  hub: string;
  /** Signs a browser in, once. */
  login: string;
  /** The clone to work in, as seen from here. */
  workTree: string;
  dataDir: string;
  git: string;
  simulated: number;
  /** Names of real clusters. */
  real: readonly string[];
  seconds: number;
}

export function welcome({ hub, login, workTree, dataDir, git, simulated, real, seconds }: Started): string {
  const realText =
    real.length > 0
      ? `real      ${real.join(", ")}: a Kubernetes API server with an agent process`
      : "real      none (npm start -- --real builds and starts one, about 5 minutes once)";
  const file = `${workTree}/apps/shop/base/config.yaml`;
  return `
Fairlead is up (${seconds.toFixed(1)} s)

  hub       ${hub}
  page      ${login} (once, within an hour; later: an API token at ${hub}/login)
  Git       ${git} (your clone: ${workTree})
  simulated ${simulated} clusters (the real agent over an in-memory Kubernetes; no machine stands behind them)
  ${realText}

Try, in another terminal:

  1. npx fairlead get
  2. sed -i 's/GREETING:.*/GREETING: Hello from me/' ${file} && git -C ${workTree} commit -qam "Say hello" && git -C ${workTree} push -q
  3. npx fairlead rollout status shop --wait --commit $(git -C ${workTree} rev-parse HEAD)

Ctrl-C ends everything; the data stays under ${dataDir}/.
`;
}
