import { type Context, Hono } from "hono";

/*
 * The yardstick: what the same requests cost where nothing is checked and nothing kept, among as many routes as a
 * small service has.
 */

const empty = (c: Context) => c.json({});
const app = new Hono()
  .get("/healthz", empty)
  .get("/v3/config", empty)
  .get("/v3/sources", empty)
  .post("/v3/sources", empty)
  .get("/v3/sources/overview", empty)
  .get("/v3/sources/:source_id", empty)
  .put("/v3/sources/:source_id", empty)
  .delete("/v3/sources/:source_id", empty)
  .get("/v3/tasks", empty)
  .post("/v3/tasks", empty)
  .get("/v3/tasks/:task_id", empty)
  .put("/v3/tasks/:task_id", empty)
  .delete("/v3/tasks/:task_id", empty)
  .get("/v3/sources/:server_id/command", (c) => c.json({ command_name: "TASK_NOT_STARTED" }))
  .post("/v3/sources/:server_id/command_result", async (c) => {
    await c.req.json();
    return c.json({});
  });
const { port } = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
console.log(`listening on 127.0.0.1:${port}`);
