import { expect, test } from "bun:test";
import fc from "fast-check";
import { knownSourceGroup } from "../../src/sources/registration-group.ts";
import { type Ferry, makeTask, register, registration, startFerry } from "../harness.ts";

/* Registrations go out in groups: each is kept as if it had come alone. */

interface Sent {
  name: string | undefined;
  hostname: string | undefined;
  has_rsync: boolean;
  disks: string[] | undefined;
}

type Step = { do: "register"; sent: Sent } | { do: "set" | "rename" | "task" | "delete" | "nothing" };

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const sent: fc.Arbitrary<Sent> = fc.record({
  name: optional(fc.constantFrom("a", 'quoted " ? \\ 😀', "c")),
  hostname: optional(fc.constantFrom("h1", "h2")),
  has_rsync: fc.boolean(),
  disks: optional(fc.uniqueArray(fc.constantFrom("vda", "vdb", "vdc"), { maxLength: 3 })),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: sent.map((what): Step => ({ do: "register", sent: what })) },
  ...(["set", "rename", "task", "delete", "nothing"] as const).map((doing) => ({
    weight: 1,
    arbitrary: fc.constant<Step>({ do: doing }),
  })),
);
const SOURCES = 4;
const turns = fc.array(fc.array(step, { minLength: SOURCES, maxLength: SOURCES }), { minLength: 5, maxLength: 20 });

/** What is known of a source, in plain code. */
interface Known {
  id: string;
  name: string;
  hostname: string | undefined;
  disks: { id: number; name: string; adjust_size?: number }[] | undefined;
  state: string;
  migration_cycle: string;
  hasTask: boolean;
  times: { registered: number; state: number; stage: number };
  events: { type: string; name: string }[];
}

function after(known: Known | undefined, id: string, now: number, { has_rsync, ...said }: Sent): Known {
  const settings = new Map((known?.disks ?? []).map(({ name, adjust_size }) => [name, adjust_size]));
  const disks = said.disks?.map((name, index) => {
    const adjust_size = settings.get(name);
    return { id: index + 1, name, ...(adjust_size !== undefined && { adjust_size }) };
  });
  const [state, cycle] = has_rsync ? ["waiting", "setting"] : ["unavailable", "checking"];
  const place = known?.hasTask ? known : { state, migration_cycle: cycle };
  const name = said.name ?? known?.name ?? "";
  return {
    id,
    name,
    hostname: said.hostname ?? known?.hostname,
    disks: disks ?? known?.disks,
    state: place.state,
    migration_cycle: place.migration_cycle,
    hasTask: known?.hasTask ?? false,
    times: {
      registered: now,
      state: known && known.state === place.state ? known.times.state : now,
      stage: known && known.migration_cycle === place.migration_cycle ? known.times.stage : now,
    },
    events: [...(known?.events ?? []), { type: known ? "source.reregistered" : "source.registered", name }],
  };
}

const send = (ferry: Ferry, body: object) => ferry.call("agent", "POST", "/v3/sources", { body });

/** Does the step, and answers what is known then. */
async function take(ferry: Ferry, known: Known | undefined, doing: Step): Promise<Known | undefined> {
  if (doing.do === "register") {
    const { disks, ...members } = doing.sent;
    const body = { ...members, ...(disks && { disks: disks.map((name) => ({ name })) }) };
    const first = { ...registration(), ...body, name: body.name ?? "first" };
    const { status, json } = await send(ferry, known ? { id: known.id, ...body } : first);
    expect(status).toBe(200);
    if (known) expect(json.id).toBe(known.id);
    return after(known, json.id, ferry.clock.now(), known ? doing.sent : { ...doing.sent, name: first.name });
  }
  if (!known || doing.do === "nothing") return known;
  const path = `/v3/sources/${known.id}`;
  switch (doing.do) {
    case "set": {
      const body = { disks: [{ id: 1, adjust_size: 7 }] };
      expect((await ferry.call("operator", "PUT", path, { body })).status).toBe(200);
      return { ...known, disks: known.disks?.map((disk) => (disk.id === 1 ? { ...disk, adjust_size: 7 } : disk)) };
    }
    case "rename":
      expect((await ferry.call("operator", "PUT", path, { body: { name: "renamed" } })).status).toBe(200);
      return { ...known, name: "renamed" };
    case "task": {
      if (known.hasTask) return known;
      await makeTask(ferry, known.id);
      const [place] = await ferry.rows("SELECT state, migration_cycle FROM sources WHERE id = ?", known.id);
      expect(place).toEqual({ state: known.state, migration_cycle: known.migration_cycle });
      return { ...known, hasTask: true };
    }
    case "delete": {
      expect((await ferry.call("operator", "DELETE", path)).status).toBe(200);
      const gone = await send(ferry, { id: known.id, hostname: "h3" });
      expect([gone.status, gone.json.error_msg]).toEqual([404, `source ${known.id} is unknown`]);
      return undefined;
    }
  }
}

async function stored(ferry: Ferry, id: string): Promise<Record<string, unknown>> {
  const [row] = await ferry.rows(
    `SELECT name, state, migration_cycle, registered_at, state_action_time, stage_action_time,
       registration ->> 'hostname' AS hostname, registration -> 'disks' AS disks FROM sources WHERE id = ?`,
    id,
  );
  const events = await ferry.rows(
    "SELECT type, data ->> 'name' AS name, actor, address FROM events WHERE source_seq = (SELECT seq FROM sources WHERE id = ?) AND type IN ('source.registered', 'source.reregistered') ORDER BY seq",
    id,
  );
  return { ...row, disks: row?.disks ? JSON.parse(String(row.disks)) : undefined, events };
}

test("any registrations of several sources at once are kept as the rules say", async () => {
  await fc.assert(
    fc.asyncProperty(turns, async (history) => {
      const ferry = await startFerry();
      try {
        const sources: (Known | undefined)[] = Array(SOURCES).fill(undefined);
        for (const steps of history) {
          const next = await Promise.all(sources.map((known, index) => take(ferry, known, steps[index] as Step)));
          sources.splice(0, SOURCES, ...next);
          await ferry.clock.advance(1_000);
        }
        const doer = { actor: ferry.keys.agent.access_key, address: "192.0.2.7" };
        for (const known of sources) {
          if (!known) continue;
          expect(await stored(ferry, known.id)).toEqual({
            name: known.name,
            state: known.state,
            migration_cycle: known.migration_cycle,
            registered_at: known.times.registered,
            state_action_time: known.times.state,
            stage_action_time: known.times.stage,
            hostname: known.hostname ?? null,
            disks: known.disks,
            events: known.events.map((event) => ({ ...event, ...doer })),
          });
        }
      } finally {
        await ferry.stop();
      }
    }),
    { numRuns: Number(process.env.FERRY_MODEL_RUNS ?? 10), endOnFailure: false },
  );
}, 120_000);

test("2,000 agents at once share a few commits; what was answered survives a crash", async () => {
  const ferry = await startFerry();
  try {
    const { client } = ferry.database;
    await register(ferry, "first");
    const batch = client.batch.bind(client);
    let commits = 0;
    client.batch = (...args) => {
      commits += 1;
      return batch(...args);
    };
    const names = Array.from({ length: 2_000 }, (_, index) => `s${index}`);
    const ids = await Promise.all(names.map(async (name) => (await send(ferry, registration(name))).json.id));
    expect(commits).toBeLessThan(500);
    await ferry.restart();
    const kept = await ferry.rows("SELECT id, name FROM sources WHERE name <> 'first'");
    expect(new Map(kept.map(({ name, id }) => [name, id]))).toEqual(new Map(names.map((name, at) => [name, ids[at]])));
    const [events] = await ferry.rows("SELECT count(*) AS count FROM events WHERE type = 'source.registered'");
    expect(events?.count).toBe(2_001);
  } finally {
    await ferry.stop();
  }
}, 60_000);

test("the first ones of an account, all at once, make one SystemProject and join it", async () => {
  const ferry = await startFerry();
  try {
    const all = await Promise.all(["a", "b", "c"].map((name) => send(ferry, registration(name))));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    const joined = await ferry.rows(
      "SELECT migprojects.name, count(*) AS sources FROM sources JOIN migprojects ON migprojects.seq = migproject_seq GROUP BY 1",
    );
    expect(joined).toEqual([{ name: "SystemProject", sources: 3 }]);
    const [events] = await ferry.rows("SELECT count(*) AS count FROM events WHERE type = 'source.registered'");
    expect(events?.count).toBe(3);
  } finally {
    await ferry.stop();
  }
});

test("what operators set meanwhile and what agents register loses nothing, whichever comes first", async () => {
  const ferry = await startFerry();
  try {
    for (let round = 0; round < 20; round += 1) {
      const id = await register(ferry, `s${round}`, { disks: [{ name: "vda" }, { name: "vdb" }] });
      const set = (body: object) => ferry.call("operator", "PUT", `/v3/sources/${id}`, { body });
      const calls = [
        () => set({ name: "renamed" }),
        () => send(ferry, { id, hostname: "h" }),
        () => set({ disks: [{ id: 2, adjust_size: 7 }] }),
        () => send(ferry, { id, kernel_version: "6" }),
      ];
      const turned = [...calls.slice(round % 4), ...calls.slice(0, round % 4)];
      const replies = await Promise.all(turned.map((call) => call()));
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      const [row] = await ferry.rows("SELECT name, registration FROM sources WHERE id = ?", id);
      expect(row?.name).toBe("renamed");
      expect(JSON.parse(String(row?.registration))).toMatchObject({
        hostname: "h",
        kernel_version: "6",
        disks: [{ name: "vda" }, { name: "vdb", adjust_size: 7 }],
      });
      const [events] = await ferry.rows(
        "SELECT count(*) AS count FROM events WHERE source_seq = (SELECT seq FROM sources WHERE id = ?) AND type = 'source.reregistered'",
        id,
      );
      expect(events?.count).toBe(2);
    }
  } finally {
    await ferry.stop();
  }
});

test("merged with what is no longer there, nothing is done; others of the group are", async () => {
  const ferry = await startFerry();
  try {
    for (const name of ["changed", "deleted", "same"]) await register(ferry, name);
    const read = await ferry.rows("SELECT seq, id, registration FROM sources ORDER BY seq");
    await ferry.call("operator", "PUT", `/v3/sources/${read[0]?.id}`, { body: { disks: [] } });
    await ferry.database.client.execute({
      sql: "UPDATE sources SET registration = json_set(registration, '$.hostname', 'other') WHERE seq = ?",
      args: [read[0]?.seq ?? null],
    });
    await ferry.call("operator", "DELETE", `/v3/sources/${read[1]?.id}`);
    const group = ferry.database.writer.group(knownSourceGroup(ferry.database));
    const rows = read.map(({ seq, registration: before }) => ({
      seq: seq as number,
      before: before as string,
      name: "new name",
      ip: null,
      ipv6: null,
      state: "waiting" as const,
      migration_cycle: "setting" as const,
      registration: before as string,
      at: ferry.clock.now(),
      actor: "somebody",
      address: null,
    }));
    expect(await Promise.all(rows.map((row) => group.add(row)))).toEqual([false, false, true]);
    expect((await ferry.rows("SELECT name FROM sources ORDER BY seq")).map(({ name }) => name)).toEqual([
      "changed",
      "deleted",
      "new name",
    ]);
    const events = await ferry.rows(
      "SELECT sources.id AS source_id FROM events JOIN sources ON sources.seq = source_seq WHERE type = 'source.reregistered'",
    );
    expect(events).toEqual([{ source_id: read[2]?.id ?? null }]);
  } finally {
    await ferry.stop();
  }
});

test("one that cannot be kept is refused, and takes no other with it", async () => {
  const ferry = await startFerry();
  try {
    const known = await register(ferry, "known");
    const other = await register(ferry, "other");
    for (const what of ["INSERT", "UPDATE"]) {
      await ferry.database.client.execute(
        `CREATE TRIGGER refusing_${what} BEFORE ${what} ON sources WHEN new.name = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END`,
      );
    }
    const replies = await Promise.all(
      [
        registration("good"),
        registration("bad"),
        registration("best"),
        { id: known, name: "bad" },
        { id: other, name: "good" },
      ].map((body) => send(ferry, body)),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 500, 200, 500, 200]);
    expect((await ferry.rows("SELECT name FROM sources ORDER BY name")).map(({ name }) => name)).toEqual([
      "best",
      "good",
      "good",
      "known",
    ]);
    const named = await ferry.rows("SELECT count(*) AS count FROM events WHERE data ->> 'name' = 'bad'");
    expect(named).toEqual([{ count: 0 }]);
  } finally {
    await ferry.stop();
  }
});

test("a registration too long for a group, before or after, is kept all the same", async () => {
  const ferry = await startFerry();
  try {
    const disks = Array.from({ length: 8_000 }, (_, index) => ({ name: `disk-${index}`, size: 10_000_000_000 }));
    const id = await register(ferry, "web-1");
    for (const body of [{ disks }, { hostname: "h" }, { disks: [] }, { kernel_version: "6" }]) {
      expect((await send(ferry, { id, ...body })).json).toEqual({ id });
    }
    const [row] = await ferry.rows("SELECT registration FROM sources");
    expect(JSON.parse(String(row?.registration))).toMatchObject({ disks: [], hostname: "h", kernel_version: "6" });
    const events = await ferry.rows("SELECT seq FROM events WHERE type = 'source.reregistered'");
    expect(events).toHaveLength(4);
  } finally {
    await ferry.stop();
  }
});

test("enrolment keys at once are each bound to one source, whoever else uses them", async () => {
  const ferry = await startFerry();
  try {
    await register(ferry, "first");
    const make = () => ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const keys = [(await make()).json, (await make()).json, (await make()).json];
    const replies = await Promise.all(
      [...keys, ...keys].map((key, index) =>
        ferry.call(key, "POST", "/v3/sources", { body: registration(`s${index}`) }),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    const ids = replies.map(({ json }) => json.id);
    // The second call with a key means the source that the first one registered.
    expect(ids.slice(3)).toEqual(ids.slice(0, 3));
    expect(new Set(ids).size).toBe(3);
    const bound = await ferry.rows("SELECT access_key, source_id FROM access_keys WHERE is_enrolment ORDER BY seq");
    expect(bound).toEqual(keys.map(({ access_key }, index) => ({ access_key, source_id: ids[index] })));
    for (const [index, { access_key }] of keys.entries()) {
      const events = await ferry.rows(
        "SELECT type, data FROM events WHERE source_seq = (SELECT seq FROM sources WHERE id = ?) AND actor = ? ORDER BY seq",
        ids[index],
        access_key,
      );
      expect(events.map(({ type }) => type)).toEqual(["source.registered", "key.bound", "source.reregistered"]);
      expect(events[1]?.data).toBe(JSON.stringify({ access_key }));
      const names = events.flatMap(({ data }) => JSON.parse(String(data)).name ?? []);
      expect(names.sort()).toEqual([`s${index}`, `s${index + 3}`]);
      // Memory knows it as well.
      const own = await ferry.call(keys[index], "GET", `/v3/sources/${ids[index]}/command`);
      const other = await ferry.call(keys[index], "GET", `/v3/sources/${ids[(index + 1) % 3]}/command`);
      expect([own.status, other.status]).toEqual([200, 403]);
    }
  } finally {
    await ferry.stop();
  }
});

test("a key bound to its source registers that one again, and no other", async () => {
  const ferry = await startFerry();
  try {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const other = await register(ferry, "other");
    const enrol = async (body: object) => ferry.call(key, "POST", "/v3/sources", { body });
    const { id } = (await enrol(registration("mine"))).json;
    expect((await enrol({ ...registration("mine"), hostname: "h" })).json).toEqual({ id });
    expect((await enrol({ id, kernel_version: "6" })).json).toEqual({ id });
    expect((await enrol({ id: other, kernel_version: "6" })).status).toBe(403);
    await ferry.call("admin", "DELETE", `/v3/sources/${id}`);
    const { json: again } = await enrol(registration("anew"));
    expect(again.id).not.toBe(id);
    expect(
      (await ferry.rows("SELECT source_id FROM access_keys WHERE is_enrolment")).map((row) => row.source_id),
    ).toEqual([again.id]);
  } finally {
    await ferry.stop();
  }
});
