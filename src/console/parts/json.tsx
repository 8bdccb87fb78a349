import { useState } from "hono/jsx/dom";
import { answer, type Reply } from "../api.ts";
import { bytes } from "../words.ts";
import { Copy } from "./copy.tsx";

/** Numbers of a text as they are written there, where the runtime can keep them so: a float would round long ones. */
function parseExact(text: string): unknown {
  const { rawJSON } = JSON as { rawJSON?: (source: string) => unknown };
  const keep = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && rawJSON && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value;
  return JSON.parse(text, keep);
}

/** The body of a successful answer, with its numbers as agents wrote them. */
export const exactAnswer = <Body,>(pending: Promise<Reply<Body> & { text(): Promise<string> }>): Promise<Body> =>
  answer(
    pending.then((reply) => ({
      ok: reply.ok,
      status: reply.status,
      json: async () => parseExact(await reply.text()) as Body,
    })),
  );

/** Longer ones stay folded in any case. */
const MOST_OPEN = 20_000;

/** A value as JSON, folded until it is wanted. */
export function Json({ name, value, isOpen = false }: { name: string; value: unknown; isOpen?: boolean }) {
  const text = JSON.stringify(value, null, 2);
  const isOpenAtFirst = isOpen && text.length <= MOST_OPEN;
  const [isShown, setShown] = useState(isOpenAtFirst);
  return (
    <details
      class="json"
      open={isOpenAtFirst}
      onToggle={(event: Event) => setShown((event.currentTarget as HTMLDetailsElement).open)}
    >
      <summary>
        {name} <span class="soft">{bytes(text.length)}</span>
      </summary>
      {isShown && (
        <>
          <Copy text={text} label="Copy JSON" />
          <pre tabindex={0}>{text}</pre>
        </>
      )}
    </details>
  );
}
