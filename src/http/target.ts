/** What a request asks for, as it travelled: a parsed URL would already have changed the escapes a signature covers. */
export interface Target {
  path: string;
  query: string;
}

/**
 * Path and query of a request's URL. The one reading of it: routes are found by this path and signatures are checked
 * over it, so that none can be good for another request line. A URL without a proper authority (a caller's Host header
 * can make one) has the empty path, which is no route.
 */
export function targetOf(url: string): Target {
  const authority = /^https?:\/\/[^/?#\\\s]+/.exec(url);
  if (!authority) return { path: "", query: "" };
  const hash = url.indexOf("#");
  const whole = url.slice(authority[0].length, hash < 0 ? undefined : hash) || "/";
  const mark = whole.indexOf("?");
  return mark < 0 ? { path: whole, query: "" } : { path: whole.slice(0, mark), query: whole.slice(mark + 1) };
}
