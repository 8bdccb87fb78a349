import type { Client, ResultSet } from "@libsql/client";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";
import type { Writer } from "./writer.ts";

/** What a store reads from or writes to: the database itself or an open transaction. */
export type Executor = BaseSQLiteDatabase<"async", ResultSet>;

/** A transaction of `Writer.transaction`: the only thing a store may write to. */
export type Transaction = Executor & { rollback(): never };

export interface Database {
  /** For reading only: everything that writes goes through `writer`. */
  reader: Executor;
  client: Client;
  writer: Writer;
  /** True where this process is the only one that writes (a file under its lock); caches and the mailbox rest on it. */
  exclusive: boolean;
  close(): void;
}
