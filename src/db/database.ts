import type { Client } from "@libsql/client";
import type { Executor } from "./executor.ts";
import type { Writer } from "./writer.ts";

export interface Database {
  /** For reading only: everything that writes goes through `writer`. */
  reader: Executor;
  client: Client;
  /** The client behind `reader`: on a file the same one. */
  reading: Client;
  writer: Writer;
  /** True where this process is the only one that writes (a file under its lock); caches and the mailbox rest on it. */
  exclusive: boolean;
  /** Writes what is still in the log into the file itself; false while another program's reading keeps it from that. */
  checkpoint(): Promise<boolean>;
  close(): void;
}
