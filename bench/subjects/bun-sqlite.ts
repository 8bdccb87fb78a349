import { join } from "node:path";
import type { Subject } from "../subject.ts";
import { plain } from "./plain.ts";

/** `grouped`: reports of one turn of the event loop share a commit; else each has its own. */
export function bunSqlite(grouped: boolean): Subject {
  const how = grouped ? "one transaction for all reports of a turn of the event loop" : "one transaction a report";
  return plain(
    {
      name: grouped ? "bun:sqlite, grouped" : "bun:sqlite by hand",
      about: `Bun.serve and prepared statements of bun:sqlite, without a framework: ferry's signature check, ${how}, every commit on the disk before the reply`,
    },
    async () => {
      const server = join(import.meta.dir, "bun-sqlite-server.ts");
      return [process.execPath, server, grouped ? "grouped" : "alone"];
    },
  );
}
