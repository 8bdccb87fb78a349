import { useEffect, useRef, useState } from "hono/jsx/dom";
import { answer, api, mayOperate } from "../api.ts";
import { cancel, send } from "../commands.ts";
import { type Command, isOpen, stepsOf } from "../life.ts";
import { useLoaded } from "../loaded.ts";
import { Empty, Problem, State } from "../parts/basics.tsx";
import { ShellLine } from "../parts/copy.tsx";
import { Doing } from "../parts/doing.tsx";
import { exactAnswer, Json } from "../parts/json.tsx";
import { changed, here } from "../place.ts";
import { useNow, When } from "../time.tsx";
import { duration, plain } from "../words.ts";

const FIRST = 30;

/** What a source was told, and what it made of that: the newest first. */
export function Timeline({ id }: { id: string }) {
  const [limit, setLimit] = useState(FIRST);
  const { query } = here();
  const wanted = query.get("command");
  const of = { source_id: id, limit: String(limit) };
  const page = useLoaded(
    `timeline ${id} ${limit}`,
    async () => ({
      commands: await answer(api.operate.v1.commands.$get({ query: of })),
      unasked: await exactAnswer(
        api.operate.v1.results.$get({ query: { source_id: id, kind: "unsolicited", limit: "10" } }),
      ),
    }),
    { on: ({ source_id }) => source_id === id },
  );
  const wait = useRef<typeof page.value>(undefined);
  // The next page is longer: what is there stays until it has come.
  if (page.value) wait.current = page.value;
  const shown = page.value ?? wait.current;
  const commands = shown?.commands.items ?? [];
  const isElsewhere = wanted !== null && shown !== undefined && !commands.some((command) => command.id === wanted);
  const unasked = shown?.unasked.items ?? [];
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Commands</h2>
      <Problem what={page.error} again={page.again} />
      {shown && commands.length + unasked.length === 0 && (
        <Empty title="It was told nothing yet">
          <p>An action of its task, or a command, waits here until its agent asks, and stays as the record of it.</p>
          <ShellLine line={`ferry command send ${id} START`} />
        </Empty>
      )}
      <ol class="timeline">
        {isElsewhere && wanted !== null && <Lone id={wanted} again={page.again} />}
        {commands.map((command) => (
          <Entry key={command.id} command={command} isWanted={command.id === wanted} again={page.again} />
        ))}
      </ol>
      {shown?.commands.next_cursor && (
        <button type="button" onClick={() => setLimit(Math.min(1_000, limit * 3))}>
          Show earlier ones
        </button>
      )}
      {unasked.length > 0 && (
        <>
          <h3>Reports nobody had asked for</h3>
          <ul>
            {unasked.map(({ id, command_name, result, received_at, result_detail }) => (
              <li key={id}>
                {command_name} <State word={result} /> <When at={received_at} />
                <Json name="result_detail" value={result_detail} />
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** A command that is not among those shown. */
function Lone({ id, again }: { id: string; again: () => void }) {
  const { value } = useLoaded(`command ${id}`, () => read(id), { on: ({ command_id }) => command_id === id });
  return value ? <Entry command={value} isWanted again={again} /> : null;
}

function Entry({ command, isWanted, again }: { command: Command; isWanted: boolean; again: () => void }) {
  const { id, source_id, command_name, command_param, state, reason } = command;
  const item = useRef<HTMLLIElement>(null);
  const [isUnfolded, setUnfolded] = useState(isWanted);
  useEffect(() => {
    if (isWanted) item.current?.scrollIntoView({ block: "center" });
  }, [isWanted]);
  return (
    <li ref={item} data-row class={isWanted ? "marked" : ""}>
      <header>
        <a href={changed({ command: isWanted ? "" : id })}>{command_name}</a>
        <State word={state} />
        {reason !== null && <span class="soft">{plain(reason)}</span>}
        <span class="right">
          {mayOperate() &&
            (isOpen(command) ? (
              <Doing class="quiet" run={() => cancel(id)} done={again}>
                Cancel
              </Doing>
            ) : (
              <Doing class="quiet" run={() => send(source_id, { command_name, command_param })} done={again}>
                Send again
              </Doing>
            ))}
        </span>
      </header>
      <Steps command={command} />
      <details
        open={isUnfolded}
        onToggle={(event: Event) => setUnfolded((event.currentTarget as HTMLDetailsElement).open)}
      >
        <summary>Reports and result_detail</summary>
        {isUnfolded && <Reports command={command} />}
      </details>
    </li>
  );
}

function Steps({ command }: { command: Command }) {
  const steps = stepsOf(command);
  const last = steps.at(-1);
  return (
    <ol class="steps">
      {steps.map(({ word, at }, index) => (
        <li key={word}>
          {index > 0 && <span class="span">{duration(at - (steps[index - 1]?.at ?? at))} →</span>}
          <b>{plain(word)}</b> <When at={at} />
        </li>
      ))}
      {isOpen(command) && last && (
        <li>
          <Waiting since={last.at} />
        </li>
      )}
    </ol>
  );
}

function Waiting({ since }: { since: number }) {
  return <span class="span">{duration(Math.max(1_000, useNow() - since))} → ...</span>;
}

const read = (id: string) => exactAnswer(api.operate.v1.commands[":id"].$get({ param: { id } }));

function Reports({ command }: { command: Command }) {
  const { value, error, again } = useLoaded(`reports ${command.id}`, () => read(command.id), {
    on: ({ command_id }) => command_id === command.id,
  });
  return (
    <>
      <Problem what={error} again={again} />
      {value?.reports.length === 0 && <p class="soft">Nothing was reported{isOpen(command) ? " yet" : ""}.</p>}
      {value?.reports.map(({ id, kind, result, received_at, result_detail }) => (
        <div key={id} class="report">
          <State word={result} /> {kind !== "matched" && `${kind} `}
          <When at={received_at} />
          <Json name="result_detail" value={result_detail} isOpen={value.reports.length === 1} />
        </div>
      ))}
      <ShellLine line={`ferry command show ${command.id}`} />
    </>
  );
}
