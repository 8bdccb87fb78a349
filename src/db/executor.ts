import type { ResultSet } from "@libsql/client";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";

/** What a store reads from: the database itself or an open transaction. */
export type Executor = BaseSQLiteDatabase<"async", ResultSet>;

/** A transaction of `Writer.transaction`: the only thing a store may write to. */
export type Transaction = Executor & { rollback(): never };
