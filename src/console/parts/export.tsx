import { useState } from "hono/jsx/dom";
import { asCsv } from "../csv.ts";
import { messageOf } from "../loaded.ts";
import { everySource, type SourceQuery, type SourceRow } from "../source-list.ts";
import { counted } from "../words.ts";
import { Problem } from "./basics.tsx";
import { Menu } from "./menu.tsx";

/** What the list shows, as a file. */
export function Export({ query, count }: { query: SourceQuery; count: number }) {
  const [error, setError] = useState<string | undefined>(undefined);
  const save = (kind: keyof typeof formats) => async () => {
    setError(undefined);
    try {
      const rows = await everySource(query);
      const { type, write } = formats[kind];
      download(`sources.${kind}`, new Blob([write(rows)], { type }));
    } catch (failure) {
      setError(messageOf(failure));
    }
  };
  return (
    <>
      <Menu name={`Export ${counted(count, "source")}`}>
        <p>All that match, in this order, with all that the list shows of them.</p>
        <button type="button" onClick={save("csv")}>
          CSV
        </button>
        <button type="button" onClick={save("json")}>
          JSON
        </button>
      </Menu>
      <Problem what={error} />
    </>
  );
}

const formats = {
  csv: { type: "text/csv", write: (rows: readonly SourceRow[]) => asCsv(rows.map(flat)) },
  json: { type: "application/json", write: (rows: readonly SourceRow[]) => JSON.stringify(rows, null, 2) },
};

function flat({ task, open_command, ...row }: SourceRow) {
  return {
    ...row,
    task_id: task?.id,
    task_state: task?.state,
    task_progress: task?.progress,
    open_command: open_command?.command_name,
  };
}

function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
