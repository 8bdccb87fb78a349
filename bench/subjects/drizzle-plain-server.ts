import { createHash } from "node:crypto";
import { createClient } from "@libsql/client";
import { and, asc, eq, gt, isNotNull, isNull, or } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { Hono } from "hono";
import * as v from "valibot";
import { ACCOUNT_ID } from "../plain-fleet.ts";
import { KEY } from "../requests.ts";
import { commands, events, results, sources } from "./drizzle-plain-tables.ts";
import { isSigned } from "./signed-by-us.ts";

/* The two requests as one would write them at first, on the stack ferry stands on: a query for each thought. */

const Report = v.object({
  command_name: v.picklist(["START", "STOP", "DELETE", "SYNC", "UPLOAD_LOG", "RSET_LOG_ACL"]),
  result: v.picklist(["success", "fail"]),
  result_detail: v.record(v.string(), v.unknown()),
});

// WAL persists in the file; synchronous=FULL is libSQL's default.
const client = createClient({ url: `file:${process.argv[2]}`, timeout: 10_000 });
const db = drizzle(client);

const app = new Hono()
  .use("/v3/*", async (c, next) => {
    const body = new Uint8Array(await c.req.arrayBuffer());
    const { pathname, search } = new URL(c.req.url);
    if (!isSigned(c.req.raw, pathname, search.slice(1), body)) return c.json({ error_msg: "not signed" }, 401);
    return next();
  })
  .get("/v3/sources/:server_id/command", async (c) => {
    const server_id = c.req.param("server_id");
    const [source] = await db.select().from(sources).where(ownSource(server_id));
    if (!source) return c.json({ error_msg: "no such source" }, 404);
    const [command] = await db
      .select()
      .from(commands)
      .where(and(eq(commands.source_id, source.id), isNull(commands.ended_at)))
      .orderBy(asc(commands.id))
      .limit(1);
    return c.json({ command_name: command?.command_name ?? "TASK_NOT_STARTED" });
  })
  .post("/v3/sources/:server_id/command_result", async (c) => {
    const report = v.safeParse(Report, await c.req.json());
    if (!report.success) return c.json({ error_msg: "not a report" }, 400);
    const isStored = await storeReport(c.req.param("server_id"), report.output);
    return isStored ? c.json({}) : c.json({ error_msg: "no such source" }, 404);
  });

const { port } = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
console.log(`listening on 127.0.0.1:${port}`);

function ownSource(server_id: string) {
  return and(eq(sources.id, server_id), eq(sources.account_id, ACCOUNT_ID));
}

/** Stores a report and ends the oldest delivered command it is for, in one commit. */
function storeReport(server_id: string, report: v.InferOutput<typeof Report>): Promise<boolean> {
  const { command_name, result, result_detail } = report;
  const now = Date.now();
  return db.transaction(async (tx) => {
    const [source] = await tx.select().from(sources).where(ownSource(server_id));
    if (!source) return false;
    const [command] = await tx
      .select()
      .from(commands)
      .where(
        and(
          eq(commands.source_id, source.id),
          isNull(commands.ended_at),
          eq(commands.command_name, command_name),
          isNotNull(commands.first_delivered_at),
          or(isNull(commands.due_at), gt(commands.due_at, now)),
        ),
      )
      .orderBy(asc(commands.id))
      .limit(1);
    const kind = command ? "matched" : "unsolicited";
    const about = { account_id: ACCOUNT_ID, source_id: source.id, command_id: command?.id ?? null };
    await tx
      .insert(results)
      .values({ ...about, id: Bun.randomUUIDv7(), command_name, result, result_detail, kind, received_at: now });
    if (command) {
      const state = result === "success" ? "succeeded" : "failed";
      const result_digest = createHash("sha256").update(JSON.stringify(result_detail)).digest("hex");
      await tx.update(commands).set({ state, ended_at: now, result_digest }).where(eq(commands.id, command.id));
    }
    await tx.insert(events).values({
      ...about,
      id: Bun.randomUUIDv7(),
      at: now,
      type: "command.reported",
      actor: KEY.access_key,
      data: { command_name, result, kind },
    });
    return true;
  });
}
