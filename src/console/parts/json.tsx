import { useState } from "hono/jsx/dom";
import { bytes } from "../words.ts";
import { Copy } from "./copy.tsx";

/** Numbers of a text as they are written there, where the runtime can keep them so: a float would round long ones. */
export function parseExact(text: string): unknown {
  const { rawJSON } = JSON as { rawJSON?: (source: string) => unknown };
  const keep = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && rawJSON && context?.source !== undefined && String(value) !== context.source
      ? rawJSON(context.source)
      : value;
  return JSON.parse(text, keep);
}

/** A value as JSON, folded until it is wanted. */
export function Json({ name, value, isOpen = false }: { name: string; value: unknown; isOpen?: boolean }) {
  const [isShown, setShown] = useState(isOpen);
  const text = JSON.stringify(value, null, 2);
  return (
    <details
      class="json"
      open={isOpen}
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
