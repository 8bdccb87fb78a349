// npm test [-- FILE ... | bun test options]: the fast set, everything in test/ except test/e2e.
// npm run test:remote: those files of the fast set that start a ferry, with its database on a libSQL server.
// npm run test:e2e: test/e2e, against an executable built just before, so never against a stale one.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { bunPath, run } from "./run.mjs";

const e2e = join("test", "e2e");
const sets = {
  // Half of the time a test waits: for a server, a runtime, a lock.
  fast: { folder: "test", except: e2e, options: ["--parallel=2"], timeoutMs: 60_000 },
  remote: {
    folder: "test",
    except: e2e,
    only: /\bstartFerry\(\)/,
    through: [join("scripts", "with-sqld.mjs")],
    options: ["--parallel=2"],
    timeoutMs: 120_000,
  },
  e2e: { folder: e2e, timeoutMs: 180_000, build: true },
};

const [name, ...rest] = process.argv.slice(2);
const set = sets[name];
if (!set) {
  console.error(`Which tests? Known: ${Object.keys(sets).join(", ")}`);
  process.exit(2);
}
ensureInstalled({ dev: true });

// The files are named one by one: a bare `bun test` would also take tests that lie in build folders or in bench/.
const wanted = rest.filter((argument) => !argument.startsWith("-"));
const options = rest.filter((argument) => argument.startsWith("-"));
const files = wanted.length > 0 ? wanted : testFiles(set.folder).filter(isInSet);
if (files.length === 0) {
  console.error(`No test files in ${set.folder}: that is never right.`);
  process.exit(1);
}
if (set.build) {
  const code = await run(bunPath(), [join("scripts", "build.ts")]);
  if (code !== 0) process.exit(code);
}
process.exitCode = await run(bunPath(), [
  ...(set.through ?? []),
  "--max-http-header-size=65536", // as the server runs
  "--no-env-file",
  "test",
  `--timeout=${set.timeoutMs}`,
  ...(set.options ?? []),
  ...options,
  ...files.map((file) => (/^\.{0,2}[\\/]/.test(file) ? file : `./${file}`)),
]);

function testFiles(folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return entries
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return /\.test\.tsx?$/.test(entry.name) ? [path] : [];
    })
    .sort();
}

function isInSet(file) {
  if (isInside(file, set.except)) return false;
  return set.only === undefined || set.only.test(readFileSync(join(root, file), "utf8"));
}

function isInside(file, folder) {
  return folder !== undefined && (file.startsWith(`${folder}/`) || file.startsWith(`${folder}\\`));
}
