/** One line for a person about one thing that happened. */
export type Log = (text: string) => void;

/** Lines on stderr, the time first, control characters as escapes: a hook must not move a terminal's cursor. */
export const stderrLog: Log = (text) => {
  const line = text.replace(
    /(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
};

// Whoever reads the log may stop reading: no reason to end a migration.
process.stderr.on("error", () => {});
