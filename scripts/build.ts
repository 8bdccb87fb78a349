// npm run build [-- --target=bun-linux-arm64]: the one-file executable, dist/ferry or dist/ferry-<target>.
// The same source and lock file give the same bytes, so anyone can check a published executable.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

/** For each Bun target: Bun's own package (the runtime inside the executable) and libsql's native module. */
const targets = {
  "bun-linux-x64": { runtime: "@oven/bun-linux-x64", native: "@libsql/linux-x64-gnu" },
  "bun-linux-arm64": { runtime: "@oven/bun-linux-aarch64", native: "@libsql/linux-arm64-gnu" },
  "bun-linux-x64-musl": { runtime: "@oven/bun-linux-x64-musl", native: "@libsql/linux-x64-musl" },
  "bun-linux-arm64-musl": { runtime: "@oven/bun-linux-aarch64-musl", native: "@libsql/linux-arm64-musl" },
  "bun-darwin-x64": { runtime: "@oven/bun-darwin-x64", native: "@libsql/darwin-x64" },
  "bun-darwin-arm64": { runtime: "@oven/bun-darwin-aarch64", native: "@libsql/darwin-arm64" },
  "bun-windows-x64": { runtime: "@oven/bun-windows-x64", native: "@libsql/win32-x64-msvc" },
} as const;
type Target = keyof typeof targets;

const root = dirname(import.meta.dir);
/** The thread of src/db/group-thread.ts, which finds it in the executable under this path. */
const GROUP_WORKER = join(root, "src", "db", "group-worker.ts");
const cache = join(root, ".cache", "build");

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    entry: { type: "string", default: join(root, "src", "main.ts") },
    outfile: { type: "string" },
  },
});
const here = `bun-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`;
const target = values.target ?? here;
if (!isTarget(target)) {
  stop(`Unknown target "${target}". Known targets:\n  ${Object.keys(targets).join("\n  ")}`);
}
const suffix = target.startsWith("bun-windows") ? ".exe" : "";
const name = values.target === undefined ? "ferry" : `ferry-${target}`;
const outfile = values.outfile ?? join(root, "dist", `${name}${suffix}`);

if (Bun.version !== (await locked("bun")).version)
  stop(`This is Bun ${Bun.version}, not the one of package-lock.json.`);
const native = await packageFile(targets[target].native, "index.node");
// The host's own runtime is the one that runs this script: its package was emptied when Bun was installed.
const runtime = target === here ? process.execPath : await packageFile(targets[target].runtime, `bin/bun${suffix}`);

// Built under one fixed name and renamed: the name is part of the bytes.
const stage = join(cache, "stage");
mkdirSync(stage, { recursive: true });
mkdirSync(dirname(outfile), { recursive: true });
const staged = join(stage, `ferry${suffix}`);
rmSync(staged, { force: true });

const startedMs = performance.now();
await Bun.build({
  entrypoints: [values.entry, GROUP_WORKER],
  root,
  minify: true,
  bytecode: true, // half the start-up time for 1 MB
  format: "esm", // bytecode with a top-level await needs it
  sourcemap: "inline", // 0.1 MB and no time at start, and a logged stack names the source file and line
  compile: {
    target,
    outfile: staged,
    executablePath: runtime,
    // An X-Auth-Token may be 16 KiB long, which is Bun's default limit for all headers together.
    execArgv: ["--max-http-header-size=65536"],
    // Files that happen to lie in the folder where it is started must not change what it does.
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  plugins: [libsqlNative(native)],
}).catch((error: unknown) => {
  if (error instanceof AggregateError) for (const one of error.errors) console.error(one);
  else console.error(error);
  stop("The build failed.");
});
rmSync(outfile, { force: true }); // a running executable cannot be written over, but it can be replaced
renameSync(staged, outfile);

const bytes = Buffer.from(await Bun.file(outfile).arrayBuffer());
// Not the folder's own path: that of a short one, /ferry or /src, may well be in there by itself.
const path = Math.max(...["src", "node_modules"].map((folder) => bytes.indexOf(join(root, folder))));
if (path >= 0) {
  console.error(bytes.subarray(Math.max(0, path - 40), path + 120).toString("latin1"));
  stop("The executable holds the path of this folder (see above), so another folder would give other bytes.");
}
const sha256 = createHash("sha256").update(bytes).digest("hex");
console.log(`${outfile}  ${(bytes.length / 1e6).toFixed(1)} MB  ${Math.round(performance.now() - startedMs)} ms`);
console.log(`sha256 ${sha256}`);

/**
 * libsql computes the name of its native module when it starts, which no bundler can follow: the module would be left
 * out and the executable would only run beside a node_modules folder. With the name of the target's module in that
 * place it is embedded. (Bun unpacks it at each start to BUN_TMPDIR or TMPDIR, which must allow executing.)
 */
function libsqlNative(path: string): Bun.BunPlugin {
  return {
    name: "libsql-native",
    setup(build) {
      // A name that stands for it: the path itself would get into the source map and differ from folder to folder.
      const standIn = "ferry:libsql-native";
      build.onResolve({ filter: /^ferry:libsql-native$/ }, () => ({ path }));
      // With node_modules in the filter, or it would also catch drizzle-orm/libsql/index.js.
      build.onLoad({ filter: /node_modules[\\/]libsql[\\/]index\.js$/ }, async (file) => {
        const source = await Bun.file(file.path).text();
        const contents = source
          // The search itself goes too: it looks at the host on each start, and holds the path of this folder.
          .replace(/^const \{ load, currentTarget \} = [\s\S]*?^function requireNative\(\) \{[\s\S]*?^\}$/m, "")
          .replace("} = requireNative();", `} = require("${standIn}");`);
        if (/requireNative|currentTarget/.test(contents) || !contents.includes(standIn)) {
          throw new Error(`${file.path} loads its native module in a new way: adapt this plugin`);
        }
        return { contents, loader: "js" };
      });
    },
  };
}

/**
 * A file of a package in exactly the version of the lock file: from node_modules where it is installed (the host's own
 * are), else fetched with npm into .cache/build and checked against the lock file's hash.
 */
async function packageFile(packageName: string, file: string): Promise<string> {
  const { version, integrity } = await locked(packageName);
  const installed = join(root, "node_modules", packageName);
  if (
    existsSync(join(installed, file)) &&
    (await Bun.file(join(installed, "package.json")).json()).version === version
  ) {
    return join(installed, file);
  }
  const folder = join(cache, `${packageName.replace("/", "+")}-${version}`);
  if (!existsSync(join(folder, "package", file))) {
    console.error(`Fetching ${packageName}@${version} ...`);
    mkdirSync(cache, { recursive: true });
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    const pack = Bun.spawnSync([npm, "pack", "--json", `--pack-destination=${cache}`, `${packageName}@${version}`], {
      cwd: cache,
      stderr: "inherit",
    });
    if (!pack.success) stop(`${packageName}@${version} could not be fetched.`);
    const archive = join(cache, `${packageName.replace("@", "").replace("/", "-")}-${version}.tgz`);
    const packed = await Bun.file(archive).bytes();
    const hash = `sha512-${createHash("sha512").update(packed).digest("base64")}`;
    if (hash !== integrity) stop(`${packageName}@${version} is not what package-lock.json names: ${hash}`);
    // Unpacked beside and renamed, so that a build that was cut off leaves nothing half done.
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.part`, { recursive: true, force: true });
    await new Bun.Archive(packed).extract(`${folder}.part`);
    renameSync(`${folder}.part`, folder);
    rmSync(archive);
  }
  return join(folder, "package", file);
}

async function locked(packageName: string): Promise<{ version: string; integrity: string }> {
  const lock = await Bun.file(join(root, "package-lock.json")).json();
  const entry = lock.packages[`node_modules/${packageName}`];
  if (!entry) stop(`package-lock.json does not name ${packageName}.`);
  return entry;
}

function isTarget(text: string): text is Target {
  return Object.hasOwn(targets, text);
}

/** Whether this Bun runs on musl (Alpine) and not on glibc: its package says so. */
function isMusl(): boolean {
  return (
    process.platform === "linux" &&
    existsSync(join(root, "node_modules", `@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}-musl`))
  );
}

function stop(message: string): never {
  console.error(message);
  process.exit(1);
}
