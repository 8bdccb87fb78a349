import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../src/cli/failure.ts";
import { endAll, Ferry, temporaryFolder } from "./executable.ts";

/* Migration projects, templates, the privacy agreement and what agents are told, by the command line. */

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});
afterAll(endAll);

async function cli(args: string[], code: number = exitCodes.done, stdin = "", env: Record<string, string> = {}) {
  const result = await ferry.cli(args, env, stdin);
  expect({ args, ...result }).toEqual({ args, stdout: expect.any(String), stderr: expect.any(String), code });
  return result;
}
const rows = async (...args: string[]) =>
  (await cli(args)).stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
const json = async (...args: string[]) => JSON.parse((await cli(args)).stdout);

describe("project", () => {
  test("create, list, show, update, default, delete, by id or name", async () => {
    const id = (await cli(["project", "create", "wave-1", "--speed-limit", "100", "--description", "first"])).stdout;
    expect((await rows("project", "list")).map(([, ...columns]) => columns)).toEqual([
      ["SystemProject", "yes", "no", "MIGRATE_FILE", "region-1", "-", "-"],
      ["wave-1", "no", "no", "MIGRATE_FILE", "region-1", "100", "first"],
    ]);
    expect(await json("project", "show", "wave-1")).toMatchObject({ id: id.trim(), name: "wave-1", speed_limit: 100 });

    await cli(["project", "update", id.trim(), "--name", "wave-one", "--type", "migrate_block", "--speed-limit", "0"]);
    await cli(["project", "update", "wave-one", "--data", "-"], exitCodes.done, '{"syncing":true}');
    expect(await json("project", "show", "wave-one")).toMatchObject({
      type: "MIGRATE_BLOCK",
      speed_limit: 0,
      syncing: true,
      description: "first",
    });

    await cli(["project", "default", "wave-one"]);
    await cli(["source", "register", "web-1", "--ip", "192.0.2.1"]);
    expect((await rows("project", "list")).map(([, ...columns]) => columns.slice(0, 3))).toEqual([
      ["SystemProject", "no", "no"],
      ["wave-one", "yes", "yes"],
    ]);
    expect((await cli(["project", "delete", "wave-one"], exitCodes.refused)).stderr).toContain("default one");
    await cli(["project", "default", "SystemProject"]);
    expect((await cli(["project", "delete", "wave-one"], exitCodes.refused)).stderr).toContain("holds sources");
    await cli(["source", "delete", "web-1"]);
    await cli(["project", "delete", "wave-one"]);
    await cli(["project", "delete", "wave-one"], exitCodes.notFound);
    expect((await json("project", "list", "--json")).map(({ name }: { name: string }) => name)).toEqual([
      "SystemProject",
    ]);
  });

  test("a project may be made the default at once, in a region of its own", async () => {
    const { id } = await json("project", "create", "wave-2", "--default", "--region", "region-9", "--json");
    expect(await json("project", "show", id)).toMatchObject({ isdefault: true, region: "region-9" });
    await cli(["project", "default", "SystemProject"]);
    await cli(["project", "delete", id]);
  });

  test("what cannot be is refused", async () => {
    await cli(["project", "create", "SystemProject"], exitCodes.refused);
    await cli(["project", "create", "x", "--type", "ALL"], exitCodes.usage);
    await cli(["project", "create", "x", "--speed-limit", "1001"], exitCodes.usage);
    await cli(["project", "create", "x", "--data", "[]"], exitCodes.usage);
    await cli(["project", "update", "SystemProject"], exitCodes.usage);
    await cli(["project", "show", "nobody"], exitCodes.notFound);
  });
});

describe("template", () => {
  test("create from flags, text and a file; list, show, password, delete", async () => {
    const file = join(temporaryFolder().path, "template.json");
    const members = { disk: [{ index: 0, name: "d", disktype: "SAS", size: 40 }], target_password: "pass word" };
    writeFileSync(file, JSON.stringify({ name: "small", flavor: "from the file", ...members }));
    const flags = ["--region", "region-1", "--zone", "region-1a", "--flavor", "f.1"];
    const id = (await cli(["template", "create", "--data", `@${file}`, ...flags])).stdout.trim();
    await cli(["template", "create", "--name", "bare"]);
    expect(await rows("template", "list")).toEqual([
      [id, "small", "region-1", "region-1a", "f.1", "1"],
      [expect.any(String) as unknown as string, "bare", "-", "-", "-", "0"],
    ]);
    expect(await rows("template", "list", "--zone", "region-1a", "--name", "mal")).toHaveLength(1);
    expect(await rows("template", "list", "--region", "region-2")).toEqual([]);

    expect(await json("template", "show", "small")).toMatchObject({ id, flavor: "f.1", target_password: "" });
    expect((await cli(["template", "password", "small"])).stdout).toBe("pass word\n");
    expect(await json("template", "password", id, "--json")).toEqual({ template_id: id, target_password: "pass word" });
    expect(await cli(["template", "password", "bare"])).toMatchObject({
      stdout: "",
      stderr: expect.stringMatching("no"),
    });

    await cli(["template", "create", "--name", "bare"]);
    expect((await cli(["template", "delete", "bare"], exitCodes.usage)).stderr).toContain("2 templates are named bare");
    await cli(["template", "delete", "small"]);
    await cli(["template", "show", "small"], exitCodes.notFound);
    await cli(["template", "delete", id], exitCodes.notFound);
  });

  test("what cannot be is refused", async () => {
    await cli(["template", "create"], exitCodes.usage);
    await cli(["template", "create", "--data", '{"name":1}'], exitCodes.usage);
    await cli(["template", "create", "--data", "{"], exitCodes.usage);
    await cli(["template", "create", "--name", "x", "--data", '{"is_template":"true"}'], exitCodes.usage);
  });
});

test("privacy: accepted once, for the account", async () => {
  expect((await cli(["privacy", "show"])).stdout).toBe("not accepted\n");
  await cli(["privacy", "accept"]);
  await cli(["privacy", "accept"]);
  expect((await cli(["privacy", "show"])).stdout).toBe("accepted\n");
  expect(await json("privacy", "show", "--json")).toEqual({ flag: true });
});

describe("config", () => {
  test("show tells where this service is", async () => {
    const { config, regions } = await json("config", "show");
    expect(config.mainRegion).toBe("region-1");
    expect(`http://${regions[0].sms_domain}`).toBe(ferry.url);
  });

  test("members of a configuration file's table are told instead", async () => {
    const file = join(temporaryFolder().path, "ferry.toml");
    writeFileSync(file, '[agent_config]\necs_domain = "ecs.{region}.example.com"\n');
    const other = await Ferry.start({ args: ["--config", file, "--region", "r-2", "--service-domain", "example.com"] });
    const { stdout } = await other.cli(["config", "show"]);
    expect(JSON.parse(stdout).regions[0]).toMatchObject({
      ecs_domain: "ecs.r-2.example.com",
      vpc_domain: "vpc.r-2.example.com",
    });
  });
});
