import { join } from "node:path";
import { type Client, createClient } from "@libsql/client";
import { uuidBytes, uuidBytesInSql } from "../src/db/uuid.ts";
import { startFerry } from "./ferry.ts";
import { call, type Sender, signed } from "./requests.ts";
import type { Load, Sent, Work } from "./subject.ts";

/*
 * The sources of one database and what their agents send. One source and one command are made through the API, all
 * others are copies of their rows: quick on any database, and true to whatever columns there are.
 */

/** Sources whose agents poll and have nothing to do. */
export const IDLE = 500;
/** Sources whose agents report, unless more are asked for. */
export const BUSY = 8_000;
/** Commands that wait for the reports of a round: a server's rounds are used up with one on each source. */
const WAITING = { file: 5 * BUSY, server: BUSY };
/** Rows a statement copies: other writes need not wait long for it. */
const COPIED = 2_000;

export const registration = {
  name: "bench-1",
  hostname: "bench-1.example.org",
  os_type: "LINUX",
  os_version: "UBUNTU_22_4_64BIT",
  ip: "192.0.2.10",
  agent_version: "24.1.0",
  firmware: "BIOS",
  boot_loader: "GRUB",
  has_rsync: true,
  networks: [
    {
      name: "eth0",
      ip: "192.0.2.10",
      netmask: "255.255.255.0",
      gateway: "192.0.2.1",
      mtu: 1500,
      mac: "02:00:00:00:00:01",
    },
  ],
};

/** A delivered command that others are copied from, and the first of the busy sources. */
interface Model {
  command_seq: number;
  source_seq: number;
}

export interface Size {
  /** How many sources report. */
  busy: number;
  /** How far apart two are that report one after the other: prime to their number. */
  stride: number;
  /** Commands that wait for the reports of a round. */
  waiting: number;
}

export class Fleet {
  readonly #client: Client;
  readonly #ids: string[];
  readonly #model: Model;
  readonly #stride: number;
  readonly #waiting: number;
  /** The last command that was there before those of the rounds. */
  #before: number | undefined;
  #made = 0;
  #sent = 0;
  #accepted = 0;

  private constructor(client: Client, ids: string[], model: Model, stride: number, waiting: number) {
    this.#client = client;
    this.#ids = ids;
    this.#model = model;
    this.#stride = stride;
    this.#waiting = waiting;
  }

  /** Fills the empty database of a data folder, or of a libSQL server; no ferry may run on it yet. */
  static async make(data: string, database_url?: string, size: Partial<Size> = {}): Promise<Fleet> {
    const { busy = BUSY, stride = 1 } = size;
    const { waiting = database_url === undefined ? WAITING.file : WAITING.server } = size;
    const { source_id, command_id } = await makeModels(data, database_url);
    const client = createClient({ url: database_url ?? `file:${join(data, "ferry.db")}`, timeout: 10_000 });
    const command_seq = await seqOf(client, "commands", command_id);
    const ids = Array.from({ length: IDLE + busy }, () => Bun.randomUUIDv7());
    const source = { table: "sources", seq: await seqOf(client, "sources", source_id) };
    const rows = ids.map((id) => ({ id }));
    for (let from = 0; from < ids.length; from += COPIED) await copy(client, source, rows.slice(from, from + COPIED));
    const source_seq = await seqOf(client, "sources", ids[IDLE] ?? "");
    return new Fleet(client, ids, { command_seq, source_seq }, stride, waiting);
  }

  get idle(): string[] {
    return this.#ids.slice(0, IDLE);
  }

  get busy(): string[] {
    return this.#ids.slice(IDLE);
  }

  async load(work: Work, { poll, report }: Sender = signed): Promise<Load> {
    // The first poll of a source may note that its agent is there.
    if (work === "poll") return { requests: await all(this.idle, poll), warmUpReplies: IDLE };
    await this.#replenish();
    const limit = this.#made - this.#sent;
    const { busy } = this;
    const next = Array.from({ length: Math.min(limit, busy.length) }, (_, index) => this.#turn(this.#sent + index));
    return { requests: await all(next, (place) => report(busy[place] ?? "")), limit };
  }

  /** Throws if a report was accepted that ended no command; one that was refused may have ended it. */
  async done(work: Work, { accepted, refused }: Sent): Promise<void> {
    if (work === "poll") return;
    this.#sent += accepted + refused;
    this.#accepted += accepted;
    const { rows } = await this.#client.execute({
      sql: "SELECT count(*) AS ended FROM commands WHERE seq > ? AND +state = 'succeeded'",
      args: [this.#before ?? 0],
    });
    const ended = Number(rows[0]?.ended);
    if (ended < this.#accepted || ended > this.#sent)
      throw new Error(`of ${this.#sent} reports ${this.#accepted} were accepted, and ${ended} commands ended`);
  }

  /** `seq` of its first source; the others follow one by one. */
  get firstSeq(): number {
    return this.#model.source_seq - IDLE;
  }

  /** `seq` of the busy sources, in their order. */
  get busySeqs(): number[] {
    return this.busy.map((_, place) => this.#model.source_seq + place);
  }

  /** Copies of a row that has that id, each with some columns of its own; no ferry may run. */
  async copy(table: string, id: string, rows: readonly Record<string, string | number>[]): Promise<void> {
    await copy(this.#client, { table, seq: await seqOf(this.#client, table, id) }, rows);
  }

  close(): void {
    this.#client.close();
  }

  /** Which busy source a report is from. */
  #turn(report: number): number {
    return (report * this.#stride) % (this.#ids.length - IDLE);
  }

  /**
   * Delivered commands instead of those that have been reported. ferry knows nothing of them in its memory, and needs
   * not: what a report ends is found in the database.
   */
  async #replenish(): Promise<void> {
    const { command_seq, source_seq } = this.#model;
    this.#before ??= await lastSeq(this.#client, "commands");
    const wanted = this.#sent + this.#waiting;
    while (this.#made < wanted) {
      const rows = Array.from({ length: Math.min(COPIED, wanted - this.#made) }, (_, index) => ({
        id: Bun.randomUUIDv7(),
        source_seq: source_seq + this.#turn(this.#made + index),
      }));
      await copy(this.#client, { table: "commands", seq: command_seq }, rows);
      this.#made += rows.length;
    }
  }
}

/** One source, and one command that its agent has been given. */
async function makeModels(data: string, database_url?: string) {
  const ferry = await startFerry(data, database_url);
  try {
    const { endpoint } = ferry;
    const { id: source_id } = await call(endpoint, "POST", "/v3/sources", registration);
    const { id: command_id } = await call(endpoint, "POST", `/operate/v1/sources/${source_id}/commands`, {
      command_name: "START",
    });
    await call(endpoint, "GET", `/v3/sources/${source_id}/command`);
    return { source_id: source_id as string, command_id: command_id as string };
  } finally {
    await ferry.stop();
  }
}

async function lastSeq(client: Client, table: string): Promise<number> {
  const { rows } = await client.execute(`SELECT max(seq) AS seq FROM ${table}`);
  return Number(rows[0]?.seq);
}

/** Copies of a row, each with some columns of its own. */
async function copy(
  client: Client,
  model: { table: string; seq: number },
  rows: readonly Record<string, string | number>[],
): Promise<void> {
  const { columns } = await client.execute(`SELECT * FROM ${model.table} LIMIT 0`);
  const own = Object.keys(rows[0] ?? {});
  const names = columns.filter((column) => column !== "seq");
  const ownValue = (name: string) =>
    name === "id" && model.table === "commands" ? uuidBytesInSql("own.value ->> 'id'") : `own.value ->> '${name}'`;
  const values = names.map((name) => (own.includes(name) ? ownValue(name) : `model.${name}`));
  await client.execute({
    sql: `INSERT INTO ${model.table} (${names.join(", ")}) SELECT ${values.join(", ")}
      FROM json_each(?) AS own, ${model.table} AS model WHERE model.seq = ? ORDER BY own.key`,
    args: [JSON.stringify(rows), model.seq],
  });
}

async function seqOf(client: Client, table: string, id: string): Promise<number> {
  const args = [table === "commands" ? uuidBytes(id) : id];
  const { rows } = await client.execute({ sql: `SELECT seq FROM ${table} WHERE id = ?`, args });
  return Number(rows[0]?.seq);
}

function all<Item>(items: readonly Item[], make: (item: Item) => Promise<string>): Promise<string[]> {
  return Promise.all(items.map((item) => make(item)));
}
