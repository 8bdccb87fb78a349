import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ENDPOINT, type Ferry, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeAll(async () => {
  ferry = await startFerry();
});
afterAll(() => ferry.stop());

const get = async (path: string, as: "viewer" | "foreign" = "viewer") => (await ferry.call(as, "GET", path)).json;

describe("listProjects", () => {
  test("the one of a name is made by the first look, and stays", async () => {
    const { account_id } = ferry.keys.admin;
    const first = await get("/v3/projects?name=region-7");
    expect(first).toEqual({
      projects: [
        {
          id: expect.stringMatching(/^[0-9a-f]{32}$/),
          name: "region-7",
          domain_id: account_id,
          parent_id: account_id,
          enabled: true,
          is_domain: false,
          description: "",
        },
      ],
      links: { self: `${ENDPOINT}/v3/projects?name=region-7`, next: null, previous: null },
    });
    expect(await get("/v3/projects?name=region-7")).toEqual(first);
    const [project] = first.projects;
    // From the next call on it names the account, whatever was remembered of the key.
    const headers = { "x-project-id": project.id };
    expect((await ferry.call("viewer", "GET", "/v3/sources", { headers })).status).toBe(200);
    expect((await get("/v3/projects?name=region-7", "foreign")).projects[0].id).not.toBe(project.id);
    const all = (await get("/v3/projects")).projects.map(({ name }: { name: string }) => name);
    expect(all).toEqual(["region-1", "region-7"]);
  });

  test("the home project is found by its region", async () => {
    expect((await get("/v3/projects?name=region-1")).projects[0].id).toBe(ferry.keys.admin.project_id);
  });

  test("a key that is good for one source makes none", async () => {
    const { json: key } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    const look = async (name: string) =>
      (await ferry.call(key, "GET", `/v3/projects?name=${name}`)).json.projects.length;
    expect([await look("region-1"), await look("junk")]).toEqual([1, 0]);
  });

  test("two first looks at once make one project", async () => {
    const found = await Promise.all([get("/v3/projects?name=region-8"), get("/v3/projects?name=region-8")]);
    expect(found[0]).toEqual(found[1]);
  });

  test("a name that cannot be one, and any beyond a hundred, is not there", async () => {
    for (const name of ["", "a b", "x".repeat(65), "region%2F1"]) {
      expect((await get(`/v3/projects?name=${encodeURIComponent(name)}`)).projects).toEqual([]);
    }
    for (let count = (await get("/v3/projects")).projects.length; count < 100; count += 1) {
      expect((await get(`/v3/projects?name=more-${count}`)).projects.length).toBe(1);
    }
    expect((await get("/v3/projects?name=one-too-many")).projects).toEqual([]);
    expect((await get("/v3/projects")).projects.length).toBe(100);
  });
});

test("listDomains tells the caller's account, once", async () => {
  const { account_id } = ferry.keys.foreign;
  const { domains } = await get("/v3/auth/domains", "foreign");
  expect(domains).toEqual([{ id: account_id, name: "other", enabled: true, description: "" }]);
});

test("listAccountUsers tells the account's users, all or by exact name", async () => {
  await ferry.call("admin", "POST", "/operate/v1/users", { body: { name: "maria", role: "viewer" } });
  const [maria] = (await get("/v3/users?name=maria")).users;
  expect(maria).toEqual({ id: maria.id, name: "maria", domain_id: ferry.keys.admin.account_id, enabled: true });
  expect((await get("/v3/users?name=mari")).users).toEqual([]);
  expect((await get("/v3/users")).users.map(({ name }: { name: string }) => name)).toEqual(["admin", "maria"]);
  expect((await get("/v3/users?name=maria", "foreign")).users).toEqual([]);
});

describe("listAvailabilityZones", () => {
  const zones = async (project_id: string) => {
    const { status, json } = await ferry.call("viewer", "GET", `/v2.1/${project_id}/os-availability-zone`);
    return [status, json.error_code ?? json.availabilityZoneInfo.map(({ zoneName }: { zoneName: string }) => zoneName)];
  };

  test("two by default, named for the project's region; the account stands for the configured one", async () => {
    const [{ id }] = (await get("/v3/projects?name=region-7")).projects;
    expect(await zones(id)).toEqual([200, ["region-7a", "region-7b"]]);
    expect(await zones(ferry.keys.admin.account_id)).toEqual([200, ["region-1a", "region-1b"]]);
    const { json } = await ferry.call("viewer", "GET", `/v2.1/${id}/os-availability-zone`);
    expect(json.availabilityZoneInfo[0]).toEqual({
      zoneName: "region-7a",
      zoneState: { available: true },
      hosts: null,
    });
  });

  test("another account's project is refused as in X-Project-Id", async () => {
    expect(await zones(ferry.keys.foreign.project_id)).toEqual([403, "SMS.9004"]);
    expect(await zones("nobody")).toEqual([403, "SMS.9004"]);
  });
});
