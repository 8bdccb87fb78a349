import { sql } from "drizzle-orm";
import { boundRows } from "../db/bound-rows.ts";
import type { Executor } from "../db/executor.ts";
import type { GroupPlan } from "../db/writer.ts";
import type { Place } from "./schema.ts";

interface Registered extends Place {
  ip: string | null;
  ipv6: string | null;
  /** JSON text. */
  registration: string;
  at: number;
  actor: string;
  address: string | null;
}

/** A source that registers for the first time. */
export interface NewSourceRow extends Registered {
  id: string;
  account_seq: number;
  name: string;
  /** The enrolment key that becomes bound to it. */
  access_key: string | null;
}

/** A source that registers again. */
export interface KnownSourceRow extends Registered {
  seq: number;
  /** Null: the one it has stays. */
  name: string | null;
  /** The registration that this one was merged with, as JSON text. */
  before: string;
}

/* What is left undone is told, and has to be done in a transaction that looks closer. */

const newColumns = [
  "id",
  "account_seq",
  "name",
  "ip",
  "ipv6",
  "state",
  "migration_cycle",
  "registration",
  "at",
  "access_key",
] as const;

/**
 * Each joins the default migration project of its account. Without one, and for a key that is bound meanwhile, it stays
 * undone.
 */
export const insertSources = (rows: number) => `
  WITH told ${boundRows(rows, newColumns)}
  INSERT INTO sources (id, account_seq, migproject_seq, name, ip, ipv6, state, migration_cycle, registration, add_date,
    registered_at, state_action_time, stage_action_time)
  SELECT told.id, told.account_seq, project.seq, told.name, told.ip, told.ipv6, told.state, told.migration_cycle,
    told.registration, told.at, told.at, told.at, told.at
  FROM told CROSS JOIN migprojects AS project ON project.account_seq = told.account_seq AND project.isdefault = 1
  WHERE told.access_key IS NULL
    OR EXISTS (SELECT 1 FROM access_keys WHERE access_key = told.access_key AND source_id IS NULL)
  RETURNING id`;

/** The sources that were inserted just now. */
const made = `
  told AS MATERIALIZED (
    SELECT key AS place, value ->> 'id' AS id, value ->> 'at' AS at, value ->> 'actor' AS actor,
      value ->> 'address' AS address, value ->> 'access_key' AS access_key
    FROM json_each(?)
  ),
  made AS MATERIALIZED (
    SELECT told.*, sources.seq, sources.account_seq, sources.name FROM told CROSS JOIN sources ON sources.id = told.id
  )`;

export const bindKeys = `
  WITH ${made}
  UPDATE access_keys SET source_id = made.id FROM made WHERE access_keys.access_key = made.access_key`;

export const recordNewSources = `
  WITH ${made},
  change AS (
    SELECT place, 0 AS step, account_seq, at, 'source.registered' AS type, actor, address, seq,
      json_object('name', name) AS data
    FROM made
    UNION ALL
    SELECT place, 1, account_seq, at, 'key.bound', actor, address, seq, json_object('access_key', access_key)
    FROM made WHERE access_key IS NOT NULL
  )
  INSERT INTO events (account_seq, at, type, actor, address, source_seq, data)
  SELECT account_seq, at, type, actor, address, seq, data FROM change ORDER BY place, step`;

/** Registers sources, binds the keys they enrol with and records both, in one commit. Outcomes tell what is done. */
export function newSourceGroup(
  database: { reader: Executor },
  committed: (outcomes: readonly boolean[], rows: readonly NewSourceRow[]) => void,
): GroupPlan<NewSourceRow, boolean> {
  return {
    statements: (rows) => {
      const doers = JSON.stringify(
        rows.map(({ id, at, actor, address, access_key }) => ({ id, at, actor, address, access_key })),
      );
      return [
        { sql: insertSources(rows.length), args: rows.flatMap((row) => newColumns.map((name) => row[name])) },
        { sql: bindKeys, args: [doers] },
        { sql: recordNewSources, args: [doers] },
      ];
    },
    outcomes: ([inserted], rows) => {
      const ids = new Set(inserted?.rows.map(({ id }) => id));
      return rows.map(({ id }) => ids.has(id));
    },
    // Deleted sources keep their row.
    readBack: async (rows) => {
      const ids = JSON.stringify(rows.map(({ id }) => id));
      const found = await database.reader.all<{ id: string }>(
        sql`SELECT id FROM sources WHERE id IN (SELECT value FROM json_each(${ids}))`,
      );
      const stored = new Set(found.map(({ id }) => id));
      return rows.map(({ id }) => stored.has(id));
    },
    key: ({ id, access_key }) => access_key ?? id,
    bytes: ({ registration }) => registration.length + 1000,
    committed,
  };
}

const doerColumns = ["seq", "before", "name", "at", "actor", "address"] as const;
const knownColumns = ["seq", "before", "name", "ip", "ipv6", "state", "migration_cycle", "registration", "at"] as const;

/** What was merged with is still there. */
const isUnchanged = "sources.deleted_at IS NULL AND sources.registration = told.before";

/** Before the change itself, as afterwards nothing tells whose it was. */
export const recordKnownSources = (rows: number) => `
  WITH told ${boundRows(rows, doerColumns)}
  INSERT INTO events (account_seq, at, type, actor, address, source_seq, data)
  SELECT sources.account_seq, told.at, 'source.reregistered', told.actor, told.address, sources.seq,
    json_object('name', coalesce(told.name, sources.name))
  FROM told CROSS JOIN sources ON sources.seq = told.seq WHERE ${isUnchanged}`;

const hasTask = "EXISTS (SELECT 1 FROM tasks WHERE tasks.source_seq = sources.seq)";

/** With a task, where the source stands is the task's matter. */
const moved = (column: string, time: string) => `
    ${column} = CASE WHEN ${hasTask} THEN sources.${column} ELSE told.${column} END,
    ${time} = CASE WHEN ${hasTask} OR sources.${column} = told.${column} THEN sources.${time} ELSE told.at END`;

export const updateSources = (rows: number) => `
  WITH told ${boundRows(rows, knownColumns)}
  UPDATE sources SET name = coalesce(told.name, sources.name), ip = told.ip, ipv6 = told.ipv6,
    registration = told.registration, registered_at = told.at, ${moved("state", "state_action_time")},
    ${moved("migration_cycle", "stage_action_time")}
  FROM told WHERE sources.seq = told.seq AND ${isUnchanged}
  RETURNING seq`;

/**
 * Registers sources again and records it, in one commit. Outcomes tell whether it is done: not where what it was merged
 * with has changed since it was read.
 */
export function knownSourceGroup(database: { reader: Executor }): GroupPlan<KnownSourceRow, boolean> {
  return {
    statements: (rows) => [
      { sql: recordKnownSources(rows.length), args: rows.flatMap((row) => doerColumns.map((name) => row[name])) },
      { sql: updateSources(rows.length), args: rows.flatMap((row) => knownColumns.map((name) => row[name])) },
    ],
    outcomes: ([, updated], rows) => {
      const seqs = new Set(updated?.rows.map(({ seq }) => seq));
      return rows.map(({ seq }) => seqs.has(seq));
    },
    // One that was overtaken since then is done once more: as if it had come later.
    readBack: async (rows) => {
      const seqs = JSON.stringify(rows.map(({ seq }) => seq));
      const found = await database.reader.all<{ seq: number; registered_at: number; registration: string }>(
        sql`SELECT seq, registered_at, registration FROM sources WHERE seq IN (SELECT value FROM json_each(${seqs}))`,
      );
      const stored = new Map(found.map((row) => [row.seq, row]));
      return rows.map(({ seq, at, registration }) => {
        const row = stored.get(seq);
        return row?.registered_at === at && row.registration === registration;
      });
    },
    key: ({ seq }) => seq,
    bytes: ({ before, registration }) => 2 * before.length + registration.length + 1000,
  };
}
