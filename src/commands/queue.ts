import { type CommandName, logCommandNames } from "../core/words.ts";

/** A command that has not ended, as the decisions below need it. */
export interface OpenCommand {
  seq: number;
  command_name: CommandName;
  task_id: string | null;
  /** The deadline in force, milliseconds since 1970. */
  due_at: number | null;
}

export const logCommands: ReadonlySet<CommandName> = new Set(logCommandNames);

/** Control commands steer the migration; log commands run beside them. */
export function isControl(name: CommandName): boolean {
  return !logCommands.has(name);
}

/** What a poll is offered: the oldest open control command, else the oldest open log command; none past its deadline. */
export function offered<Command extends OpenCommand>(open: readonly Command[], now: number): Command | undefined {
  const inTime = open
    .filter((command) => command.due_at === null || command.due_at > now)
    .sort((a, b) => a.seq - b.seq);
  return inTime.find((command) => isControl(command.command_name)) ?? inTime[0];
}

/** Which open commands a new one ends: a control command those of the same task, or both without one; never a DELETE. */
export function superseded<Command extends OpenCommand>(
  open: readonly Command[],
  added: { command_name: CommandName; task_id: string | null },
): Command[] {
  if (!isControl(added.command_name)) return [];
  return open.filter(
    (command) =>
      isControl(command.command_name) && command.command_name !== "DELETE" && command.task_id === added.task_id,
  );
}
