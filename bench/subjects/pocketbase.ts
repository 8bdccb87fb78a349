import { Database } from "bun:sqlite";
import { join } from "node:path";
import { BUSY, IDLE } from "../fleet.ts";
import { done, made } from "../made.ts";
import { startProgram } from "../processes.ts";
import { DETAIL, travelling } from "../requests.ts";
import type { Subject } from "../subject.ts";

const here = join(import.meta.dir, "pocketbase");

export const pocketbase: Subject = {
  name: "PocketBase",
  about:
    "PocketBase 0.39.0 by its own API, without its log of requests. A poll lists the commands of a source, each with one, as it delays empty lists on purpose; a report only makes a record: no command ends, no event is written, and the commit is not flushed to the disk (synchronous=NORMAL). A token in place of a signature",
  onlyFull: true,
  async start(folder) {
    const program = await builtProgram();
    if (program === undefined) return undefined;
    const data = join(folder, "data");
    const sign = /listening on (\S+) with (\S+)/;
    const { pid, said, stop } = await startProgram([program, data, String(IDLE + BUSY)], { cwd: folder }, sign);
    const [, endpoint = "", authorization = ""] = said;
    const ids = Array.from({ length: IDLE + BUSY }, (_, number) => sourceId(number));
    const db = new Database(join(data, "data.db"), { readonly: true });
    let accepted = 0;
    return {
      endpoints: [endpoint],
      pids: { server: [pid], database: [] },
      load: async (work) => ({
        requests:
          work === "poll"
            ? ids.slice(0, IDLE).map((id) => poll(id, { authorization }))
            : ids.slice(IDLE).map((id) => report(id, { authorization })),
      }),
      done: async (work, sent) => {
        if (work === "poll") return;
        accepted += sent.accepted;
        const stored = db.query<{ count: number }, []>("SELECT count(*) AS count FROM results").get()?.count ?? 0;
        if (stored < accepted) throw new Error(`${accepted} reports were accepted, and ${stored} are there`);
      },
      stop: async () => {
        db.close();
        await stop();
      },
    };
  },
};

/** As main.go makes them. */
function sourceId(number: number): string {
  return `0197f3a2-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

function poll(id: string, headers: Record<string, string>): string {
  const filter = encodeURIComponent(`source="${id}"`);
  return travelling("GET", `/api/collections/commands/records?filter=${filter}&perPage=1&skipTotal=1`, headers);
}

function report(id: string, headers: Record<string, string>): string {
  const body = JSON.stringify({ source: id, command_name: "START", result: "success", result_detail: DETAIL });
  return travelling(
    "POST",
    "/api/collections/results/records",
    { ...headers, "content-type": "application/json" },
    body,
  );
}

/** Path of the program, built if need be; undefined, said aloud, where it cannot be. */
async function builtProgram(): Promise<string | undefined> {
  const sources = ["main.go", "go.mod", "go.sum"].map((name) => join(here, name));
  const place = await made("pocketbase", sources, async (folder) => {
    if (Bun.which("go") === null) throw new Error("there is no go");
    console.error("building PocketBase: a minute or two, the first time");
    await done(["go", "build", "-trimpath", "-o", join(folder, "pocketbase"), "."], here);
  });
  return place === undefined ? undefined : join(place, "pocketbase");
}
