import type { Child } from "hono/jsx";
import { plain, tone } from "../words.ts";

/** A word of the API with its colour and sign. */
export function State({ word, title }: { word: string; title?: string | undefined }) {
  return (
    <span class={`state ${tone(word)}`} title={title}>
      {plain(word)}
    </span>
  );
}

/** What there is to know where there is nothing. */
export function Empty({ title, level = 3, children }: { title: string; level?: 1 | 2 | 3; children?: Child }) {
  const Heading = `h${level}` as const;
  return (
    <div class="empty">
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

/** What went wrong, and what can be done about it. */
export function Problem({ what, again }: { what: string | undefined; again?: () => void }) {
  if (what === undefined) return null;
  return (
    <p class="problem" role="alert">
      {what}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </p>
  );
}

/** Choices of which one counts, as links: the address is the filter. */
export function Chips({ label, chips }: { label: string; chips: readonly Chip[] }) {
  return (
    <nav class="chips" aria-label={label}>
      {chips.map(({ word, text, count, href, isOn }) => (
        <a key={text} class={`chip ${word ? tone(word) : ""}`} href={href} aria-current={isOn ? "true" : undefined}>
          {text} {count !== undefined && <b>{count.toLocaleString("en")}</b>}
        </a>
      ))}
    </nav>
  );
}
export interface Chip {
  text: string;
  href: string;
  /** A word of the API that gives the colour. */
  word?: string | undefined;
  count?: number | undefined;
  isOn?: boolean;
}

/** How far something is. */
export function Bar({ percent, label }: { percent: number; label: string }) {
  return <progress max={100} value={percent} aria-label={label} />;
}

const WIDTH = 120;
const HEIGHT = 24;

/** A row of numbers as a small line. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(1, ...values);
  const x = (index: number) => ((index * WIDTH) / Math.max(1, values.length - 1)).toFixed(1);
  const points = values.map((value, index) => `${x(index)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
