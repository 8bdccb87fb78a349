import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dir, "..", "..");

/** The module that `npm run build:edge` makes, made by the same command. */
export async function edgeModule(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "ferry-edge-"));
  try {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const args = (scripts["build:edge"] as string)
      .split(" ")
      .filter((arg) => arg.startsWith("--") && !arg.startsWith("--outfile="));
    const outfile = join(folder, "edge.js");
    const build = Bun.spawn([process.execPath, "build", "src/edge.ts", ...args, `--outfile=${outfile}`], {
      cwd: root,
      stdout: "ignore",
      stderr: "pipe",
    });
    const complaint = await new Response(build.stderr).text();
    if ((await build.exited) !== 0) throw new Error(complaint);
    return readFileSync(outfile, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
