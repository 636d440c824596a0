/**
 * The environment for Git commands of our own: a person's global and the machine's configuration
 * (signing, hooks, templates, credential helpers) have no say in them and are never changed.
 */

/** PATH and the like stay; every `GIT_*` variable of the caller goes. */
export function isolatedGitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
}
