import type { Flag, Node, Values } from "./tree.ts";

export function fishCompletion(nodes: readonly Node[]): string {
  const paths = nodes.flatMap(({ path }) => (path === "" ? [] : [quote(path)]));
  const valued = nodes.flatMap(({ path, flags }) =>
    flags
      .filter(({ takes }) => takes !== undefined)
      .flatMap(({ names }) => names.map((name) => quote(`${path} ${name}`))),
  );
  const lines = nodes.flatMap(({ path, verbs, flags, places }) => [
    ...verbs.map(({ name, description }) => complete(path, 0, `-a ${name} -d ${quote(description)}`)),
    ...flags.map((flag) => complete(path, undefined, flagOptions(flag))),
    ...places.flatMap((takes, index) => placeOptions(takes).map((options) => complete(path, index, options))),
  ]);
  return `# Completion of ferry for fish: ferry completion fish > ~/.config/fish/completions/ferry.fish

set -g __ferry_paths ${paths.join(" ")}
set -g __ferry_valued ${valued.join(" ")}

# Whether the line leads to that verb, with so many other words behind it.
function __ferry_at --argument-names wanted place
    set -l at ""
    set -l places 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- "$at $word" $__ferry_valued; and set skip 1
        else if contains -- (string trim -- "$at $word") $__ferry_paths
            set at (string trim -- "$at $word")
        else
            set places (math $places + 1)
        end
    end
    test "$at" = "$wanted"; or return 1
    test -z "$place"; or test "$places" = "$place"
end

complete -c ferry -f
${lines.join("\n")}
`;
}

function complete(path: string, place: number | undefined, options: string): string {
  return `complete -c ferry -n ${quote(`__ferry_at "${path}" ${place ?? ""}`.trimEnd())} ${options}`;
}

function flagOptions({ names, description, takes }: Flag): string {
  const forms = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...forms, ...valueOptions(takes), `-d ${quote(description)}`].join(" ");
}

function valueOptions(takes: Values | undefined): string[] {
  if (takes === undefined) return [];
  if (takes === "file") return ["-r -F"];
  return takes === "anything" ? ["-x"] : [`-x -a ${quote(takes.join(" "))}`];
}

function placeOptions(takes: Values): string[] {
  if (takes === "anything") return [];
  return takes === "file" ? ["-F"] : [`-a ${quote(takes.join(" "))}`];
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
