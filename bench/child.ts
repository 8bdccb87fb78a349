import { join } from "node:path";

/**
 * Runs a program of this folder on some cores (undefined: any): its job is JSON on stdin, what it measured JSON on
 * stdout. Throws with its complaint.
 */
export async function runChild<Result>(program: string, job: object, cores: string | undefined): Promise<Result> {
  const bound = cores === undefined ? [] : ["taskset", "--cpu-list", cores];
  const child = Bun.spawn([...bound, process.execPath, join(import.meta.dir, program)], {
    stdin: new Blob([JSON.stringify(job)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const [out, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  process.off("exit", kill);
  if (code !== 0) throw new Error(`${program} failed: ${complaint}`);
  return JSON.parse(out);
}
