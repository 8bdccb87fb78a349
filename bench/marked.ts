import { readFileSync, writeFileSync } from "node:fs";

/** Puts texts into a document, each between its markers: <!-- name --> and <!-- /name -->. */
export function fillMarked(document: string, blocks: Record<string, string>): void {
  let text = readFileSync(document, "utf8");
  for (const [name, block] of Object.entries(blocks)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text)) throw new Error(`${document} has no place for ${name}`);
    text = text.replace(place, (_, begin, end) => `${begin}${block.trim()}\n${end}`);
  }
  writeFileSync(document, text);
}
