import type { Credentials } from "../access/credentials.ts";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { PAGE_BYTES } from "../db/page.ts";
import { record } from "../events/service.ts";
import { consistencyHeader, consistencyRows } from "./consistency-csv.ts";
import {
  type BatchGetConsistencyResultReq,
  MAX_UPLOADS_SHOWN,
  type SetConsistencyResultRequestBody,
  type ShowConsistencyResultResponse,
} from "./consistency-schema.ts";
import {
  type ExportedTask,
  insertUpload,
  selectNewestUploads,
  selectTasksToExport,
  selectUploadPage,
  type UploadRow,
} from "./consistency-store.ts";
import type { Tasks } from "./service.ts";

/** Uploads; one has 200 KiB at the most. */
const EXPORT_PAGE = 40;

/** How far source and target are the same, as agents found. */
export class Consistency {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #tasks: Tasks;

  constructor(platform: Platform, database: Database, credentials: Credentials, tasks: Tasks) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#tasks = tasks;
  }

  /** Adds an upload to the task's; one without results counts too. */
  async updateConsistencyResult(
    principal: Principal,
    task_id: string,
    { consistency_result = [] }: SetConsistencyResultRequestBody,
  ): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const { seq, source_id } = await this.#tasks.ref(principal, task_id, tx);
      const now = this.#platform.now();
      await insertUpload(tx, { task_seq: seq, finished_time: now, consistency_result });
      await record(tx, principal, now, { type: "task.checked", source_id, data: { task_id, check: "consistency" } });
    });
  }

  /** The task's uploads, oldest first. Those before the newest 65,535, or before the newest 8 MiB, are left out. */
  async showConsistencyResult(principal: Principal, task_id: string): Promise<ShowConsistencyResultResponse> {
    const { seq } = await this.#tasks.ref(principal, task_id);
    const most = { uploads: MAX_UPLOADS_SHOWN, bytes: PAGE_BYTES };
    const uploads = await selectNewestUploads(this.#database.reader, seq, most);
    const result_list = uploads.map(({ finished_time, consistency_result }) => ({
      finished_time,
      check_result: "finished" as const,
      consistency_result,
    }));
    return { task_id, result_list };
  }

  /**
   * Every result of the tasks as CSV, piece by piece: tasks in the order they were made in, each named once however
   * often it is asked for. An entry means the task of its `task_id`, without one that of its `source_id`. Throws
   * `invalid` for an entry that has neither, `notFound` if one of them is unknown or has no task: nothing is exported
   * then. What fails later, the end of the caller's credentials too, breaks the stream off.
   */
  async exportConsistencyResults(
    principal: Principal,
    { task_info }: BatchGetConsistencyResultReq,
  ): Promise<AsyncGenerator<string>> {
    const tasks = await this.#tasksToExport(principal, task_info);
    const seqs = [...tasks.keys()];
    const nextPage = async (after?: UploadRow) => {
      await this.#credentials.requireActive(principal);
      return selectUploadPage(this.#database.reader, seqs, after, EXPORT_PAGE);
    };
    const first = await nextPage();
    return (async function* () {
      yield consistencyHeader;
      for (let page = first; page.length > 0; page = await nextPage(page.at(-1))) {
        yield page.map((upload) => consistencyRows(tasks.get(upload.task_seq) as ExportedTask, upload)).join("");
        if (page.length < EXPORT_PAGE) return;
      }
    })();
  }

  /** By their seq. */
  async #tasksToExport(
    principal: Principal,
    task_info: BatchGetConsistencyResultReq["task_info"],
  ): Promise<Map<number, ExportedTask>> {
    const task_ids: string[] = [];
    const source_ids: string[] = [];
    for (const [index, { task_id, source_id }] of task_info.entries()) {
      if (task_id) task_ids.push(task_id);
      else if (source_id) source_ids.push(source_id);
      else throw new Failure("invalid", `task_info.${index} (in the body) takes a task_id or a source_id`);
    }
    const found = await selectTasksToExport(this.#database.reader, principal.account_seq, { task_ids, source_ids });
    const foundTasks = new Set(found.map(({ task_id }) => task_id));
    const unknownTask = task_ids.find((id) => !foundTasks.has(id));
    if (unknownTask !== undefined) throw new Failure("notFound", `task ${unknownTask} is unknown`);
    const foundSources = new Set(found.map(({ source_id }) => source_id));
    const taskless = source_ids.find((id) => !foundSources.has(id));
    if (taskless !== undefined) throw new Failure("notFound", `source ${taskless} is unknown or has no task`);
    return new Map(found.map((task) => [task.seq, task]));
  }
}
