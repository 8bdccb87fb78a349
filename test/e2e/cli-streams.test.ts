import { afterAll, beforeAll, expect, test } from "bun:test";
import { exitCodes } from "../../src/cli/failure.ts";
import { cleanEnvironment, endAll, executable, Ferry, run, startProgram, waitUntil } from "./executable.ts";

afterAll(endAll);

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
});

async function cli(args: string[], code = 0) {
  const result = await ferry.cli(args);
  expect({ args, ...result }).toEqual({ args, stdout: expect.any(String), stderr: expect.any(String), code });
  return result;
}

/** For a service that is to come back under the same address. */
function freePort(): number {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = Number(taken.url.port); // gone once it has stopped
  taken.stop(true);
  return port;
}

const exported = (query = "") =>
  ferry
    .call("GET", `/operate/v1/results${query}`, undefined, { headers: { accept: "application/x-ndjson" } })
    .then((response) => response.text());

test("result export prints every report that matches, byte for byte as the service sends it", async () => {
  const source_id = await ferry.registerSource("export-1");
  // More than a page, with what a reader of JSON would change.
  const body = (index: number) =>
    `{"command_name":"SYNC","result":"${index % 2 === 0 ? "success" : "fail"}","result_detail":{"n": 1.0, "big":12345678901234567890,"ü":"\\u0085${index}"}}`;
  for (let index = 0; index < 120; index += 1) {
    expect((await ferry.call("POST", `/v3/sources/${source_id}/command_result`, body(index))).status).toBe(200);
  }
  const all = await exported();
  expect(all.split("\n")).toHaveLength(121);
  expect((await cli(["result", "export"])).stdout).toBe(all);
  const fails = (await cli(["result", "export", "--source", "export-1", "--result", "fail"])).stdout;
  expect(fails).toBe(await exported(`?source_id=${source_id}&result=fail`));
  expect(fails.trimEnd().split("\n")).toHaveLength(60);
  expect((await cli(["result", "export", "--since", "2100-01-01"])).stdout).toBe("");
  await cli(["result", "export", "--limit", "1"], exitCodes.usage);
});

test("an export that breaks off does not end as if it were whole", async () => {
  const service = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => {
        const line = '{"id":1}\n';
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n${line.length.toString(16)}\r\n${line}\r\n`,
        );
        setTimeout(() => socket.terminate(), 200);
      },
    },
  });
  const env = cleanEnvironment(ferry.folder.path, {
    ...ferry.signedIn,
    FERRY_ENDPOINT: `http://127.0.0.1:${service.port}`,
  });
  const broken = await run([executable, "result", "export"], { cwd: ferry.folder.home, env });
  service.stop(true);
  expect(broken).toMatchObject({ code: exitCodes.failed, stdout: '{"id":1}\n' });
  expect(broken.stderr).toStartWith("ferry: broken off after 9 bytes: ");
});

test("activity shows who did what, the newest at the end", async () => {
  const source_id = await ferry.registerSource("activity-1");
  const { id } = await ferry.queue(source_id);
  const { stdout } = await cli(["activity", "--source", "activity-1"]);
  const [registered = "", queued = ""] = stdout.trimEnd().split("\n");
  expect(registered).toMatch(/^\S+Z {2}source\.registered +by E2EFIRSTKEY \(127\.0\.0\.1\) {2}source /);
  expect(queued).toMatch(/^\S+Z {2}command\.queued +by E2EFIRSTKEY/);
  expect(queued).toContain(`source activity-1  command ${id}`);
  const newest = await cli(["activity", "--limit", "1", "--json"]);
  expect(JSON.parse(newest.stdout)).toMatchObject({ type: "command.queued", command_id: id });
  expect(newest.stderr).toContain("there are more");
  const typed = await cli(["activity", "--source", source_id, "--type", "source.registered"]);
  expect(typed.stdout).toBe(`${registered}\n`);
  expect((await cli(["activity", "--since", "2100-01-01"])).stdout).toBe("");
  await cli(["activity", "--type", "nothing"], exitCodes.usage);
  await cli(["activity", "--limit", "0"], exitCodes.usage);
});

test("activity --follow misses and repeats nothing, a restart of the service included", async () => {
  const followed = await Ferry.start({ args: ["--listen", `127.0.0.1:${freePort()}`] });
  const env = cleanEnvironment(followed.folder.path, followed.signedIn);
  await followed.registerSource("before-1");
  const follower = startProgram([executable, "activity", "--follow", "--json"], { cwd: followed.folder.home, env });
  const only = startProgram([executable, "activity", "-f", "--limit", "1", "--type", "source.registered"], {
    cwd: followed.folder.home,
    env,
  });
  const seen = () =>
    follower.printed.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id as number);
  const ids = async () => {
    const { items } = await followed.ask<{ items: { id: number }[] }>(
      "GET",
      "/operate/v1/events?order=oldest&limit=1000",
    );
    return items.map((item) => item.id);
  };
  const catchesUp = async () => {
    const all = await ids();
    await waitUntil(() => seen().length >= all.length, "the follower");
    expect(seen()).toEqual(all);
  };
  await waitUntil(() => follower.printed.stdout.includes("source.registered"), "what was there before");
  await waitUntil(() => only.printed.stdout.includes("before-1"), "the same, filtered");
  for (let index = 0; index < 30; index += 1) await followed.registerSource(`during-${index}`);
  await catchesUp();
  await followed.stop();
  await waitUntil(() => follower.printed.stderr.includes("trying again"), "the follower's notice");
  await Bun.sleep(2_500); // it tries once more, without a word
  await followed.start();
  for (let index = 0; index < 5; index += 1) await followed.registerSource(`after-${index}`);
  await catchesUp();
  expect(follower.printed.stderr.match(/trying again/g)).toHaveLength(1);
  expect(follower.printed.stderr).toContain("the service is back");
  await waitUntil(() => only.printed.stdout.split("\n").length === 37, "the filtered follower");

  const fresh = startProgram([executable, "activity", "-f", "--limit", "0"], { cwd: followed.folder.home, env });
  const isFollowing = async () => {
    await followed.registerSource("fresh");
    return fresh.printed.stdout !== "";
  };
  await waitUntil(isFollowing, "the follower of new events only");
  expect(fresh.printed.stdout).not.toMatch(/before|during|after/);
  for (const { child, ended } of [follower, only, fresh]) {
    child.kill("SIGTERM");
    await ended;
  }
  await followed.stop();
});

test("activity --follow ends where going on is of no use", async () => {
  const gone = await Ferry.start();
  const { access_key, secret_key } = await gone.ask<{ access_key: string; secret_key: string }>(
    "POST",
    "/operate/v1/keys",
    {
      role: "viewer",
    },
  );
  const env = cleanEnvironment(gone.folder.path, {
    FERRY_ENDPOINT: gone.url,
    FERRY_ACCESS_KEY: access_key,
    FERRY_SECRET_KEY: secret_key,
  });
  const follower = startProgram([executable, "activity", "--follow"], { cwd: gone.folder.home, env });
  await waitUntil(() => follower.printed.stdout.includes("key.created"), "the first events");
  await gone.ask("POST", `/operate/v1/keys/${access_key}/disable`);
  expect(await follower.ended).toBe(exitCodes.notSignedIn);
  await gone.stop();
});
