// npm start [-- --listen 127.0.0.1:8900 ...]: the server, straight from source.
// (On Windows: node scripts/start.mjs. The `exec` in package.json is for the shells that stay between npm and its
// program and do not hand on a SIGTERM: the server would go on running without its npm.)
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { bunPath, run } from "./run.mjs";

ensureInstalled({ dev: false });
process.exitCode = await run(bunPath(), [
  // An X-Auth-Token may be 16 KiB long, which is Bun's default limit for all headers together.
  "--max-http-header-size=65536",
  // The executable reads no .env file, so the server from source does not either.
  "--no-env-file",
  join(root, "src", "main.ts"),
  "serve",
  ...process.argv.slice(2),
]);
