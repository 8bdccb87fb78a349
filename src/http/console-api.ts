import type { Target } from "./target.ts";

const PREFIX = "/console/api";
/** Pages have nothing to do there, and a second prefix is a mistake. */
const PAGES = /^\/(console|docs)(\/|$)/;

/**
 * What a request under /console/api asks for: the same without that. Undefined for every other request; of the empty path,
 * which is no route, for what is no operation.
 */
export function behindConsole({ path, query }: Target): Target | undefined {
  if (!path.startsWith(PREFIX)) return undefined;
  const rest = path.slice(PREFIX.length);
  if (rest !== "" && !rest.startsWith("/")) return undefined;
  return { path: PAGES.test(rest) ? "" : rest, query };
}
