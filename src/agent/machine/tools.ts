import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/** Where programs for the administrator are, which a plain user's PATH and a service's often lack. */
const USUAL_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] as const;

const GIVE_UP_AFTER_MS = 10_000;
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Folders to look for programs in. A relative one in PATH would run what lies in the folder we happen to be in. */
export function toolFolders(path = process.env.PATH ?? ""): string[] {
  return [...new Set([...path.split(":").filter(isAbsolute), ...USUAL_FOLDERS])];
}

/** The executable of that name, by its absolute path. */
export async function findTool(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // the next folder
    }
  }
  return undefined;
}

export interface Outcome {
  printed: string;
  /** It did not end with 0. */
  failed: boolean;
}

/** Runs a program, without a shell. Undefined if it could not be started, was killed or did not end in time. */
export function runTool(
  path: string,
  args: readonly string[],
  giveUpAfterMs = GIVE_UP_AFTER_MS,
): Promise<Outcome | undefined> {
  return new Promise<Outcome | undefined>((resolve) => {
    const env = { PATH: toolFolders().join(":"), LC_ALL: "C" };
    // In a process group of its own, so that it can be ended with what it has started.
    const tool = spawn(path, args, { env, stdio: ["ignore", "pipe", "ignore"], detached: true });
    const timer = setTimeout(giveUp, giveUpAfterMs);
    const chunks: Buffer[] = [];
    let bytes = 0;
    tool.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_OUTPUT_BYTES) giveUp();
    });
    tool.once("error", () => end(undefined));
    tool.once("close", (code) =>
      end(code === null ? undefined : { printed: Buffer.concat(chunks).toString("utf8"), failed: code !== 0 }),
    );

    function end(outcome: Outcome | undefined): void {
      clearTimeout(timer);
      resolve(outcome);
    }

    function giveUp(): void {
      end(undefined);
      killGroup(tool.pid);
      // What waits for a broken disk cannot be killed: it is not waited for.
      tool.stdout.destroy();
      tool.unref();
    }
  }).catch(() => undefined); // some failures to start are thrown
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}

/** What it printed, even if it failed: LVM fails for one damaged group and prints the others. */
export async function printedBy(path: string | undefined, args: readonly string[]): Promise<string | undefined> {
  const outcome = path === undefined ? undefined : await runTool(path, args);
  return outcome === undefined || (outcome.failed && outcome.printed === "") ? undefined : outcome.printed;
}
