import type { Command, Result } from "../../src/commands/schema.ts";
import type { Ferry } from "./executable.ts";
import type { Fleet } from "./fleet.ts";

/* What the database tells, against what agents and operator remember. */

interface Told {
  commands: Command[];
  results: Result[];
  events: { type: string; command_id: string | null }[];
}

/** Everything, read over one process. */
export async function readAll(ferry: Ferry): Promise<Told> {
  return {
    commands: await everyPage(ferry, "/operate/v1/commands"),
    results: await ferry.results(),
    events: await everyPage(ferry, "/operate/v1/events"),
  };
}

/** By what is wrong, the commands and orders where it is; empty if all is well. Every command has to have ended. */
export function faultsOf({ orders, seen }: Fleet, told: Told): Record<string, string[]> {
  const results = Map.groupBy(told.results, ({ result_detail }) => (result_detail as { mark: string }).mark);
  const events = Map.groupBy(told.events, ({ command_id }) => command_id);
  const faults: Record<string, string[]> = {};
  const look = (where: string, wrong: Record<string, boolean>) => {
    for (const [what, is] of Object.entries(wrong)) if (is) faults[what] = [...(faults[what] ?? []), where];
  };

  for (const [id, { attempts, sent, acknowledged, afterwards }] of seen) {
    const stored = results.get(id) ?? [];
    const ofKind = (...kinds: Result["kind"][]) => stored.filter(({ kind }) => kinds.includes(kind)).length;
    look(id, {
      "an acknowledged report is lost": stored.length < acknowledged,
      "a report is stored more often than it was sent": stored.length > sent,
      "a report is kept as another command's": stored.some(({ command_id }) => command_id !== id),
      "not one of its reports has ended it": ofKind("matched") !== 1,
      "a report is neither the first nor a repeat": ofKind("matched", "repeat") !== stored.length,
      "two deliveries have one number": new Set(attempts).size !== attempts.length,
      "a delivery has no number": attempts.some((attempt) => !(attempt >= 1)),
      "offered after its report was acknowledged": afterwards > 0,
    });
  }
  for (const mark of results.keys()) look(mark, { "nobody sent this report": !seen.has(mark) });

  const byKey = Map.groupBy(told.commands, ({ source_id, idempotency_key }) => `${source_id} ${idempotency_key}`);
  for (const { source_id, key, ids } of orders) {
    const made = byKey.get(`${source_id} ${key}`) ?? [];
    look(`${source_id} ${key}`, {
      "an order has not made one command": made.length !== 1,
      "the replies to an order name another command": [...ids].join() !== made[0]?.id,
    });
  }
  look("all", { "there are commands nobody ordered": told.commands.length !== orders.length });
  for (const { id, state, attempts } of told.commands) {
    const types = (events.get(id) ?? []).map(({ type }) => type);
    const count = (wanted: string) => types.filter((type) => type === wanted).length;
    look(`${id} ${state}`, {
      "a command has not succeeded": state !== "succeeded",
      "not one event tells of its order": count("command.queued") !== 1,
      "not one event tells of its first delivery": count("command.delivered") !== 1,
      "not each report has an event": count("command.reported") !== (results.get(id)?.length ?? 0),
      "more deliveries were seen than counted": attempts < Math.max(0, ...(seen.get(id)?.attempts ?? [])),
    });
  }
  return faults;
}

async function everyPage<Item>(ferry: Ferry, path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const more: string = cursor && `&cursor=${cursor}`;
    const page = await ferry.ask<{ items: Item[]; next_cursor: string | null }>("GET", `${path}?limit=1000${more}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return items;
}
