import { useState } from "hono/jsx/dom";
import { asCli, asCurl, type Call } from "../shell.ts";
import { Menu } from "./menu.tsx";

const TOLD_MS = 1_500;

async function copy(text: string): Promise<void> {
  // Without TLS a browser has no clipboard, beyond this machine.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [isDone, setDone] = useState(false);
  const run = async () => {
    await copy(text);
    setDone(true);
    setTimeout(() => setDone(false), TOLD_MS);
  };
  return (
    <button type="button" class="quiet" onClick={run} data-text={text}>
      {isDone ? "Copied" : label}
    </button>
  );
}

/** A line for a shell, to be copied. */
export function ShellLine({ line }: { line: string }) {
  return (
    <div class="shell">
      <code>{line}</code>
      <Copy text={line} />
    </div>
  );
}

/** The same from a shell: what this view asks, or a button does. */
export function CopyAs({ call, cli = asCli(call) }: { call: Call; cli?: string }) {
  return (
    <Menu name="Copy as">
      <p>
        For curl, <code>FERRY_TOKEN</code> is a token of POST /v3/auth/tokens; the command line is you after{" "}
        <code>ferry login</code>.
      </p>
      <ShellLine line={asCurl(location.origin, call)} />
      <ShellLine line={cli} />
    </Menu>
  );
}
