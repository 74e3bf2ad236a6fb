# Completes agentctl in fish: verbs, and flags as the verb's own --help tells them.
function __agentctl_verb
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; or begin; echo $word; return; end
  end
end
function __agentctl_flags
  agentctl (__agentctl_verb) --help 2>/dev/null | string match -r -a -- '(?:^| |,)(--?[a-z][a-z-]*)' -g | sort -u
end
function __agentctl_verbs
  agentctl --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\)  *\(.*\)/\1\t\2/p'
end
complete -c agentctl -f -n 'test -z (__agentctl_verb)' -a '(__agentctl_verbs)'
complete -c agentctl -f -n 'string match -q -- "-*" (commandline -ct)' -a '(__agentctl_flags)'
complete -c agentctl -F -n 'contains (__agentctl_verb) record flamegraph export' -s o
complete -c agentctl -F -n 'contains (__agentctl_verb) diff export config; and not string match -q -- "-*" (commandline -ct)'
