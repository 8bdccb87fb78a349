/** The last bytes of a stream of any length. */
export class Tail {
  readonly #keep: number;
  readonly #bytes: Uint8Array;
  #length = 0;
  #isCut = false;

  constructor(keep: number) {
    this.#keep = keep;
    this.#bytes = new Uint8Array(2 * keep); // so that it is moved only once in a while
  }

  /** Whether all of the stream is here. */
  get isWhole(): boolean {
    return !this.#isCut && this.#length <= this.#keep;
  }

  add(chunk: Uint8Array): void {
    const added = chunk.subarray(-this.#keep);
    if (this.#length + added.length > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#length - this.#keep, this.#length);
      this.#length = this.#keep;
      this.#isCut = true;
    }
    this.#isCut ||= added.length < chunk.length;
    this.#bytes.set(added, this.#length);
    this.#length += added.length;
  }

  /** At most the last `most` bytes. */
  text(most = this.#keep): string {
    let start = Math.max(0, this.#length - most);
    // Not from the middle of a character.
    if (start > 0 || this.#isCut) while (((this.#bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return new TextDecoder().decode(this.#bytes.subarray(start, this.#length));
  }
}

/** Hands on a stream's lines as they come; a carriage return ends one too, as progress meters have it. */
export class Lines {
  readonly #hand: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #begun = "";

  constructor(hand: (line: string) => void) {
    this.#hand = hand;
  }

  add(chunk: Uint8Array): void {
    const lines = (this.#begun + this.#decoder.decode(chunk, { stream: true })).split(/[\r\n]+/);
    this.#begun = lines.pop() ?? "";
    for (const line of lines) this.#give(line);
    // Whoever prints no line breaks is not kept waiting for one.
    if (this.#begun.length > LONGEST_LINE) this.end();
  }

  end(): void {
    this.#give(this.#begun);
    this.#begun = "";
  }

  #give(line: string): void {
    for (let from = 0; from < line.length; from += LONGEST_LINE) this.#hand(line.slice(from, from + LONGEST_LINE));
  }
}

const LONGEST_LINE = 4_096;

/** The JSON object that a hook has printed, as its text: all of its output or the last line. */
export function printedObject(output: Tail): string | undefined {
  const text = output.text().trim();
  const lastBreak = text.lastIndexOf("\n");
  const candidates = [output.isWhole ? text : "", lastBreak >= 0 ? text.slice(lastBreak + 1).trim() : ""];
  return candidates.find(isObject);
}

function isObject(text: string): boolean {
  if (!text.startsWith("{")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
