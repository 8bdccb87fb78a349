import { type SQL, sql } from "drizzle-orm";
import type { Executor } from "../db/executor.ts";
import { PAGE_BYTES, withinBytes } from "../db/page.ts";
import type { ListServersQuery } from "./schema.ts";
import { hasConsistencyResult, type ShownSourceRow, selectShownSources } from "./store.ts";

/** What makes a source connected. */
export interface Connection {
  since: number;
  until: number;
  /** Connected ones that are not written as such yet. */
  seen: readonly number[];
}

/** What listServers filters by, as conditions; only those that are asked for. */
type Filters = Partial<Record<Exclude<keyof ListServersQuery, "limit" | "offset">, SQL>>;

/** Where one filter is all that is asked for, an index that has its rows in order. */
const ownIndex: { [Name in keyof Filters]: string } = {
  state: "sources_by_state",
  migration_cycle: "sources_by_cycle",
  migproject: "sources_by_migproject",
  ip: "sources_by_ip",
  ipv6: "sources_by_ipv6",
};

/** What live sources are counted by as they come and go. */
const counted: ReadonlySet<string> = new Set(["state", "migration_cycle", "migproject"]);

/** A page of the account's live sources, oldest first, and how many match in all. Large ones make a shorter page. */
export async function selectSourcePage(
  db: Executor,
  account_seq: number,
  query: ListServersQuery,
  connection: Connection,
  page: { limit: number; offset: number },
): Promise<{ count: number; rows: ShownSourceRow[] }> {
  // "0" is the one enterprise project there is.
  if (query.enterprise_project_id && query.enterprise_project_id !== "0") return { count: 0, rows: [] };
  const filters = filtersOf(query, account_seq, connection);
  const matching = matchingSources(account_seq, filters);
  // By key first: a registration may have megabytes, so not even the length of one that is skipped is looked at.
  const sizes = await db.all<{ seq: number; bytes: number }>(sql`
    SELECT seq, octet_length(registration) AS bytes FROM sources
    WHERE seq IN (SELECT sources.seq FROM ${matching} ORDER BY sources.seq LIMIT ${page.limit} OFFSET ${page.offset})
    ORDER BY seq`);
  const rows = await selectShownSources(
    db,
    withinBytes(sizes, PAGE_BYTES).map(({ seq }) => seq),
  );
  const [total] = await db.all<{ count: number }>(
    Object.keys(filters).every((name) => counted.has(name))
      ? sql`SELECT coalesce(sum(sources), 0) AS count FROM source_counts AS sources WHERE ${allOf(account_seq, filters)}`
      : sql`SELECT count(*) AS count FROM ${matching}`,
  );
  return { count: total?.count ?? 0, rows };
}

/** FROM and WHERE, by an index that has all there is to filter by. */
function matchingSources(account_seq: number, { id, vm_id, ...others }: Filters): SQL {
  const live = sql`sources.deleted_at IS NULL`;
  const [key] = [id, vm_id].filter((filter) => filter !== undefined);
  if (key) {
    const rest = allOf(account_seq, { ...(id && vm_id && { vm_id }), ...others });
    return sql`sources NOT INDEXED LEFT JOIN source_presence ON source_seq = sources.seq WHERE ${key} AND ${rest} AND ${live}`;
  }
  const [first, ...more] = Object.keys(others) as (keyof typeof others)[];
  const index = (first && more.length === 0 && ownIndex[first]) || "sources_listed";
  const presence = others.connected ? sql`LEFT JOIN source_presence ON source_seq = sources.seq` : sql``;
  // A migration project is of one account, and its index knows no other column.
  const conditions = index === "sources_by_migproject" ? others.migproject : allOf(account_seq, others);
  const known =
    index === "sources_by_ip"
      ? sql` AND ip IS NOT NULL`
      : index === "sources_by_ipv6"
        ? sql` AND ipv6 IS NOT NULL`
        : sql``;
  return sql`sources INDEXED BY ${sql.raw(index)} ${presence} WHERE ${conditions} AND ${live}${known}`;
}

function allOf(account_seq: number, filters: Filters): SQL {
  return sql.join([sql`sources.account_seq = ${account_seq}`, ...Object.values(filters)], sql` AND `);
}

function filtersOf(query: ListServersQuery, account_seq: number, connection: Connection): Filters {
  const { state, migration_cycle, id, ip, ipv6, name, migproject, vm_id, connected, is_consistency_result_exist } =
    query;
  return {
    ...(state && { state: sql`sources.state = ${state}` }),
    ...(migration_cycle && { migration_cycle: sql`sources.migration_cycle = ${migration_cycle}` }),
    ...(id && { id: sql`sources.seq = (SELECT seq FROM sources WHERE id = ${id})` }),
    ...(ip && { ip: sql`sources.ip = ${ip}` }),
    ...(ipv6 && { ipv6: sql`sources.ipv6 = ${ipv6}` }),
    ...(name && { name: sql`instr(sources.name, ${name}) > 0` }),
    ...(migproject && {
      migproject: sql`sources.migproject_seq = (SELECT seq FROM migprojects WHERE id = ${migproject} AND account_seq = ${account_seq})`,
    }),
    ...(vm_id && { vm_id: sql`sources.seq IN (SELECT source_seq FROM tasks WHERE vm_id = ${vm_id})` }),
    ...(connected !== undefined && { connected: sql`(${isConnected(connection)}) = ${connected ? 1 : 0}` }),
    ...(is_consistency_result_exist !== undefined && {
      is_consistency_result_exist: sql`${hasConsistencyResult} = ${is_consistency_result_exist ? 1 : 0}`,
    }),
  };
}

/** Seen in that time: as stored, or in memory only so far. */
export function isConnected({ since, until, seen }: Connection): SQL {
  const stored = sql`coalesce(source_presence.seen_at > ${since} AND source_presence.seen_at < ${until}, false)`;
  return sql`${stored} OR sources.seq IN (SELECT value FROM json_each(${JSON.stringify(seen)}))`;
}
