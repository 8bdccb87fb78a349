import { useEffect, useRef } from "hono/jsx/dom";

/** What a key does: `g s` is two, one after the other. */
export interface Binding {
  keys: string;
  does: string;
  run(): void;
}

const bound = new Set<readonly Binding[]>();
export const bindings = (): Binding[] => [...bound].flat();

/** Binds keys for as long as the component is there. */
export function useKeys(own: readonly Binding[]): void {
  const latest = useRef(own);
  latest.current = own;
  useEffect(() => {
    const following = own.map(({ keys, does }, index) => ({ keys, does, run: () => latest.current?.[index]?.run() }));
    bound.add(following);
    return () => void bound.delete(following);
  }, []);
}

const SECOND_KEY_MS = 1_500;
let before = "";

function isTyping({ target }: Event): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");
}

export function readKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (isTyping(event)) {
      if (event.key === "Escape") (event.target as HTMLElement).blur();
      return;
    }
    const keys = before + event.key;
    before = "";
    const found = bindings().find((one) => one.keys === keys);
    if (found) {
      event.preventDefault();
      found.run();
    } else if (bindings().some((one) => one.keys.startsWith(`${keys} `))) {
      before = `${keys} `;
      setTimeout(() => {
        before = "";
      }, SECOND_KEY_MS);
    }
  });
}

/** Moves from row to row, in whatever list is on the page. */
export function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows[by > 0 ? 0 : rows.length - 1] : rows[at + by];
  next?.querySelector<HTMLElement>("a, button")?.focus();
}

/** Selects the row in which the focus is, or takes it out. */
export function tick(): void {
  document.activeElement?.closest("[data-row]")?.querySelector<HTMLElement>("input[type=checkbox]")?.click();
}
