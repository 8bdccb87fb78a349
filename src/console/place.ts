import { useWatched, Watched } from "./watched.ts";

/** Under which everything of the console is. */
const ROOT = "/console/";

export const screens = ["overview", "sources", "commands"] as const;
export type ScreenName = (typeof screens)[number];

/** Where the page is. The query holds filter, order and selection: who is given the address sees the same. */
export interface Place {
  screen: ScreenName | "unknown";
  /** The one source that is shown. */
  id: string | undefined;
  query: URLSearchParams;
}

function read(): Place {
  const [screen = "", id] = location.pathname.slice(ROOT.length).split("/").map(decoded);
  const known = screen === "" ? "overview" : (screens.find((name) => name === screen) ?? "unknown");
  return { screen: known, id: id || undefined, query: new URLSearchParams(location.search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // What somebody mistyped is the address of nothing.
    return part;
  }
}

const place = new Watched<Place>(read());

/** For the one component that is around all others: it draws them anew, each with its parents. */
export const usePlace = (): Place => useWatched(place);

/**
 * Where the page is now. Nobody else watches it: of a component that is drawn anew and taken away by one and the same
 * change, hono/jsx/dom (4.13) begins effects that it never ends.
 */
export const here = place.get;

export function path(screen: ScreenName, id = "", query: Record<string, string> = {}): string {
  const search = String(new URLSearchParams(query));
  const tail = screen === "overview" ? "" : `${screen}${id && `/${encodeURIComponent(id)}`}`;
  return `${ROOT}${tail}${search && `?${search}`}`;
}

/** The address with members of its query changed; an empty one leaves. */
export function changed(changes: Record<string, string>): string {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const search = String(query);
  return `${location.pathname}${search && `?${search}`}`;
}

export function go(address: string): void {
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  place.set(read());
}

/** As `go`, without a step to come back to: for what changes with every key. */
export function turn(address: string): void {
  history.replaceState(null, "", address);
  place.set(read());
}

/** Links within the console change the place instead of loading the page anew. */
export function followLinks(): void {
  window.addEventListener("popstate", () => place.set(read()));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isOwn =
      link?.origin === location.origin && link.pathname.startsWith(ROOT) && link.target === "" && !link.hash;
    if (!isOwn || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.pathname !== location.pathname) scrollTo(0, 0);
    go(link.pathname + link.search);
  });
}
