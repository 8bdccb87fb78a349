// Which folder may import which: the rules of .dependency-cruiser.cjs over src/.
// dependency-cruiser calls an empty result a success (a compiler that it cannot read is enough), so the modules are
// counted here. `--picture` prints the graph of folders in the dot language instead.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";
import { nodeTool } from "./run.mjs";

const [node, cruiser] = nodeTool("dependency-cruiser", "bin", "dependency-cruise.mjs");
const picture = process.argv.includes("--picture");
const format = picture ? "ddot" : "json";
const cruise = spawnSync(node, [cruiser, "--config", ".dependency-cruiser.cjs", "--output-type", format, "src"], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 256 * 1024 * 1024,
  stdio: ["ignore", "pipe", "inherit"],
});
if (picture) {
  process.stdout.write(cruise.stdout);
  process.exit(cruise.status ?? 1);
}

let result;
try {
  result = JSON.parse(cruise.stdout);
} catch {
  console.error(`dependency-cruiser gave no result (exit code ${cruise.status}).`);
  process.exit(1);
}
const { totalCruised, violations } = result.summary;
const read = new Set(result.modules.map((module) => module.source));
const unread = sourceFiles("src").filter((file) => !read.has(file));
if (totalCruised === 0 || unread.length > 0) {
  console.error(`dependency-cruiser read ${totalCruised} modules and passed over ${unread.length} of our files.`);
  for (const file of unread.slice(0, 10)) console.error(`  ${file}`);
  process.exit(1);
}
for (const { rule, from, to, cycle } of violations) {
  const way = cycle ? cycle.map((step) => step.name).join(" -> ") : to;
  console.error(`${rule.severity} ${rule.name}: ${from}${way === from ? "" : ` -> ${way}`}`);
  const comment = result.summary.ruleSetUsed.forbidden.find((one) => one.name === rule.name)?.comment;
  if (comment) console.error(`      ${comment}`);
}
console.log(`${totalCruised} modules, ${violations.length} arrows in the wrong direction`);
process.exitCode = violations.length > 0 ? 1 : 0;

/** Our own files by the file system's word, with "/" as dependency-cruiser writes them. */
function sourceFiles(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}
