import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { LibsqlError } from "@libsql/client";
import { type Caller, type Ferry, poll, queue, register, report, settle, signIn, startFerry } from "../harness.ts";
import { openStream, type Stream, streamsLook } from "./stream.ts";

/* listEvents with Accept: text/event-stream. */

const BEAT_MS = 5_000;

let ferry: Ferry;
let source_id: string;
beforeAll(async () => {
  ferry = await startFerry();
  source_id = await register(ferry, "web-1");
});
afterAll(() => ferry.stop());

let streams: Stream[] = [];
/** Timers of the service itself. */
let timersBefore = 0;
beforeEach(() => {
  timersBefore = ferry.clock.waiting();
});
afterEach(async () => {
  for (const stream of streams) await stream.cancel();
  streams = [];
});

async function open(as: Caller = "viewer", query = "", lastEventId?: number | string): Promise<Stream> {
  const stream = await openStream(ferry, as, query, lastEventId);
  streams.push(stream);
  return stream;
}

const rename = async (name: string, as: Caller = "operator", id = source_id) => {
  expect((await ferry.call(as, "PUT", `/v3/sources/${id}`, { body: { name } })).status).toBe(200);
};

const highest = async () => {
  const [row] = await ferry.rows("SELECT max(seq) AS seq FROM events");
  return Number(row?.seq);
};

/** Everything in the account's record behind an id, as the JSON pages have it. */
async function recordBehind(id: number, query = "") {
  const path = `/operate/v1/events?order=oldest&limit=1000&cursor=${id}${query}`;
  return (await ferry.call("viewer", "GET", path)).json.items;
}

describe("a stream", () => {
  test("begins with its position, then says every change as the page has it", async () => {
    const position = await highest();
    const stream = await open();
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
    expect(stream.response.headers.get("cache-control")).toBe("no-store");
    expect(stream.response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(stream.text).toBe(`retry: 1000\nid: ${position}\n\n`);

    await queue(ferry, source_id, "START");
    await poll(ferry, source_id);
    await report(ferry, source_id, "START");
    await streamsLook(ferry);
    expect(stream.events.map(({ type }) => type)).toEqual(["command.queued", "command.delivered", "command.reported"]);
    expect(stream.events).toEqual(await recordBehind(position));
    expect(stream.blocks.slice(1).map(({ id }) => id)).toEqual(stream.ids);
    expect(stream.events[0]).toMatchObject({ source_id, source_name: "web-1", data: { command_name: "START" } });
  });

  test("beats every 5 s, and a beat moves on past what does not match", async () => {
    const stream = await open("viewer", "?type=source.registered");
    const position = stream.blocks[0]?.id as number;
    await ferry.clock.advance(BEAT_MS - 1);
    expect(stream.blocks).toHaveLength(1);
    await ferry.clock.advance(1);
    expect(stream.blocks.slice(1)).toEqual([{ id: position }]);
    await rename("web-1b");
    await ferry.clock.advance(BEAT_MS);
    expect(stream.blocks.slice(2)).toEqual([{ id: await highest() }]);
    expect(await highest()).toBeGreaterThan(position);
    await ferry.clock.advance(4 * BEAT_MS);
    expect(stream.blocks).toHaveLength(7);
  });

  test("with Last-Event-ID says first what was written after it, over many pages", async () => {
    const position = await highest();
    for (let round = 0; round < 130; round += 1) await rename(`web-${round}`);
    const stream = await open("viewer", "", position);
    for (let page = 0; page < 3; page += 1) await settle();
    expect(stream.blocks[0]).toEqual({ id: position });
    expect(stream.ids).toHaveLength(130);
    expect(stream.events).toEqual(await recordBehind(position));
    const all = await open("viewer", "", 0);
    for (let page = 0; page < 5; page += 1) await settle();
    expect(all.events).toEqual(await recordBehind(0));
  });

  test.each([
    ["type=source.updated", ["source.updated"]],
    ["source_id=SOURCE", ["command.queued", "source.updated"]],
    ["command_id=COMMAND", ["command.queued"]],
    ["source_id=SOURCE&type=command.queued", ["command.queued"]],
    ["source_id=nobody", []],
  ])("says what matches %s only", async (filter, types) => {
    const other = await register(ferry, "other");
    const position = await highest();
    const command_id = await queue(ferry, source_id, "SYNC");
    const query = filter.replace("SOURCE", source_id).replace("COMMAND", command_id);
    const before = await open("viewer", `?${query}`, position);
    const live = await open("viewer", `?${query}`);
    await rename(`renamed-${position}`);
    await queue(ferry, other, "STOP");
    await streamsLook(ferry);
    expect(before.events.map(({ type }) => type)).toEqual(types);
    const page: { id: number }[] = await recordBehind(position, `&${query}`);
    expect(before.ids).toEqual(page.map(({ id }) => id));
    expect(live.ids).toEqual(before.events.filter(({ type }) => type !== "command.queued").map(({ id }) => id));
    await ferry.call("operator", "POST", `/operate/v1/commands/${command_id}/cancel`);
  });

  test("is one of many: each with its own filter, at the same place at the same time", async () => {
    const filters = ["?type=source.updated", "?type=command.queued", "", "?type=task.created"];
    const all = await Promise.all(filters.map((query) => open("viewer", query)));
    await rename("for-many");
    const id = await queue(ferry, source_id, "UPLOAD_LOG");
    await streamsLook(ferry);
    const types = ["source.updated", "command.queued"];
    expect(all.map(({ events }) => events.map(({ type }) => type))).toEqual([
      ["source.updated"],
      ["command.queued"],
      types,
      [],
    ]);
    await ferry.call("operator", "POST", `/operate/v1/commands/${id}/cancel`);
  });

  test("says the caller's account only, while another one is busy", async () => {
    const foreignSource = await register(ferry, "foreign-1", {}, "foreign");
    const [own, foreign] = [await open("viewer"), await open("foreign")];
    await rename("own-name");
    await rename("foreign-name", "foreign", foreignSource);
    await streamsLook(ferry);
    expect(own.events.map((event) => event.source_name)).toEqual(["own-name"]);
    expect(foreign.events.map((event) => event.source_name)).toEqual(["foreign-name"]);
    const asked = await open("foreign", `?source_id=${source_id}`, 0);
    expect(asked.events).toEqual([]);
    const all = await open("foreign", "", 0);
    for (let page = 0; page < 5; page += 1) await settle();
    expect(all.text).toContain(foreignSource);
    expect(all.text).not.toContain(source_id);
  });

  test("shares its looks with all others: a flood is a look every 100 ms", async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => open()));
    let looks = 0;
    const { client, reading } = ferry.database;
    const watched = new Set([client, reading]);
    const bare = [...watched].map((one) => [one, one.execute] as const);
    for (const [one, execute] of bare) {
      one.execute = ((statement: { sql: string }, ...rest: []) => {
        if (statement.sql.includes("sqlite_sequence")) looks += 1;
        return execute.call(one, statement as never, ...rest);
      }) as typeof one.execute;
    }
    for (let round = 0; round < 20; round += 1) await rename(`flood-${round}`);
    await streamsLook(ferry);
    for (const [one, execute] of bare) one.execute = execute;
    for (const stream of all) expect(stream.ids).toHaveLength(20);
    expect(looks).toBe(1);
  });

  test("says what was deleted since by the name it had", async () => {
    const position = await highest();
    const gone = await register(ferry, "gone-1");
    await ferry.call("operator", "DELETE", `/v3/sources/${gone}`);
    const stream = await open("viewer", `?source_id=${gone}`, position);
    expect(stream.events.map(({ type, source_name }) => [type, source_name])).toEqual([
      ["source.registered", "gone-1"],
      ["source.deleted", "gone-1"],
    ]);
  });
});

describe("a Last-Event-ID above all there are", () => {
  test("is that of another record, say before a restore: after 5 s the stream goes on from where it began", async () => {
    const position = await highest();
    const stream = await open("viewer", "", position + 100);
    expect(stream.blocks).toEqual([{ id: position + 100 }]);
    await rename("after-the-restore");
    await ferry.clock.advance(BEAT_MS);
    expect(stream.blocks.slice(1)).toMatchObject([{ id: position }, { event: { source_name: "after-the-restore" } }]);
    await rename("later");
    await streamsLook(ferry);
    expect(stream.ids).toEqual([position + 1, position + 2]);
    await ferry.clock.advance(BEAT_MS);
    expect(stream.blocks.at(-1)).toEqual({ id: position + 2 });
  });

  test("may be one that is not readable yet, as on a replica: what comes behind it is said, and nothing before", async () => {
    const position = await highest();
    const stream = await open("viewer", "", position + 1);
    await rename("known-to-the-reader");
    await rename("new-to-the-reader");
    await ferry.clock.advance(BEAT_MS);
    expect(stream.blocks.map(({ id }) => id)).toEqual([position + 1, position + 2, position + 2]);
    expect(stream.ids).toEqual([position + 2]);
  });
});

test("a single look that lags behind, as one over a replica may, takes nothing back", async () => {
  const stream = await open();
  const { reading } = ferry.database;
  const { execute } = reading;
  reading.execute = ((statement: { sql: string }) =>
    execute.call(reading, {
      ...statement,
      sql: statement.sql.replace("SELECT seq FROM sqlite_sequence", "SELECT seq - 5 AS seq FROM sqlite_sequence"),
    } as never)) as typeof reading.execute;
  await ferry.clock.advance(BEAT_MS);
  reading.execute = execute;
  await ferry.clock.advance(BEAT_MS);
  const position = await highest();
  expect(stream.blocks).toEqual([{ id: position }, { id: position }, { id: position }]);
});

describe("a stream is refused", () => {
  test.each(["limit=5", "cursor=5", "order=oldest", "since=1", "until=9", "unknown=1", "type=nothing"])(
    "with the query %s",
    async (query) => {
      const headers = { accept: "text/event-stream" };
      const { status, json } = await ferry.call("viewer", "GET", `/operate/v1/events?${query}`, { headers });
      expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
      expect(json.error_msg).toContain(query.split("=")[0]);
    },
  );

  test.each(["", "-1", "1.5", "abc", "1e3", "1-2", "9".repeat(16)])("with the Last-Event-ID %p", async (id) => {
    const headers = { accept: "text/event-stream", "Last-Event-ID": id };
    const { status, json } = await ferry.call("viewer", "GET", "/operate/v1/events", { headers });
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toStartWith("Last-Event-ID");
  });

  test("without credentials, and to agents", async () => {
    const headers = { accept: "text/event-stream" };
    expect((await ferry.call(null, "GET", "/operate/v1/events", { headers })).status).toBe(401);
    expect((await ferry.call("agent", "GET", "/operate/v1/events", { headers })).status).toBe(403);
  });

  test("not by a page: that takes what it took", async () => {
    const headers = { "Last-Event-ID": "abc" };
    const { status, json } = await ferry.call("viewer", "GET", "/operate/v1/events?limit=1", { headers });
    expect([status, json.items.length]).toEqual([200, 1]);
  });
});

describe("a stream ends", () => {
  test("within 5 s when its key is disabled, and says nothing that came after", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { role: "viewer" } });
    const [quiet, busy] = [await open(key, "?type=account.created"), await open(key)];
    await ferry.call("admin", "POST", `/operate/v1/keys/${key.access_key}/disable`);
    await rename("after-the-end");
    await ferry.clock.advance(BEAT_MS);
    expect([quiet.isOver, busy.isOver]).toEqual([true, true]);
    expect(busy.events).toEqual([]);
  });

  test("when its credentials expire", async () => {
    const body = { role: "viewer", expires_in_s: 900 };
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body });
    const stream = await open(key);
    await ferry.clock.advance(900_000 - 1);
    expect(stream.isOver).toBe(false);
    await ferry.clock.advance(BEAT_MS);
    expect(stream.isOver).toBe(true);
  });

  test("when the user behind its token gets another role", async () => {
    const body = { name: "watcher", password: "password of a watcher", role: "operator" };
    const { json: user } = await ferry.call("admin", "POST", "/operate/v1/users", { body });
    const token = await signIn(ferry, "watcher", "password of a watcher");
    const stream = await open({ token });
    await ferry.call("admin", "PATCH", `/operate/v1/users/${user.id}`, { body: { role: "viewer" } });
    await ferry.clock.advance(BEAT_MS);
    expect(stream.isOver).toBe(true);
  });

  test("at once when its reader goes: 20 leave no timer and no look behind", async () => {
    const dropped = await Promise.all(Array.from({ length: 20 }, () => open()));
    await streamsLook(ferry);
    expect(ferry.clock.waiting()).toBeGreaterThanOrEqual(timersBefore + 20);
    for (const stream of dropped) await stream.cancel();
    await settle();
    expect(ferry.clock.waiting()).toBe(timersBefore);
    const wait = ferry.clock.waiting();
    await rename("nobody-listens");
    expect(ferry.clock.waiting()).toBe(wait);
    expect(ferry.logged.filter(({ message }) => message === "a stream broke off")).toEqual([]);
  });

  test("at once when the service stops; what was not said comes behind the last id", async () => {
    const own = await startFerry();
    try {
      const first = await register(own, "first");
      const [quiet, behind] = [await openStream(own), await openStream(own)];
      await register(own, "second");
      const position = behind.blocks.at(-1)?.id as number;
      own.services.feed.close();
      await settle();
      expect([quiet.isOver, behind.isOver, behind.ids]).toEqual([true, true, []]);
      const late = await openStream(own);
      expect([late.response.status, late.isOver]).toEqual([200, true]);
      await own.restart();
      const again = await openStream(own, "viewer", "?type=source.registered", position);
      expect(again.events.map(({ source_name }) => source_name)).toEqual(["second"]);
      await again.cancel();
      expect(first).toBeString();
    } finally {
      await own.stop();
    }
  });

  test("with a failure where the record cannot be read: silence would say that nothing happens", async () => {
    const stream = await open();
    const { reading } = ferry.database;
    const { execute } = reading;
    reading.execute = () => Promise.reject(new LibsqlError("gone", "SQLITE_ERROR"));
    await ferry.clock.advance(BEAT_MS);
    reading.execute = execute;
    expect(stream.isOver).toBe(true);
    expect(ferry.logged.splice(0).map(({ message }) => message)).toEqual(["a stream broke off"]);
  });
});

describe("a reader that takes nothing", () => {
  test("is read ahead for by a page at the most", async () => {
    const position = await highest();
    for (let round = 0; round < 110; round += 1) await rename(`slow-${round}`);
    const headers = { accept: "text/event-stream", "Last-Event-ID": String(position) };
    const asked: string[] = [];
    const { client, reading } = ferry.database;
    const { execute } = reading;
    reading.execute = ((statement: { sql: string }) => {
      asked.push(statement.sql);
      return execute.call(reading, statement as never);
    }) as typeof reading.execute;
    const response = await ferry.send("viewer", "GET", "/operate/v1/events", { headers });
    for (let turn = 0; turn < 5; turn += 1) await settle();
    reading.execute = execute;
    expect(asked.filter((sql) => /from "events"/i.test(sql)).length).toBeLessThanOrEqual(1);
    expect(client).toBeDefined();
    await response.body?.cancel();
  });
});
