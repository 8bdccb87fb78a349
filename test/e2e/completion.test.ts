import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../../src/cli/failure.ts";
import { cleanEnvironment, endAll, executable, run, temporaryFolder, testUnless, waitUntil } from "./executable.ts";

afterAll(endAll);

const folder = temporaryFolder();
const options = { cwd: folder.home, env: cleanEnvironment(folder.path) };
const testWith = (shell: string) => testUnless(Bun.which(shell) ? undefined : `${shell} is not installed`);

beforeAll(async () => {
  writeFileSync(join(folder.home, "own cert.pem"), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout, stderr } = await run([executable, "completion", shell], options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    writeFileSync(join(folder.path, shell), stdout);
  }
});

const commands = ["START", "STOP", "SYNC", "DELETE", "SKIP", "PREMIGRATE", "UPLOAD_LOG", "RSET_LOG_ACL"];
/** What is offered behind a line: the last word is being typed. */
const cases: [line: string[], offered: string[]][] = [
  [
    ["source", ""],
    ["list", "show", "register", "rename", "delete"],
  ],
  [["key", "cr"], ["create"]],
  [["--profile", "source", "key", "cr"], ["create"]],
  [["--profile=source", "key", "cr"], ["create"]],
  [
    ["key", "create", "--role", "a"],
    ["agent", "admin"],
  ],
  [["key", "create", "--json", "--role", "ad"], ["admin"]],
  [["command", "send", "web-1", ""], commands],
  [
    ["command", "send", "--bucket", "b", "web-1", "ST"],
    ["START", "STOP"],
  ],
  [["command", "send", ""], []],
  [
    ["report", "web-1", "START", ""],
    ["success", "fail"],
  ],
  [["source", "list", "--con"], ["--connected"]],
  [
    ["source", "list", "--connected", ""],
    ["yes", "no"],
  ],
  [["source", "list", "--name", ""], []],
  [["source", "list", "--cacert", "own"], ["own cert.pem"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["serve", "--prof"], []],
];

describe("bash", () => {
  testWith("bash").each(cases)("%p", async (line, offered) => {
    const script = `source "$0"; COMP_WORDS=(ferry "$@"); COMP_CWORD=$#; _ferry; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = await run(["bash", "--norc", "-c", script, join(folder.path, "bash"), ...line], options);
    expect(found).toMatchObject({ code: 0, stderr: "" });
    expect(found.stdout.split("\n").filter(Boolean).sort()).toEqual([...offered].sort());
  });

  testWith("bash")("splits --flag=value into three words, and completes it all the same", async () => {
    const shown = await typed("bash", ["--norc", "--noprofile", "-i"], "ferry key create --role=ad\t");
    expect(shown).toContain("--role=admin");
  });
});

describe("fish", () => {
  testWith("fish").each(cases)("%p", async (line, offered) => {
    const words = line.map((word) => word.replaceAll(" ", "\\ ")).join(" ");
    const script = `source ${join(folder.path, "fish")}; complete -C "ferry ${words}"`;
    const found = await run(["fish", "-N", "-c", script], { ...options, env: { ...options.env, HOME: folder.home } });
    expect(found).toMatchObject({ code: 0, stderr: "" });
    const names = found.stdout.split("\n").filter(Boolean);
    expect(names.map((name) => name.split("\t")[0]).sort()).toEqual([...offered].sort());
  });
});

describe("zsh", () => {
  const unique = cases.filter(([, offered]) => offered.length === 1);
  testWith("zsh").each(unique)("%p", async (line, [offered = ""]) => {
    const shown = await typed("zsh", ["-f", "-i"], `ferry ${line.join(" ")}\t`);
    const completed = [...line.slice(0, -1), offered.replaceAll(" ", "\\ ")].join(" ");
    expect(shown).toContain(`ferry ${completed} `);
  });

  testWith("zsh")("offers verbs with what they do", async () => {
    const shown = await typed("zsh", ["-f", "-i"], "ferry key \t", /create.*Make an access key/);
    expect(shown).toMatch(/create +-- Make an access key; its secret is shown this once/);
    expect(await typed("zsh", ["-f", "-i"], "ferry key create --role=ad\t")).toContain("--role=admin");
  });
});

/** What an interactive shell shows once the script is loaded and the keys are typed. */
async function typed(shell: string, args: string[], keys: string, until?: RegExp): Promise<string> {
  let shown = "";
  const child = Bun.spawn([shell, ...args], {
    cwd: folder.home,
    env: { ...options.env, TERM: "dumb", PS1: "$ ", HOME: folder.home, INPUTRC: "/dev/null", ZDOTDIR: folder.home },
    terminal: {
      cols: 200,
      rows: 50,
      data: (_, bytes) => {
        shown += new TextDecoder().decode(bytes);
      },
    },
  });
  const load = shell === "zsh" ? "autoload -U compinit; compinit -u -D; " : "";
  child.terminal?.write(`${load}source ${join(folder.path, shell)}; echo load''ed\r`);
  await waitUntil(() => /loaded\r?\n/.test(shown), "the shell");
  shown = "";
  child.terminal?.write(keys);
  const length = keys.trimEnd().length;
  const wanted = until ?? new RegExp(`^.{${length},}\\S`, "s");
  await waitUntil(() => wanted.test(shown), `what ${shell} makes of ${JSON.stringify(keys)}`);
  await Bun.sleep(300); // a shell shows a completion in several pieces
  child.kill("SIGKILL");
  await child.exited;
  return shown;
}

test("another shell is refused by the names of those there are", async () => {
  const { code, stderr } = await run([executable, "completion", "tcsh"], options);
  expect({ code, stderr }).toEqual({
    code: exitCodes.usage,
    stderr: 'ferry: SHELL is one of bash, zsh, fish, not "tcsh"\n',
  });
});
