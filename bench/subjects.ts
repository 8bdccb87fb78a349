import type { Subject } from "./subject.ts";
import { bareHono } from "./subjects/bare-hono.ts";
import { bunSqlite } from "./subjects/bun-sqlite.ts";
import { drizzlePlain } from "./subjects/drizzle-plain.ts";
import { fastapi } from "./subjects/fastapi.ts";
import { ferryFile, ferryFileToken } from "./subjects/ferry-file.ts";
import { ferrySqld } from "./subjects/ferry-sqld.ts";
import { pocketbase } from "./subjects/pocketbase.ts";
import { workerd } from "./subjects/workerd.ts";

/** In the order of the table; the first is the yardstick. */
export const subjects: readonly Subject[] = [
  bareHono,
  ferryFile,
  ferryFileToken,
  drizzlePlain,
  bunSqlite(false),
  bunSqlite(true),
  ferrySqld(1, "strong"),
  ferrySqld(3, "strong"),
  ferrySqld(1, "relaxed"),
  workerd,
  fastapi,
  pocketbase,
];
