// Makes sure that what is about to run is installed, so that a fresh clone needs one command and not two.
// Plain Node without dependencies: it runs before anything is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const marker = join(root, "node_modules", ".ferry-install.json");

/**
 * Installs from package-lock.json unless the last finished install was of this very lock file.
 * `dev: false` asks for what running needs; an install that brought the development tools along satisfies it too.
 */
export function ensureInstalled({ dev }) {
  const lockFile = readFileSync(join(root, "package-lock.json"));
  const lock = createHash("sha256").update(lockFile).digest("hex");
  const done = readJson(marker);
  if (done?.lock === lock && (done.dev || !dev)) return;
  if (installedByHand(JSON.parse(lockFile), dev)) return mark({ lock, dev });

  // The marker goes first and comes back last: an install that was cut off in between is seen and done again.
  rmSync(marker, { force: true });
  console.error(`Installing ${dev ? "all dependencies" : "what running needs"} (once per package-lock.json) ...`);
  // Both ways are spelled out, so that NODE_ENV or a setting of the caller does not decide; warnings and errors are
  // shown even under `npm start --silent`.
  const status = npm(["ci", dev ? "--include=dev" : "--omit=dev", "--no-audit", "--no-fund", "--loglevel=warn"]);
  if (status !== 0) {
    console.error(`npm ci failed (${status}).`);
    process.exit(1);
  }
  mark({ lock, dev });
}

function mark(state) {
  writeFileSync(marker, `${JSON.stringify(state)}\n`);
}

/**
 * Whether `npm ci` or `npm install`, called by someone else, has installed this very lock file. npm writes down what it
 * installed when it has finished, install scripts included, and removes that at the start of `npm ci`.
 */
function installedByHand(lock, dev) {
  const installed = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (!installed) return false;
  // Optional packages are those of other platforms, for the greater part.
  return Object.entries(lock.packages).every(
    ([path, wanted]) =>
      path === "" || wanted.optional || (wanted.dev && !dev) || installed[path]?.version === wanted.version,
  );
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // absent or cut off: the same as not installed
  }
}

/** Runs npm with its words on stderr: stdout belongs to the program that is started afterwards. */
function npm(args) {
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  // The npm that called us, if one did: no search, no shell, the same version.
  const cli = process.env.npm_execpath ?? "";
  const result = /npm-cli\.c?js$/.test(cli)
    ? spawnSync(process.execPath, [cli, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" }); // npm is a .cmd file there
  if (result.error) console.error(`npm could not be started: ${result.error.message}`);
  return result.status ?? 1;
}
