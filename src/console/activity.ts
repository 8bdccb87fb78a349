import type { Event } from "./live.ts";
import { plain, type Tone, tone } from "./words.ts";

/** A change in words, behind the name of its source: "reported START: success". */
export function what({ type, data }: Event): string {
  const name = String(data.command_name ?? "");
  const sayings: { [Type in Event["type"]]?: string } = {
    "source.registered": "registered",
    "source.reregistered": "registered again",
    "source.moved": `now ${plain(String(data.state))}`,
    "source.deleted": "deleted",
    "task.created": "task created",
    "task.moved": `task now ${plain(String(data.state))}`,
    "task.deleted": "task deleted",
    "command.queued": `${name} queued`,
    "command.delivered": `took ${name}`,
    "command.reported": `reported ${name}: ${data.result}${data.kind === "matched" ? "" : ` (${data.kind})`}`,
    "command.cancelled": `${name} cancelled`,
    "command.superseded": `${name} superseded`,
    "command.undelivered": `${name} not fetched in time`,
    "command.overdue": `${name} not reported in time`,
  };
  return sayings[type] ?? plain(type.replace(".", " "));
}

/** How its outcome looks. */
export const toneOf = ({ type, data }: Event): Tone => tone(String(data.result ?? data.state ?? type.split(".")[1]));

/** Who did it, short: of an access key its beginning. */
export function who({ actor }: Event): string {
  if (actor === null) return "ferry";
  return actor.startsWith("user:") ? actor.slice("user:".length) : `${actor.slice(0, 6)}…`;
}
