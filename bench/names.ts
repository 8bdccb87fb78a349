/* Subjects that goals and measurements are about, by name. One may be absent: this machine has no means for it. */

export const BARE = "bare Hono";
export const FERRY = "ferry, file";
export const TOKEN = "ferry, file, token";
export const DRIZZLE = "Drizzle, plain";
export const BY_HAND = "bun:sqlite by hand";
export const POCKETBASE = "PocketBase";
export const SQLD = "one ferry, sqld strong";
