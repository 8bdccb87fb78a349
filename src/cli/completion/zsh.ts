import type { Node, Values } from "./tree.ts";

export function zshCompletion(nodes: readonly Node[]): string {
  const at = nodes.map(({ path, verbs, flags }) => {
    const shownVerbs = verbs.map(({ name, description }) => described(name, description));
    const shownFlags = flags.flatMap(({ names, description }) => names.map((name) => described(name, description)));
    const valued = flags.filter(({ takes }) => takes !== undefined).flatMap((flag) => flag.names);
    return `    "${path}") verbs=(${shownVerbs.join(" ")}) flags=(${shownFlags.join(" ")}) valued=(${valued.join(" ")}) ;;`;
  });
  const values = nodes.flatMap(({ path, flags, places }) => [
    ...flags.flatMap(({ names, takes }) => names.flatMap((name) => choice(`${path} ${name}`, takes))),
    ...places.flatMap((takes, index) => choice(`${path} ${index}`, takes)),
  ]);
  return `#compdef ferry
# Completion of ferry for zsh. In ~/.zshrc, behind compinit: source <(ferry completion zsh)

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
  local at="" flag="" word i place=0
  local -a verbs flags valued
  _ferry_at ""
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n "$flag" ]]; then flag=""; continue; fi
    if [[ "$word" == -* ]]; then
      (( \${valued[(Ie)$word]} )) && flag="$word"
    elif (( \${verbs[(I)$word:*]} )); then
      at="\${at:+$at }$word"
      _ferry_at "$at"
    else
      (( place++ ))
    fi
  done

  if [[ -z "$flag" && "$PREFIX" == --*=* ]]; then
    flag="\${PREFIX%%=*}"
    compset -P '*='
  fi
  if [[ -n "$flag" ]]; then _ferry_values "$at $flag"
  elif [[ "$PREFIX" == -* ]]; then _describe -o flag flags
  elif (( $#verbs )); then _describe verb verbs
  else _ferry_values "$at $place"
  fi
}

if [[ "$zsh_eval_context[-1]" == loadautofunc ]]; then _ferry "$@"; else compdef _ferry ferry; fi
`;
}

function described(name: string, description: string): string {
  return quote(`${name}:${description.replaceAll("\\", "\\\\").replaceAll(":", "\\:")}`);
}

function choice(key: string, takes: Values | undefined): string[] {
  if (takes === undefined || takes === "anything") return [];
  return [`    "${key}") ${takes === "file" ? "_files" : `compadd -- ${takes.join(" ")}`} ;;`];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
