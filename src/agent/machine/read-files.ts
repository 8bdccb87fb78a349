import { readdir, readFile, stat } from "node:fs/promises";

/** The text; undefined if there is none or it may not be read. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Those that could be read, by path. */
export async function readTexts(paths: readonly string[]): Promise<Record<string, string>> {
  const texts = await Promise.all(paths.map(readText));
  return Object.fromEntries(
    paths.flatMap((path, index) => {
      const text = texts[index];
      return text === undefined ? [] : [[path, text]];
    }),
  );
}

/** The names in a folder; none if it is not there or may not be looked into. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}

/** Which of the paths are there, and which may be but are in a closed folder. */
export async function lookFor(paths: readonly string[]): Promise<{ present: string[]; hidden: string[] }> {
  const found: { present: string[]; hidden: string[] } = { present: [], hidden: [] };
  for (const path of paths) {
    try {
      await stat(path);
      found.present.push(path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EACCES") found.hidden.push(path);
    }
  }
  return found;
}
