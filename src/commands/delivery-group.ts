import type { GroupPlan } from "../db/writer.ts";

/** The first delivery of a command: it is on disk before the reply leaves. */
export interface DeliveryRow {
  seq: number;
  account_seq: number;
  source_seq: number;
  at: number;
  actor: string;
  address: string | null;
}

/** The deadline now in force; undefined if the command was no longer there to deliver. */
export type DeliveryOutcome = { due_at: number | null } | undefined;

const wanted = `
  wanted AS MATERIALIZED (
    SELECT value ->> 'seq' AS seq, value ->> 'account_seq' AS account_seq, value ->> 'source_seq' AS source_seq,
      value ->> 'at' AS at, value ->> 'actor' AS actor, value ->> 'address' AS address
    FROM json_each(?)
  )`;

const deliverable = "state = 'queued' AND (due_at IS NULL OR due_at > wanted.at)";

/** Before the change itself, as afterwards nothing tells whose delivery it was. */
export const recordDeliveries = `
  WITH ${wanted}
  INSERT INTO events (account_seq, at, type, actor, address, source_seq, command_seq)
  SELECT wanted.account_seq, wanted.at, 'command.delivered', wanted.actor, wanted.address, wanted.source_seq, wanted.seq
  FROM wanted JOIN commands ON commands.seq = wanted.seq WHERE ${deliverable}`;

export const deliverCommands = `
  WITH ${wanted}
  UPDATE commands SET state = 'delivered', attempts = 1, first_delivered_at = wanted.at, last_delivered_at = wanted.at,
    due_at = wanted.at + finish_within_s * 1000
  FROM wanted WHERE commands.seq = wanted.seq AND ${deliverable}
  RETURNING seq, due_at`;

export function deliveryGroup(
  committed: (outcomes: readonly DeliveryOutcome[], rows: readonly DeliveryRow[]) => void,
): GroupPlan<DeliveryRow, DeliveryOutcome> {
  return {
    statements: (rows) => {
      const wantedRows = JSON.stringify(rows);
      return [
        { sql: recordDeliveries, args: [wantedRows] },
        { sql: deliverCommands, args: [wantedRows] },
      ];
    },
    outcomes: (results, rows) => {
      const delivered = new Map(results[1]?.rows.map((row) => [row.seq as number, row.due_at as number | null]));
      return rows.map(({ seq }) => (delivered.has(seq) ? { due_at: delivered.get(seq) ?? null } : undefined));
    },
    // Told as gone: the poll looks again and counts it as delivered before, which may be true.
    readBack: async (rows) => rows.map(() => undefined),
    key: (row) => row.seq,
    bytes: () => 500,
    committed,
  };
}
