import { memo, useRef } from "hono/jsx/dom";
import { taskStates } from "../../core/words.ts";
import { answer, api, mayOperate, reading } from "../api.ts";
import { Bulk } from "../bulk.tsx";
import { useKeys } from "../keys.ts";
import { Bar, Empty, Problem, State } from "../parts/basics.tsx";
import { CopyAs } from "../parts/copy.tsx";
import { Export } from "../parts/export.tsx";
import { Choice, Filter, Fresh, Sorted } from "../parts/list.tsx";
import { changed, here, path, turn } from "../place.ts";
import type { SourceQuery, SourceRow } from "../source-list.ts";
import { useSteadyList } from "../steady.ts";
import { When } from "../time.tsx";
import { counted, plain } from "../words.ts";
import { StateChips, useCounts } from "./states.tsx";

/** Polls are no events, so what they change is asked for this often. */
const LOOK_MS = 5_000;
/** As many ids as an address holds well; beyond, all that match are meant. */
const MOST_SELECTED = 200;
const filters = ["q", "state", "connected", "task_state", "os_type", "sort", "order"] as const;

/** The sources that match; the address is the filter, the order and the selection. */
export function Sources() {
  const { query: address } = here();
  // The service refuses what a pasted address has wrong, and says what it takes.
  const query = Object.fromEntries(
    filters.flatMap((name) => (address.get(name) ? [[name, address.get(name)]] : [])),
  ) as SourceQuery;
  const key = JSON.stringify(query);
  const list = useSteadyList<SourceRow>(key, {
    page: (limit, cursor) =>
      answer(api.operate.v1.sources.$get({ query: { ...query, limit: String(limit), ...(cursor && { cursor }) } })),
    some: async (rows) => {
      const ids = rows.map(({ id }) => id).join(",");
      return (await answer(api.operate.v1.sources.$get({ query: { ids, limit: "200" } }))).items;
    },
    on: ({ source_id }) => source_id !== null,
    everyMs: LOOK_MS,
  });
  useKeys([{ keys: "n", does: "Show what is new", run: list.renew }]);
  const selected = address.get("sel") ?? "";
  const isAll = selected === "all";
  const ids = new Set(isAll ? list.rows?.map(({ id }) => id) : selected.split(",").filter(Boolean));
  const select = (next: Iterable<string>) => turn(changed({ sel: [...next].slice(0, MOST_SELECTED).join(",") }));
  // One function for good, or every row would be drawn anew with every change.
  const latest = useRef({ ids, select });
  latest.current = { ids, select };
  const toggle = useRef((id: string) => {
    const next = new Set(latest.current?.ids);
    if (!next.delete(id)) next.add(id);
    latest.current?.select(next);
  });
  const count = list.count ?? 0;
  const counts = useCounts();
  return (
    <>
      <div class="head">
        <h1>{list.rows === undefined ? "Sources" : counted(count, "source")}</h1>
        <Export query={query} count={count} />
        <CopyAs call={reading(api.operate.v1.sources.$url({ query }))} />
      </div>
      <div class="tools">
        <Filter label="Filter by name or address" />
        <Choice
          name="connected"
          label="Filter by last poll"
          choices={{ "": "seen or not", true: "seen", false: "not seen" }}
        />
        <Choice
          name="task_state"
          label="Filter by task"
          choices={{ "": "any task or none", ...Object.fromEntries(taskStates.map((state) => [state, plain(state)])) }}
        />
        <Fresh count={list.fresh} renew={list.renew} />
      </div>
      {counts.value && (
        <StateChips counts={counts.value} now={address.get("state")} href={(state) => changed({ state, sel: "" })} />
      )}
      <Problem what={list.error} again={list.again} />
      {list.rows?.length === 0 ? (
        <Nothing isFiltered={key !== "{}"} />
      ) : (
        <section class={`scroll ${list.isOld ? "old" : ""}`} aria-label="Sources" tabindex={0}>
          <table class="fixed sources">
            <thead>
              <tr>
                <th>
                  <input
                    type="checkbox"
                    aria-label="Select all shown"
                    checked={ids.size > 0 && ids.size >= (list.rows?.length ?? 0)}
                    onChange={(event: Event) =>
                      select((event.target as HTMLInputElement).checked ? (list.rows ?? []).map(({ id }) => id) : [])
                    }
                  />
                </th>
                <Sorted by="name" name="Name" first="asc" />
                <th>Address</th>
                <th>System</th>
                <Sorted by="state" name="State" first="asc" />
                <th>Task</th>
                <Sorted by="last_seen" name="Last poll" first="desc" />
                <Sorted by="added" name="Registered" first="desc" isDefault />
              </tr>
            </thead>
            <tbody>
              {list.rows?.map((row) => (
                <Row
                  key={row.id}
                  row={row}
                  isSelected={ids.has(row.id)}
                  isGone={list.gone.has(row.id)}
                  toggle={toggle.current ?? (() => {})}
                />
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
      {ids.size > 0 && mayOperate() && (
        <Bulk
          ids={[...ids]}
          query={isAll ? query : undefined}
          matching={count}
          selectAll={() => turn(changed({ sel: "all" }))}
          clear={() => select([])}
          done={list.again}
        />
      )}
    </>
  );
}

const Row = memo(function Row({ row, isSelected, isGone, toggle }: RowProps) {
  const { id, name, hostname, ip, ipv6, os_type, os_version, state, reason, task, open_command } = row;
  return (
    <tr data-row class={isGone ? "gone" : ""}>
      <td>
        <input type="checkbox" aria-label={`Select ${name}`} checked={isSelected} onChange={() => toggle(id)} />
      </td>
      <td>
        <a href={path("sources", id)}>{name}</a>
        {hostname !== null && !hostname.startsWith(name) && <small title={hostname}>{hostname}</small>}
      </td>
      <td>{ip || ipv6}</td>
      <td title={os_version}>{os_version || plain(os_type)}</td>
      <td>
        <State word={state} />
        {reason !== null && <small title={reason}>{reason}</small>}
      </td>
      <td>
        {task && (
          <>
            <State word={task.state} />{" "}
            {task.progress !== null && task.progress < 100 && (
              <Bar percent={task.progress} label={`${task.progress} %`} />
            )}
          </>
        )}
        {open_command && (
          <small>
            {open_command.command_name} {open_command.state} <When at={open_command.created_at} />
          </small>
        )}
      </td>
      <td>
        <Poll row={row} />
      </td>
      <td>
        <When at={row.registered_at} />
      </td>
    </tr>
  );
});
interface RowProps {
  row: SourceRow;
  isSelected: boolean;
  isGone: boolean;
  toggle: (id: string) => void;
}

/** When its agent was here last, and what that means. */
export function Poll({ row: { connected, last_seen_at } }: { row: Pick<SourceRow, "connected" | "last_seen_at"> }) {
  if (last_seen_at === null) return <span class="state idle">never</span>;
  return (
    <span class={`state ${connected ? "good" : "warn"}`}>
      <When at={last_seen_at} />
      {!connected && " not seen"}
    </span>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered)
    return (
      <Empty title="No source matches" level={2}>
        <a href={path("sources")}>All sources</a>
      </Empty>
    );
  return (
    <Empty title="No source server yet" level={2}>
      <p>
        The <a href={path("overview")}>overview</a> shows how a first one comes in.
      </p>
    </Empty>
  );
}
