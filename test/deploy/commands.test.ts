import { expect, test } from "bun:test";
import { join } from "node:path";
import { filesIn, read } from "./files.ts";

/* Every call of ferry in the files for deployment, and in what is to be pasted from their documentation, is one it takes. */

const main = join(import.meta.dir, "..", "..", "src", "main.ts");

interface Call {
  path: string;
  verb: string;
  flags: string[];
}

function callsIn(path: string): Call[] {
  const text = read(path);
  const code = path.endsWith(".md") ? fenced(text) : text;
  // The lists of a Dockerfile read as words, too.
  const words = code.replaceAll(/", "|\["|"\]/g, " ");
  const calls = words.matchAll(
    /(?:ExecStart=\S*\/|dist\/|-- |exec ferry |CMD +|\| |^)ferry +([a-z]+(?: [a-z]+)*)(.*)$/gm,
  );
  return [...calls].map(([, verb = "", rest = ""]) => ({ path, verb, flags: rest.match(/(?<= )--[a-z-]+/g) ?? [] }));
}

function fenced(text: string): string {
  return text
    .split(/^```.*$/m)
    .filter((_, place) => place % 2 === 1)
    .join("");
}

const calls = ["Dockerfile", "docs/deploy.md", ...filesIn("deploy/**/*")].flatMap(callsIn);

test.each([
  ["Dockerfile", "api"],
  ["deploy/systemd/ferry.service", "serve"],
  ["deploy/systemd/ferry-agent.service", "agent"],
  ["docs/deploy.md", "login"],
])("%s calls ferry %s", (path, verb) => {
  expect(calls).toContainEqual(expect.objectContaining({ path, verb }));
});

test.each(calls)("$path: ferry $verb $flags", async ({ verb, flags }) => {
  const child = Bun.spawn([process.execPath, main, ...verb.split(" "), "--help"], { stdout: "pipe", stderr: "pipe" });
  const [help, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect({ complaint, code: await child.exited }).toEqual({ complaint: "", code: 0 });
  for (const flag of flags) expect(help).toMatch(new RegExp(`${flag}\\b`));
});
