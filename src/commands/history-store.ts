import { eq, type SQL, sql } from "drizzle-orm";
import { commandNames } from "../core/words.ts";
import { among } from "../db/among.ts";
import type { Executor, Transaction } from "../db/executor.ts";
import { uuidBytes, uuidText } from "../db/uuid.ts";
import { along, inOrder, type Step, type Walk, walkPage } from "../db/walk.ts";
import { sources } from "../sources/table.ts";
import type { ListCommandsQuery, ListResultsQuery } from "./schema.ts";
import { type CommandRow, selectCommands } from "./store.ts";
import { commands, results } from "./table.ts";

/** A page of the account's commands, and its cursor. */
export async function selectCommandPage(
  db: Executor,
  account_seq: number,
  query: ListCommandsQuery,
): Promise<{ rows: CommandRow[]; next_cursor: string | null }> {
  const { steps, next_cursor } = await walkPage(db, commandsWalk(account_seq, query), query);
  const seqs = steps.map(({ seq }) => seq);
  return { rows: inOrder(seqs, await selectCommands(db).where(among(commands.seq, seqs))), next_cursor };
}

/** By the narrowest index there is for the filters. */
function commandsWalk(account_seq: number, query: ListCommandsQuery): Walk {
  const { source_id, state, command_name, since, until } = query;
  const ofState = state && sql`state = ${state}`;
  const ofName = command_name && sql`command_name = ${command_name}`;
  if (source_id !== undefined) {
    // The index tells commands of a source by name, in order each: merged, as another one would cost every command.
    const names = command_name === undefined ? commandNames : [command_name];
    const within = names.map((name) => sql`${ofSource(source_id, account_seq)} AND command_name = ${name}`);
    const filter = [ofState, ...between(sql`created_at`, since, until)];
    return { from: along("commands", "commands_by_source"), within, filter };
  }
  const timed = { time: sql`created_at`, since, until };
  const ofAccount = sql`account_seq = ${account_seq}`;
  if (ofState && state !== "succeeded") {
    const within = [sql`${ofAccount} AND state <> 'succeeded' AND ${ofState}`];
    return { from: along("commands", "commands_by_state"), within, ...timed, filter: [ofName] };
  }
  return { from: along("commands", "commands_by_time"), within: [ofAccount], ...timed, filter: [ofState, ofName] };
}

/** What a page of reports holds, by key and size: `selectResultsBySeq` reads it. */
export async function selectResultSteps(
  db: Executor,
  account_seq: number,
  query: ListResultsQuery,
): Promise<{ steps: Step[]; next_cursor: string | null; walk: Walk }> {
  const walk = resultsWalk(account_seq, query);
  return { ...(await walkPage(db, { ...walk, bytes: sql`octet_length(result_detail)` }, query)), walk };
}

/** By the narrowest index there is for the filters. */
function resultsWalk(account_seq: number, query: ListResultsQuery): Walk {
  const { source_id, command_id, command_name, result, kind, since, until } = query;
  const ofName = command_name && sql`command_name = ${command_name}`;
  const ofResult = result && sql`result = ${result}`;
  const ofKind = kind && sql`kind = ${kind}`;
  const inTime = between(sql`received_at`, since, until);
  if (command_id !== undefined) {
    const id = uuidBytes(command_id);
    const within = [sql`command_seq = (SELECT seq FROM commands WHERE id = ${id} AND account_seq = ${account_seq})`];
    const source = source_id === undefined ? undefined : ofSource(source_id, account_seq);
    return {
      from: along("results", "results_by_command"),
      within,
      filter: [source, ofName, ofResult, ofKind, ...inTime],
    };
  }
  if (source_id !== undefined) {
    const within = [ofSource(source_id, account_seq)];
    return { from: along("results", "results_by_source"), within, filter: [ofName, ofResult, ofKind, ...inTime] };
  }
  const timed = { time: sql`received_at`, since, until };
  const ofAccount = sql`account_seq = ${account_seq}`;
  if (ofKind && kind !== "matched") {
    const within = [sql`${ofAccount} AND kind <> 'matched' AND ${ofKind}`];
    return { from: along("results", "results_unmatched"), within, ...timed, filter: [ofName, ofResult] };
  }
  if (result === "fail") {
    const within = [sql`${ofAccount} AND result = 'fail'`];
    return { from: along("results", "results_failed"), within, ...timed, filter: [ofName, ofKind] };
  }
  return {
    from: along("results", "results_by_time"),
    within: [ofAccount],
    ...timed,
    filter: [ofName, ofResult, ofKind],
  };
}

function selectResults(db: Executor) {
  return db
    .select({
      seq: results.seq,
      id: uuidText("results.id"),
      source_id: sources.id,
      source_name: sources.name,
      command_id: uuidText("commands.id") as SQL<string | null>,
      command_name: results.command_name,
      result: results.result,
      result_detail: results.result_detail,
      kind: results.kind,
      received_at: results.received_at,
    })
    .from(results)
    .innerJoin(sources, eq(sources.seq, results.source_seq))
    .leftJoin(commands, eq(commands.seq, results.command_seq))
    .$dynamic();
}
export type ResultRow = Awaited<ReturnType<typeof selectResults>>[number];

/** In the order of the keys. */
export async function selectResultsBySeq(db: Executor, seqs: readonly number[]): Promise<ResultRow[]> {
  return inOrder(seqs, await selectResults(db).where(among(results.seq, seqs)));
}

/** Deletes rows that are older than `before`, at most `limit`; answers how many. */
export async function deleteOldResults(tx: Transaction, before: number, limit: number): Promise<number> {
  const gone = await tx.all<{ seq: number }>(sql`
    DELETE FROM results WHERE seq IN (
      SELECT old.seq FROM accounts CROSS JOIN results AS old INDEXED BY results_by_time
      WHERE old.account_seq = accounts.seq AND old.received_at < ${before} LIMIT ${limit})
    RETURNING seq`);
  return gone.length;
}

/** Deleted sources count too: their history stays. */
function ofSource(source_id: string, account_seq: number): SQL {
  return sql`source_seq = (SELECT seq FROM sources WHERE id = ${source_id} AND account_seq = ${account_seq})`;
}

function between(time: SQL, since: number | undefined, until: number | undefined): (SQL | undefined)[] {
  return [
    since === undefined ? undefined : sql`${time} >= ${since}`,
    until === undefined ? undefined : sql`${time} < ${until}`,
  ];
}
