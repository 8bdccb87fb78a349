import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signedRequest } from "../../src/client/client.ts";
import { readSettings } from "../../src/config.ts";
import { serve } from "../../src/serve.ts";
import { backup } from "../../src/upkeep/backup.ts";
import { checkCopy } from "../../src/upkeep/restore.ts";
import { keptOutput } from "./output.ts";
import {
  MASTER_KEY,
  makeReleased,
  oldCommand,
  oldKey,
  oldPassphrase,
  oldSource,
  oldTask,
  released,
} from "./released.ts";

describe.each([...released])("a database of %s", (version) => {
  const inFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "ferry-upgrade-"));
    try {
      await makeReleased(join(folder, "ferry.db"), version);
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const settingsFor = (folder: string) =>
    readSettings(
      { listen: "127.0.0.1:0", data: folder },
      { FERRY_MASTER_KEY: Buffer.from(MASTER_KEY).toString("hex") },
    );

  test("is served: the old key signs in, the old command is offered again and reported", () =>
    inFolder(async (folder) => {
      const running = await serve(settingsFor(folder), () => {});
      const ask = async (method: string, path: string, body?: object | string) => {
        const connection = { endpoint: running.url, ...oldKey };
        const init = {
          method,
          ...(body && {
            body: typeof body === "string" ? body : JSON.stringify(body),
            headers: { "content-type": "application/json" },
          }),
        };
        const reply = await fetch(await signedRequest(connection, Date.now(), `${running.url}${path}`, init));
        return { status: reply.status, headers: reply.headers, json: await reply.json() };
      };
      try {
        const source = await ask("GET", `/v3/sources/${oldSource}`);
        expect([source.status, source.json]).toMatchObject([200, { id: oldSource, name: "web-1", ip: "192.0.2.10" }]);
        const poll = await ask("GET", `/v3/sources/${oldSource}/command`);
        expect([poll.json, poll.headers.get("x-command-id")]).toMatchObject([{ command_name: "START" }, oldCommand]);
        const report = { command_name: "START", result: "success", result_detail: { pid: 4117 } };
        expect((await ask("POST", `/v3/sources/${oldSource}/command_result`, report)).status).toBe(200);
        const command = await ask("GET", `/operate/v1/commands/${oldCommand}`);
        expect(command.json).toMatchObject({ state: "succeeded", reports: [{ kind: "matched" }] });
        const results = await ask("GET", "/operate/v1/results");
        expect(results.json.items).toHaveLength(2);
        const repeat = '{"command_name":"SYNC","result":"success","result_detail":{"n":9007199254740993}}';
        expect((await ask("POST", `/v3/sources/${oldSource}/command_result`, repeat)).status).toBe(200);
        expect((await ask("GET", "/operate/v1/results?kind=repeat")).json.items).toHaveLength(1);
        const events = await ask("GET", "/operate/v1/events?order=oldest");
        expect(events.json.items.slice(0, 4)).toMatchObject([
          { id: 9, type: "source.registered", source_id: oldSource, command_id: null, data: { name: "web-1" } },
          { id: 10, source_id: oldSource, command_id: oldCommand, data: { command_name: "START" } },
          { id: 12, data: { command_name: "SYNC", result: "success", kind: "matched" } },
          { id: 13, command_id: null, data: { command_name: "SYNC", result: "fail", kind: "unsolicited" } },
        ]);
        const overview = await ask("GET", "/v3/sources/overview");
        expect(overview.json).toMatchObject(
          version >= "0002" ? { waiting: 0, replicate: 1, unconfigured: 0 } : { waiting: 1, unconfigured: 1 },
        );
        if (version >= "0002") {
          const task = await ask("GET", `/v3/tasks/${oldTask}`);
          expect(task.json).toMatchObject({ id: oldTask, state: "RUNNING", source_server: { id: oldSource } });
          const { json } = await ask("GET", `/v3/tasks/${oldTask}/passphrase`);
          expect(json).toEqual({ task_id: oldTask, passphrase: oldPassphrase });
        }
        const user = await ask("POST", "/operate/v1/users", { name: "new", role: "viewer" });
        expect(user.status).toBe(201);
        expect((await ask("POST", "/v3/sources", { ...source.json, name: "web-2", ip: "192.0.2.11" })).status).toBe(
          200,
        );
      } finally {
        await running.stop();
      }
    }));

  test("is backed up and checked as it is, before an upgrade", () =>
    inFolder(async (folder) => {
      const { output, printed } = keptOutput();
      const copy = join(folder, "copy.db");
      await backup(copy, settingsFor(folder), output, false);
      expect(printed[0]).toContain(`of ferry 0.1.0 (${version})`);
      await checkCopy(copy, settingsFor(folder), output);
      expect(printed.at(-1)).toContain("1 of 1 secret keys");
    }));
});
