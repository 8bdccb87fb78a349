/* The contract's bounds. What does not fit is cut or left out here: a machine is not refused for one odd label. */

export const INT32 = 2147483647;

/** The longest text most members take. */
export const TEXT = 255;

/** The text, cut to so many Unicode characters and free of what no text of the contract may hold; undefined if empty. */
export function cut(text: string | undefined, characters: number = TEXT): string | undefined {
  const clean = text?.replaceAll("\u0000", "").toWellFormed().trim() ?? "";
  return clean === "" ? undefined : [...clean].slice(0, characters).join("");
}

/** A whole number from 0 to `most`, given as number or digits; anything else is undefined. */
export function whole(value: unknown, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
  if (typeof value !== "number" && (typeof value !== "string" || !/^\d+$/.test(value))) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 && number <= most ? number : undefined;
}

/** As many of the names as fit, joined by commas: half a device name would name another device. */
export function joined(names: readonly string[], characters: number = TEXT): string {
  let text = "";
  for (const name of names) {
    const longer = text === "" ? name : `${text},${name}`;
    if ([...longer].length > characters) break;
    text = longer;
  }
  return text;
}

/** The members that have a value. */
export function known<Members extends object>(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Members;
}
