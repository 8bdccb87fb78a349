import { Hono } from "hono";

/* The yardstick: what the same requests cost where nothing is checked and nothing kept. */

const app = new Hono()
  .get("/v3/sources/:server_id/command", (c) => c.json({ command_name: "TASK_NOT_STARTED" }))
  .post("/v3/sources/:server_id/command_result", async (c) => {
    await c.req.json();
    return c.json({});
  });
const { port } = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
console.log(`listening on 127.0.0.1:${port}`);
