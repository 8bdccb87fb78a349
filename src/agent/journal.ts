import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseObject } from "../core/json-object.ts";
import { writePrivateFile } from "../core/private-file.ts";
import { commandNames } from "../core/words.ts";
import { minimalReport, type Report } from "./report.ts";

const Facts = v.looseObject({ attempt: v.number() });
const Contents = v.object({
  source_id: v.optional(v.string()),
  commands: v.array(
    v.object({
      command_id: v.string(),
      command_name: v.picklist(commandNames),
      task_id: v.optional(v.string()),
      attempt: v.number(),
      report: v.optional(
        v.object({
          result: v.picklist(["success", "fail"]),
          printed: v.optional(v.string()),
          facts: Facts as v.GenericSchema<Report["facts"]>,
        }),
      ),
      reported: v.optional(v.boolean()),
    }),
  ),
});
type Contents = v.InferOutput<typeof Contents>;

/** A command that was begun; with a report once it is finished, and a mark once that was answered. */
export type Entry = Contents["commands"][number];

/**
 * What was reported, and what was begun and never came again, is remembered up to this many commands: a service that
 * was restored from a copy may offer one anew.
 */
const MOST_ENTRIES = 100;
/** What a hook has printed is kept beyond its report up to this size. */
const KEPT_PRINTED_CHARS = 4_096;

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

  get hasUnreported(): boolean {
    return this.entries.some(({ report, reported }) => report && !reported);
  }

  keepSource(source_id: string): void {
    if (source_id !== this.source_id) this.#write({ ...this.#contents, source_id });
  }

  /** Before the hook is started. */
  begin(entry: Entry): void {
    this.#writeEntries([...this.#without(entry.command_id), entry]);
  }

  /**
   * Before the report is sent. Where there is no room for all of it, it is kept in memory: better reported from there
   * than run again. Answers whether it is on disk.
   */
  finish(entry: Entry, report: Report): boolean {
    const contents = { ...this.#contents, commands: [...this.#without(entry.command_id), { ...entry, report }] };
    try {
      this.#write(contents);
      return true;
    } catch {
      this.#contents = contents;
      return false;
    }
  }

  /** Once the report was answered: it is kept, in short, in case the command is offered again. */
  reported({ report, ...entry }: Entry): void {
    const isLong = (report?.printed?.length ?? 0) > KEPT_PRINTED_CHARS;
    const kept = report && isLong ? minimalReport(report, "sent in full before") : report;
    const mark = { ...entry, ...(kept && { report: kept }), reported: true };
    this.#writeEntries([...this.#without(entry.command_id), mark]);
  }

  /** A command that was reported is offered all the same: its report is to be sent once more. */
  reportAgain(command_id: string): void {
    this.#writeEntries(
      this.entries.map((entry) => (entry.command_id === command_id ? { ...entry, reported: false } : entry)),
    );
  }

  #without(command_id: string): Entry[] {
    return this.entries.filter((entry) => entry.command_id !== command_id);
  }

  /** The newest, and whatever is still to be reported. */
  #writeEntries(commands: Entry[]): void {
    const oldest = commands.length - MOST_ENTRIES;
    const kept = commands.filter((entry, index) => index >= oldest || (entry.report && !entry.reported));
    this.#write({ ...this.#contents, commands: kept });
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
  const contents = v.safeParse(Contents, parseObject(text));
  if (contents.success) return contents.output;
  throw new Error(`${path} is no journal of an agent: look at it, and remove it to begin anew`);
}
