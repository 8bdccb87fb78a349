import { readFileSync } from "node:fs";
import { CliFailure } from "./failure.ts";

const END_OF_TEXT = "\u0003"; // Ctrl-C
const END_OF_TRANSMISSION = "\u0004"; // Ctrl-D
const DELETE = "\u007f";

/** A secret: asked for without echo on a terminal, else, or with `fromStdin`, the one line of standard input. */
export async function askSecret(what: string, fromStdin: boolean | undefined): Promise<string> {
  const secret =
    process.stdin.isTTY && !fromStdin ? await typed(`${what}: `) : readFileSync(0, "utf8").replace(/\r?\n$/, "");
  if (secret === "")
    throw new CliFailure("usage", `${what}: nothing was ${process.stdin.isTTY ? "typed" : "piped in"}`);
  if (/[\r\n]/.test(secret)) throw new CliFailure("usage", `${what}: standard input holds more than one line`);
  return secret;
}

/** A new secret: on a terminal it is typed twice. */
export async function askNewSecret(what: string, fromStdin: boolean | undefined): Promise<string> {
  const secret = await askSecret(what, fromStdin);
  if (!process.stdin.isTTY || fromStdin || (await typed(`${what} again: `)) === secret) return secret;
  throw new CliFailure("usage", `${what}: the two are not the same`);
}

function typed(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: what is typed at once must not be echoed.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    let line: string[] = [];
    const end = () => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
    };
    const take = (keys: string) => {
      for (const key of keys) {
        if (key === "\r" || key === "\n" || key === END_OF_TRANSMISSION) {
          end();
          resolve(line.join(""));
          return;
        }
        if (key === END_OF_TEXT) {
          end();
          reject(new CliFailure("failed", "broken off"));
          return;
        }
        if (key === DELETE || key === "\b") line = line.slice(0, -1);
        else line.push(key);
      }
    };
    stdin.on("data", take);
    stdin.resume();
  });
}
