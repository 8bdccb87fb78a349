import { useState } from "hono/jsx/dom";
import { commandNames, migrationTypes, type TaskAction } from "../../core/words.ts";
import { answer, api, mayOperate } from "../api.ts";
import { send } from "../commands.ts";
import { useLoaded } from "../loaded.ts";
import { Problem } from "../parts/basics.tsx";
import { ShellLine } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Doing } from "../parts/doing.tsx";
import { go, path } from "../place.ts";
import { quoted } from "../shell.ts";
import type { SourceRow } from "../source-list.ts";
import { plain } from "../words.ts";

/** Seldom needed: they are behind a fold. */
const common = new Set<string>(["create_task", "start", "stop", "restart", "migration_test", "cutover"]);
const LOOK_MS = 5_000;

interface ActionsProps {
  source: SourceRow;
  done: () => void;
}

/** What can be done with a source now; what cannot says why. */
export function Actions({ source, done }: ActionsProps) {
  const { id, task } = source;
  const [asked, setAsked] = useState<"create_task" | "delete_task" | "delete_source" | undefined>(undefined);
  const { value, error, again } = useLoaded(
    `actions ${id}`,
    () => answer(api.operate.v1.sources[":source_id"].actions.$get({ param: { source_id: id } })),
    { on: ({ source_id }) => source_id === id, everyMs: LOOK_MS },
  );
  const over = () => {
    setAsked(undefined);
    again();
    done();
  };
  const button = ({ action, allowed, reason }: NonNullable<typeof value>["items"][number]) => {
    const isAsking = action === "create_task" || action === "delete_task" || action === "delete_source";
    const run = isAsking ? async () => setAsked(action) : () => act(action, task?.id ?? "");
    return (
      <Doing key={action} run={run} {...(!isAsking && { done: over })} whyNot={allowed ? null : (reason ?? "not now")}>
        {plain(action)}
      </Doing>
    );
  };
  return (
    <section aria-labelledby="actions">
      <h2 id="actions">Actions</h2>
      <Problem what={error} again={again} />
      <div class="buttons">{value?.items.filter(({ action }) => common.has(action)).map(button)}</div>
      <details>
        <summary>More</summary>
        <div class="buttons">{value?.items.filter(({ action }) => !common.has(action)).map(button)}</div>
        {mayOperate() && (
          <>
            <p class="soft">A command as it is, beside what the task's actions send:</p>
            <div class="buttons">
              {commandNames.map((command_name) => (
                <Doing key={command_name} run={() => send(id, { command_name })} done={over}>
                  {command_name}
                </Doing>
              ))}
            </div>
            <ShellLine line={`ferry command send ${id} START`} />
          </>
        )}
      </details>
      {asked === "create_task" && <NewTask source={source} close={() => setAsked(undefined)} done={over} />}
      {(asked === "delete_task" || asked === "delete_source") && (
        <Delete what={asked} source={source} close={() => setAsked(undefined)} done={over} />
      )}
    </section>
  );
}

function act(operation: TaskAction, task_id: string): Promise<unknown> {
  return answer(api.v3.tasks[":task_id"].action.$post({ param: { task_id }, json: { operation } }));
}

function NewTask({ source, close, done }: { source: SourceRow; close: () => void; done: () => void }) {
  const [type, setType] = useState<(typeof migrationTypes)[number]>("MIGRATE_FILE");
  const [region, setRegion] = useState("region-1");
  const json = {
    name: "MigrationTask",
    type,
    source_server: { id: source.id },
    target_server: {},
    region_name: region,
    region_id: region,
    project_name: region,
    project_id: region,
  };
  return (
    <Dialog title={`Create the task of ${source.name}`} close={close}>
      <form onSubmit={(event: Event) => event.preventDefault()}>
        <label>
          How it copies{" "}
          <select onChange={(event: Event) => setType((event.target as HTMLSelectElement).value as typeof type)}>
            {migrationTypes.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          Region of the target{" "}
          <input value={region} onInput={(event: Event) => setRegion((event.target as HTMLInputElement).value)} />
        </label>
        <Doing class="main" run={() => answer(api.v3.tasks.$post({ json }))} done={done}>
          Create task
        </Doing>
        <p class="soft">With all its settings:</p>
        <ShellLine line={`ferry task create ${source.id} --type ${type} --region ${quoted(region)}`} />
      </form>
    </Dialog>
  );
}

interface DeleteProps {
  what: "delete_task" | "delete_source";
  source: SourceRow;
  close: () => void;
  done: () => void;
}

function Delete({ what, source: { id: source_id, name, task }, close, done }: DeleteProps) {
  const task_id = task?.id ?? "";
  const isTask = what === "delete_task";
  const run = () =>
    isTask
      ? answer(api.v3.tasks[":task_id"].$delete({ param: { task_id } }))
      : answer(api.v3.sources[":source_id"].$delete({ param: { source_id } }));
  const after = () => {
    done();
    if (!isTask) go(path("sources"));
  };
  return (
    <Dialog title={isTask ? `Delete the task of ${name}` : `Delete ${name}`} close={close}>
      <form onSubmit={(event: Event) => event.preventDefault()}>
        <p>
          {isTask
            ? "What it has copied stays where it is; its progress, settings and secrets are gone."
            : "It and its task are gone; the history of its commands stays. Its agent is no longer known."}
        </p>
        <Doing class="danger" run={run} done={after}>
          {isTask ? "Delete the task" : "Delete the source"}
        </Doing>
        <ShellLine line={isTask ? `ferry task delete ${task_id}` : `ferry source delete ${source_id}`} />
      </form>
    </Dialog>
  );
}
