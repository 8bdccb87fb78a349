import type { Subject } from "./subject.ts";
import { bareHono } from "./subjects/bare-hono.ts";
import { ferryFile } from "./subjects/ferry-file.ts";
import { ferrySqld } from "./subjects/ferry-sqld.ts";
import { workerd } from "./subjects/workerd.ts";

/** In the order of the table; the first is the yardstick. */
export const subjects: readonly Subject[] = [
  bareHono,
  ferryFile,
  ferrySqld(1, "strong"),
  ferrySqld(3, "strong"),
  ferrySqld(1, "relaxed"),
  workerd,
];
