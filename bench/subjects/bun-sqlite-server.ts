import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { targetOf } from "../../src/http/target.ts";
import { ACCOUNT_ID } from "../plain-fleet.ts";
import { KEY } from "../requests.ts";
import { isSigned } from "./signed-by-us.ts";

/*
 * bun-sqlite-server.ts alone|grouped FILE: the least that the platform does the two requests with. No framework, prepared
 * statements, checks by hand. Grouped: reports that have come in one turn of the event loop share a transaction.
 */

const db = new Database(process.argv[3]);
db.run("PRAGMA synchronous = FULL");
db.run("PRAGMA busy_timeout = 10000");
db.run("PRAGMA cache_size = -65536");

/*
 * (SELECT ?): a parameter that is compared with a column beside a partial index has SQLite prepare the statement anew
 * for each value, which takes several times as long as running it.
 */
const findCommand = db.prepare<{ command_name: string | null }, [string, string]>(
  `SELECT (SELECT command_name FROM commands WHERE source_id = sources.id AND ended_at IS NULL ORDER BY id LIMIT 1)
    AS command_name
  FROM sources WHERE id = ? AND account_id = ?`,
);
const findDelivered = db.prepare<{ command_id: string | null }, [string, number, string, string]>(
  `SELECT (SELECT id FROM commands WHERE source_id = sources.id AND ended_at IS NULL AND command_name = (SELECT ?)
    AND first_delivered_at IS NOT NULL AND (due_at IS NULL OR due_at > (SELECT ?)) ORDER BY id LIMIT 1) AS command_id
  FROM sources WHERE id = ? AND account_id = ?`,
);
const insertResult = db.prepare("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
const endCommand = db.prepare("UPDATE commands SET state = ?, ended_at = ?, result_digest = ? WHERE id = (SELECT ?)");
const insertEvent = db.prepare("INSERT INTO events VALUES (?, ?, ?, 'command.reported', ?, ?, ?, ?)");

interface Report {
  server_id: string;
  command_name: string;
  result: string;
  result_detail: string;
}

const NAMES = new Set(["START", "STOP", "DELETE", "SYNC", "UPLOAD_LOG", "RSET_LOG_ACL"]);
const noBody = new Uint8Array();
const decoder = new TextDecoder();
const jsonHead = { headers: { "content-type": "application/json" } };
const refusal = (status: number) => new Response('{"error_msg":"refused"}', { ...jsonHead, status });

const storeOne = db.transaction(storeReport).immediate;
const storeAll = db.transaction((reports: Report[]) => reports.map(storeReport)).immediate;
const queue: { report: Report; answer: PromiseWithResolvers<boolean> }[] = [];

const store = process.argv[2] === "grouped" ? storeWithOthers : storeOne;
const { port } = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  routes: {
    "/v3/sources/:server_id/command": {
      GET(request) {
        const { path, query } = targetOf(request.url);
        if (!isSigned(request, path, query, noBody)) return refusal(401);
        const row = findCommand.get(request.params.server_id, ACCOUNT_ID);
        if (!row) return refusal(404);
        return new Response(`{"command_name":"${row.command_name ?? "TASK_NOT_STARTED"}"}`, jsonHead);
      },
    },
    "/v3/sources/:server_id/command_result": {
      async POST(request) {
        const { path, query } = targetOf(request.url);
        const body = new Uint8Array(await request.arrayBuffer());
        if (!isSigned(request, path, query, body)) return refusal(401);
        const report = readReport(request.params.server_id, decoder.decode(body));
        if (!report) return refusal(400);
        return (await store(report)) ? new Response("{}", jsonHead) : refusal(404);
      },
    },
  },
});
console.log(`listening on 127.0.0.1:${port}`);

function readReport(server_id: string, text: string): Report | undefined {
  const { command_name, result, result_detail } = JSON.parse(text) ?? {};
  const isReport =
    NAMES.has(command_name) &&
    (result === "success" || result === "fail") &&
    typeof result_detail === "object" &&
    result_detail !== null &&
    !Array.isArray(result_detail);
  return isReport ? { server_id, command_name, result, result_detail: JSON.stringify(result_detail) } : undefined;
}

/** Within a transaction: false for an unknown source. */
function storeReport({ server_id, command_name, result, result_detail }: Report): boolean {
  const now = Date.now();
  const found = findDelivered.get(command_name, now, server_id, ACCOUNT_ID);
  if (!found) return false;
  const { command_id } = found;
  const kind = command_id === null ? "unsolicited" : "matched";
  insertResult.run(
    Bun.randomUUIDv7(),
    ACCOUNT_ID,
    server_id,
    command_id,
    command_name,
    result,
    result_detail,
    kind,
    now,
  );
  if (command_id !== null) {
    const digest = createHash("sha256").update(result_detail).digest("hex");
    endCommand.run(result === "success" ? "succeeded" : "failed", now, digest, command_id);
  }
  const data = `{"command_name":"${command_name}","result":"${result}","kind":"${kind}"}`;
  insertEvent.run(Bun.randomUUIDv7(), ACCOUNT_ID, now, KEY.access_key, server_id, command_id, data);
  return true;
}

function storeWithOthers(report: Report): Promise<boolean> {
  const answer = Promise.withResolvers<boolean>();
  if (queue.push({ report, answer }) === 1) setImmediate(storeQueue);
  return answer.promise;
}

function storeQueue(): void {
  const group = queue.splice(0);
  try {
    const stored = storeAll(group.map(({ report }) => report));
    group.forEach(({ answer }, index) => {
      answer.resolve(stored[index] ?? false);
    });
  } catch (error) {
    for (const { answer } of group) answer.reject(error);
  }
}
