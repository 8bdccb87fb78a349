import type { Child } from "hono/jsx";
import { useState } from "hono/jsx/dom";
import { messageOf } from "../loaded.ts";
import { Problem } from "./basics.tsx";

const TOLD_MS = 1_500;

interface DoingProps {
  run: () => Promise<unknown>;
  /** After it went well. */
  done?: () => void;
  /** Why it cannot be done now; the button then says so instead of doing it. */
  whyNot?: string | null;
  class?: string;
  children: Child;
}

/** A button that does one thing once, and tells what came of it. */
export function Doing({ run, done, whyNot = null, class: look = "", children }: DoingProps) {
  const [state, setState] = useState<{ isUnderWay: boolean; isDone?: boolean; error?: string }>({ isUnderWay: false });
  const press = async () => {
    if (state.isUnderWay) return;
    if (whyNot !== null) return setState({ isUnderWay: false, error: whyNot });
    setState({ isUnderWay: true });
    try {
      await run();
      setState({ isUnderWay: false, isDone: true });
      setTimeout(() => setState({ isUnderWay: false }), TOLD_MS);
      done?.();
    } catch (error) {
      setState({ isUnderWay: false, error: messageOf(error) });
    }
  };
  const isDisabled = whyNot !== null || state.isUnderWay;
  return (
    <span class="doing">
      <button
        type="button"
        class={look}
        aria-disabled={isDisabled ? "true" : undefined}
        title={whyNot ?? undefined}
        onClick={press}
      >
        {state.isDone ? "Done" : children}
      </button>
      <Problem what={state.error} />
    </span>
  );
}
