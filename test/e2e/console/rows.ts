import type { Page } from "playwright-core";

/* Whether rows of a list stand still, looked at in every frame the browser draws. */

interface Watching {
  watched: { rows: string | undefined; moved: string[]; frames: number[]; isOver: boolean };
}

export interface Seen {
  /** What a frame had otherwise than the first one: which rows are where. */
  moved: string[];
  /** Milliseconds from each frame to the next. */
  frames: number[];
}

/** From now on, until what it returns is called. */
export async function watchRows(page: Page): Promise<() => Promise<Seen>> {
  await page.evaluate(() => {
    const watched: Watching["watched"] = { rows: undefined, moved: [], frames: [], isOver: false };
    Object.assign(globalThis, { watched });
    let before: number | undefined;
    const look = (at: number) => {
      if (watched.isOver) return;
      if (before !== undefined) watched.frames.push(at - before);
      before = at;
      const rows = [...document.querySelectorAll("tbody [data-row]")].map((row) => {
        const { top, left, height } = row.getBoundingClientRect();
        return `${row.querySelector("td a")?.textContent} ${[top, left, height].map(Math.round)}`;
      });
      watched.rows ??= rows.join("\n");
      if (rows.join("\n") !== watched.rows) watched.moved.push(rows.slice(0, 3).join("\n"));
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  return () =>
    page.evaluate(() => {
      const { watched } = globalThis as unknown as Watching;
      watched.isOver = true;
      return { moved: [...new Set(watched.moved)], frames: watched.frames };
    });
}
