import { answer, api, reading } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { Empty, Problem, State } from "../parts/basics.tsx";
import { CopyAs } from "../parts/copy.tsx";
import { path } from "../place.ts";
import { Actions } from "./source-actions.tsx";
import { Registered } from "./source-registered.tsx";
import { TaskOf } from "./source-task.tsx";
import { Timeline } from "./source-timeline.tsx";
import { Poll } from "./sources.tsx";

const LOOK_MS = 5_000;

/** One source: what it was told and did, what it registered, and its task. */
export function Source({ id }: { id: string }) {
  const row = useLoaded(
    `source ${id}`,
    async () => (await answer(api.operate.v1.sources.$get({ query: { ids: id } }))).items.at(0) ?? null,
    { on: ({ source_id }) => source_id === id, everyMs: LOOK_MS },
  );
  const { value: source } = row;
  if (source === null) {
    return (
      <>
        <Empty title="There is no such source now" level={1}>
          <p>It was deleted, or is another account's. What was recorded of it is below.</p>
          <a href={path("sources")}>All sources</a>
        </Empty>
        <Timeline id={id} />
      </>
    );
  }
  return (
    <>
      <div class="head">
        <div>
          <a class="soft" href={path("sources")}>
            Sources
          </a>
          <h1>{source?.name ?? "Source"}</h1>
          {source && (
            <p class="soft">
              {[source.hostname, source.ip, source.ipv6, source.os_version].filter(Boolean).join(" · ")}
            </p>
          )}
        </div>
        {source && (
          <dl class="facts">
            <div>
              <dt>State</dt>
              <dd>
                <State word={source.state} />
              </dd>
            </div>
            <div>
              <dt>Last poll</dt>
              <dd>
                <Poll row={source} />
              </dd>
            </div>
          </dl>
        )}
        <CopyAs
          call={reading(api.v3.sources[":source_id"].$url({ param: { source_id: id } }))}
          cli={`ferry source show ${id}`}
        />
      </div>
      <Problem what={row.error} again={row.again} />
      {source?.reason && <p class="reason">{source.reason}</p>}
      <div class="columns wide">
        <div class="stack">
          {source?.task && <TaskOf id={source.task.id} source_id={id} />}
          <Timeline id={id} />
        </div>
        <div class="stack">
          {source && <Actions source={source} done={row.again} />}
          {source && <Registered id={id} />}
        </div>
      </div>
    </>
  );
}
