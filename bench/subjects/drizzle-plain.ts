import { join } from "node:path";
import { plain } from "./plain.ts";

export const drizzlePlain = plain(
  {
    name: "Drizzle, plain",
    about:
      "the same stack, written straight on (Hono, valibot, drizzle-orm on libSQL): ferry's signature check, two queries a poll, one transaction a report, every commit on the disk before the reply",
  },
  async () => [process.execPath, join(import.meta.dir, "drizzle-plain-server.ts")],
);
