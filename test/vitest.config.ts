import { defineConfig } from "vitest/config";

/** System tests start real servers: few at a time on two cores, and with time to spare on a busy machine. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts", ...(process.env["FAIRLEAD_LONG"] ? ["test/**/*.long.ts"] : [])],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 3,
    reporters: ["default"],
  },
});
