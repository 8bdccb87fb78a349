import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, register, START, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const BASE = "/v3/migprojects";
const post = (body: object, as: Caller = "operator") => ferry.call(as, "POST", BASE, { body });
const create = async (name: string, more: object = {}, as: Caller = "operator"): Promise<string> => {
  const { status, json } = await post({ name, region: "region-1", type: "MIGRATE_FILE", ...more }, as);
  expect([status, Object.keys(json)]).toEqual([200, ["id"]]);
  return json.id;
};
const show = async (id: string) => (await ferry.call("viewer", "GET", `${BASE}/${id}`)).json;
const list = async (query = "", as: Caller = "viewer") => (await ferry.call(as, "GET", `${BASE}${query}`)).json;
const update = (id: string, body: object) => ferry.call("operator", "PUT", `${BASE}/${id}`, { body });
const makeDefault = (id: string) => ferry.call("operator", "PUT", `${BASE}/${id}/default`, { body: {} });
const remove = (id: string, as: Caller = "operator") => ferry.call(as, "DELETE", `${BASE}/${id}`);
const defaults = async (as: Caller = "viewer") =>
  (await list("", as)).migprojects
    .filter(({ isdefault }: { isdefault: boolean }) => isdefault)
    .map(({ name }: { name: string }) => name);
const holding = async () =>
  (await list()).migprojects
    .filter(({ exist_server }: { exist_server: boolean }) => exist_server)
    .map(({ name }: { name: string }) => name);
const systemId = async (as: Caller = "viewer"): Promise<string> => (await list("", as)).migprojects[0].id;
const events = async (): Promise<{ type: string; actor: string | null; data: Record<string, unknown> }[]> =>
  (await ferry.rows("SELECT type, actor, data FROM events WHERE type LIKE 'migproject.%' ORDER BY seq")).map(
    ({ type, actor, data }) => ({
      type: String(type),
      actor: actor === null ? null : String(actor),
      data: JSON.parse(String(data)),
    }),
  );

const system = {
  name: "SystemProject",
  description: "",
  isdefault: true,
  region: "region-1",
  start_target_server: true,
  speed_limit: 0,
  use_public_ip: true,
  exist_server: true,
  type: "MIGRATE_FILE",
  enterprise_project: "default",
  syncing: false,
  start_network_check: false,
};

describe("SystemProject", () => {
  test("is there from the first look on, made once and by nobody", async () => {
    const first = await Promise.all([list(), list(), list()]);
    const [{ id }] = first[0].migprojects;
    for (const reply of first) {
      expect(reply).toEqual({ count: 1, migprojects: [{ id, ...system, exist_server: false }] });
    }
    expect(await show(id)).toEqual(system);
    expect(await events()).toEqual([
      {
        type: "migproject.created",
        actor: null,
        data: { migproject_id: id, name: "SystemProject", isdefault: true },
      },
    ]);
    expect(await ferry.rows("SELECT created_at FROM migprojects")).toEqual([{ created_at: START }]);
  });

  test("a look at it writes nothing once it is there", async () => {
    await list();
    ferry.database.writer.transaction = () => Promise.reject(new Error("a read wrote"));
    expect((await list()).count).toBe(1);
    expect((await show(await systemId())).name).toBe("SystemProject");
  });

  test("is there before the first project made, and its name is taken", async () => {
    expect((await post({ name: "SystemProject", region: "r", type: "MIGRATE_FILE" })).json.error_code).toBe("SMS.8009");
    await create("wave-1");
    expect((await list()).migprojects.map(({ name }: { name: string }) => name)).toEqual(["SystemProject", "wave-1"]);
  });

  test("is a project like any other: renamed, no longer the default, deleted", async () => {
    const id = await systemId();
    await update(id, { name: "first", speed_limit: 5 });
    expect(await show(id)).toEqual({ ...system, name: "first", speed_limit: 5 });
    await create("wave-1", { isdefault: true });
    expect((await remove(id)).status).toBe(200);
    await register(ferry);
    expect((await list()).migprojects).toMatchObject([{ name: "wave-1", isdefault: true, exist_server: true }]);
  });
});

describe("createMigproject and showMigproject", () => {
  test("what is absent is as SystemProject has it, isdefault false; null counts as absent", async () => {
    const expected = { ...system, name: "wave-1", isdefault: false, region: "r-9", type: "MIGRATE_BLOCK" };
    const id = await create("wave-1", { region: "r-9", type: "MIGRATE_BLOCK" });
    expect(await show(id)).toEqual(expected);
    const nulls = { description: null, isdefault: null, speed_limit: null, enterprise_project: null, syncing: null };
    const other = await create("wave-2", { region: "r-9", type: "MIGRATE_BLOCK", ...nulls });
    expect(await show(other)).toEqual({ ...expected, name: "wave-2" });
  });

  test("everything sent comes back; an older spelling is an unknown member", async () => {
    const body = {
      description: "the first",
      isdefault: false,
      region: "",
      start_target_server: false,
      speed_limit: 1000,
      use_public_ip: false,
      exist_server: false,
      type: "MIGRATE_BLOCK",
      enterprise_project: "ep-1",
      syncing: true,
      start_network_check: true,
    };
    const id = await create("Welle ä", body);
    expect(await show(id)).toEqual({ name: "Welle ä", ...body });
    const older = await create("older", { start_networck_check: true, id: "x" });
    expect(await show(older)).toEqual({ ...system, name: "older", isdefault: false });
  });

  test.each([[""], [null], [undefined]])("enterprise_project %p is default", async (enterprise_project) => {
    expect((await show(await create("wave-1", { enterprise_project }))).enterprise_project).toBe("default");
  });

  test("isdefault true makes it the one default, and records that", async () => {
    const id = await create("wave-1", { isdefault: true });
    expect(await defaults()).toEqual(["wave-1"]);
    expect((await events()).at(-1)).toEqual({
      type: "migproject.created",
      actor: ferry.keys.operator.access_key,
      data: { migproject_id: id, name: "wave-1", isdefault: true },
    });
    await register(ferry);
    expect(await holding()).toEqual(["wave-1"]);
  });

  test("a name is unique in its account, case and all", async () => {
    await create("wave-1");
    const { status, json } = await post({ name: "wave-1", region: "r", type: "MIGRATE_FILE", isdefault: true });
    expect([status, json]).toEqual([
      400,
      { error_code: "SMS.8009", error_msg: "there is a migration project named wave-1 already" },
    ]);
    expect([await defaults(), (await list()).count]).toEqual([["SystemProject"], 2]);
    await create("Wave-1");
    await create("wave-1", {}, "foreign");
    await create("x".repeat(100));
  });

  test.each([
    ["no name", { name: undefined }, "name (in the body) is missing"],
    ["an empty name", { name: "" }, "name (in the body) must have at least 1 characters"],
    ["101 characters", { name: "x".repeat(101) }, "name (in the body) must have at most 100 characters"],
    ["no region", { region: undefined }, "region (in the body) is missing"],
    ["a long region", { region: "x".repeat(101) }, "region"],
    ["no type", { type: undefined }, "type (in the body) is missing"],
    ["another type", { type: "MIGRATE_ALL" }, "must be one of MIGRATE_FILE, MIGRATE_BLOCK, not"],
    ["a limit over 1000", { speed_limit: 1001 }, "speed_limit (in the body) must be at most 1000"],
    ["a limit as text", { speed_limit: "1" }, "speed_limit"],
    ["a flag as text", { isdefault: "true" }, "isdefault"],
    ["a long description", { description: "x".repeat(256) }, "description"],
  ])("refuses %s, saying what is wrong", async (_name, more, said) => {
    const { status, json } = await post({ name: "wave-1", region: "r", type: "MIGRATE_FILE", ...more });
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect((await list()).count).toBe(1);
  });

  test("an unknown project is 404, another account's in the same words", async () => {
    const theirs = await create("theirs", {}, "foreign");
    for (const id of [theirs, "nobody"]) {
      const { status, json } = await ferry.call("viewer", "GET", `${BASE}/${id}`);
      expect([status, json]).toEqual([
        404,
        { error_code: "SMS.8004", error_msg: `migration project ${id} is unknown` },
      ]);
    }
    expect((await ferry.call("viewer", "GET", `${BASE}/${"x".repeat(37)}`)).status).toBe(400);
  });

  test("what was made with one region's project id is read and deleted with another's", async () => {
    const ids: string[] = [];
    for (const name of ["r-1", "r-2"]) {
      ids.push((await ferry.call("operator", "GET", `/v3/projects?name=${name}`)).json.projects[0].id);
    }
    const headers = (index: number) => ({ headers: { "x-project-id": ids[index] ?? "" } });
    const body = { name: "wave-1", region: "r-1", type: "MIGRATE_FILE" };
    const { json } = await ferry.call("operator", "POST", BASE, { body, ...headers(0) });
    expect((await ferry.call("operator", "GET", `${BASE}/${json.id}`, headers(1))).json.region).toBe("r-1");
    expect((await ferry.call("operator", "DELETE", `${BASE}/${json.id}`, headers(1))).status).toBe(200);
  });
});

describe("listMigprojects", () => {
  test("pages oldest first: 50 unless said, 0 too, at most 100, with the true count", async () => {
    for (let number = 1; number < 52; number += 1) await create(`p${number}`);
    const names = async (query: string) =>
      (await list(query)).migprojects.map(({ name }: { name: string }) => name) as string[];
    expect((await names("")).length).toBe(50);
    expect((await names("?limit=0")).length).toBe(50);
    expect((await names("?limit=100")).length).toBe(52);
    expect(await names("?limit=2&offset=49")).toEqual(["p49", "p50"]);
    expect(await names("?offset=50")).toEqual(["p50", "p51"]);
    expect(await list("?limit=1&offset=52")).toEqual({ count: 52, migprojects: [] });
    expect((await list("", "foreign")).count).toBe(1);
  });

  test("exist_server: whether it holds sources now; showMigproject: as stored", async () => {
    const wave = await create("wave-1", { exist_server: false });
    expect(await holding()).toEqual([]);
    const source = await register(ferry);
    expect(await holding()).toEqual(["SystemProject"]);
    await ferry.call("operator", "PUT", `/v3/sources/${source}`, { body: { migprojectid: wave } });
    expect(await holding()).toEqual(["wave-1"]);
    expect([(await show(wave)).exist_server, (await show(await systemId())).exist_server]).toEqual([false, true]);
    await ferry.call("operator", "DELETE", `/v3/sources/${source}`);
    expect(await holding()).toEqual([]);
  });

  test.each(["limit=101", "limit=-1", "limit=two", "offset=65536", "limit=1&limit=2"])("refuses %s", async (query) => {
    const { status, json } = await ferry.call("viewer", "GET", `${BASE}?${query}`);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  });

  test("looks sources up by the index of their project", async () => {
    const plan = await ferry.rows(
      "EXPLAIN QUERY PLAN SELECT EXISTS (SELECT 1 FROM sources WHERE sources.migproject_seq = migprojects.seq AND sources.deleted_at IS NULL) FROM migprojects",
    );
    expect(plan.map(({ detail }) => detail).join("\n")).toContain("sources_by_migproject (migproject_seq=?)");
  });
});

describe("updateMigproject", () => {
  test("changes the members sent; what is absent or null stays", async () => {
    const id = await create("wave-1", { description: "d", enterprise_project: "ep-1", syncing: true });
    const before = await show(id);
    const change = { name: "wave-one", region: "x".repeat(255), speed_limit: 7, type: "MIGRATE_BLOCK", syncing: false };
    const reply = await update(id, { ...change, description: null, start_networck_check: true });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect(await show(id)).toEqual({ ...before, ...change });
    expect((await events()).at(-1)).toEqual({
      type: "migproject.updated",
      actor: ferry.keys.operator.access_key,
      data: { migproject_id: id, name: "wave-one" },
    });
  });

  test.each([[""], [null]])("enterprise_project %p is default again", async (enterprise_project) => {
    const id = await create("wave-1", { enterprise_project: "ep-1" });
    await update(id, { enterprise_project });
    expect((await show(id)).enterprise_project).toBe("default");
  });

  test("what changes nothing is recorded by nothing: no members, equal ones, isdefault false on the default", async () => {
    const id = await create("wave-1", { isdefault: true });
    const count = (await events()).length;
    for (const body of [{}, { name: "wave-1", region: "region-1", speed_limit: 0 }, { isdefault: false }]) {
      expect((await update(id, body)).text).toBe("{}");
    }
    expect([await defaults(), (await events()).length]).toEqual([["wave-1"], count]);
    // It takes back nothing from one that is not the default, either.
    await update(await systemId(), { isdefault: false });
    expect([await defaults(), (await events()).length]).toEqual([["wave-1"], count]);
  });

  test("isdefault true makes it the one default; false beside other members leaves that alone", async () => {
    const id = await create("wave-1");
    await update(id, { isdefault: true, speed_limit: 3 });
    expect(await defaults()).toEqual(["wave-1"]);
    await update(id, { isdefault: false, speed_limit: 4 });
    expect(await defaults()).toEqual(["wave-1"]);
    expect(await show(id)).toMatchObject({ isdefault: true, speed_limit: 4 });
    expect((await events()).slice(-2).map(({ data }) => data.isdefault)).toEqual([true, undefined]);
  });

  test("another project's name is refused, and nothing changes", async () => {
    const id = await create("wave-1");
    for (const name of ["SystemProject", await create("wave-2").then(() => "wave-2")]) {
      const { status, json } = await update(id, { name, isdefault: true, speed_limit: 9 });
      expect([status, json.error_code]).toEqual([400, "SMS.8009"]);
    }
    expect(await show(id)).toMatchObject({ name: "wave-1", isdefault: false, speed_limit: 0 });
    expect(await defaults()).toEqual(["SystemProject"]);
  });

  test("refuses what is wrong and what is not there", async () => {
    const id = await create("wave-1");
    for (const body of [
      { name: "" },
      { name: "x".repeat(101) },
      { type: "x" },
      { speed_limit: 1001 },
      { isdefault: 1 },
    ]) {
      expect([body, (await update(id, body)).status]).toEqual([body, 400]);
    }
    expect((await update("nobody", { name: "a" })).status).toBe(404);
    expect((await ferry.call("foreign", "PUT", `${BASE}/${id}`, { body: { name: "a" } })).status).toBe(404);
    expect((await show(id)).name).toBe("wave-1");
  });
});

describe("updateDefaultMigproject", () => {
  test("makes it the one new sources join; a body is not looked at", async () => {
    const id = await create("wave-1");
    const reply = await ferry.call("operator", "PUT", `${BASE}/${id}/default`, { text: "{" });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect(await defaults()).toEqual(["wave-1"]);
    await register(ferry);
    expect(await holding()).toEqual(["wave-1"]);
    expect((await events()).at(-1)).toMatchObject({
      type: "migproject.updated",
      data: { migproject_id: id, name: "wave-1", isdefault: true },
    });
  });

  test("again changes and records nothing; many at once leave exactly one", async () => {
    const ids = [await create("a"), await create("b"), await create("c")];
    await makeDefault(ids[0] ?? "");
    const count = (await events()).length;
    await makeDefault(ids[0] ?? "");
    expect((await events()).length).toBe(count);
    await Promise.all([...ids, ...ids].map(makeDefault));
    expect((await defaults()).length).toBe(1);
    expect(await defaults("foreign")).toEqual(["SystemProject"]);
  });

  test("unknown and foreign ones are 404, and the default stays", async () => {
    const theirs = await create("theirs", {}, "foreign");
    expect((await makeDefault("nobody")).status).toBe(404);
    expect((await makeDefault(theirs)).status).toBe(404);
    expect([await defaults(), await defaults("foreign")]).toEqual([["SystemProject"], ["SystemProject"]]);
  });
});

describe("deleteMigproject", () => {
  test("takes it away; a body is not looked at; again it is unknown; its name is free", async () => {
    const id = await create("wave-1");
    const reply = await ferry.call("operator", "DELETE", `${BASE}/${id}`, { text: '["a"' });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect((await remove(id)).status).toBe(404);
    expect((await events()).at(-1)).toMatchObject({
      type: "migproject.deleted",
      data: { migproject_id: id, name: "wave-1" },
    });
    await create("wave-1");
  });

  test("the default one stays", async () => {
    const id = await systemId();
    const { status, json } = await remove(id);
    expect([status, json]).toEqual([
      400,
      {
        error_code: "SMS.8009",
        error_msg: "migration project SystemProject is the default one: make another one that first",
      },
    ]);
    await makeDefault(await create("wave-1"));
    expect((await remove(id)).status).toBe(200);
  });

  test("one that holds sources stays until they are moved or deleted", async () => {
    const id = await create("wave-1", { isdefault: true });
    const [moved, deleted] = [await register(ferry, "moved"), await register(ferry, "deleted")];
    await makeDefault(await systemId());
    const { status, json } = await remove(id);
    expect([status, json.error_code, json.error_msg]).toEqual([
      400,
      "SMS.8009",
      "migration project wave-1 holds sources: move or delete them first",
    ]);
    await ferry.call("operator", "PUT", `/v3/sources/${moved}`, { body: { migprojectid: await systemId() } });
    expect((await remove(id)).status).toBe(400);
    await ferry.call("operator", "DELETE", `/v3/sources/${deleted}`);
    expect((await remove(id)).status).toBe(200);
  });

  test("what a deleted source did stays readable, and no later project takes its place", async () => {
    const id = await create("wave-1", { isdefault: true });
    const source = await register(ferry);
    const command = await ferry.call("operator", "POST", `/operate/v1/sources/${source}/commands`, {
      body: { command_name: "START" },
    });
    await ferry.call("operator", "DELETE", `/v3/sources/${source}`);
    await makeDefault(await systemId());
    expect((await remove(id)).status).toBe(200);
    expect((await ferry.call("viewer", "GET", `/operate/v1/commands/${command.json.id}`)).json).toMatchObject({
      source_id: source,
      state: "cancelled",
    });
    const next = await create("wave-1");
    const [row] = await ferry.rows(
      "SELECT (SELECT count(*) FROM migprojects WHERE seq = migproject_seq) AS n FROM sources WHERE id = ?",
      source,
    );
    expect(row).toEqual({ n: 0 });
    expect((await ferry.call("viewer", "GET", `/v3/sources?migproject=${id}`)).json.count).toBe(0);
    expect((await remove(next)).status).toBe(200);
  });

  test("another account's stays", async () => {
    const id = await create("wave-1");
    expect((await remove(id, "foreign")).status).toBe(404);
    expect((await list()).count).toBe(2);
  });
});
