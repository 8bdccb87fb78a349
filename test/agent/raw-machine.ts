import { readFileSync } from "node:fs";
import { join } from "node:path";
import { linuxMachine } from "../../src/agent/machine/linux.ts";
import type { Machine } from "../../src/agent/machine/model.ts";
import type { RawMachine } from "../../src/agent/machine/raw.ts";

/*
 * A machine of test/agent/fixtures. Where RawMachine has a text, a fixture may have its lines, or the JSON it holds, as
 * the tools print it.
 */
export function rawMachine(name: string): RawMachine {
  const fixture = JSON.parse(readFileSync(join(import.meta.dir, "fixtures", `${name}.json`), "utf8"));
  const { files, lsblk, pvs, vgs, lvs, btrfs } = fixture;
  return {
    ...fixture,
    files: texts(files),
    ...texts({ lsblk, pvs, vgs, lvs }),
    btrfs: btrfs.map((each: Record<string, unknown>) => ({
      ...each,
      ...texts({ subvolumes: each.subvolumes, default_subvolume: each.default_subvolume }),
    })),
  };
}

/** What is registered of it. */
export function machine(name: string, changes: Partial<RawMachine> = {}): Machine {
  return linuxMachine({ ...rawMachine(name), ...changes }, "1.0");
}

/** The same with other contents of some files; undefined: the file is not there. */
export function withFiles(name: string, changes: Record<string, string | undefined>): Machine {
  const files = Object.entries({ ...rawMachine(name).files, ...changes });
  return machine(name, {
    files: Object.fromEntries(files.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  });
}

function texts(members: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, textOf(value)]])),
  );
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.map((line) => `${line}\n`).join("") : JSON.stringify(value);
}
