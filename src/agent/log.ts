/** One line for a person about one thing that happened. */
export type Log = (text: string) => void;

/** Who reads the log too slowly loses lines: they must not fill the memory. */
const MAX_UNREAD_BYTES = 1_048_576;
let lost = 0;

/** Lines on stderr, the time first, control characters as escapes: a hook must not move a terminal's cursor. */
export const stderrLog: Log = (text) => {
  const line = text.replace(
    /(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  if (process.stderr.writableLength > MAX_UNREAD_BYTES) {
    lost += 1;
    return;
  }
  const time = new Date().toISOString();
  if (lost > 0) process.stderr.write(`${time} ${lost} lines are not shown: nobody has read them in time\n`);
  lost = 0;
  process.stderr.write(`${time} ${line}\n`);
};

// Whoever reads the log may stop reading: no reason to end a migration.
process.stderr.on("error", () => {});
