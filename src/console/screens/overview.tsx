import type { Child } from "hono/jsx";
import { useEffect, useRef, useState } from "hono/jsx/dom";
import { failedTaskStates } from "../../core/words.ts";
import { toneOf, what, who } from "../activity.ts";
import { answer, api, reading } from "../api.ts";
import { type Event, listen } from "../live.ts";
import { useLoaded } from "../loaded.ts";
import { Empty, Problem, Spark } from "../parts/basics.tsx";
import { CopyAs } from "../parts/copy.tsx";
import { path } from "../place.ts";
import { When } from "../time.tsx";
import { plain, tone } from "../words.ts";
import { FirstSteps } from "./first-steps.tsx";
import { StateChips, useCounts } from "./states.tsx";

const OFTEN_MS = 5_000;
/** Lines of activity that are shown. */
const LINES = 40;

/** How the estate is, what needs somebody, and what is going on. */
export function Overview() {
  const counts = useCounts();
  const sources = counts.value?.count;
  const [wasEmpty, setWasEmpty] = useState(false);
  useEffect(() => {
    if (sources === 0) setWasEmpty(true);
  }, [sources]);
  if (wasEmpty) return <FirstSteps leave={() => setWasEmpty(false)} />;
  return (
    <>
      <div class="head">
        <h1>Overview</h1>
        <Traffic />
        <CopyAs call={reading(api.operate.v1.sources.counts.$url())} />
      </div>
      <Problem what={counts.error} again={counts.again} />
      {counts.value && (
        <StateChips
          counts={counts.value}
          now={undefined}
          href={(state) => path("sources", "", state === "" ? {} : { state })}
        />
      )}
      <div class="columns">
        <NeedsYou />
        <Activity />
      </div>
    </>
  );
}

const needs = {
  error: { text: "in error", href: path("sources", "", { state: "error" }) },
  // In one of several states: each has a link of its own.
  task_failed: { text: "with a failed task", href: undefined },
  unavailable: { text: "cannot be migrated", href: path("sources", "", { state: "unavailable" }) },
  not_seen: { text: "not seen", href: path("sources", "", { connected: "false" }) },
  overdue: { text: "not reported in time", href: path("commands", "", { state: "overdue" }) },
  undelivered: { text: "not fetched in time", href: path("commands", "", { state: "undelivered" }) },
} as const;

function NeedsYou() {
  const { value, error, again } = useLoaded("attention", () => answer(api.operate.v1.attention.$get()), {
    on: ({ type }) => /^(source|task|command)\.(moved|deleted|registered|overdue|undelivered|reported)/.test(type),
    everyMs: OFTEN_MS,
  });
  return (
    <section aria-labelledby="needs">
      <h2 id="needs">Needs you</h2>
      <Problem what={error} again={again} />
      {value?.items.length === 0 && (
        <Empty title="Nothing does">
          <p>Sources in error, not seen or unable to migrate are listed here, and commands that nobody carried out.</p>
        </Empty>
      )}
      {value?.items.map(({ kind, count, is_more, first }) => (
        <div key={kind} class="need">
          <h3>
            <Linked href={needs[kind].href}>
              <span class={`state ${tone(kind)}`}>
                {count.toLocaleString("en")}
                {is_more && "+"} {needs[kind].text}
              </span>
            </Linked>
            {kind === "task_failed" &&
              failedTaskStates.map((task_state) => (
                <small key={task_state}>
                  {" "}
                  <a href={path("sources", "", { task_state })}>{plain(task_state)}</a>
                </small>
              ))}
          </h3>
          <ul>
            {first.map(({ source_id, source_name, at, reason, command_id }) => (
              <li key={command_id ?? source_id} data-row>
                <a href={path("sources", source_id, command_id ? { command: command_id } : {})}>{source_name}</a>{" "}
                <span class="soft">
                  {at !== null && <When at={at} />} {reason}
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function Linked({ href, children }: { href: string | undefined; children: Child }) {
  return href === undefined ? <>{children}</> : <a href={href}>{children}</a>;
}

/** What happens, the newest first; nothing moves while the pointer or the focus is on it. */
function Activity() {
  const [lines, setLines] = useState<Event[]>([]);
  const [waiting, setWaiting] = useState<Event[]>([]);
  const section = useRef<HTMLElement>(null);
  const first = useLoaded(
    "activity",
    () => answer(api.operate.v1.events.$get({ query: { limit: String(LINES) } })),
    {},
  );
  const shown = useRef(lines);
  shown.current = lines;
  const latest = useRef<Event[]>([]);
  const put = (events: readonly Event[]) => {
    const ids = new Set(shown.current?.map(({ id }) => id));
    latest.current = merged(
      latest.current ?? [],
      events.filter(({ id }) => !ids.has(id)),
    );
  };
  const show = () => {
    const fresh = latest.current ?? [];
    latest.current = [];
    setWaiting([]);
    setLines((before) => merged(before, fresh));
  };
  useEffect(() => put(first.value?.items ?? []), [first.value]);
  useEffect(() => {
    const stop = listen((event) => put([event]));
    // Many changes at once are drawn once.
    const beat = setInterval(() => {
      if (latest.current?.length === 0) return;
      const isHeld = shown.current?.length !== 0 && section.current?.matches(":hover, :focus-within");
      if (isHeld) setWaiting(latest.current ?? []);
      else show();
    }, 250);
    return () => {
      stop();
      clearInterval(beat);
    };
  }, []);
  return (
    <section ref={section} aria-labelledby="activity">
      <div class="head">
        <h2 id="activity">Activity</h2>
        {waiting.length > 0 && (
          <button type="button" class="fresh" onClick={show}>
            {waiting.length === LINES ? `${LINES} or more` : waiting.length} new
          </button>
        )}
      </div>
      <Problem what={first.error} again={first.again} />
      <ol class="feed">
        {lines.map((event) => (
          <Line key={event.id} event={event} />
        ))}
      </ol>
    </section>
  );
}

const merged = (before: readonly Event[], fresh: readonly Event[]): Event[] =>
  [...new Map([...before, ...fresh].map((event) => [event.id, event])).values()]
    .sort((a, b) => b.id - a.id)
    .slice(0, LINES);

function Line({ event }: { event: Event }) {
  const { at, source_id, source_name, command_id, actor } = event;
  return (
    <li data-row>
      <When at={at} />
      <span>
        {source_id !== null && (
          <a href={path("sources", source_id, command_id ? { command: command_id } : {})}>{source_name}</a>
        )}{" "}
        <span class={`told ${toneOf(event)}`}>{what(event)}</span>
      </span>
      <span class="soft" title={actor ?? undefined}>
        {who(event)}
      </span>
    </li>
  );
}

function Traffic() {
  const { value } = useLoaded("traffic", () => answer(api.operate.v1.traffic.$get()), { everyMs: OFTEN_MS });
  const minutes = value?.minutes ?? [];
  // The whole minute before this one, once there is one.
  const last = minutes.at(minutes.length > 2 ? -2 : -1);
  if (!last) return null;
  return (
    <dl class="traffic">
      {(["polls", "reports"] as const).map((kind) => (
        <div key={kind}>
          <dt>{kind} a minute</dt>
          <dd>
            <Spark
              values={minutes.map((minute) => minute[kind])}
              label={`${kind} in each of the last ${minutes.length} minutes`}
            />
            <b>{last[kind].toLocaleString("en")}</b>
          </dd>
        </div>
      ))}
    </dl>
  );
}
