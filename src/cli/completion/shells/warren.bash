# Completion of warren for bash. In ~/.bashrc:  source <(warren completion bash)

_warren() {
  local line=${COMP_LINE:0:COMP_POINT} i trimmed
  local -a words=()
  # bash parts words at ':' and '=' as well, which names and addresses have in them
  for ((i = 0; i < COMP_CWORD; i++)); do
    trimmed=${line#"${line%%[![:space:]]*}"}
    if ((i > 0)) && [[ $trimmed == "$line" ]]; then
      words[${#words[@]} - 1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
    line=${trimmed#"${COMP_WORDS[i]}"}
  done
  trimmed=${line#"${line%%[![:space:]]*}"}
  if [[ $trimmed == "$line" && -n $line ]]; then
    words[${#words[@]} - 1]+=$line
  else
    words+=("$trimmed")
  fi
  local current=${words[${#words[@]} - 1]}

  local candidate word
  COMPREPLY=()
  while IFS= read -r candidate; do
    if [[ $candidate == :files ]]; then
      compopt -o default 2>/dev/null
      return
    fi
    word=${candidate%%$'\t'*}
    case $current in
      [\'\"]*) COMPREPLY+=("$word") ;;
      *) COMPREPLY+=("$(printf %q "$word")") ;;
    esac
  done < <("$1" __complete bash "${words[@]:1}" 2>/dev/null)
  # what stands before the last of those characters is not the word that bash replaces
  if [[ $current == *[:=]* && $COMP_WORDBREAKS == *:* ]]; then
    local before=${current%"${current##*[:=]}"}
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
  fi
}

complete -F _warren warren warrenmq
