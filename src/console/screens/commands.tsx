import type { InferRequestType } from "hono/client";
import { memo } from "hono/jsx/dom";
import { commandNames, commandStates } from "../../core/words.ts";
import { answer, api, mayOperate, reading } from "../api.ts";
import { cancel, send } from "../commands.ts";
import { useKeys } from "../keys.ts";
import { type Command, isOpen, stepsOf } from "../life.ts";
import { Chips, Empty, Problem, State } from "../parts/basics.tsx";
import { CopyAs } from "../parts/copy.tsx";
import { Doing } from "../parts/doing.tsx";
import { Choice, Fresh } from "../parts/list.tsx";
import { changed, here, path } from "../place.ts";
import { useSteadyList } from "../steady.ts";
import { useNow, When } from "../time.tsx";
import { duration, plain } from "../words.ts";

type Query = NonNullable<InferRequestType<typeof api.operate.v1.commands.$get>["query"]>;

const LOOK_MS = 15_000;
const ages = {
  "": "of any age",
  3600000: "of the last hour",
  86400000: "of the last day",
  604800000: "of the last week",
};

/** Commands of all sources, the newest first; the address is the filter. */
export function Commands() {
  const { query: address } = here();
  const query = Object.fromEntries(
    ["state", "command_name", "source_id"].flatMap((name) => (address.get(name) ? [[name, address.get(name)]] : [])),
  ) as Query;
  const age = Number(address.get("age"));
  const asked = (): Query => ({ ...query, ...(age > 0 && { since: String(Date.now() - age) }) });
  const list = useSteadyList<Command>(`${JSON.stringify(query)}${age}`, {
    page: (limit, cursor) =>
      answer(api.operate.v1.commands.$get({ query: { ...asked(), limit: String(limit), ...(cursor && { cursor }) } })),
    // What has ended stays as it is.
    some: (rows) =>
      Promise.all(
        rows.map((row) => (isOpen(row) ? answer(api.operate.v1.commands[":id"].$get({ param: { id: row.id } })) : row)),
      ),
    on: ({ command_id }) => command_id !== null,
    everyMs: LOOK_MS,
  });
  useKeys([{ keys: "n", does: "Show what is new", run: list.renew }]);
  const now = address.get("state");
  return (
    <>
      <div class="head">
        <h1>Commands</h1>
        <CopyAs call={reading(api.operate.v1.commands.$url({ query: asked() }))} />
      </div>
      <div class="tools">
        <Choice
          name="command_name"
          label="Filter by name"
          choices={{ "": "every command", ...Object.fromEntries(commandNames.map((name) => [name, name])) }}
        />
        <Choice name="age" label="Filter by age" choices={ages} />
        {address.get("source_id") && <a href={changed({ source_id: "" })}>of one source ×</a>}
        <Fresh count={list.fresh} renew={list.renew} />
      </div>
      <Chips
        label="Filter by state"
        chips={[
          { text: "all", href: changed({ state: "" }), isOn: now === null },
          ...commandStates.map((state) => ({
            text: plain(state),
            word: state,
            href: changed({ state }),
            isOn: now === state,
          })),
        ]}
      />
      <Problem what={list.error} again={list.again} />
      {list.rows?.length === 0 ? (
        <Empty title={list.hasMore ? "None among the newest; there are older ones" : "No command matches"} level={2}>
          <p>
            A command is what an agent is asked to do: START, STOP, SYNC ... It waits here until its agent polls, and
            stays as the record of how it went. A source's page sends one.
          </p>
        </Empty>
      ) : (
        <section class={`scroll ${list.isOld ? "old" : ""}`} aria-label="Commands" tabindex={0}>
          <table class="fixed commands">
            <thead>
              <tr>
                <th>State</th>
                <th>Command</th>
                <th>Source</th>
                <th>Queued</th>
                <th>Waited, took</th>
                <th>Why it ended</th>
                <th>
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.rows?.map((row) => (
                <Row key={row.id} row={row} done={list.again} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {list.hasMore && (
        <button type="button" onClick={list.more}>
          Show more
        </button>
      )}
    </>
  );
}

const Row = memo(
  function Row({ row, done }: { row: Command; done: () => void }) {
    const { id, state, command_name, command_param, source_id, source_name, created_at, attempts, reason } = row;
    const order = { command_name, command_param };
    return (
      <tr data-row>
        <td>
          <State word={state} />
        </td>
        <td>
          <a href={path("sources", source_id, { command: id })} title="View it among the source's others">
            {command_name}
          </a>
          {attempts > 1 && <small>offered {attempts} times</small>}
        </td>
        <td>
          <a href={path("sources", source_id)}>{source_name}</a>
        </td>
        <td>
          <When at={created_at} />
        </td>
        <td>
          <Spans command={row} />
        </td>
        <td>{reason !== null && plain(reason)}</td>
        <td>
          {mayOperate() &&
            (isOpen(row) ? (
              <Doing run={() => cancel(id)} done={done}>
                Cancel
              </Doing>
            ) : (
              <Doing run={() => send(source_id, order)} done={done}>
                Send again
              </Doing>
            ))}
        </td>
      </tr>
    );
  },
  (before, after) => before.row === after.row,
);

/** How long it waited for its agent, and how long that took; what is under way grows. */
function Spans({ command }: { command: Command }) {
  const steps = stepsOf(command);
  const last = steps.at(-1)?.at ?? 0;
  return (
    <>
      {steps
        .slice(1)
        .map(({ at }, index) => duration(at - (steps[index]?.at ?? at)))
        .join(", ")}
      {isOpen(command) && (
        <span class="soft">
          {steps.length > 1 && ", "}
          <Growing since={last} />
        </span>
      )}
    </>
  );
}

function Growing({ since }: { since: number }) {
  return <>{duration(Math.max(1_000, useNow() - since))} so far</>;
}
