import type { History } from "./growth-fill.ts";

/* The pages of lists that are measured as a database grows: with every filter, whatever it finds. */

/** Sources first: for a minute all of them are connected. */
export const lists = ["sources", "results", "commands", "events"] as const;
export type List = (typeof lists)[number];

/** What pages ask for, in one database. */
export interface Found {
  history: History;
  /** A source and a command from the middle of the history. */
  source_id: string;
  command_id: string;
  migproject_id: string;
}

export interface Page {
  list: List;
  /** Its query, as a table shows it. */
  name: string;
  path(found: Found): string;
}

const LIMIT = 50;

const timeAt = ({ history }: Found, share: number) =>
  Math.round(history.beganAt + history.rows * share * history.stepMs);
/** Behind a row: its time and its key. */
const cursorAt = (found: Found, list: "results" | "commands", share: number) =>
  `cursor=${timeAt(found, share)}-${Math.round((found.history.first[list] ?? 0) + found.history.rows * share)}`;
/** As long as a page's rows take in the history, twice. */
const window = (found: Found) =>
  `since=${timeAt(found, 0.5)}&until=${timeAt(found, 0.5) + Math.round(2 * LIMIT * found.history.stepMs)}`;

type Query = (found: Found) => string;

const queries: Record<List, Record<string, Query>> = {
  results: {
    "no filter": () => "",
    "order=oldest": () => "order=oldest",
    "cursor in the middle": (found) => cursorAt(found, "results", 0.5),
    source_id: ({ source_id }) => `source_id=${source_id}`,
    command_id: ({ command_id }) => `command_id=${command_id}`,
    "command_name=START (most)": () => "command_name=START",
    "command_name=SKIP (few)": () => "command_name=SKIP",
    "command_name=DELETE (none)": () => "command_name=DELETE",
    "result=fail (1 %)": () => "result=fail",
    "kind=late (0.5 %)": () => "kind=late",
    "kind=repeat (none)": () => "kind=repeat",
    "since, the last tenth": (found) => `since=${timeAt(found, 0.9)}`,
    "until, the first tenth": (found) => `until=${timeAt(found, 0.1)}`,
    "since and until": window,
    "source_id, result=fail": ({ source_id }) => `source_id=${source_id}&result=fail`,
    "command_name=SYNC, kind=late": () => "command_name=SYNC&kind=late",
    "result=fail, until": (found) => `result=fail&until=${timeAt(found, 0.5)}`,
  },
  commands: {
    "no filter": () => "",
    "order=oldest": () => "order=oldest",
    "cursor in the middle": (found) => cursorAt(found, "commands", 0.5),
    source_id: ({ source_id }) => `source_id=${source_id}`,
    "state=succeeded (most)": () => "state=succeeded",
    "state=overdue (0.5 %)": () => "state=overdue",
    "state=queued (none)": () => "state=queued",
    "command_name=SKIP (few)": () => "command_name=SKIP",
    "command_name=DELETE (none)": () => "command_name=DELETE",
    "since, the last tenth": (found) => `since=${timeAt(found, 0.9)}`,
    "until, the first tenth": (found) => `until=${timeAt(found, 0.1)}`,
    "since and until": window,
    "source_id, state=failed": ({ source_id }) => `source_id=${source_id}&state=failed`,
    "state=failed, command_name=SYNC": () => "state=failed&command_name=SYNC",
    "state=failed, until": (found) => `state=failed&until=${timeAt(found, 0.5)}`,
  },
  sources: {
    "connected=true (all)": () => "connected=true",
    "connected=false (none)": () => "connected=false",
    "no filter": () => "",
    "offset=500": () => "offset=500",
    "state=error (10 %)": () => "state=error",
    "state=cloning (none)": () => "state=cloning",
    "migration_cycle=replicating (10 %)": () => "migration_cycle=replicating",
    "name of one": () => "name=bench-000777",
    "name, part of many": () => "name=7",
    "name of none": () => "name=nobody",
    ip: () => "ip=10.0.1.77",
    id: ({ source_id }) => `id=${source_id}`,
    "migproject (all)": ({ migproject_id }) => `migproject=${migproject_id}`,
    "is_consistency_result_exist=true (none)": () => "is_consistency_result_exist=true",
    "is_consistency_result_exist=false": () => "is_consistency_result_exist=false",
    vm_id: () => "vm_id=vm-1",
    "enterprise_project_id=0 (all)": () => "enterprise_project_id=0",
  },
  events: {
    "no filter": () => "",
    "type=command.reported": () => "type=command.reported",
    "type=task.deleted (none)": () => "type=task.deleted",
    source_id: ({ source_id }) => `source_id=${source_id}`,
    command_id: ({ command_id }) => `command_id=${command_id}`,
    "since and until": window,
  },
};

const paths: Record<List, string> = {
  results: "/operate/v1/results",
  commands: "/operate/v1/commands",
  sources: "/v3/sources",
  events: "/operate/v1/events",
};

export const pages: readonly Page[] = lists.flatMap((list) =>
  Object.entries(queries[list]).map(([name, query]) => ({
    list,
    name,
    path: (found: Found) =>
      `${paths[list]}?${[`limit=${LIMIT}`, query(found)].filter((part) => part !== "").join("&")}`,
  })),
);
