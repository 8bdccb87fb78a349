import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { type Caller, type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const BASE = "/v3/vm/templates";
const create = async (template: object, as: Caller = "operator"): Promise<string> => {
  const { status, json } = await ferry.call(as, "POST", BASE, { body: { template } });
  expect([status, Object.keys(json)]).toEqual([200, ["id"]]);
  return json.id;
};
const show = async (id: string) => (await ferry.call("viewer", "GET", `${BASE}/${id}`)).json.template;
const update = (id: string, body: object) => ferry.call("operator", "PUT", `${BASE}/${id}`, { body });
const password = async (id: string) => (await ferry.call("operator", "GET", `${BASE}/${id}/target-password`)).json;
const list = async (query = "", as: Caller = "viewer") => (await ferry.call(as, "GET", `${BASE}${query}`)).json;
const names = async (query = "") => (await list(query)).templates.map(({ name }: { name: string }) => name);
const removeAll = (ids: unknown, as: Caller = "operator") =>
  ferry.call(as, "POST", `${BASE}/delete`, { body: { ids } });
const events = () => ferry.rows("SELECT type, actor, data FROM events WHERE type LIKE 'template.%' ORDER BY seq");

/** Everything a template can hold. */
const full = {
  name: "small",
  is_template: true,
  region: "region-1",
  projectid: "p-1",
  target_server_name: "web-1",
  availability_zone: "region-1a",
  volumetype: "GPSSD",
  flavor: "s3.medium.2",
  vpc: { id: "autoCreate", name: "autoCreate", cidr: "192.168.0.0/16" },
  nics: [
    { id: "autoCreate", name: "autoCreate" },
    { id: "n-2", name: "net", cidr: "192.168.1.0/24", ip: "192.168.1.7" },
  ],
  security_groups: [{ id: "sg-1", name: "default" }],
  publicip: { type: "5_bgp", bandwidth_size: 5, bandwidth_share_type: "PER" },
  disk: [
    { id: 7, index: 0, name: "system disk", disktype: "SAS", size: 40, device_use: "OS" },
    { index: 1, name: "data", disktype: "any type", size: 9007199254740991 },
  ],
  data_volume_type: "ESSD",
  target_password: "s3cret\u00e9",
  image_id: "i-1",
};

/** How a template that was made with nothing but a name reads. */
const bare = (id: string, name = "bare") => ({
  id,
  name,
  is_template: "false",
  region: "",
  projectid: "",
  target_server_name: "",
  availability_zone: "",
  volumetype: "",
  flavor: "",
  nics: [],
  security_groups: [],
  disk: [],
  data_volume_type: "",
  target_password: "",
  image_id: "",
});

describe("createTemplate and showTemplate", () => {
  test("give back what was sent, is_template as text, the password nowhere", async () => {
    const id = await create(full);
    expect(id).toHaveLength(36);
    expect(await show(id)).toEqual({ ...full, id, is_template: "true", target_password: "" });
    expect((await list()).templates).toEqual([await show(id)]);
  });

  test("absent texts are empty, absent lists too, absent objects absent; null counts as absent", async () => {
    const id = await create({ name: "bare", vpc: null, publicip: null, flavor: null });
    expect(await show(id)).toEqual(bare(id));
    const { template } = (await ferry.call("viewer", "GET", `${BASE}/${await create({ name: "n", vpc: {} })}`)).json;
    expect(template.vpc).toEqual({});
  });

  test("names need not be unique; a name has 1 to 64 characters of any kind", async () => {
    await create({ name: "same" });
    await create({ name: "same" });
    await create({ name: "😀 ".repeat(32) });
    expect(await names()).toEqual(["same", "same", "😀 ".repeat(32)]);
  });

  test("is recorded by id and name, and by no secret", async () => {
    const id = await create(full);
    expect(await events()).toEqual([
      {
        type: "template.created",
        actor: ferry.keys.operator.access_key,
        data: JSON.stringify({ template_id: id, name: "small" }),
      },
    ]);
  });

  test.each([
    ["no template", {}, "template (in the body) is missing"],
    ["members beside a template", full, "template (in the body) is missing"],
    ["no name", { template: {} }, "template.name (in the body) is missing"],
    ["an empty name", { template: { name: "" } }, "template.name (in the body) must have at least 1 characters"],
    ["65 characters", { template: { name: "x".repeat(65) } }, "template.name"],
    ["is_template as text", { template: { name: "a", is_template: "true" } }, "template.is_template"],
    ["a network without id", { template: { name: "a", nics: [{ name: "n" }] } }, "template.nics.0.id"],
    ["a disk without type", { template: { name: "a", disk: [{ index: 0, name: "d", size: 1 }] } }, "disk.0.disktype"],
    ["an address of no width", { template: { name: "a", publicip: { type: "t", bandwidth_size: 0 } } }, "at least 1"],
    ["a network's empty name", { template: { name: "a", vpc: { name: "" } } }, "template.vpc.name"],
    ["a password of 1025", { template: { name: "a", target_password: "x".repeat(1025) } }, "template.target_password"],
  ])("refuses %s, saying what is wrong", async (_name, body, said) => {
    const { status, json } = await ferry.call("operator", "POST", BASE, { body });
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
    expect((await list()).count).toBe(0);
  });

  test("an unknown template is 404, another account's in the same words", async () => {
    const id = await create({ name: "theirs" }, "foreign");
    for (const [as, asked] of [
      ["viewer", id],
      ["viewer", "nobody"],
    ] as const) {
      const { status, json } = await ferry.call(as, "GET", `${BASE}/${asked}`);
      expect([status, json]).toEqual([404, { error_code: "SMS.8004", error_msg: `template ${asked} is unknown` }]);
    }
    expect((await ferry.call("viewer", "GET", `${BASE}/${"x".repeat(37)}`)).status).toBe(400);
  });
});

describe("showTargetPassword", () => {
  test("is the one place that tells it; an absent one is empty", async () => {
    const id = await create(full);
    expect(await password(id)).toEqual({ template_id: id, target_password: full.target_password });
    const without = await create({ name: "bare" });
    expect(await password(without)).toEqual({ template_id: without, target_password: "" });
    const longest = "ä".repeat(1024);
    expect((await password(await create({ name: "long", target_password: longest }))).target_password).toBe(longest);
  });

  test("is sealed for its template: nothing readable is stored, and it does not open in another one", async () => {
    const id = await create(full);
    const other = await create({ name: "other", target_password: "another" });
    const [row] = await ferry.rows("SELECT * FROM templates WHERE id = ?", id);
    expect(JSON.stringify(row)).not.toContain("s3cret");
    expect(String(row?.target_password_sealed)).not.toContain(Buffer.from("s3cret").toString("base64url"));
    await ferry.database.client.execute({
      sql: "UPDATE templates SET target_password_sealed = ? WHERE id = ?",
      args: [String(row?.target_password_sealed), other],
    });
    const reply = await ferry.call("operator", "GET", `${BASE}/${other}/target-password`);
    expect([reply.status, reply.json.error_code]).toEqual([500, "SMS.2007"]);
    expect(reply.text).not.toContain("s3cret");
  });

  test("is kept from viewers and from other accounts", async () => {
    const id = await create(full);
    expect((await ferry.call("viewer", "GET", `${BASE}/${id}/target-password`)).status).toBe(403);
    expect((await ferry.call("foreign", "GET", `${BASE}/${id}/target-password`)).status).toBe(404);
    expect((await ferry.call("admin", "GET", `${BASE}/nobody/target-password`)).status).toBe(404);
  });
});

describe("updateTemplate", () => {
  test("changes the members sent, each as a whole; what is absent or null stays, the password too", async () => {
    const id = await create(full);
    const change = {
      name: "larger",
      flavor: "s3.large.2",
      region: "region-2",
      vpc: { id: "v-2", name: "v" },
      nics: [],
      is_template: false,
      volumetype: null,
    };
    const reply = await update(id, { template: change });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect(await show(id)).toEqual({
      ...full,
      ...change,
      id,
      volumetype: "GPSSD",
      is_template: "false",
      target_password: "",
    });
    expect((await password(id)).target_password).toBe(full.target_password);
    expect((await list("?region=region-2")).count).toBe(1);
    expect((await events()).at(-1)).toMatchObject({
      type: "template.updated",
      data: JSON.stringify({ template_id: id, name: "larger" }),
    });
  });

  test("gives a template what it had not", async () => {
    const id = await create({ name: "bare" });
    await update(id, { template: full });
    expect(await show(id)).toEqual({ ...full, id, is_template: "true", target_password: "" });
  });

  test("sets another password; an empty one is none", async () => {
    const id = await create(full);
    await update(id, { template: { name: "small", target_password: "another" } });
    expect((await password(id)).target_password).toBe("another");
    await update(id, { template: { name: "small", target_password: "" } });
    expect((await password(id)).target_password).toBe("");
  });

  test("without a template changes and records nothing", async () => {
    const id = await create(full);
    expect((await update(id, {})).text).toBe("{}");
    expect(await show(id)).toMatchObject({ name: "small", flavor: "s3.medium.2" });
    expect((await events()).length).toBe(1);
  });

  test("refuses what is wrong and what is not there", async () => {
    const id = await create(full);
    expect((await update(id, { template: { flavor: "x" } })).json.error_msg).toBe(
      "template.name (in the body) is missing",
    );
    expect((await update(id, { template: { name: "a", nics: [{ id: 1, name: "n" }] } })).status).toBe(400);
    expect((await update("nobody", { template: { name: "a" } })).status).toBe(404);
    const body = { template: { name: "taken" } };
    expect((await ferry.call("foreign", "PUT", `${BASE}/${id}`, { body })).status).toBe(404);
    expect(await show(id)).toMatchObject({ name: "small", flavor: "s3.medium.2" });
  });
});

describe("listTemplates", () => {
  test("filters at the account's own: part of the name literally, the others equal", async () => {
    const id = await create({ name: "web_1", region: "region-1", availability_zone: "region-1a" });
    await create({ name: "web-2", region: "region-1", availability_zone: "region-1b" });
    await create({ name: "db%1", region: "region-2" });
    await create({ name: "theirs", region: "region-1" }, "foreign");
    const expected: [string, string[]][] = [
      ["", ["web_1", "web-2", "db%1"]],
      ["?name=web", ["web_1", "web-2"]],
      ["?name=_", ["web_1"]],
      ["?name=%25", ["db%1"]],
      ["?name=WEB", []],
      ["?name=&region=&availability_zone=", ["web_1", "web-2", "db%1"]],
      ["?region=region-1", ["web_1", "web-2"]],
      ["?region=region", []],
      ["?availability_zone=region-1b", ["web-2"]],
      ["?region=region-2&availability_zone=region-1b", []],
      [`?id=${id}`, ["web_1"]],
      ["?id=nobody", []],
      ["?name=1&region=region-1&unknown=x", ["web_1"]],
    ];
    for (const [query, found] of expected) {
      expect([query, await names(query), (await list(query)).count]).toEqual([query, found, found.length]);
    }
    expect((await list("", "foreign")).templates).toMatchObject([{ name: "theirs" }]);
  });

  test("pages oldest first: 50 unless said, 0 too, at most 100, with the true count", async () => {
    for (let number = 0; number < 51; number += 1) await create({ name: `t${number}` });
    expect(await names()).toEqual(Array.from({ length: 50 }, (_, number) => `t${number}`));
    expect((await names("?limit=0")).length).toBe(50);
    expect((await names("?limit=100")).length).toBe(51);
    expect(await names("?limit=2&offset=49")).toEqual(["t49", "t50"]);
    expect(await names("?offset=50")).toEqual(["t50"]);
    expect(await list("?limit=1&offset=51")).toEqual({ count: 51, templates: [] });
    expect(await names("?name=t4&limit=2&offset=1")).toEqual(["t40", "t41"]);
  });

  test("templates of many megabytes make shorter pages", async () => {
    const nics = Array.from({ length: 17_000 }, () => ({ id: "x".repeat(255), name: "n" }));
    for (const name of ["big-1", "big-2", "big-3", "big-4"]) await create({ name, nics });
    const page = await list();
    expect([page.count, page.templates.length]).toEqual([4, 1]);
    expect(await names("?offset=3")).toEqual(["big-4"]);
  });

  test.each([
    "limit=101",
    "limit=-1",
    "limit=two",
    "offset=65536",
    "id=",
    "id=a_b",
    `id=${"x".repeat(37)}`,
    `name=${"x".repeat(256)}`,
    "region=a&region=b",
  ])("refuses %s", async (query) => {
    const { status, json } = await ferry.call("viewer", "GET", `${BASE}?${query}`);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
  });
});

describe("deleteTemplate", () => {
  test("takes it away; a body is not looked at; again it is unknown", async () => {
    const id = await create(full);
    const stays = await create({ name: "stays" });
    const reply = await ferry.call("operator", "DELETE", `${BASE}/${id}`, { text: '["a"' });
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect((await ferry.call("operator", "DELETE", `${BASE}/${id}`)).status).toBe(404);
    expect(await list()).toEqual({ count: 1, templates: [bare(stays, "stays")] });
    expect((await events()).at(-1)).toMatchObject({
      type: "template.deleted",
      data: JSON.stringify({ template_id: id, name: "small" }),
    });
  });

  test("another account's stays", async () => {
    const id = await create(full);
    expect((await ferry.call("foreign", "DELETE", `${BASE}/${id}`)).status).toBe(404);
    expect((await list()).count).toBe(1);
  });
});

describe("deleteTemplates", () => {
  test("takes away those named, each once however often it is named", async () => {
    const [a, b, c] = [await create({ name: "a" }), await create({ name: "b" }), await create({ name: "c" })];
    const reply = await removeAll([c, a, c, a]);
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect((await list()).templates).toMatchObject([{ id: b }]);
    const deleted = (await events()).filter(({ type }) => type === "template.deleted");
    expect(deleted.map(({ data }) => JSON.parse(String(data)).name)).toEqual(["a", "c"]);
  });

  test("all or none: one that is unknown or another account's refuses the whole call", async () => {
    const own = await create({ name: "own" });
    const theirs = await create({ name: "theirs" }, "foreign");
    for (const other of [theirs, "nobody"]) {
      const { status, json } = await removeAll([own, other]);
      expect([status, json.error_code, json.error_msg]).toEqual([404, "SMS.8004", `template ${other} is unknown`]);
    }
    expect([(await list()).count, (await list("", "foreign")).count]).toEqual([1, 1]);
    expect((await events()).length).toBe(2);
  });

  test("takes 50 in a fixed number of statements, 51 are refused", async () => {
    const ids: string[] = [];
    for (let number = 0; number < 50; number += 1) ids.push(await create({ name: `t${number}` }));
    expect((await removeAll([...ids, "one more"])).json.error_msg).toBe("ids (in the body) must have at most 50 items");
    expect((await list()).count).toBe(50);
    expect((await removeAll(ids)).status).toBe(200);
    expect((await list()).count).toBe(0);
  });

  test.each([
    ["none", [], "ids (in the body) must have at least 1 items"],
    ["nothing", undefined, "ids (in the body) is missing"],
    ["a text", "a", "ids (in the body) must be a list"],
    ["an empty id", [""], "ids.0 (in the body) must have at least 1 characters"],
    ["a long id", ["x".repeat(37)], "ids.0"],
    ["a number", [1], "ids.0"],
  ])("refuses %s", async (_name, ids, said) => {
    const { status, json } = await removeAll(ids);
    expect([status, json.error_code]).toEqual([400, "SMS.8001"]);
    expect(json.error_msg).toContain(said);
  });
});
