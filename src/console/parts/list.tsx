import { useEffect, useRef, useState } from "hono/jsx/dom";
import { changed, go, here, turn } from "../place.ts";

/** After a key the list waits so long for the next. */
const TYPING_MS = 200;

/** What is typed filters; it lives in the address. */
export function Filter({ label }: { label: string }) {
  const there = here().query.get("q") ?? "";
  const [typed, setTyped] = useState(there);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(there);
  useEffect(() => {
    // The address was changed by somebody else than the one who types: a link, or the way back.
    if (there === sent.current) return;
    sent.current = there;
    setTyped(there);
  }, [there]);
  // Who leaves meanwhile takes no filter along.
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event: Event) => {
    const { value } = event.target as HTMLInputElement;
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = value;
      turn(changed({ q: value, sel: "" }));
    }, TYPING_MS);
  };
  return (
    <input
      type="search"
      data-filter
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={typed}
      maxLength={255}
      spellcheck={false}
      onInput={type}
    />
  );
}

/** One of some values for a member of the filter. */
export function Choice({ name, label, choices }: { name: string; label: string; choices: Record<string, string> }) {
  const now = here().query.get(name) ?? "";
  return (
    <select
      aria-label={label}
      value={now}
      onChange={(event: Event) => go(changed({ [name]: (event.target as HTMLSelectElement).value, sel: "" }))}
    >
      {Object.entries(choices).map(([value, text]) => (
        <option key={value} value={value} selected={value === now}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** What waits outside the list, so that no row moves under the pointer. */
export function Fresh({ count, renew }: { count: number; renew: () => void }) {
  return (
    <div role="status">
      {count > 0 && (
        <button type="button" class="fresh" onClick={renew} title="Show them (n)">
          {count} new
        </button>
      )}
    </div>
  );
}

/** The head of a column that orders the list; the order lives in the address. */
export function Sorted({ by, name, first, isDefault = false }: SortedProps) {
  const { query } = here();
  const isNow = (query.get("sort") ?? (isDefault ? by : "")) === by;
  const order = query.get("order") ?? first;
  const other = order === "asc" ? "desc" : "asc";
  const next = isNow && order === first ? other : "";
  return (
    <th aria-sort={isNow ? (order === "asc" ? "ascending" : "descending") : undefined}>
      <a href={changed({ sort: isDefault && next === "" ? "" : by, order: next })}>
        {name}
        {isNow && (order === "asc" ? " ↑" : " ↓")}
      </a>
    </th>
  );
}
interface SortedProps {
  by: string;
  name: string;
  /** The order a first click gives. */
  first: "asc" | "desc";
  isDefault?: boolean;
}
