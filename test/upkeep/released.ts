import { createClient } from "@libsql/client";
import { jsonDigest } from "../../src/core/exact-json.ts";
import { Sealer } from "../../src/core/sealed.ts";
import { migrations } from "../../src/db/migrations.ts";
import { registration } from "../harness.ts";

/* Databases as released versions of ferry left them, with rows of their time. */

export const MASTER_KEY = new Uint8Array(32).fill(7);
const sealer = new Sealer(MASTER_KEY, (count) => crypto.getRandomValues(new Uint8Array(count)));

/** The key each of them has. */
export const oldKey = {
  access_key: "OLDKEY",
  secret_key: "secret-of-an-earlier-version",
  project_id: "old-project",
};
export const oldSource = "11111111-1111-7111-8111-111111111111";
export const oldCommand = "22222222-2222-7222-8222-222222222222";
export const oldTask = "33333333-3333-7333-8333-333333333333";
export const oldPassphrase = "passphrase-of-an-earlier-version";
/** When all of it happened. */
const AT = Date.UTC(2026, 5, 1);

const sealed = sealer.seal(oldKey.secret_key, `access-key:${oldKey.access_key}`);
const json = (value: object) => `'${JSON.stringify(value).replaceAll("'", "''")}'`;

/** What every version has: a source whose command was delivered and not reported yet, and one that ended. */
const common = `
  INSERT INTO accounts VALUES (1, 'account-1', 'default', ${AT});
  INSERT INTO projects VALUES ('${oldKey.project_id}', 1, 'region-1', ${AT});
  INSERT INTO migprojects VALUES (1, 'migproject-1', 1, 'SystemProject', '', 1, 'region-1', 1, 0, 1, 0, 'MIGRATE_BLOCK', '0', 0, 0, ${AT});
  INSERT INTO sources VALUES (1, '${oldSource}', 1, 1, 'web-1', '192.0.2.10', NULL, 'waiting', 'checking',
    ${json(registration())}, ${AT}, ${AT}, ${AT}, ${AT}, NULL);
  INSERT INTO source_presence VALUES (1, ${AT});`;

const ended = "22222222-2222-7222-8222-222222222223";
const result = "44444444-4444-7444-8444-444444444444";
const detail = '{"n":9007199254740993}';
const history = (ids: Record<"command" | "ended" | "result", string>, digest: string, events: string) => `
  INSERT INTO commands (seq, id, account_seq, source_seq, command_name, state, attempts, created_at, first_delivered_at, last_delivered_at)
    VALUES (1, ${ids.command}, 1, 1, 'START', 'delivered', 1, ${AT}, ${AT}, ${AT});
  INSERT INTO commands (seq, id, account_seq, source_seq, command_name, state, attempts, created_at, first_delivered_at, ended_at, result_digest)
    VALUES (2, ${ids.ended}, 1, 1, 'SYNC', 'succeeded', 1, ${AT}, ${AT}, ${AT}, '${digest}');
  INSERT INTO results VALUES (1, ${ids.result}, 1, 1, 2, 'SYNC', 'success', '${detail}', 'matched', ${AT});
  INSERT INTO events VALUES ${events};`;
const by = `'${oldKey.access_key}', NULL`;
const asText = history(
  { command: `'${oldCommand}'`, ended: `'${ended}'`, result: `'${result}'` },
  `success ${jsonDigest(detail)}`,
  `(9, 1, ${AT}, 'source.registered', ${by}, '${oldSource}', NULL, '{"name":"web-1"}'),
   (10, 1, ${AT}, 'command.queued', ${by}, '${oldSource}', '${oldCommand}', '{"command_name":"START"}'),
   (12, 1, ${AT}, 'command.reported', ${by}, '${oldSource}', '${ended}', '{"command_name":"SYNC","result":"success","kind":"matched"}'),
   (13, 1, ${AT}, 'command.reported', ${by}, '${oldSource}', NULL, '{"command_name":"SYNC","result":"fail","kind":"unsolicited"}')`,
);
const bytes = (id: string) => `x'${id.replaceAll("-", "")}'`;
const asBytes = history(
  { command: bytes(oldCommand), ended: bytes(ended), result: bytes(result) },
  jsonDigest(detail).slice(0, 24),
  `(9, 1, ${AT}, 'source.registered', ${by}, 1, NULL, '{"name":"web-1"}'), (10, 1, ${AT}, 'command.queued', ${by}, 1, 1, NULL),
   (12, 1, ${AT}, 'command.reported', ${by}, 1, 2, NULL),
   (13, 1, ${AT}, 'command.reported', ${by}, 1, NULL, '{"command_name":"SYNC","result":"fail","kind":"unsolicited"}')`,
);

/** What the version with this migration as its newest one has besides, in its own columns. */
const own: Record<string, string> = {
  "0000_initial": `
    INSERT INTO access_keys VALUES (1, '${oldKey.access_key}', 1, '${oldKey.project_id}', 'admin', '${sealed}', NULL, ${AT}, NULL);`,
  "0001_users_and_tokens": `
    INSERT INTO users VALUES (1, 'user-1', 1, 'admin', 'admin', NULL, ${AT}, NULL);
    INSERT INTO access_keys VALUES
      (1, '${oldKey.access_key}', 1, 1, '${oldKey.project_id}', NULL, '${sealed}', NULL, NULL, ${AT}, NULL, NULL, 0, NULL);`,
};
const definition = {
  region_name: "region-1",
  region_id: "region-1",
  project_name: "region-1",
  project_id: "project-1",
  target_server: { id: "target-1" },
};
const layout = { disks: [], volume_groups: [], btrfs_list: [], networks: [] };
own["0002_sms_v3"] = `${own["0001_users_and_tokens"]}
    INSERT INTO agreements VALUES (1, ${AT}, '${oldKey.access_key}');
    INSERT INTO templates VALUES
      (1, 'template-1', 1, 'small', NULL, NULL, '{}', '${sealer.seal("s3cret", "target password of template template-1")}', ${AT});
    INSERT INTO tasks (seq, id, account_seq, source_seq, name, type, os_type, definition, target_layout, state, configurations, speed_limit, create_date)
      VALUES (1, '${oldTask}', 1, 1, 'MigrationTask', 'MIGRATE_FILE', 'LINUX', ${json(definition)}, ${json(layout)}, 'RUNNING', '[]', '[]', ${AT});
    UPDATE commands SET task_id = '${oldTask}' WHERE seq = 1;
    INSERT INTO task_secrets VALUES (1, 1, 'passphrase', '${sealer.seal(oldPassphrase, `passphrase of task ${oldTask}`)}');`;

/** Names of all versions, oldest first. */
export const released = migrations.map(({ name }) => name);

/** Makes the database of a version, in WAL mode and with an empty log, as ferry leaves it. */
export async function makeReleased(path: string, version: string): Promise<void> {
  const until = released.indexOf(version) + 1;
  // One that changed none of these tables has the rows of the one before.
  const rows = released
    .slice(0, until)
    .flatMap((name) => own[name] ?? [])
    .at(-1);
  const client = createClient({ url: `file:${path}` });
  await client.executeMultiple(
    `PRAGMA journal_mode=WAL; ${[
      "CREATE TABLE ferry_migrations (name TEXT PRIMARY KEY, ferry_version TEXT NOT NULL, applied_at INTEGER NOT NULL)",
      ...migrations
        .slice(0, until)
        .flatMap(({ name, sql }) => [
          sql.replaceAll("--> statement-breakpoint", ""),
          `INSERT INTO ferry_migrations VALUES ('${name}', '0.1.0', ${AT})`,
        ]),
    ].join(";\n")}; ${common} ${version < "0004" ? asText : asBytes} ${rows} PRAGMA wal_checkpoint(TRUNCATE);`,
  );
  client.close();
}
