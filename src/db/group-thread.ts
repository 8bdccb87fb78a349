import { Worker } from "node:worker_threads";
import type { GroupAnswer, GroupResult, GroupStatement } from "./group-job.ts";

/** The executable has its second entry under its path in the source; from source it lies beside this file. */
const WORKER = import.meta.url.includes("$bunfs")
  ? new URL("./src/db/group-worker.ts", import.meta.url)
  : new URL("./group-worker.ts", import.meta.url);

/** A thread that has died, or never came up, says nothing: a job that was on its way may have been done. */
class ThreadEnded extends Error {
  readonly code = "NO_ANSWER";

  constructor(cause?: unknown) {
    super("the thread that commits groups has ended", { cause });
    this.name = "ThreadEnded";
  }
}

/** Commits groups on a thread of its own (group-worker.ts), which begins with the first one. */
export class GroupThread {
  readonly #data: { path: string; timeout: number };
  #worker: Worker | undefined;
  /** Of the job under way. */
  #answered: PromiseWithResolvers<GroupResult[]> | undefined;

  /** `timeout`: how long a job waits for a lock of another program, in milliseconds. */
  constructor(path: string, timeout: number) {
    this.#data = { path, timeout };
  }

  /** One transaction. The next one only when this one is answered. */
  commit(statements: readonly GroupStatement[]): Promise<GroupResult[]> {
    if (this.#answered) throw new Error("a group is under way");
    this.#answered = Promise.withResolvers();
    this.#worker ??= this.#start();
    this.#worker.postMessage(statements);
    return this.#answered.promise;
  }

  /** Lets go of the file, soon. */
  close(): void {
    this.#worker?.postMessage("close");
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { workerData: this.#data });
    worker.unref();
    worker.on("message", (answer: GroupAnswer) => {
      const answered = this.#answered;
      this.#answered = undefined;
      if ("results" in answer) answered?.resolve(answer.results);
      else answered?.reject(Object.assign(new Error(answer.refused.message), { code: answer.refused.code }));
    });
    const end = (cause?: unknown) => {
      if (this.#worker === worker) this.#worker = undefined;
      const answered = this.#answered;
      this.#answered = undefined;
      answered?.reject(new ThreadEnded(cause));
    };
    worker.on("error", end);
    worker.on("exit", () => end());
    return worker;
  }
}
