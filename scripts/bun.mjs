// node scripts/bun.mjs ARGS: the repository's Bun with everything installed.
import { ensureInstalled } from "./install.mjs";
import { bunPath, run } from "./run.mjs";

ensureInstalled({ dev: true });
process.exitCode = await run(bunPath(), process.argv.slice(2));
