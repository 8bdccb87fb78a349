import { readdirSync, readFileSync } from "node:fs";

/** The variable by which a hook's processes are found again after the agent has crashed. */
export const MARK = "FERRY_COMMAND_ID";

const LOOK_EVERY_MS = 50;

/** What has not gone so long after its SIGKILL belongs to another user or waits for a device. */
const GIVE_UP_MS = 5_000;

/**
 * Ends what `find` names: SIGTERM, and SIGKILL to what is left after a time, or at once when `hurry` comes. Resolves
 * when nothing is left, or with what cannot be ended.
 */
export async function endProcesses(find: () => number[], killAfterMs: number, hurry: AbortSignal): Promise<number[]> {
  const killAtMs = performance.now() + killAfterMs;
  for (const target of find()) send(target, "SIGTERM");
  for (let left = find(); left.length > 0; left = find()) {
    if (hurry.aborted || performance.now() >= killAtMs) for (const target of left) send(target, "SIGKILL");
    // Who is in a hurry does not wait for what cannot be ended.
    if (hurry.aborted || performance.now() >= killAtMs + GIVE_UP_MS) return left;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  return [];
}

/**
 * What is left of commands: the process group (as kill takes it: a negative number) and the processes marked with one
 * of the ids, wherever they have gone. Without /proc the group is all that can be found.
 */
export function processesOf(command_ids: readonly string[], group?: number): number[] {
  if (process.platform !== "linux") return group !== undefined && send(-group, 0) ? [-group] : [];
  const marks = command_ids.map((id) => `${MARK}=${id}`);
  const found = new Set<number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const group_of_pid = liveGroup(pid);
    if (group_of_pid === undefined) continue;
    if (group_of_pid === group) found.add(-group);
    else if (marks.length > 0 && isMarked(pid, marks)) found.add(pid);
  }
  return [...found];
}

/** The process group, unless the process is gone or only waits to be collected. */
function liveGroup(pid: number): number | undefined {
  const stat = readProc(pid, "stat");
  // Behind the name, which may hold anything: state, parent, group.
  const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === undefined || /^[ZX]?$/.test(state) ? undefined : Number(group);
}

function isMarked(pid: number, marks: readonly string[]): boolean {
  const variables = readProc(pid, "environ").split("\0");
  return marks.some((mark) => variables.includes(mark));
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return ""; // gone meanwhile, or another user's
  }
}

/** False if there is nobody to send it to. */
function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
