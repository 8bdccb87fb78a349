import { afterAll, expect } from "bun:test";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endAll, Ferry, temporaryFolder, testUnless, waitUntil } from "./executable.ts";

/* A data folder without room, on a file system of its own. */

const SIZE_MIB = 4;
const DETAIL_BYTES = 20_000;

const folder = temporaryFolder();
const data = join(folder.home, "ferry-data");
const ballast = join(data, "ballast");

function mount(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "a small file system can only be mounted by root on Linux";
  mkdirSync(data, { mode: 0o700 });
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${SIZE_MIB}m,mode=0700`, "tmpfs", data]);
  return mounted.success ? undefined : `mounting is not permitted here: ${mounted.stderr.toString().trim()}`;
}
const notMounted = mount();
// Where nobody may mount, nothing is missing that could be installed: skipped even if every tool is required.
if (notMounted !== undefined) console.warn(`skipped: ${notMounted}`);
const test = notMounted === undefined ? testUnless(undefined) : testUnless(undefined).skip;

afterAll(async () => {
  // Lazily: whatever still runs there is ended next.
  if (notMounted === undefined) Bun.spawnSync(["umount", "--lazy", data]);
  await endAll();
});

/** Takes all the room there is left. */
function fillUp(): void {
  const { bavail, bsize } = statfsSync(data);
  writeFileSync(ballast, Buffer.alloc(Number(bavail) * Number(bsize)));
}

test("a full disk refuses what it cannot store, goes on reading, and takes writes again once there is room", async () => {
  const ferry = await Ferry.start({ folder });
  const source_id = await ferry.registerSource();
  const waiting = await ferry.registerSource("waiting");
  const { id } = await ferry.queue(source_id);
  await ferry.poll(source_id);
  const acknowledged: string[] = [];
  const report = async (mark: string): Promise<"stored" | "refused"> => {
    const response = await ferry.report(source_id, { mark, filler: "x".repeat(DETAIL_BYTES) });
    const body = await response.json();
    if (response.status === 200) {
      acknowledged.push(mark);
      return "stored";
    }
    expect({ status: response.status, body }).toEqual({
      status: 500,
      body: { error_code: "SMS.2007", error_msg: expect.stringMatching(/./) },
    });
    expect(Number(response.headers.get("retry-after"))).toBeWithin(1, 3600);
    expect(response.headers.get("x-request-id")).toHaveLength(36);
    return "refused";
  };
  const storedMarks = async () =>
    (await ferry.results()).map(({ result_detail }) => (result_detail as { mark: string }).mark);
  expect(await report("before")).toBe("stored");

  for (const round of [1, 2]) {
    const undelivered = await ferry.queue(waiting);
    fillUp();
    // The log of the database may still have room inside its file.
    const inTurn: string[] = [];
    while (inTurn.at(-1) !== "refused" && inTurn.length < 200)
      inTurn.push(await report(`full-${round}-${inTurn.length}`));
    expect(inTurn.at(-1)).toBe("refused");
    const together = await Promise.all(Array.from({ length: 20 }, (_, place) => report(`together-${round}-${place}`)));
    expect(together).toContain("refused");

    // Reads go on, and whoever asks is told that writes do not.
    expect(await storedMarks()).toEqual(acknowledged.toReversed());
    expect(await ferry.ask("GET", `/v3/sources/${source_id}`)).toMatchObject({ id: source_id, connected: true });
    expect((await ferry.poll(source_id)).reply).toEqual({ command_name: "TASK_NOT_STARTED" });
    expect(await ferry.command(id)).toMatchObject({ state: "succeeded" });
    expect((await ferry.call("GET", "/healthz", undefined, { key: null })).status).toBe(200);
    const unready = await ferry.call("GET", "/readyz", undefined, { key: null });
    expect([unready.status, Number(unready.headers.get("retry-after")) > 0]).toEqual([500, true]);
    // Neither an order nor a first delivery counts before it is on disk.
    const order = await ferry.call("POST", `/operate/v1/sources/${waiting}/commands`, { command_name: "STOP" });
    const delivery = await ferry.call("GET", `/v3/sources/${waiting}/command`);
    for (const response of [order, delivery]) {
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ error_code: "SMS.2007" });
    }

    rmSync(ballast);
    const isReady = async () => (await ferry.call("GET", "/readyz", undefined, { key: null })).status === 200;
    await waitUntil(isReady, "writes to go through again");
    expect(await report(`room-${round}`)).toBe("stored");
    expect(await storedMarks()).toEqual(acknowledged.toReversed());
    expect(await ferry.poll(waiting)).toEqual({ reply: { command_name: "START" }, id: undelivered.id, attempt: 1 });
  }

  // What was acknowledged is on disk, too.
  await ferry.kill();
  await ferry.start();
  expect(await storedMarks()).toEqual(acknowledged.toReversed());
});
