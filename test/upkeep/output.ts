import type { Output } from "../../src/cli/output.ts";

/** What a verb prints, kept. */
export function keptOutput() {
  const printed: string[] = [];
  const told: string[] = [];
  const output: Output = {
    isTerminal: false,
    print: (text) => void printed.push(text),
    copy: async () => {},
    tell: (text) => void told.push(text),
    show: () => {},
  };
  return { output, printed, told };
}
