import type { GroupPlan } from "../db/writer.ts";

/** One more delivery of a command that was delivered before, counted where several processes deliver. */
export interface RedeliveryRow {
  seq: number;
  at: number;
}

export const countDeliveries = `
  WITH counted AS MATERIALIZED (SELECT value ->> 'seq' AS seq, value ->> 'at' AS at FROM json_each(?))
  UPDATE commands SET attempts = attempts + 1, last_delivered_at = counted.at
  FROM counted WHERE commands.seq = counted.seq AND ended_at IS NULL
  RETURNING commands.seq, attempts`;

/** Each outcome is a number of its own, or undefined for a command that has ended. */
export const redeliveryGroup: GroupPlan<RedeliveryRow, number | undefined> = {
  statements: (rows) => [{ sql: countDeliveries, args: [JSON.stringify(rows)] }],
  outcomes: ([counted], rows) => {
    const attempts = new Map(counted?.rows.map((row) => [row.seq as number, row.attempts as number]));
    return rows.map(({ seq }) => attempts.get(seq));
  },
  // Another process may have counted on: a number whose answer was lost is left out, and the poll looks again.
  readBack: async (rows) => rows.map(() => undefined),
  key: (row) => row.seq,
  bytes: () => 50,
};
