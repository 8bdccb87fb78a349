import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { watchFlushes } from "../../bench/flush.ts";
import { PlainFleet } from "../../bench/plain-fleet.ts";
import { poll, report } from "../../bench/requests.ts";
import type { Running, Subject } from "../../bench/subject.ts";
import { bunSqlite } from "../../bench/subjects/bun-sqlite.ts";
import { drizzlePlain } from "../../bench/subjects/drizzle-plain.ts";

/* What stands beside ferry in the measurement does what it is said to do. */

const peers = [drizzlePlain, bunSqlite(false), bunSqlite(true)];

test.each(peers)("$name answers what is signed, and has it on the disk by then", async (subject) => {
  const folder = newFolder();
  const flushes = watchFlushes(folder, 1_000); // without a C compiler they are not looked at, which is said aloud
  await withRunning(subject, flushes?.env, async ({ endpoints, load, done }) => {
    const [polled] = (await load("poll")).requests;
    expect(await sent(endpoints, polled)).toBe('200 {"command_name":"TASK_NOT_STARTED"}');
    const reports = (await load("report")).requests.slice(0, 5);
    for (const reported of reports) {
      const before = flushes?.count() ?? -1;
      expect(await sent(endpoints, reported)).toBe("200 {}");
      expect(flushes?.count() ?? 0).toBeGreaterThan(before);
    }
    await done?.("report", { accepted: reports.length, refused: 0 });
    expect(await sent(endpoints, reports[0]?.replace("success", "fail   "))).toStartWith("401 ");
    expect(await sent(endpoints, polled?.replace(/Signature=./, "Signature=_"))).toStartWith("401 ");
    expect(await sent(endpoints, await poll("another"))).toStartWith("404 ");
    expect(await sent(endpoints, await report("another"))).toStartWith("404 ");
  });
  rmSync(folder, { recursive: true });
});

test("a report that was accepted and not stored is missed", async () => {
  const folder = newFolder();
  const fleet = new PlainFleet(folder);
  await fleet.load("report");
  await expect(fleet.done("report", { accepted: 1, refused: 0 })).rejects.toThrow("and there are 0 results");
  fleet.close();
  rmSync(folder, { recursive: true });
});

async function withRunning(
  subject: Subject,
  env: Record<string, string> | undefined,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const folder = newFolder();
  const running = await subject.start(folder, env);
  if (!running) throw new Error(`${subject.name} did not start`);
  try {
    await use(running);
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Status and body of the reply to a request as it travels. */
async function sent(endpoints: readonly string[], request = ""): Promise<string> {
  const [head = "", body = ""] = request.split("\r\n\r\n");
  const [line = "", ...lines] = head.split("\r\n");
  const [method = "", path] = line.split(" ");
  const headers = lines.map((text) => text.split(": ") as [string, string]);
  const response = await fetch(`http://${endpoints[0]}${path}`, { method, headers, ...(body && { body }) });
  return `${response.status} ${await response.text()}`;
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "ferry-bench-test-"));
}
