import { startFerry } from "./ferry.ts";
import { Fleet, registration } from "./fleet.ts";
import type { Bench } from "./plan.ts";
import { call, signedCall } from "./requests.ts";
import { measureRound, middle, type Round } from "./round.ts";
import { amount, markdown } from "./table.ts";

/* Other calls of agents that come often: each is a commit of its own. */

export type Calls = Record<"registerServer" | "updateTaskSpeed", Round[]>;

/** Sources with a task. */
const TASKS = 500;

const progress = {
  subtask_name: "MIGRATE_LINUX_FILE",
  progress: 40,
  replicatesize: 53_687_091_200,
  totalsize: 107_374_182_400,
  process_trace: "",
  migrate_speed: 940.5,
};

export async function measureCalls(bench: Bench): Promise<Calls> {
  const { rounds, warmUpMs, measureMs } = bench.plan.short;
  const folder = bench.folder();
  const fleet = await Fleet.make(folder);
  const task_ids = await makeTasks(folder, fleet, TASKS).finally(() => fleet.close());
  const ferry = await startFerry(folder);
  const measured: Calls = { registerServer: [], updateTaskSpeed: [] };
  const requests = {
    registerServer: () =>
      Promise.all(Array.from({ length: 500 }, () => signedCall("POST", "/v3/sources", registration))),
    updateTaskSpeed: () => Promise.all(task_ids.map((id) => signedCall("PUT", `/v3/tasks/${id}/progress`, progress))),
  };
  try {
    const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
    for (let turn = 1; turn <= rounds; turn += 1) {
      for (const name of ["registerServer", "updateTaskSpeed"] as const) {
        bench.say(`round ${turn} of ${rounds}: ${name}`);
        const load = { requests: await requests[name]() };
        measured[name].push(await measureRound(server, load, { ...bench.options, warmUpMs, measureMs }));
      }
    }
  } finally {
    await ferry.stop();
  }
  return measured;
}

/** A task for each of the first busy sources: one through the API, the others like it. */
export async function makeTasks(
  folder: string,
  fleet: Fleet,
  count: number,
  more: (place: number) => Record<string, string> = () => ({}),
): Promise<string[]> {
  const ferry = await startFerry(folder);
  let model: string;
  try {
    const { id: source_id } = await call(ferry.endpoint, "POST", "/v3/sources", registration);
    const places = { region_name: "bench", region_id: "bench", project_name: "bench", project_id: "bench" };
    const task = {
      name: "bench",
      type: "MIGRATE_FILE",
      source_server: { id: source_id },
      target_server: {},
      ...places,
    };
    model = (await call(ferry.endpoint, "POST", "/v3/tasks", task)).id;
  } finally {
    await ferry.stop();
  }
  const rows = fleet.busySeqs
    .slice(0, count)
    .map((source_seq, place) => ({ id: Bun.randomUUIDv7(), source_seq, ...more(place) }));
  await fleet.copy("tasks", model, rows);
  return rows.map(({ id }) => id);
}

export function callsTable(calls: Calls): string {
  const rows = Object.entries(calls).map(([name, rounds]) => [
    name,
    amount(middle(rounds, "rps")),
    middle(rounds, "p50_ms").toFixed(1),
    middle(rounds, "p99_ms").toFixed(1),
    amount(middle(rounds, "server_cpu_us")),
  ]);
  return markdown(["", "requests/s", "p50 ms", "p99 ms", "CPU us"], rows);
}
