import { besideTable, measureBeside } from "./beside.ts";
import { callsTable, measureCalls } from "./calls.ts";
import { flushesText, measureFlushes } from "./flushes.ts";
import { growthTable, measureGrowth } from "./growth.ts";
import { measureMemoryAndStart, memoryAndStartTable } from "./memory-and-start.ts";
import type { Bench } from "./plan.ts";
import type { Run } from "./run.ts";
import { measureSlowDisk, slowDiskTable } from "./slow-disk.ts";
import { measureStorage } from "./storage.ts";
import type { Running, Subject } from "./subject.ts";
import { ferryFile } from "./subjects/ferry-file.ts";
import { ferrySqld } from "./subjects/ferry-sqld.ts";
import { subjects } from "./subjects.ts";
import { storageTable } from "./table.ts";
import { measureWaiting, type Waiting, waitingTable } from "./waiting.ts";
import { measureWake, wakeTable } from "./wake.ts";

/** A measurement with servers of its own, after the subjects beside each other. */
export interface Section {
  name: string;
  /** In runs with --full only. */
  onlyFull?: true;
  measure(bench: Bench): Promise<Partial<Run>>;
  /** What it found, as Markdown. */
  table(run: Partial<Run>): string | undefined;
}

export const sections: readonly Section[] = [
  {
    name: "slow disk",
    measure: async (bench) => ({ slow_disk: await measureSlowDisk(bench, subjects) }),
    table: ({ slow_disk }) => slow_disk && slowDiskTable(slow_disk),
  },
  {
    name: "polls beside reports",
    measure: async (bench) => ({ beside: await measureBeside(bench) }),
    table: ({ beside }) => beside && besideTable(beside),
  },
  {
    name: "flushes",
    measure: async (bench) => ({ flushes: await measureFlushes(bench) }),
    table: ({ flushes }) => flushes && flushesText(flushes),
  },
  {
    name: "storage",
    measure: async (bench) => {
      const { passes, sources } = bench.plan.storage;
      return { storage: await measureStorage(bench.folder(), passes, sources, bench.options) };
    },
    table: ({ storage }) => storage && storageTable(storage),
  },
  {
    name: "waking",
    measure: async (bench) => ({ wake: await measureWake(bench) }),
    table: ({ wake }) => wake && wakeTable(wake),
  },
  {
    name: "memory and start",
    measure: async (bench) => ({ memory_and_start: await measureMemoryAndStart(bench) }),
    table: ({ memory_and_start }) => memory_and_start && memoryAndStartTable(memory_and_start),
  },
  {
    name: "other calls",
    measure: async (bench) => ({ calls: await measureCalls(bench) }),
    table: ({ calls }) => calls && callsTable(calls),
  },
  {
    name: "waiting",
    onlyFull: true,
    measure: async (bench) => ({
      waiting: {
        "ferry, file": await waitingOn(bench, ferryFile, bench.plan.waiting.file),
        "one ferry, sqld": await waitingOn(bench, ferrySqld(1, "strong"), bench.plan.waiting.sqld),
      },
    }),
    table: ({ waiting }) => waiting && waitingTable(waiting),
  },
  {
    name: "growth",
    measure: async (bench) => ({ growth: await measureGrowth(bench) }),
    table: ({ growth }) => growth && growthTable(growth),
  },
];

async function waitingOn(bench: Bench, subject: Subject, agents: number): Promise<Waiting | undefined> {
  bench.say(`${agents} polls that wait: ${subject.name}`);
  const running: Running | undefined = await subject.start(bench.folder());
  if (!running?.ids) return undefined;
  try {
    return await measureWaiting(running, running.ids.slice(0, agents));
  } finally {
    await running.stop();
  }
}
