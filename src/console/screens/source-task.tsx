import { answer, api } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { Problem, State } from "../parts/basics.tsx";
import { useNow, When } from "../time.tsx";
import { duration, plain } from "../words.ts";

const LOOK_MS = 3_000;

/** A source's task: how far it is, and when each part of it ran. */
export function TaskOf({ id, source_id }: { id: string; source_id: string }) {
  const {
    value: task,
    error,
    again,
  } = useLoaded(`task ${id}`, () => answer(api.v3.tasks[":task_id"].$get({ param: { task_id: id } })), {
    on: (event) => event.source_id === source_id,
    everyMs: LOOK_MS,
  });
  return (
    <section aria-labelledby="task">
      <h2 id="task">Task</h2>
      <Problem what={error} again={again} />
      {task && (
        <>
          <p>
            <b>{task.name}</b> <State word={task.state} /> <span class="soft">{plain(task.type)}</span>
          </p>
          {task.error_json && <Failed text={task.error_json} />}
          <p class="soft">
            {[
              task.migrate_speed !== undefined && `${task.migrate_speed} Mbit/s`,
              task.remain_seconds !== undefined && `${duration(task.remain_seconds * 1_000)} left`,
              task.speed_limit > 0 && `at most ${task.speed_limit} Mbit/s`,
              task.target_server.name && `to ${task.target_server.name}`,
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
          {task.sub_tasks.length > 0 && <Waterfall parts={task.sub_tasks} began={task.start_date} />}
          <p class="soft">
            Created <When at={task.create_date} />
            {task.start_date !== undefined && (
              <>
                , began <When at={task.start_date} />
              </>
            )}
            {task.finish_date !== undefined && (
              <>
                , ended <When at={task.finish_date} />
              </>
            )}
          </p>
        </>
      )}
    </section>
  );
}

/** What the agent said of its failure. */
function Failed({ text }: { text: string }) {
  let said: { error_code?: unknown; error_msg?: unknown } = {};
  try {
    said = JSON.parse(text);
  } catch {
    said = { error_msg: text };
  }
  return (
    <p class="reason">
      {String(said.error_code ?? "")} {String(said.error_msg ?? "")}
    </p>
  );
}

interface Part {
  id: number;
  name: string;
  progress: number;
  start_date: number;
  end_date?: number | undefined;
}

/**
 * The parts of a task against the time they took together. Of a part that was told of once, when it was over, the
 * beginning is the end of the one before.
 */
function Waterfall({ parts, began }: { parts: readonly Part[]; began: number | undefined }) {
  const now = useNow();
  let before = began ?? parts[0]?.start_date ?? now;
  const spans = parts.map(({ start_date, end_date, progress }) => {
    const end = progress >= 100 ? Math.max(end_date ?? start_date, start_date) : Math.max(now, start_date);
    const start = end === start_date ? Math.min(before, start_date) : start_date;
    before = end;
    return { start, end };
  });
  const from = Math.min(...spans.map(({ start }) => start));
  const whole = Math.max(1, Math.max(...spans.map(({ end }) => end)) - from);
  return (
    <ol class="waterfall">
      {parts.map(({ id, name, progress }, index) => {
        const { start, end } = spans[index] ?? { start: from, end: from };
        return (
          <li key={id}>
            <span>{plain(name)}</span>
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
              <rect
                class={progress >= 100 ? "good" : "busy"}
                x={((start - from) / whole) * 100}
                width={Math.max(0.8, ((end - start) / whole) * 100)}
                height="8"
              />
            </svg>
            <span class="number">
              {progress < 100 && <b>{progress} % </b>}
              {duration(end - start)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
