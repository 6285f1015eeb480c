#compdef warren warrenmq
# Completion of warren for zsh. In ~/.zshrc, after compinit:  source <(warren completion zsh)

_warren() {
  local -a lines candidates
  local line
  lines=("${(@f)$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ ${lines[1]} == :files ]]; then
    [[ $PREFIX == --*=* ]] && compset -P '*='
    _files
    return
  fi
  for line in "${lines[@]}"; do
    [[ -n $line ]] || continue
    if [[ $line == *$'\t'* ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    else
      candidates+=("${line//:/\\:}")
    fi
  done
  _describe -t warren 'warren' candidates
}

if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
  _warren "$@"
else
  compdef _warren warren warrenmq
fi
