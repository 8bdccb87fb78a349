import type { CommandName, CommandState, ReportResult, TaskAction, TaskState } from "../core/words.ts";
import type { MigrationCycle, SourceState } from "../sources/schema.ts";

/*
 * Every change of state a task and its source go through together, as tables. Source: docs/decisions.md, "States".
 * Nothing here reads or writes; moves.ts carries out what this decides.
 */

/** Where a task and its source stand. */
export interface Condition {
  task: TaskState;
  source: SourceState;
  migration_cycle: MigrationCycle;
}

/** The same, with what a passing state goes back to. */
export interface Standing extends Condition {
  /** Where the two stood before they entered a passing state; null in any other. */
  before: Condition | null;
  /** The STOP under way overtook a START or SYNC that no agent has seen: nothing was begun. */
  stops_unbegun: boolean;
}

/** An open command of the task, as the tables need it. */
export interface OpenOrder {
  command_name: CommandName;
  state: CommandState;
}

type Change = Partial<Condition>;

const DONE = ["MIGRATE_SUCCESS", "SYNC_SUCCESS", "SYNC_F_ROLLBACK_SUCCESS"] as const;
const STOPPED = ["ABORT", "MIGRATE_FAIL", "SYNC_FAIL"] as const;
const AT_WORK = ["RUNNING", "SYNCING"] as const;

const passingTasks: ReadonlySet<TaskState> = new Set(["ABORTING", "SKIPPING", "SYNC_F_ROLLBACKING"]);
const passingSources: ReadonlySet<SourceState> = new Set(["cutovering", "cloning", "clearing", "premiging"]);
/** A drill may be ordered while the copy goes on. */
const drillSources: ReadonlySet<SourceState> = new Set(["premigready", "premiged", "premigfailed"]);

/** What an action wants beyond the state of the task. */
const conditions = {
  /** START and SYNC have been reported: there is work under way that a step can be left out of. */
  begun: (_: Standing, open: readonly OpenOrder[]) => !open.some(({ command_name }) => isCopyOrder(command_name)),
  /** The source is not in one of the passing states already. */
  settled: ({ source }: Standing) => !passingSources.has(source),
  drill: ({ source }: Standing) => drillSources.has(source),
};

export interface ActionRule {
  action: TaskAction;
  from: readonly TaskState[];
  where?: readonly (keyof typeof conditions)[];
  to: Change;
  command?: CommandName;
}

const start = { task: "RUNNING", source: "initialize", migration_cycle: "replicating" } as const;
const stop = { task: "ABORTING", source: "stopping" } as const;

/** What updateTaskStatus may do; network_check and collect_log move nothing and are allowed in any state. */
export const actionRules: readonly ActionRule[] = [
  { action: "start", from: ["READY", ...STOPPED], to: start, command: "START" },
  {
    action: "start",
    from: DONE,
    to: { task: "SYNCING", source: "syncing", migration_cycle: "syncing" },
    command: "SYNC",
  },
  { action: "restart", from: STOPPED, to: start, command: "START" },
  { action: "stop", from: [...AT_WORK, "SKIPPING"], to: stop, command: "STOP" },
  { action: "error_for_overspeed", from: [...AT_WORK, "SKIPPING"], to: stop, command: "STOP" },
  { action: "skip", from: AT_WORK, where: ["begun"], to: { task: "SKIPPING", source: "skipping" }, command: "SKIP" },
  { action: "migration_test", from: DONE, where: ["settled"], to: { source: "premiging" }, command: "PREMIGRATE" },
  {
    action: "migration_test",
    from: AT_WORK,
    where: ["begun", "drill"],
    to: { source: "premiging" },
    command: "PREMIGRATE",
  },
  { action: "test", from: DONE, where: ["settled"], to: { source: "cutovering" } },
  {
    action: "cutover",
    from: DONE,
    where: ["settled"],
    to: { source: "cutovering", migration_cycle: "cutovering" },
  },
  { action: "clone_test", from: DONE, where: ["settled"], to: { source: "cloning" } },
  { action: "clear", from: DONE, where: ["settled"], to: { source: "clearing" } },
  { action: "sync_failed_rollback", from: ["SYNC_FAIL"], to: { task: "SYNC_F_ROLLBACKING" } },
];

/** What an end of a command changes, while task or source are where it led; `before` is back to where they were. */
export const endRules: readonly {
  command: CommandName;
  while: { task: TaskState } | { source: SourceState };
  success: Change | "before";
  fail: Change | "before";
}[] = [
  {
    command: "START",
    while: { task: "RUNNING" },
    success: { source: "replicate" },
    fail: { task: "MIGRATE_FAIL", source: "error" },
  },
  {
    command: "SYNC",
    while: { task: "SYNCING" },
    success: { source: "syncing" },
    fail: { task: "SYNC_FAIL", source: "error" },
  },
  { command: "STOP", while: { task: "ABORTING" }, success: { task: "ABORT", source: "stopped" }, fail: "before" },
  { command: "SKIP", while: { task: "SKIPPING" }, success: "before", fail: "before" },
  {
    command: "PREMIGRATE",
    while: { source: "premiging" },
    success: { source: "premiged" },
    fail: { source: "premigfailed" },
  },
];

/** What changestate makes of a task that is at work; ABORTING and SKIPPING count as the state before them. */
export const outcomeRules: readonly { from: TaskState; finished: TaskState; error: TaskState }[] = [
  { from: "RUNNING", finished: "MIGRATE_SUCCESS", error: "MIGRATE_FAIL" },
  { from: "SYNCING", finished: "SYNC_SUCCESS", error: "SYNC_FAIL" },
  { from: "SYNC_F_ROLLBACKING", finished: "SYNC_F_ROLLBACK_SUCCESS", error: "SYNC_FAIL" },
];

/** Commands whose end ends a passing state. */
export const awaitedCommands: ReadonlySet<CommandName> = new Set(["STOP", "SKIP", "PREMIGRATE"]);

/** The rule an action follows now; undefined where it is not allowed. */
export function ruleOf(action: TaskAction, now: Standing, open: readonly OpenOrder[]): ActionRule | undefined {
  return actionRules.find(
    (rule) =>
      rule.action === action &&
      rule.from.includes(now.task) &&
      (rule.where ?? []).every((name) => conditions[name](now, open)),
  );
}

/** Actions that would be accepted now. */
export function allowedActions(now: Standing, open: readonly OpenOrder[]): TaskAction[] {
  const moving = new Set(actionRules.map(({ action }) => action));
  return [...moving].filter((action) => ruleOf(action, now, open) !== undefined);
}

/** The rule behind a command that an operator queues directly: that of the action which queues the same. */
export function ruleOfCommand(name: CommandName, now: Standing, open: readonly OpenOrder[]): ActionRule | undefined {
  return allowedActions(now, open)
    .map((action) => ruleOf(action, now, open))
    .find((rule) => rule?.command === name);
}

export function afterAction(rule: ActionRule, now: Standing, open: readonly OpenOrder[]): Standing {
  const isUnbegun =
    rule.to.task === "ABORTING" &&
    (now.source === "initialize" || now.task === "SYNCING") &&
    open.some(({ command_name, state }) => isCopyOrder(command_name) && state === "queued");
  return settle(now, { ...rule.to }, isUnbegun);
}

/** A task is made for a source: one in a passing state gets something to go back to. */
export function afterMaking(now: Standing): Standing {
  return settle(now, {});
}

/** A START that waited for its agent is handed out: the task of an auto_start runs from then on. */
export function afterHandOut(name: CommandName, now: Standing): Standing {
  return name === "START" && now.task === "READY" ? settle(now, start) : now;
}

/** Whether the end of such a command would move the task, or bring it back, from where it stands. */
export function isMovedBy(name: CommandName, now: Condition): boolean {
  return endRuleOf(name, now) !== undefined;
}

function endRuleOf(name: CommandName, now: Condition) {
  return endRules.find(
    ({ command, while: place }) =>
      command === name && ("task" in place ? place.task === now.task : place.source === now.source),
  );
}

/** A command of the task has ended, by a report or, like a failed one, without. */
export function afterEnd(name: CommandName, result: ReportResult, now: Standing): Standing {
  const rule = endRuleOf(name, now);
  if (!rule) return now;
  const change = now.stops_unbegun && name === "STOP" ? rule.success : rule[result];
  return change === "before" ? afterReturn(now) : settle(now, change);
}

/** The agent says where its source stands. */
export function afterChangestate(
  said: { source?: SourceState | undefined; migration_cycle?: MigrationCycle | undefined },
  now: Standing,
): Standing {
  const { source = now.source, migration_cycle = now.migration_cycle } = said;
  const atWork = now.task === "ABORTING" || now.task === "SKIPPING" ? now.before?.task : now.task;
  const outcome = outcomeRules.find(({ from }) => from === atWork);
  const ends = said.source === "finished" || said.source === "error" ? said.source : undefined;
  const task = (ends && outcome?.[ends]) ?? now.task;
  return settle(now, { task, source, migration_cycle }, now.stops_unbegun && task === "ABORTING");
}

/** Back from a passing state. */
export function afterReturn(now: Standing): Standing {
  return now.before ? { ...now.before, before: null, stops_unbegun: false } : now;
}

/** Whether task or source are in a state that is to end soon. */
export function isPassing({ task, source }: Condition): boolean {
  return passingTasks.has(task) || passingSources.has(source);
}

/** What was ordered has been done. */
export function isDone(task: TaskState): boolean {
  return DONE.some((done) => done === task);
}

/** Between a start and its outcome; on the way to a stop the work goes on. */
export function isAtWork(task: TaskState): boolean {
  return task === "RUNNING" || task === "SYNCING" || task === "ABORTING" || task === "SKIPPING";
}

/** Whether no command's end ends the passing state: the source waits for a changestate only. */
export function waitsForSource(now: Condition): boolean {
  return isPassing(now) && now.task !== "ABORTING" && now.task !== "SKIPPING";
}

function isCopyOrder(name: CommandName): boolean {
  return name === "START" || name === "SYNC";
}

/** A state that is not passing forgets what was before; one passing state after another keeps what was before the first. */
function settle(now: Standing, change: Change, stops_unbegun = false): Standing {
  const { task, source, migration_cycle } = { ...now, ...change };
  const next = { task, source, migration_cycle };
  return { ...next, before: isPassing(next) ? (now.before ?? restOf(now)) : null, stops_unbegun };
}

/** Where to go back to: a source that was in a passing state before it had a task goes back to waiting. */
function restOf({ task, source, migration_cycle }: Standing): Condition {
  return { task, source: passingSources.has(source) ? "waiting" : source, migration_cycle };
}
