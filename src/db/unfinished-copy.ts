/*
 * A row of ferry_migrations with such a name stands in a database while rows are copied into it. A ferry that does not
 * know it takes it for a newer version's and refuses the database just as well.
 */
const PREFIX = "unfinished copy";

/** The mark of one copy. */
export function unfinishedCopyName(id: string): string {
  return `${PREFIX} ${id}`;
}

export function isUnfinishedCopy(migration_name: string): boolean {
  return migration_name.startsWith(PREFIX);
}

/** As a condition on `name`. */
export const NO_UNFINISHED_COPY = `name NOT LIKE '${PREFIX}%'`;

/** What is said of it. */
export const UNFINISHED_COPY =
  "a copy that was not finished: run the same ferry migrate or ferry restore again, it clears what is there and begins anew";
