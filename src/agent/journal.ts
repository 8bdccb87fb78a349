import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "../core/private-file.ts";
import type { CommandName } from "./offer.ts";
import type { Report } from "./report.ts";

/** A command that was begun; with a report once it is finished. */
export interface Entry {
  command_id: string;
  command_name: CommandName;
  attempt: number;
  report?: Report;
}

interface Contents {
  source_id?: string;
  commands: Entry[];
}

/**
 * What was begun and never came again (an operator has cancelled it meanwhile) is remembered up to this many commands;
 * an older one would still be told apart by the number of its delivery.
 */
const MOST_ENTRIES = 100;

/** What an agent must know after a crash, in one small file. Every change is on disk when it returns. */
export class Journal {
  readonly path: string;
  #contents: Contents;

  constructor(folder: string) {
    this.path = join(folder, "journal.json");
    this.#contents = read(this.path);
  }

  get source_id(): string | undefined {
    return this.#contents.source_id;
  }

  get entries(): readonly Entry[] {
    return this.#contents.commands;
  }

  keepSource(source_id: string): void {
    if (source_id !== this.source_id) this.#write({ ...this.#contents, source_id });
  }

  /** Before the hook is started. */
  begin(entry: Entry): void {
    this.#writeEntries([...this.#without(entry.command_id), entry].slice(-MOST_ENTRIES));
  }

  /** Before the report is sent. */
  finish(entry: Entry, report: Report): void {
    this.#writeEntries([...this.#without(entry.command_id), { ...entry, report }]);
  }

  /** Once the report was answered. */
  remove(command_id: string): void {
    this.#writeEntries(this.#without(command_id));
  }

  #without(command_id: string): Entry[] {
    return this.entries.filter((entry) => entry.command_id !== command_id);
  }

  #writeEntries(commands: Entry[]): void {
    this.#write({ ...this.#contents, commands });
  }

  #write(contents: Contents): void {
    writePrivateFile(this.path, `${JSON.stringify(contents)}\n`);
    this.#contents = contents;
  }
}

function read(path: string): Contents {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { commands: [] };
    throw error;
  }
  try {
    const contents = JSON.parse(text) as Contents;
    if (Array.isArray(contents.commands)) return contents;
  } catch {
    // said below
  }
  throw new Error(`${path} is no journal of an agent: look at it, and remove it to begin anew`);
}
