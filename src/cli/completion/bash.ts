import type { Node, Values } from "./tree.ts";

/** Runs on bash 3.2 (macOS) too: no mapfile, no associative arrays. */
export function bashCompletion(nodes: readonly Node[]): string {
  const at = nodes.map(({ path, verbs, flags }) => {
    const names = verbs.map(({ name }) => name);
    const all = flags.flatMap((flag) => flag.names);
    const valued = flags.filter(({ takes }) => takes !== undefined).flatMap((flag) => flag.names);
    return `    "${path}") verbs="${names.join(" ")}" flags="${all.join(" ")}" valued="${valued.join(" ")}" ;;`;
  });
  const values = nodes.flatMap(({ path, flags, places }) => [
    ...flags.flatMap(({ names, takes }) => names.flatMap((name) => choice(`${path} ${name}`, takes))),
    ...places.flatMap((takes, index) => choice(`${path} ${index}`, takes)),
  ]);
  return `# Completion of ferry for bash. In ~/.bashrc: source <(ferry completion bash)

_ferry_at() {
  case "$1" in
${at.join("\n")}
  esac
}

_ferry_values() {
  case "$1" in
${values.join("\n")}
  esac
}

_ferry() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at="" flag="" place=0 i word verbs="" flags="" valued=""
  COMPREPLY=()
  _ferry_at ""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ "$word" == "=" ]]; then continue; fi # bash splits --flag=value into three words
    if [[ -n "$flag" ]]; then flag=""; continue; fi
    if [[ "$word" == -* ]]; then
      if [[ " $valued " == *" $word "* ]]; then flag="$word"; fi
    elif [[ " $verbs " == *" $word "* ]]; then
      at="\${at:+$at }$word"
      _ferry_at "$at"
    else
      place=$((place + 1))
    fi
  done
  if [[ "$cur" == "=" ]]; then cur=""; fi

  local words=""
  if [[ -n "$flag" ]]; then words="$(_ferry_values "$at $flag")"
  elif [[ "$cur" == -* ]]; then words="$flags"
  elif [[ -n "$verbs" ]]; then words="$verbs"
  else words="$(_ferry_values "$at $place")"
  fi
  if [[ "$words" == "FILE" ]]; then
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$cur"))
    compopt -o filenames 2>/dev/null
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}

complete -o default -F _ferry ferry
`;
}

function choice(key: string, takes: Values | undefined): string[] {
  if (takes === undefined || takes === "anything") return [];
  return [`    "${key}") echo "${takes === "file" ? "FILE" : takes.join(" ")}" ;;`];
}
