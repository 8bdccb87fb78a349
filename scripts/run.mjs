// Starts a program of this repository and steps aside: same terminal, same signals, same exit code.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { root } from "./install.mjs";

/**
 * The Bun that package-lock.json names. Its package holds a small placeholder until its install script has put the
 * real program in its place; where install scripts are switched off, the platform's own package has it all the same.
 */
export function bunPath() {
  const installed = join(root, "node_modules", "bun", "bin", "bun.exe"); // so named on every platform
  if (existsSync(installed) && statSync(installed).size > 1_000_000) return installed;
  const packages = join(root, "node_modules", "@oven");
  for (const name of existsSync(packages) ? readdirSync(packages) : []) {
    const program = join(packages, name, "bin", process.platform === "win32" ? "bun.exe" : "bun");
    if (existsSync(program)) return program;
  }
  throw new Error("Bun is not installed: delete node_modules and start again");
}

/** The script of a package's command, to be run by Node: needs neither a shell nor npm. */
export function nodeTool(...path) {
  return [process.execPath, join(root, "node_modules", ...path)];
}

/** Resolves with the exit code; a program ended by a signal counts as 128 + its number, as in a shell. */
export function run(program, args, { env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
    const forward = (signal) => {
      // Ctrl-C reaches every process on the terminal by itself: passed on as well, it would count as pressed twice.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}
