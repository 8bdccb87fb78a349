import type { CommandName, ReportKind, ReportResult } from "../core/words.ts";
import type { Executor } from "../db/executor.ts";
import { uuidBytesInSql } from "../db/uuid.ts";
import type { GroupPlan } from "../db/writer.ts";
import { transitions } from "./lifecycle.ts";
import { selectOutcomes } from "./store.ts";

/** A report as it is stored. */
export interface ReportRow {
  id: string;
  account_seq: number;
  source_seq: number;
  command_name: CommandName;
  result: ReportResult;
  /** JSON text, as received. */
  result_detail: string;
  /** Equal for equal details. */
  digest: string;
  /** The one command to look at (X-Command-Id); null: by the rules. */
  only_command_id: string | null;
  received_at: number;
  actor: string;
  address: string | null;
}

export interface ReportOutcome {
  kind: ReportKind;
  /** The command it ended, repeats or came too late for. */
  command_seq: number | null;
}

/** From the table of transitions: what a report's result makes of the command it ends. */
const endStates = transitions
  .filter(({ event }) => event === "success" || event === "fail")
  .map(({ event, to }) => `WHEN '${event}' THEN '${to}'`)
  .join(" ");

/*
 * Reports of one group are of different sources (`key`), so none depends on another one of the group.
 * The target of a report is the oldest open command of the name that was delivered and is in time, else the latest
 * delivered one; with X-Command-Id exactly that one. Its state then tells the kind. Source: docs/decisions.md, "Commands".
 */
export const storeReports = `
  WITH report AS MATERIALIZED (
    SELECT key AS place,
      ${uuidBytesInSql("value ->> 'id'")} AS id, value ->> 'account_seq' AS account_seq, value ->> 'source_seq' AS source_seq,
      value ->> 'command_name' AS command_name, value ->> 'result' AS result, value ->> 'result_detail' AS result_detail,
      value ->> 'digest' AS digest, value ->> 'only_command_id' AS only_command_id, value ->> 'received_at' AS received_at
    FROM json_each(?)
  ),
  aimed AS MATERIALIZED (
    SELECT report.*, CASE WHEN only_command_id IS NOT NULL
      THEN (SELECT seq FROM commands WHERE id = ${uuidBytesInSql("report.only_command_id")} AND source_seq = report.source_seq
              AND command_name = report.command_name AND first_delivered_at IS NOT NULL)
      ELSE coalesce(
        (SELECT seq FROM commands INDEXED BY commands_open WHERE source_seq = report.source_seq AND ended_at IS NULL
           AND command_name = report.command_name AND first_delivered_at IS NOT NULL
           AND (due_at IS NULL OR due_at > report.received_at) ORDER BY seq LIMIT 1),
        (SELECT seq FROM commands INDEXED BY commands_by_source WHERE source_seq = report.source_seq
           AND command_name = report.command_name AND first_delivered_at IS NOT NULL ORDER BY seq DESC LIMIT 1))
      END AS target
    FROM report
  ),
  judged AS MATERIALIZED (
    SELECT aimed.*, CASE
      WHEN command.state = 'delivered' AND (command.due_at IS NULL OR command.due_at > aimed.received_at) THEN 'matched'
      -- Past its deadline, though the job that ends it has not come round yet.
      WHEN command.state = 'delivered' THEN 'late'
      WHEN command.state = CASE aimed.result ${endStates} END AND command.result_digest = aimed.digest THEN 'repeat'
      WHEN command.state IN ('superseded', 'cancelled', 'overdue') THEN 'late'
      ELSE 'unsolicited' END AS kind
    FROM aimed LEFT JOIN commands AS command ON command.seq = aimed.target
  )
  INSERT INTO results (id, account_seq, source_seq, command_seq, command_name, result, result_detail, kind, received_at)
  SELECT id, account_seq, source_seq, CASE WHEN kind = 'unsolicited' THEN NULL ELSE target END, command_name, result,
    result_detail, kind, received_at
  FROM judged ORDER BY place`;

/*
 * The rows storeReports has just made: the last ones, in the order of the group. With what is not in them, by place; in
 * this order of tables the list is read once, and each row is found by its key.
 */
const FRESH = `(SELECT max(seq) - ? + 1 AS seq FROM results) AS first CROSS JOIN json_each(?) AS extra
    CROSS JOIN results ON results.seq = first.seq + extra.key`;

export const endReportedCommands = `
  WITH ended AS MATERIALIZED (
    SELECT results.command_seq, results.result, results.received_at, extra.value ->> 'digest' AS digest
    FROM ${FRESH} WHERE results.kind = 'matched'
  )
  UPDATE commands SET state = CASE ended.result ${endStates} END, ended_at = ended.received_at, result_digest = ended.digest
  FROM ended WHERE commands.seq = ended.command_seq`;

export const recordReports = `
  INSERT INTO events (account_seq, at, type, actor, address, source_seq, command_seq, data)
  SELECT results.account_seq, results.received_at, 'command.reported', extra.value ->> 'actor', extra.value ->> 'address',
    results.source_seq, results.command_seq, CASE
      -- What the event's reader supplies: the command's name, and the usual outcome.
      WHEN results.command_seq IS NULL
        THEN json_object('command_name', results.command_name, 'result', results.result, 'kind', results.kind)
      WHEN results.kind <> 'matched' OR results.result <> 'success'
        THEN json_object('result', results.result, 'kind', results.kind) END
  FROM ${FRESH} ORDER BY results.seq`;

export const readOutcomes = `
  SELECT kind, command_seq FROM results WHERE seq > (SELECT max(seq) - ? FROM results) ORDER BY seq`;

/** Stores reports, ends the commands they match and records both, in one commit. */
export function reportGroup(
  database: { reader: Executor },
  committed: (outcomes: readonly ReportOutcome[], rows: readonly ReportRow[]) => void,
): GroupPlan<ReportRow, ReportOutcome> {
  return {
    statements: (rows) => {
      const extras = JSON.stringify(rows.map(({ digest, actor, address }) => ({ digest, actor, address })));
      const reports = rows.map(({ actor: _a, address: _d, ...report }) => report);
      return [
        { sql: storeReports, args: [JSON.stringify(reports)] },
        { sql: endReportedCommands, args: [rows.length, extras] },
        { sql: recordReports, args: [rows.length, extras] },
        { sql: readOutcomes, args: [rows.length] },
      ];
    },
    outcomes: (results) =>
      (results[3]?.rows ?? []).map((row) => ({
        kind: row.kind as ReportKind,
        command_seq: row.command_seq as number | null,
      })),
    readBack: async (rows) => {
      const stored = await selectOutcomes(database.reader, rows);
      return rows.map(({ id }) => stored.get(id) as ReportOutcome);
    },
    key: (row) => row.source_seq,
    bytes: (row) => row.result_detail.length + 500,
    committed,
  };
}
