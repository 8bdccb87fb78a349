import type { CommandDef } from "citty";
import { oneOf } from "../arguments.ts";
import { verb } from "../verb.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { completionNodes } from "./tree.ts";
import { zshCompletion } from "./zsh.ts";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
const shells = ["bash", "zsh", "fish"] as const;

/** `root`: the whole command line, which is put together after this. */
export function completionVerb(root: () => CommandDef): CommandDef {
  return verb(
    {
      name: "completion",
      description: "Print a script with which a shell completes ferry's verbs and flags",
      notes: `\
  bash   source <(ferry completion bash)                                  in ~/.bashrc
  zsh    source <(ferry completion zsh)                                   in ~/.zshrc, behind compinit
  fish   ferry completion fish > ~/.config/fish/completions/ferry.fish
`,
      callsNobody: true,
    },
    { shell: { type: "positional", required: true, description: shells.join(", "), words: shells } },
    async ({ args, output }) => {
      const shell = oneOf("SHELL", args.shell, shells);
      output.print(scripts[shell](completionNodes(root())).trimEnd());
    },
  );
}
