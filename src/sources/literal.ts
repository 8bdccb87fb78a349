import { type SQL, sql } from "drizzle-orm";

/**
 * A condition that a column holds this text, in upper or lower case, whatever characters it has. The database's LIKE
 * knows the cases of A to Z alone, but is fast; other letters take a pattern that names both cases of each.
 */
export function containing(text: string): (column: SQL) => SQL {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is ASCII begins with them
  if (/^[\u0000-\u007f]*$/.test(text)) {
    const like = `%${text.replace(/[\\%_]/g, "\\$&")}%`;
    return (column) => sql`${column} LIKE ${like} ESCAPE '\\'`;
  }
  const glob = `*${[...text].map(eitherCase).join("")}*`;
  return (column) => sql`${column} GLOB ${glob}`;
}

/** One character as GLOB has it. */
function eitherCase(character: string): string {
  const cases = [character, character.toLowerCase(), character.toUpperCase()].filter((one) => [...one].length === 1);
  const different = [...new Set(cases)];
  if (different.length > 1) return `[${different.join("")}]`;
  return /[*?[]/.test(character) ? `[${character}]` : character;
}
