import { type CommandName, commandNames } from "../core/words.ts";
import type { Entry } from "./journal.ts";

/** What a poll was answered. */
export interface Offer {
  command_id: string;
  command_name: string;
  command_param: { task_id?: string; bucket?: string };
  /** Which delivery of the command this is, if that was said. */
  delivery: number | undefined;
}

export interface Command extends Offer {
  command_name: CommandName;
}

export type Decision =
  | { do: "nothing" }
  | { do: "ignore" } // a command nobody knows
  | { do: "report"; entry: Entry } // it has been carried out: its report is what is missing
  | { do: "goOn" } // its hook is running
  | { do: "wait" } // for the hook of another one
  | { do: "run"; command: Command; attempt: number }; // after the running one was ended, if there is one

/** These end whatever is running. */
const ending: readonly CommandName[] = ["STOP", "DELETE"];

/** What to do with an offer, given the command whose hook is running and the journal. */
export function decide(
  offer: Offer | undefined,
  running: Pick<Entry, "command_id"> | undefined,
  journal: readonly Entry[],
): Decision {
  if (!offer) return { do: "nothing" };
  if (!isCommand(offer)) return { do: "ignore" };
  if (running?.command_id === offer.command_id) return { do: "goOn" };
  const begun = journal.find(({ command_id }) => command_id === offer.command_id);
  if (begun?.report) return { do: "report", entry: begun };
  if (running && !ending.includes(offer.command_name)) return { do: "wait" };
  return { do: "run", command: offer, attempt: attemptOf(offer, begun) };
}

/** 1 is a promise to the hook: this command was never begun before. Beyond, how often this agent has begun it. */
function attemptOf({ delivery }: Offer, begun: Entry | undefined): number {
  if (begun) return begun.attempt + 1;
  return delivery === 1 ? 1 : 2;
}

function isCommand(offer: Offer): offer is Command {
  return (commandNames as readonly string[]).includes(offer.command_name);
}
