import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { startFerry } from "./ferry.ts";
import { Fleet } from "./fleet.ts";
import type { Bench } from "./plan.ts";
import { residentBytes, startProgram } from "./processes.ts";
import { poll } from "./requests.ts";
import { measureRound, median } from "./round.ts";
import { sendOnce } from "./storage.ts";
import { amount, markdown, whole } from "./table.ts";

/* What ferry holds in memory, and how soon it is there. */

export interface MemoryAndStart {
  sources: number;
  /** In bytes: with an empty database, with that many sources, and the most under load with them. */
  memory: { empty: number; sources: number; load: number };
  /** From the call that started it until it said that it is ready: the middle one of some starts, in ms. */
  start_ms: { hello: number; empty: number; sources: number };
}

/** Until nothing is done any more that belongs to the start. */
const SETTLE_MS = 2_000;
const SAMPLE_MS = 50;

export async function measureMemoryAndStart(bench: Bench): Promise<MemoryAndStart> {
  const { sources, starts, loadMs } = bench.plan.memory;
  const [empty, many] = [bench.folder(), bench.folder()];
  const hello = await compiledHello();
  bench.say(`${sources} sources are made`);
  await (await startFerry(empty)).stop();
  const fleet = await Fleet.make(many, undefined, { busy: sources, stride: 7_919 });
  try {
    const programs = {
      hello: () => startProgram([hello], { cwd: "/" }, /listening on/),
      empty: () => startFerry(empty),
      sources: () => startFerry(many),
    };
    const times = { hello: [] as number[], empty: [] as number[], sources: [] as number[] };
    for (let turn = 1; turn <= starts; turn += 1) {
      bench.say(`start ${turn} of ${starts}`);
      for (const name of ["hello", "empty", "sources"] as const) {
        const program = await programs[name]();
        times[name].push(program.startMs);
        await program.stop();
      }
    }
    return {
      sources,
      memory: {
        empty: await settledBytes(() => startFerry(empty)),
        ...(await bytesUnderLoad(bench, fleet, many, loadMs)),
      },
      start_ms: { hello: median(times.hello), empty: median(times.empty), sources: median(times.sources) },
    };
  } finally {
    fleet.close();
  }
}

async function settledBytes(start: () => ReturnType<typeof startFerry>): Promise<number> {
  const ferry = await start();
  try {
    await Bun.sleep(SETTLE_MS);
    return residentBytes([ferry.pid]);
  } finally {
    await ferry.stop();
  }
}

/** Idle, and the most while all sources poll and then report. */
async function bytesUnderLoad(bench: Bench, fleet: Fleet, folder: string, loadMs: number) {
  const ferry = await startFerry(folder);
  try {
    await Bun.sleep(SETTLE_MS);
    const sources = residentBytes([ferry.pid]);
    let load = sources;
    const sampling = setInterval(() => {
      load = Math.max(load, residentBytes([ferry.pid]));
    }, SAMPLE_MS);
    try {
      const server = { endpoints: [ferry.endpoint], pids: { server: [ferry.pid], database: [] } };
      const options = { ...bench.options, warmUpMs: bench.plan.short.warmUpMs, measureMs: loadMs };
      bench.say("memory while all sources poll");
      const polls = await Promise.all(fleet.busy.map((id) => poll(id)));
      await sendOnce(server, polls, bench.options);
      await measureRound(server, { requests: polls }, options);
      bench.say("memory while sources report");
      await measureRound(server, await fleet.load("report"), options);
    } finally {
      clearInterval(sampling);
    }
    return { sources, load };
  } finally {
    await ferry.stop();
  }
}

/** The compiled yardstick, one for each Bun. */
async function compiledHello(): Promise<string> {
  const folder = join(import.meta.dir, "..", ".cache", "bench");
  const program = join(folder, `hello-${Bun.version}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const made = Bun.spawnSync([
    process.execPath,
    "build",
    "--compile",
    join(import.meta.dir, "hello-server.ts"),
    "--outfile",
    program,
  ]);
  if (!made.success) throw new Error(`the yardstick could not be compiled: ${made.stderr.toString()}`);
  return program;
}

export function memoryAndStartTable({ sources, memory, start_ms }: MemoryAndStart): string {
  const megabytes = (bytes: number) => amount(bytes / 1e6);
  const ms = (time: number) => time.toFixed(0);
  return markdown(
    ["", "memory MB", "start ms"],
    [
      ["compiled Bun hello", "", ms(start_ms.hello)],
      ["ferry, empty database", megabytes(memory.empty), ms(start_ms.empty)],
      [`ferry, ${whole(sources)} sources`, megabytes(memory.sources), ms(start_ms.sources)],
      ["the same, the most under load", megabytes(memory.load), ""],
    ],
  );
}
