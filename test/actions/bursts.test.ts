import { expect, test } from "bun:test";
import { taskActions } from "../../src/core/words.ts";
import { type Ferry, makeTask, poll, register, report, startFerry } from "../harness.ts";

/* Everything at once, at random: whatever wins, what is stored fits together, and memory knows what is stored. */

/** Numbers from 0 to below `below`, the same for a seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const copystates = ["replicate", "premigready", "premiging", "cutovering", "finished", "error", "stopped"];
const names = ["START", "STOP", "SYNC", "SKIP", "PREMIGRATE", "UPLOAD_LOG", "DELETE"];

async function anything(ferry: Ferry, source_id: string, roll: (below: number) => number): Promise<number> {
  const pick = <Item>(items: readonly Item[]) => items[roll(items.length)] as Item;
  const tasks = (await ferry.call("viewer", "GET", `/v3/tasks?source_server_id=${source_id}`)).json.tasks;
  const task_id: string | undefined = tasks[0]?.id;
  const call = async (as: "operator" | "agent", method: string, path: string, body?: object) =>
    (await ferry.call(as, method, path, body ? { body } : {})).status;
  if (task_id === undefined) {
    return makeTask(ferry, source_id, { auto_start: roll(2) === 0 })
      .then(() => 200)
      .catch(() => 400);
  }
  switch (roll(10)) {
    case 0:
    case 1:
    case 2:
      return call("operator", "POST", `/v3/tasks/${task_id}/action`, { operation: pick(taskActions) });
    case 3:
    case 4:
      return (await poll(ferry, source_id)).status;
    case 5:
    case 6:
      return (await report(ferry, source_id, pick(names), pick(["success", "fail"]))).status;
    case 7:
      return call("agent", "PUT", `/v3/sources/${source_id}/changestate`, { copystate: pick(copystates) });
    case 8:
      return call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, {
        command_name: pick(names),
        command_param: { task_id },
      });
    default:
      return roll(3) === 0
        ? call("operator", "DELETE", `/v3/tasks/${task_id}`)
        : call("agent", "PUT", `/v3/tasks/${task_id}/progress`, {
            subtask_name: "MIGRATE_LINUX_FILE",
            progress: roll(101),
            replicatesize: 1,
            totalsize: 2,
            process_trace: "",
          });
  }
}

/** What does not fit together. */
async function contradictions(ferry: Ferry): Promise<unknown[]> {
  const awaited = (name: string) =>
    `EXISTS (SELECT 1 FROM commands WHERE task_id = tasks.id AND ended_at IS NULL AND command_name = '${name}')`;
  return ferry.rows(`
    SELECT tasks.state, sources.state AS source, before, return_at FROM tasks JOIN sources ON sources.seq = source_seq
    WHERE (tasks.state = 'ABORTING') > (before IS NOT NULL AND ${awaited("STOP")})
      OR (tasks.state = 'SKIPPING') > (before IS NOT NULL AND ${awaited("SKIP")})
      OR (before IS NULL AND return_at IS NOT NULL)
      OR (before IS NOT NULL AND return_at IS NULL AND tasks.state NOT IN ('ABORTING', 'SKIPPING'))
      OR (sources.state IN ('premiging', 'cutovering') AND before IS NULL)
    UNION ALL SELECT 'orphan', name, NULL, NULL FROM subtasks WHERE task_seq NOT IN (SELECT seq FROM tasks)
    UNION ALL SELECT 'orphan', 'progress', NULL, NULL FROM task_progress WHERE task_seq NOT IN (SELECT seq FROM tasks)
    UNION ALL SELECT 'orphan', command_name, state, NULL FROM commands
      -- An operator may queue a command for any task, also for one that is gone.
      WHERE ended_at IS NULL AND command_name <> 'DELETE' AND order_digest IS NULL AND task_id NOT IN (SELECT id FROM tasks)`);
}

test.each([1, 2, 3, 4])(
  "bursts of everything, seed %i",
  async (seed) => {
    const ferry = await startFerry();
    const roll = dice(seed);
    const sources = [await register(ferry, "web-1"), await register(ferry, "web-2")];
    const answered = new Map<number, number>();
    for (let burst = 0; burst < 40; burst += 1) {
      const calls = Array.from({ length: 6 }, () => anything(ferry, sources[roll(2)] ?? "", roll));
      for (const status of await Promise.all(calls)) answered.set(status, (answered.get(status) ?? 0) + 1);
      if (roll(5) === 0) {
        await ferry.clock.advance(roll(3) * 12 * 60 * 60 * 1000);
        await ferry.runJobs();
      }
      expect([seed, burst, await contradictions(ferry)]).toEqual([seed, burst, []]);
      const told = await Promise.all(sources.map(async (id) => (await poll(ferry, id)).json));
      await ferry.restart();
      const stored = await Promise.all(sources.map(async (id) => (await poll(ferry, id)).json));
      expect([seed, burst, told]).toEqual([seed, burst, stored]);
    }
    expect([...answered.keys()].filter((status) => ![200, 201, 400, 404].includes(status))).toEqual([]);
    expect(answered.get(200)).toBeGreaterThan(100);
    await ferry.stop();
  },
  60_000,
);
