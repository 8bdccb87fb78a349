import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * The console's script as one text. For `import ... with { type: "macro" }`: it runs where the program is built, or
 * started from source. (A process of its own, as a bundler cannot be called from within one.)
 */
export function bundle(): string {
  const entry = fileURLToPath(new URL("console/main.tsx", import.meta.url));
  const args = ["build", entry, "--target=browser", "--minify", "--production"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 24 });
  if (status !== 0) throw new Error(`the console cannot be bundled: ${stderr}`);
  return stdout;
}
