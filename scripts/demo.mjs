// npm run demo [-- --sources N ...]: a service with a fleet of simulated source servers, straight from source.
// (On Windows: node scripts/demo.mjs. For the `exec` in package.json see start.mjs.)
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { bunPath, run } from "./run.mjs";

ensureInstalled({ dev: false });
process.exitCode = await run(
  bunPath(),
  ["--max-http-header-size=65536", "--no-env-file", join(root, "demo", "main.ts"), ...process.argv.slice(2)],
  // Each source's poll is a request that waits, and Bun has 256 of its own under way at most unless it is told.
  { env: { BUN_CONFIG_MAX_HTTP_REQUESTS: "16384" } },
);
