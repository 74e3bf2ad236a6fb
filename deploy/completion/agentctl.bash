# Completes agentctl in bash: verbs, and flags as the verb's own --help tells them.
_agentctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb="" word help
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || { verb=$word; break; }
  done
  help=$(agentctl $verb --help 2>/dev/null) || return
  case $previous in
    -o|--output)
      if [[ $verb == record || $verb == flamegraph || $verb == export ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
      fi ;;
    --socket|--config)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return ;;
  esac
  # FLAG NAME:{one,other} is a choice.
  local choices
  choices=$(sed -n -E "s/^ +(-[a-z],)?(--[a-z,-]+) [A-Z]+:\{([^}]*)\}.*/\1\2 \3/p" <<<"$help" |
            awk -v flag="$previous" '{n = split($1, flags, ","); for (i = 1; i <= n; i++) if (flags[i] == flag) {gsub(",", " ", $2); print $2}}')
  if [[ -n $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
  elif [[ $current != -* && ($verb == diff || $verb == export || $verb == config) ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [[ $current == -* || -n $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(grep -o -E -e '(^| |,)--?[a-z][a-z-]*' <<<"$help" | grep -o -E -e '--?[a-z][a-z-]*' | sort -u)" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$help")" -- "$current")
  fi
}
complete -F _agentctl agentctl
