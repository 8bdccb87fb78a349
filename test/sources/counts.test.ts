import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { act, changestate, taskThatIs } from "../actions/standing.ts";
import { type Ferry, makeTask, poll, register, registration, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const kept = async () => [
  await ferry.rows(
    "SELECT account_seq, migproject_seq, state, migration_cycle, sources AS n FROM source_counts WHERE sources <> 0 ORDER BY 1, 2, 3, 4",
  ),
  await ferry.rows("SELECT account_seq, state, tasks AS n FROM task_counts WHERE tasks <> 0 ORDER BY 1, 2"),
];
const counted = async () => [
  await ferry.rows(
    "SELECT account_seq, migproject_seq, state, migration_cycle, count(*) AS n FROM sources WHERE deleted_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
  ),
  await ferry.rows("SELECT account_seq, state, count(*) AS n FROM tasks GROUP BY 1, 2 ORDER BY 1, 2"),
];
const overview = async () => (await ferry.call("viewer", "GET", "/v3/sources/overview")).json;

test("what is kept is what there is, after every kind of change", async () => {
  const agree = async (step: string) => expect([step, await kept()]).toEqual([step, await counted()]);
  const plain = await register(ferry, "plain");
  const checked = await register(ferry, "checked", { has_rsync: false });
  await register(ferry, "theirs", {}, "foreign");
  await agree("registered");
  expect(await overview()).toMatchObject({ waiting: 1, unavailable: 1, unconfigured: 2 });
  await register(ferry, "checked", { id: checked });
  await agree("registered again");
  const body = { name: "second", region: "region-1", type: "MIGRATE_FILE" };
  const { json: project } = await ferry.call("admin", "POST", "/v3/migprojects", { body });
  await ferry.call("operator", "PUT", `/v3/sources/${plain}`, { body: { migprojectid: project.id } });
  await agree("moved to another project");
  const task_id = await makeTask(ferry, plain);
  expect(await overview()).toMatchObject({ waiting: 2, unavailable: 0, unconfigured: 1 });
  await act(ferry, task_id, "start");
  await poll(ferry, plain);
  await changestate(ferry, plain, "finished");
  await agree("moved by its task");
  await ferry.call("operator", "DELETE", `/v3/tasks/${task_id}`);
  await agree("its task deleted");
  const { source_id } = await taskThatIs(ferry, "ABORT");
  await agree("another task");
  await ferry.clock.advance(120_000);
  const gone = await ferry.call("operator", "POST", "/v3/sources/delete", { body: { ids: [source_id, checked] } });
  expect(gone.status).toBe(200);
  await agree("deleted with its task");
  expect((await overview()).unconfigured).toBe(1);
  await ferry.database.client.execute("DELETE FROM tasks");
  await ferry.database.client.execute("DELETE FROM sources");
  await agree("rows deleted by hand");
});

describe("listServers with two filters", () => {
  const filters = [
    "state=waiting",
    "state=unavailable",
    "migration_cycle=checking",
    "ip=192.0.2.10",
    "ip=192.0.2.99",
    "ipv6=2001:db8::1",
    "name=a",
    "connected=true",
    "connected=false",
    "vm_id=vm-1",
    "is_consistency_result_exist=true",
    "enterprise_project_id=0",
    "enterprise_project_id=1",
  ];
  const listed = async (query: string) => {
    const { json } = await ferry.call("viewer", "GET", `/v3/sources?${query}`);
    expect([query, json.count]).toEqual([query, json.source_servers.length]);
    return json.source_servers.map(({ id }: { id: string }) => id) as string[];
  };

  test("finds what both find, and counts that", async () => {
    const ids: string[] = [];
    for (const [index, name] of ["alpha", "beta", "gamma", "delta", "x-1", "x-2"].entries()) {
      const more = {
        ...(index % 2 === 0 && { has_rsync: false }),
        ...(index % 3 === 0 && { ip: "192.0.2.99" }),
        ...(index > 2 && { ipv6: "2001:db8::1" }),
      };
      const id = await register(ferry, name, { ...registration(name), ...more });
      ids.push(id);
      if (index % 2 === 1) await poll(ferry, id);
      if (index > 3) {
        const task_id = await makeTask(ferry, id, { target_server: { vm_id: "vm-1" } });
        const consistency_result = [
          {
            dir_check: "/",
            num_total_files: 1,
            num_different_files: 0,
            num_target_miss_files: 0,
            num_target_more_files: 0,
          },
        ];
        if (index === 5)
          await ferry.call("agent", "POST", `/v3/tasks/${task_id}/consistency-result`, {
            body: { consistency_result },
          });
      }
    }
    await register(ferry, "theirs", { ip: "192.0.2.99" }, "foreign");
    expect(await listed("")).toEqual(ids);
    const alone = new Map<string, string[]>();
    for (const filter of filters) alone.set(filter, await listed(filter));
    const some = [...alone.values()].filter((found) => found.length > 0 && found.length < ids.length);
    expect(some.length).toBeGreaterThan(8);
    for (const [a, ofA] of alone) {
      for (const [b, ofB] of alone) {
        if (a.split("=")[0] === b.split("=")[0]) continue;
        expect([a, b, await listed(`${a}&${b}`)]).toEqual([a, b, ofA.filter((id) => ofB.includes(id))]);
      }
    }
  });

  test("counts all there are, whatever the page", async () => {
    for (const query of ["", "&state=waiting", "&name=a"]) {
      const all = await listed(`limit=200${query}`);
      const { json } = await ferry.call("viewer", "GET", `/v3/sources?limit=1&offset=1${query}`);
      expect([json.count, json.source_servers[0]?.id]).toEqual([all.length, all[1]]);
    }
  });
});
