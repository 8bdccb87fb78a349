// npm run check: every check that reads the code without running it. Each runs even when one before it failed,
// so that one look shows all there is to mend. `npm run check:lint` and so on run one of them.
import { ensureInstalled } from "./install.mjs";
import { nodeTool, run } from "./run.mjs";

const checks = {
  types: nodeTool("typescript", "bin", "tsc").concat("--noEmit"),
  lint: nodeTool("@biomejs", "biome", "bin", "biome").concat("check", "--error-on-warnings"),
  arrows: [process.execPath, "scripts/check-arrows.mjs"],
  unused: nodeTool("knip", "bin", "knip.js"),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`Unknown check: ${unknown.join(", ")}. Known: ${Object.keys(checks).join(", ")}`);
  process.exit(2);
}
ensureInstalled({ dev: true });

const failed = [];
for (const [name, [program, ...args]] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const code = await run(program, args);
  console.log(`${code === 0 ? "ok    " : "FAILED"} check:${name}`);
  if (code !== 0) failed.push(name);
}
process.exitCode = failed.length > 0 ? 1 : 0;
