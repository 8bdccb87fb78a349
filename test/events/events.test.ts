import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Ferry, poll, queue, register, report, START, startFerry } from "../harness.ts";

let ferry: Ferry;
let source_id: string;
let command_id: string;
beforeAll(async () => {
  ferry = await startFerry();
  source_id = await register(ferry);
  await ferry.clock.advance(1_000);
  command_id = await queue(ferry, source_id, "START");
  await poll(ferry, source_id);
  await poll(ferry, source_id);
  await report(ferry, source_id, "START");
  await ferry.call("operator", "PUT", `/v3/sources/${source_id}`, { body: { name: "web-2" } });
});
afterAll(() => ferry.stop());

const types = async (query = "") =>
  (await ferry.call("viewer", "GET", `/operate/v1/events?order=oldest${query}`)).json.items.map(
    ({ type }: { type: string }) => type,
  );

describe("listEvents", () => {
  test("one event for each change, in order, none for a repeated delivery or a read", async () => {
    expect(await types(`&source_id=${source_id}`)).toEqual([
      "source.registered",
      "command.queued",
      "command.delivered",
      "command.reported",
      "source.updated",
    ]);
  });

  test("tells who, from where, when and what", async () => {
    const { json } = await ferry.call(
      "viewer",
      "GET",
      `/operate/v1/events?command_id=${command_id}&type=command.queued`,
    );
    expect(json.items).toEqual([
      {
        id: expect.any(Number),
        at: START + 1_000,
        type: "command.queued",
        actor: ferry.keys.operator.access_key,
        address: "192.0.2.7",
        source_id,
        source_name: "web-2",
        command_id,
        data: { command_name: "START" },
      },
    ]);
  });

  test("filters by type and time, pages by cursor", async () => {
    expect(await types("&type=source.registered")).toEqual(["source.registered"]);
    expect(await types(`&since=${START + 1_000}`)).toEqual([
      "command.queued",
      "command.delivered",
      "command.reported",
      "source.updated",
    ]);
    expect(await types(`&until=${START + 1_000}&source_id=${source_id}`)).toEqual(["source.registered"]);
    const first = (await ferry.call("viewer", "GET", "/operate/v1/events?limit=1")).json;
    expect(first.items[0].type).toBe("source.updated");
    const second = (await ferry.call("viewer", "GET", `/operate/v1/events?limit=1&cursor=${first.next_cursor}`)).json;
    expect(second.items[0].type).toBe("command.reported");
  });

  test("another account sees its own only", async () => {
    const { json } = await ferry.call("foreign", "GET", "/operate/v1/events");
    expect(json.items.map(({ source_id: id }: { source_id: string | null }) => id)).not.toContain(source_id);
  });

  test("no event, no change: where the record cannot be written, nothing is", async () => {
    await ferry.database.client.execute(
      "CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    const before = await ferry.rows(
      "SELECT (SELECT count(*) FROM commands) AS commands, (SELECT count(*) FROM results) AS results, (SELECT count(*) FROM sources) AS sources",
    );
    const replies = await Promise.all([
      ferry.call("operator", "POST", `/operate/v1/sources/${source_id}/commands`, { body: { command_name: "STOP" } }),
      report(ferry, source_id, "START"),
      ferry.call("admin", "POST", "/v3/sources", {
        body: { name: "x", ip: "192.0.2.1", os_type: "LINUX", os_version: "1", agent_version: "1", networks: [] },
      }),
      ferry.call("operator", "DELETE", `/v3/sources/${source_id}`),
      ferry.call("admin", "POST", "/operate/v1/keys", { body: { role: "viewer" } }),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([500, 500, 500, 500, 500]);
    expect(
      await ferry.rows(
        "SELECT (SELECT count(*) FROM commands) AS commands, (SELECT count(*) FROM results) AS results, (SELECT count(*) FROM sources) AS sources",
      ),
    ).toEqual(before);
    await ferry.database.client.execute("DROP TRIGGER refuse");
    // Memory was not told of what did not happen.
    expect((await poll(ferry, source_id)).json.command_name).toBe("TASK_NOT_STARTED");
  });
});
