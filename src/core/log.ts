export type LogLevel = "info" | "warn" | "error";

/** Writes one line for people or machines. Fields never hold secrets. */
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

/** One JSON object per line: what log collectors read without configuration. */
export function jsonLog(now: () => number, write: (line: string) => void): Log {
  return (level, message, fields) =>
    write(JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...fields }));
}

/** An error as log fields: text and stack for the operator, never for a reply. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause = error.cause === undefined ? {} : { cause: withoutValues(String(error.cause)) };
  return { error: withoutValues(error.message), stack: frames.join("\n"), ...cause };
}

/** A failed query's message ends with its values, which may be anybody's. */
function withoutValues(text: string): string {
  return text.replace(/\nparams:[\s\S]*/, "");
}
