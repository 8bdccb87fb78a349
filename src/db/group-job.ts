import type { Value } from "@libsql/client";

export type BoundValue = string | number | boolean | null;

export interface GroupStatement {
  sql: string;
  /** One for each question mark of the statement, which has no others. */
  args: BoundValue[];
}

/** What a statement of a group answered: rows by column name. */
export interface GroupResult {
  rows: readonly Readonly<Record<string, Value>>[];
}

/** What comes back from the thread that commits groups, in the order of the jobs. */
export type GroupAnswer = { results: GroupResult[] } | { refused: { message: string; code: string } };
