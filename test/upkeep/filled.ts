import { expect } from "bun:test";
import { readSettings } from "../../src/config.ts";
import { type Ferry, startFerry } from "../harness.ts";
import { makeObjects } from "../objects.ts";
import { newFile } from "../place.ts";

export const MASTER_KEY = "07".repeat(32);

/** A service with something in every kind of secret, and values that are easily changed on the way. */
/** With the folder its file is in. */
export type FilledFerry = Ferry & { folder: string };

export async function filledFerry(): Promise<FilledFerry> {
  const place = newFile();
  const ferry = Object.assign(await startFerry(place), { folder: place.folder });
  const { task_id, source_id } = await makeObjects(ferry);
  const template = { name: "with password", target_password: "s3cret\u00e9" };
  const made = [
    await ferry.call("admin", "POST", "/v3/vm/templates", { body: { template } }),
    await ferry.call("agent", "GET", `/v3/tasks/${task_id}/passphrase`),
    await ferry.call("agent", "GET", `/v3/tasks/${task_id}/certkey`),
    await ferry.call("agent", "POST", `/v3/sources/${source_id}/command_result`, {
      text: '{"command_name":"START","result":"success","result_detail":{"n":9007199254740995,"t":"\\u0000\\ud83d\\ude00"}}',
    }),
  ];
  expect(made.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  // A number that AUTOINCREMENT has given out and that is in no row any more; an integer, a real and a text of bytes.
  await ferry.database.client.executeMultiple(`
    INSERT INTO events (seq, account_seq, at, type) VALUES (9007199254740993, 1, 1, 'gone');
    DELETE FROM events WHERE type = 'gone';
    INSERT INTO events (account_seq, at, type, data) VALUES (1, 9007199254740995, 'large', CAST(x'610062ff' AS TEXT));
    INSERT INTO task_progress (task_seq, reported_at, replicatesize, totalsize, migrate_speed, compress_rate)
      VALUES (777, 1, 9223372036854775807, -9223372036854775808, 5.0, 0.1);`);
  return ferry;
}

export function settingsFor(data: string, more: Record<string, string> = {}) {
  return readSettings({ data }, { FERRY_MASTER_KEY: MASTER_KEY, ...more });
}
