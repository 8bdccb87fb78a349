import styles from "./console/console.css" with { type: "text" };
import page from "./console/index.html" with { type: "text" };
import { bundle } from "./console-bundle.ts" with { type: "macro" };
import type { ConsoleFiles } from "./meta/console.ts";

/** The console, inside the executable: made where that is built, and at each start from source. */
export const consoleFiles: ConsoleFiles = {
  "index.html": { type: "text/html; charset=utf-8", body: page as unknown as string },
  "console.css": { type: "text/css; charset=utf-8", body: styles },
  "console.js": { type: "text/javascript; charset=utf-8", body: bundle() },
};
