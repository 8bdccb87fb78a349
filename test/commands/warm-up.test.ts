import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Ferry, makeTask, poll, queue, register, startFerry } from "../harness.ts";
import { newFile } from "../place.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry(newFile());
});
afterEach(() => ferry.stop());

/** What the database is asked while something is done. */
async function asked(work: () => Promise<unknown>): Promise<number> {
  const { client } = ferry.database;
  const execute = client.execute.bind(client) as (...args: unknown[]) => never;
  let count = 0;
  client.execute = ((...args: unknown[]) => {
    count += 1;
    return execute(...args);
  }) as typeof client.execute;
  await work();
  client.execute = execute as typeof client.execute;
  return count;
}

test("after a start nothing is asked for a poll that finds nothing, once the sources were read ahead", async () => {
  const idle = await register(ferry, "idle");
  const planned = await register(ferry, "planned");
  const task_id = await makeTask(ferry, planned);
  const gone = await register(ferry, "gone");
  await ferry.call("operator", "DELETE", `/v3/sources/${gone}`);
  await ferry.restart();
  await poll(ferry, await register(ferry, "so that the key is known"));
  await ferry.services.mailbox.warmUp();
  expect(
    await asked(async () => {
      expect((await poll(ferry, idle)).json).toEqual({ command_name: "TASK_NOT_STARTED" });
      expect((await poll(ferry, planned)).json).toEqual({
        command_name: "TASK_NOT_STARTED",
        command_param: { task_id },
      });
    }),
  ).toBe(0);
  expect((await poll(ferry, gone)).status).toBe(404);
  // What was read ahead does not outlast a change.
  await ferry.call("operator", "DELETE", `/v3/sources/${idle}`);
  expect((await poll(ferry, idle)).status).toBe(404);
  await queue(ferry, planned, "START");
  expect((await poll(ferry, planned)).json.command_name).toBe("START");
});
