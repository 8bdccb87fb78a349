import { useRef, useState } from "hono/jsx/dom";
import { commandNames } from "../core/words.ts";
import { answer, api } from "./api.ts";
import { messageOf } from "./loaded.ts";
import { Problem } from "./parts/basics.tsx";
import { ShellLine } from "./parts/copy.tsx";
import { Dialog } from "./parts/dialog.tsx";
import { asCli } from "./shell.ts";
import { everySource, type SourceQuery } from "./source-list.ts";
import { counted } from "./words.ts";

/** Calls under way at once: the service groups what comes together, and goes on answering others. */
const AT_ONCE = 8;

interface BulkProps {
  /** Those that are selected by hand. */
  ids: readonly string[];
  /** Instead: all that match. */
  query: SourceQuery | undefined;
  matching: number;
  selectAll: () => void;
  clear: () => void;
  done: () => void;
}

/** What can be done with what is selected. */
export function Bulk({ ids, query, matching, selectAll, clear, done }: BulkProps) {
  const [act, setAct] = useState<Act | undefined>(undefined);
  const count = query ? matching : ids.length;
  return (
    <section class="bulk" aria-label="Selection">
      <b>{query ? `All ${count.toLocaleString("en")} that match` : counted(count, "source")} selected</b>
      {!query && matching > count && (
        <button type="button" onClick={selectAll}>
          Select all {matching.toLocaleString("en")} that match
        </button>
      )}
      <label>
        Send{" "}
        <select
          value=""
          onChange={(event: Event) => {
            const list = event.target as HTMLSelectElement;
            setAct(commandNames.find((name) => name === list.value));
            list.value = "";
          }}
        >
          <option value="">a command ...</option>
          {commandNames.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="danger" onClick={() => setAct("delete")}>
        Delete
      </button>
      <button type="button" class="quiet" onClick={clear}>
        Clear selection
      </button>
      {act && (
        <Confirm
          act={act}
          count={count}
          find={async () => (query ? (await everySource(query)).map(({ id }) => id) : ids)}
          close={() => {
            setAct(undefined);
            done();
          }}
        />
      )}
    </section>
  );
}

type Act = (typeof commandNames)[number] | "delete";

interface Run {
  total: number;
  done: number;
  /** By source, why not. */
  refused: [id: string, why: string][];
}

/** Asks for the number of sources before anything is done, and tells how far it is. */
function Confirm({
  act,
  count,
  find,
  close,
}: {
  act: Act;
  count: number;
  find: () => Promise<readonly string[]>;
  close: () => void;
}) {
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState(count);
  const [error, setError] = useState<string | undefined>(undefined);
  const [run, setRun] = useState<Run | undefined>(undefined);
  // The same order twice is one command: what was refused can be sent again.
  const [order] = useState(() => crypto.getRandomValues(new Uint32Array(4)).join("-"));
  const start = async (ids: readonly string[]) => {
    const now: Run = { total: ids.length, done: 0, refused: [] };
    const waiting = [...ids];
    const work = async () => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        try {
          await once(act, id, order);
        } catch (failure) {
          now.refused.push([id, messageOf(failure)]);
        }
        now.done += 1;
        setRun({ ...now });
      }
    };
    setRun(now);
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  const isAsking = useRef(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isAsking.current) return;
    isAsking.current = true;
    setError(undefined);
    try {
      const ids = await find();
      if (ids.length === Number(typed)) return await start(ids);
      setFound(ids.length);
      setError(`It is ${counted(ids.length, "source")} now: type that number.`);
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      isAsking.current = false;
    }
  };
  const title = act === "delete" ? `Delete ${counted(found, "source")}` : `Send ${act} to ${counted(found, "source")}`;
  return (
    <Dialog title={title} close={close}>
      {run ? (
        <Progress run={run} act={act} again={() => start(run.refused.map(([id]) => id))} close={close} />
      ) : (
        <form onSubmit={submit}>
          <p>
            {act === "delete"
              ? "They and their tasks are gone for good; open commands are cancelled, the history of their commands stays. One whose agent is at work is refused."
              : "Each agent gets it with its next poll. An open control command of the same task is superseded by it."}
          </p>
          <label>
            Type {found} to go on{" "}
            <input
              inputmode="numeric"
              autocomplete="off"
              value={typed}
              onInput={(event: Event) => setTyped((event.target as HTMLInputElement).value.trim())}
            />
          </label>
          <Problem what={error} />
          <button type="submit" class="main" disabled={typed !== String(found)}>
            {title}
          </button>
          <p class="soft">From a shell, for each:</p>
          <ShellLine line={asCli(callOf(act, "ID"))} />
        </form>
      )}
    </Dialog>
  );
}

function callOf(act: Act, id: string) {
  return act === "delete"
    ? ({ method: "DELETE", path: `/v3/sources/${id}` } as const)
    : ({ method: "POST", path: `/operate/v1/sources/${id}/commands`, body: { command_name: act } } as const);
}

function once(act: Act, id: string, order: string): Promise<unknown> {
  if (act === "delete") return answer(api.v3.sources[":source_id"].$delete({ param: { source_id: id } }));
  const json = { command_name: act, idempotency_key: `${order}-${id}` };
  return answer(api.operate.v1.sources[":source_id"].commands.$post({ param: { source_id: id }, json }));
}

function Progress({
  run: { total, done, refused },
  act,
  again,
  close,
}: {
  run: Run;
  act: Act;
  again: () => void;
  close: () => void;
}) {
  const isOver = done === total;
  const verb = act === "delete" ? "deleted" : "sent";
  return (
    <>
      <p role="status">
        {(done - refused.length).toLocaleString("en")} of {total.toLocaleString("en")} {verb}
        {refused.length > 0 && `, ${refused.length} refused`}
      </p>
      <progress max={total} value={done} aria-label={`${done} of ${total}`} />
      <ul class="soft">
        {refused.slice(0, 20).map(([id, why]) => (
          <li key={id}>{why}</li>
        ))}
      </ul>
      {isOver && (
        <p>
          {refused.length > 0 && (
            <button type="button" onClick={again}>
              Try those {refused.length} again
            </button>
          )}{" "}
          <button type="button" class="main" onClick={close}>
            Done
          </button>
        </p>
      )}
    </>
  );
}
