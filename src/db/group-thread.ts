import { Worker } from "node:worker_threads";
import type { GroupAnswer, GroupResult, GroupStatement } from "./group-job.ts";

/** The executable has its second entry under its path in the source; from source it lies beside this file. */
const WORKER = /\$bunfs|~BUN/.test(import.meta.url)
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

/** No thread is to be had for now: nothing was sent. */
class NoThread extends Error {
  readonly code = "NO_THREAD";

  constructor(cause: unknown) {
    super("no thread could be started", { cause });
    this.name = "NoThread";
  }
}

interface Thread {
  worker: Worker;
  /** Of its job under way. Its own: a thread that has ended may still be heard of when the next one is at work. */
  answered?: PromiseWithResolvers<GroupResult[]> | undefined;
}

/** Commits groups on a thread of its own (group-worker.ts), which begins with the first one. */
export class GroupThread {
  readonly #data: { path: string; timeout: number };
  readonly #script: URL;
  #thread: Thread | undefined;
  #isClosed = false;

  /** `timeout`: how long a job waits for a lock of another program, in milliseconds. */
  constructor(path: string, timeout: number, script: URL = WORKER) {
    this.#data = { path, timeout };
    this.#script = script;
  }

  /** One transaction. The next one only when this one is answered. */
  commit(statements: readonly GroupStatement[]): Promise<GroupResult[]> {
    if (this.#isClosed) throw new Error("the database is closed");
    this.#thread ??= this.#start();
    const thread = this.#thread;
    if (thread.answered) throw new Error("a group is under way");
    const answered = Promise.withResolvers<GroupResult[]>();
    thread.answered = answered;
    thread.worker.ref();
    thread.worker.postMessage(statements);
    return answered.promise;
  }

  /** Lets go of the file, soon; a job under way is done before. */
  close(): void {
    this.#isClosed = true;
    this.#thread?.worker.postMessage("close");
  }

  #start(): Thread {
    const worker = newWorker(this.#script, this.#data);
    const thread: Thread = { worker };
    const take = () => {
      const { answered } = thread;
      thread.answered = undefined;
      return answered;
    };
    const end = (cause?: unknown) => {
      if (this.#thread === thread) this.#thread = undefined;
      take()?.reject(new ThreadEnded(cause));
    };
    worker.on("message", (answer: GroupAnswer) => {
      worker.unref();
      const answered = take();
      if ("results" in answer) answered?.resolve(answer.results);
      else answered?.reject(Object.assign(new Error(answer.refused.message), { code: answer.refused.code }));
    });
    worker.on("error", end);
    worker.on("exit", () => end());
    // Behind the listeners, as each of them takes hold of the process.
    worker.unref();
    return thread;
  }
}

function newWorker(script: URL, workerData: object): Worker {
  try {
    return new Worker(script, { workerData });
  } catch (error) {
    throw new NoThread(error);
  }
}
