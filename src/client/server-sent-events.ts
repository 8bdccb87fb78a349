/** What a stream of Server-Sent Events says between two empty lines. */
export interface Block {
  /** The last id that was told, in this block or before it. */
  id: string | undefined;
  /** Undefined where the block holds no data. */
  data: string | undefined;
}

/** Reads blocks from bytes that may be cut anywhere: within a character, a line, or an end of line. */
export class BlockReader {
  readonly #decoder = new TextDecoder();
  /** A line whose end has not come yet. */
  #line = "";
  /** Whether the last line ended with a CR: a LF that follows belongs to it. */
  #isAfterCr = false;
  #id: string | undefined;
  #data: string[] = [];
  /** Whether the block has a line that counts. */
  #saysSomething = false;

  /** The blocks that end within these bytes. */
  push(bytes: Uint8Array): Block[] {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    if (this.#isAfterCr && text.startsWith("\n")) text = text.slice(1);
    this.#isAfterCr = text === "" ? false : text.endsWith("\r");
    const lines = (this.#line + text).split(/\r\n|\n|\r/);
    this.#line = lines.pop() ?? "";
    return lines.flatMap((line) => this.#take(line) ?? []);
  }

  /** The block that the line ends, if it ends one that says something. */
  #take(line: string): Block | undefined {
    if (line !== "") {
      this.#note(line);
      return undefined;
    }
    const block = { id: this.#id, data: this.#data.length > 0 ? this.#data.join("\n") : undefined };
    const isWorthTelling = this.#saysSomething;
    this.#data = [];
    this.#saysSomething = false;
    return isWorthTelling ? block : undefined;
  }

  #note(line: string): void {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    // Others (retry, event, comments, which begin with the colon) are not for this reader.
    if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\u0000")) this.#id = value;
    else return;
    this.#saysSomething = true;
  }
}
