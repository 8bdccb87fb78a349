import { mock } from "bun:test";
import { join } from "node:path";
import type { Client, InArgs, InStatement, InValue, Transaction, TransactionMode } from "@libsql/client";
import { Glob } from "bun";
import type { Database } from "../../src/db/database.ts";
import { GroupThread } from "../../src/db/group-thread.ts";
import { newFile, type Place } from "../place.ts";

/* What a ferry asks its database, statement by statement, and which functions of the stores asked it. */

const src = join(import.meta.dir, "..", "..", "src");

/** Statements by their text, each with values it was asked with. */
export type Asked = Map<string, InValue[]>;

/** A file whose statements are taken down. With `shared` the process takes it for a database of several. */
export function watchedFile(asked: Asked, { shared }: { shared: boolean }): Place {
  const place = newFile();
  const open = async (): Promise<Database> => {
    const database = await place.open();
    watch(database.client, asked);
    watchGroups(asked);
    return shared ? { ...database, exclusive: false } : database;
  };
  return { open, remove: place.remove };
}

function watch(client: Client, asked: Asked): void {
  const note = (statement: InStatement | [string, InArgs?], args?: InArgs) => {
    if (Array.isArray(statement)) return note(statement[0], statement[1]);
    const { sql, args: values = [] } = typeof statement === "string" ? { sql: statement, args } : statement;
    asked.set(sql, Array.isArray(values) ? values : Object.values(values));
  };
  const noted = <Callee extends Pick<Client, "execute">>(callee: Callee): Callee["execute"] => {
    const execute = callee.execute.bind(callee) as (statement: InStatement | string, args?: InArgs) => never;
    return ((statement: InStatement | string, args?: InArgs) => {
      note(statement, args);
      return execute(statement, args);
    }) as Callee["execute"];
  };
  const { batch } = client;
  const begin = client.transaction.bind(client) as (mode?: TransactionMode) => Promise<Transaction>;
  client.execute = noted(client);
  client.batch = (statements, mode) => {
    for (const statement of statements) note(statement);
    return batch.call(client, statements, mode);
  };
  client.transaction = (async (mode?: TransactionMode) => {
    const opened = await begin(mode);
    const inBatch = opened.batch.bind(opened);
    opened.execute = noted(opened);
    opened.batch = (statements) => {
      for (const statement of statements) note(statement);
      return inBatch(statements);
    };
    return opened;
  }) as Client["transaction"];
}

const { commit } = GroupThread.prototype;

function watchGroups(asked: Asked): void {
  GroupThread.prototype.commit = function (statements) {
    for (const { sql, args } of statements) asked.set(sql, args);
    return commit.call(this, statements);
  };
}

/** Takes down which exported functions of the stores are called from other files, as `file.ts name`. */
export async function watchStores(): Promise<{ exported: string[]; called: Set<string> }> {
  const exported: string[] = [];
  const called = new Set<string>();
  for (const file of [...new Glob("**/{store,*-store}.ts").scanSync(src)].sort()) {
    const path = join(src, file);
    const real: Record<string, unknown> = { ...(await import(path)) };
    const watched = Object.entries(real).map(([name, value]) => {
      if (typeof value !== "function" || /^[A-Z]/.test(name)) return [name, value];
      const key = `${file} ${name}`;
      exported.push(key);
      const call = (...args: unknown[]) => {
        called.add(key);
        return value(...args);
      };
      return [name, call];
    });
    await mock.module(path, () => Object.fromEntries(watched));
  }
  return { exported, called };
}

/** Texts of the statements that groups of writes are made of. */
export async function groupStatements(): Promise<string[]> {
  const files = [...new Glob("**/*-group.ts").scanSync(src)];
  const modules = await Promise.all(files.map((file) => import(join(src, file)) as Promise<Record<string, unknown>>));
  return modules.flatMap((exports) => Object.values(exports).filter((value) => typeof value === "string"));
}
