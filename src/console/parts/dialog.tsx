import type { Child } from "hono/jsx";
import { useEffect, useId, useRef } from "hono/jsx/dom";

/** Something to be answered before all else; Escape closes it and changes nothing. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: Child }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    // What is to be filled in comes first; by `autofocus` the browser would complain of what had the focus before.
    current?.querySelector<HTMLElement>("form input, form select")?.focus();
    return () => current?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={close}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={close}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}
