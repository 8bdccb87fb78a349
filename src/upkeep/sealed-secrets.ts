import { secretPurpose } from "../access/credentials.ts";
import { MASTER_KEY_CHECK } from "../access/keys.ts";
import { Sealer } from "../core/sealed.ts";
import { passwordPurpose } from "../templates/service.ts";
import { quoted, type Table, tablesOf } from "./contents.ts";
import type { Reader } from "./place.ts";

export const CHECK_VALUES = "check values of the master key";

/** Every column that holds something sealed, with what each value was sealed for. A test looks for missing ones. */
const kinds: readonly {
  what: string;
  table: string;
  sealed: string;
  from: string;
  name: string;
  purpose(name: string): string;
}[] = [
  {
    what: "secret keys",
    table: "access_keys",
    sealed: "sealed_secret",
    from: "access_keys",
    name: "access_key",
    purpose: secretPurpose,
  },
  {
    what: "passwords of templates",
    table: "templates",
    sealed: "target_password_sealed",
    from: "templates",
    name: "id",
    purpose: passwordPurpose,
  },
  {
    what: "secrets of tasks",
    table: "task_secrets",
    sealed: "sealed",
    from: "task_secrets JOIN tasks ON tasks.seq = task_secrets.task_seq",
    name: "kind || ' of task ' || tasks.id",
    purpose: (name) => name,
  },
  {
    what: CHECK_VALUES,
    table: "master_key_check",
    sealed: "sealed",
    from: "master_key_check",
    name: "''",
    purpose: () => MASTER_KEY_CHECK,
  },
];

export interface Opened {
  what: string;
  count: number;
  opened: number;
}

const PAGE_ROWS = 1_000;

/** Tries the key on every sealed value there is, kind by kind; kinds without any are left out. */
export async function openSecrets(reader: Reader, key: Uint8Array): Promise<Opened[]> {
  const sealer = new Sealer(key, (count) => crypto.getRandomValues(new Uint8Array(count)));
  const tables = await tablesOf(reader);
  const found: Opened[] = [];
  for (const kind of kinds) {
    if (!hasColumn(tables, kind.table, kind.sealed)) continue; // of an earlier schema
    const of: Opened = { what: kind.what, count: 0, opened: 0 };
    const [table, sealed] = [quoted(kind.table), `${quoted(kind.table)}.${quoted(kind.sealed)}`];
    for (let after: bigint | undefined = -(2n ** 63n); after !== undefined; ) {
      const { rows } = await reader.execute({
        sql: `SELECT ${table}.rowid AS at, ${kind.name} AS name, ${sealed} AS sealed FROM ${kind.from}
          WHERE ${table}.rowid > ? AND ${sealed} IS NOT NULL ORDER BY ${table}.rowid LIMIT ${PAGE_ROWS}`,
        args: [after],
      });
      of.count += rows.length;
      of.opened += rows.filter(({ name, sealed }) => opens(sealer, String(sealed), kind.purpose(String(name)))).length;
      after = rows.length === PAGE_ROWS ? (rows.at(-1)?.at as bigint) : undefined;
    }
    if (of.count > 0) found.push(of);
  }
  return found;
}

function hasColumn(tables: readonly Table[], table: string, column: string): boolean {
  return tables.some(({ name, columns }) => name === table && columns.includes(column));
}

function opens(sealer: Sealer, sealed: string, purpose: string): boolean {
  try {
    sealer.open(sealed, purpose);
    return true;
  } catch {
    return false;
  }
}

/** "12 of 12 secret keys, 3 of 4 secrets of tasks" */
export function describeOpened(found: readonly Opened[]): string {
  return found.map(({ what, count, opened }) => `${opened} of ${count} ${what}`).join(", ") || "there are none yet";
}
