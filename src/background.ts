import type { Services } from "./app.ts";
import type { Settings } from "./config.ts";
import { errorFields } from "./core/log.ts";
import type { Platform } from "./core/platform.ts";
import type { Database } from "./db/database.ts";
import { requireFlushedCommits } from "./db/durability.ts";
import { Lease } from "./db/lease.ts";
import { deleteOldMarks } from "./db/remote-store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Rows a deletion takes at a time, so that it never holds up the queue of writes. */
const DELETE_ROWS = 500;

/** How often memory is written. Where processes share a database, the others learn by it. */
const FLUSH_MS = 30_000;
const SHARED_FLUSH_MS = 5_000;

/** A job that goes on failing is told of so often. */
const TELL_AGAIN_MS = 60_000;

interface Job {
  name: string;
  everyMs: number;
  /** Of this process's memory: each process does it. All others one process does, for all that share the database. */
  isOwn?: true;
  run(): Promise<unknown>;
}

/** What has to happen without anybody asking. */
export function background(
  platform: Platform,
  database: Database,
  { access, actions, orders, history, events, sources, mailbox }: Services,
  settings: Pick<
    Settings,
    "results_retention_days" | "events_retention_days" | "database_admin_url" | "database_namespace"
  >,
) {
  const lease = new Lease(platform, database, "background");
  const flushMs = database.exclusive ? FLUSH_MS : SHARED_FLUSH_MS;
  const flushes: Job[] = [
    { name: "write when sources were seen", everyMs: flushMs, isOwn: true, run: () => sources.presence.flush() },
    { name: "write how often commands were offered", everyMs: flushMs, isOwn: true, run: () => mailbox.flush() },
  ];
  const jobs: Job[] = [
    { name: "end commands past their deadline", everyMs: 1_000, run: () => orders.endPastDue() },
    { name: "bring tasks back from passing states", everyMs: 10_000, run: () => actions.tasks.returnOverdue() },
    ...flushes,
  ];
  const clear = (name: string, deleteSome: (limit: number) => Promise<number>) => {
    const run = async () => {
      while ((await deleteSome(DELETE_ROWS)) === DELETE_ROWS);
    };
    jobs.push({ name, everyMs: 60_000, run });
  };
  const retain = (name: string, days: number, deleteOld: (before: number, limit: number) => Promise<number>) => {
    if (days > 0) clear(name, (limit) => deleteOld(platform.now() - days * DAY_MS, limit));
  };
  clear("delete tokens that have expired", (limit) => access.tokens.deleteExpired(limit));
  clear("delete temporary keys that have expired", (limit) => access.keys.deleteExpired(limit));
  if (!database.exclusive) {
    clear("delete marks of writes", (limit) => database.writer.transaction((tx) => deleteOldMarks(tx, limit)));
  }
  const { database_admin_url, database_namespace } = settings;
  if (database_admin_url !== undefined) {
    const run = async () => {
      if (await requireFlushedCommits(database_admin_url, database_namespace)) {
        platform.log("warn", "the libSQL server has started anew and did not flush its commits: it does again");
      }
    };
    jobs.push({ name: "have the libSQL server flush its commits", everyMs: 10_000, run });
  }
  retain("delete old reports", settings.results_retention_days, (before, limit) =>
    history.deleteOldResults(before, limit),
  );
  retain("delete old events", settings.events_retention_days, (before, limit) => events.deleteOld(before, limit));

  const failing = new Map<string, number>();
  const attempt = async (job: Job) => {
    try {
      if (job.isOwn || (await lease.isHeld())) await job.run();
      if (failing.delete(job.name)) platform.log("info", `background job works again: ${job.name}`);
    } catch (error) {
      const toldAt = failing.get(job.name);
      if (toldAt !== undefined && platform.now() - toldAt < TELL_AGAIN_MS) return;
      failing.set(job.name, platform.now());
      platform.log(
        "error",
        `background job failed, next try in ${job.everyMs / 1000} s: ${job.name}`,
        errorFields(error),
      );
    }
  };
  let stopped = false;
  const running = new Map<string, Promise<void>>();
  const callOff = new Map<string, () => void>();
  const schedule = (job: Job) => {
    callOff.set(
      job.name,
      platform.after(job.everyMs, () => {
        const done = attempt(job).then(() => {
          if (!stopped) schedule(job);
        });
        running.set(job.name, done);
      }),
    );
  };
  return {
    /** Once before the first request: what passed while nothing ran. */
    startUp: () => orders.endPastDue(),
    start: () => {
      for (const job of jobs) schedule(job);
      // Who is not known yet is looked up when he comes.
      mailbox.warmUp().catch((error) => platform.log("warn", "sources could not be read ahead", errorFields(error)));
    },
    /** Each job once, now: for runtimes that call on a schedule of their own. Throws where the database is away. */
    runAll: async () => {
      await lease.isHeld();
      for (const job of jobs) await attempt(job);
      await lease.release().catch(() => {});
    },
    /** Stops, and writes what is only in memory. */
    stop: async () => {
      stopped = true;
      for (const call of callOff.values()) call();
      await Promise.all(running.values());
      for (const job of flushes) await attempt(job);
      // Taken over a little later, if this does not go through.
      await lease.release().catch(() => {});
    },
  };
}
