import type { CommandName } from "../core/words.ts";
import type { Executor } from "../db/executor.ts";
import { uuidBytesInSql, uuidTextInSql } from "../db/uuid.ts";
import type { GroupPlan } from "../db/writer.ts";
import { isControl, logCommands } from "./queue.ts";
import { type CommandRow, selectCommandsById } from "./store.ts";

/** What an operator orders that is no task's: it moves nothing. */
export interface OrderRow {
  id: string;
  account_seq: number;
  source_seq: number;
  source_id: string;
  command_name: CommandName;
  bucket: string | null;
  deliver_by: number | null;
  finish_within_s: number | null;
  order_digest: string;
  created_at: number;
  actor: string;
  address: string | null;
}

/** The command, and those it supersedes; undefined if the source was no longer there. */
export type OrderOutcome = { command: CommandRow; superseded: { seq: number; source_seq: number }[] } | undefined;

const told = `
  told AS MATERIALIZED (
    SELECT key AS place, value ->> 'id' AS id, value ->> 'account_seq' AS account_seq,
      value ->> 'source_seq' AS source_seq, value ->> 'command_name' AS command_name, value ->> 'bucket' AS bucket,
      value ->> 'deliver_by' AS deliver_by, value ->> 'finish_within_s' AS finish_within_s,
      value ->> 'order_digest' AS order_digest, value ->> 'created_at' AS created_at, value ->> 'actor' AS actor,
      value ->> 'address' AS address, value ->> 'is_control' AS is_control
    FROM json_each(?)
  )`;

export const insertOrders = `
  WITH ${told}
  INSERT INTO commands (id, account_seq, source_seq, command_name, bucket, state, created_at, deliver_by,
    finish_within_s, due_at, order_digest)
  SELECT ${uuidBytesInSql("told.id")}, told.account_seq, told.source_seq, told.command_name, told.bucket, 'queued', told.created_at,
    told.deliver_by, told.finish_within_s, told.deliver_by, told.order_digest
  FROM told CROSS JOIN sources ON sources.seq = told.source_seq WHERE sources.deleted_at IS NULL ORDER BY told.place
  RETURNING ${uuidTextInSql("id")} AS id, seq, (SELECT name FROM sources WHERE seq = source_seq) AS source_name`;

/** The orders that were inserted just now. */
const made = `
  ${told},
  made AS MATERIALIZED (SELECT told.*, commands.seq FROM told CROSS JOIN commands ON commands.id = ${uuidBytesInSql("told.id")})`;

const lasting = [...logCommands, "DELETE"].map((name) => `'${name}'`).join(", ");

/** Pure in `queue.ts`: what a new command ends. */
const isSuperseded = (older: string) => `
  ${older}.source_seq = made.source_seq AND ${older}.ended_at IS NULL AND ${older}.task_id IS NULL
    AND ${older}.command_name NOT IN (${lasting}) AND ${older}.seq < made.seq AND made.is_control`;

/** Before the change itself, as afterwards nothing tells what it ended. */
export const recordOrders = `
  WITH ${made},
  change AS (
    SELECT place, 0 AS step, account_seq, created_at, 'command.queued' AS type, actor, address, source_seq,
      seq AS command_seq, NULL AS data
    FROM made
    UNION ALL
    SELECT made.place, older.seq, made.account_seq, made.created_at, 'command.superseded', made.actor, made.address,
      made.source_seq, older.seq, json_object('reason', 'by ' || made.id)
    FROM made CROSS JOIN commands AS older ON ${isSuperseded("older")}
  )
  INSERT INTO events (account_seq, at, type, actor, address, source_seq, command_seq, data)
  SELECT account_seq, created_at, type, actor, address, source_seq, command_seq, data FROM change ORDER BY place, step`;

export const supersedeByOrders = `
  WITH ${made}
  UPDATE commands SET state = 'superseded', reason = 'by ' || made.id, ended_at = made.created_at
  FROM made WHERE ${isSuperseded("commands")}
  RETURNING seq, source_seq`;

/** Queues commands, ends those they supersede and records both, in one commit. */
export function orderGroup(
  database: { reader: Executor },
  committed: (outcomes: readonly OrderOutcome[]) => void,
): GroupPlan<OrderRow, OrderOutcome> {
  return {
    statements: (rows) => {
      const orders = JSON.stringify(rows.map((row) => ({ ...row, is_control: isControl(row.command_name) })));
      return [insertOrders, recordOrders, supersedeByOrders].map((sql) => ({ sql, args: [orders] }));
    },
    outcomes: ([inserted, , ended], rows) => {
      const made = new Map(inserted?.rows.map(({ id, seq, source_name }) => [id, { seq, source_name }]));
      const superseded = Map.groupBy(
        (ended?.rows ?? []).map((row) => ({ seq: row.seq as number, source_seq: row.source_seq as number })),
        ({ source_seq }) => source_seq,
      );
      return rows.map((row) => {
        const { seq, source_name } = made.get(row.id) ?? {};
        if (seq === undefined) return undefined;
        return {
          command: asQueued(row, seq as number, source_name as string),
          superseded: superseded.get(row.source_seq) ?? [],
        };
      });
    },
    // What it superseded is in no memory over a connection that loses answers.
    readBack: async (rows) => {
      const found = await selectCommandsById(
        database.reader,
        rows.map(({ id }) => id),
      );
      const made = new Map(found.map((command) => [command.id, command]));
      return rows.map(({ id }) => {
        const command = made.get(id);
        return command && { command, superseded: [] };
      });
    },
    key: ({ source_seq }) => source_seq,
    bytes: () => 1000,
    committed,
  };
}

function asQueued({ actor: _, address: _address, ...row }: OrderRow, seq: number, source_name: string): CommandRow {
  return {
    ...row,
    seq,
    source_name,
    task_id: null,
    state: "queued",
    reason: null,
    attempts: 0,
    first_delivered_at: null,
    last_delivered_at: null,
    due_at: row.deliver_by,
    ended_at: null,
    idempotency_key: null,
  };
}
