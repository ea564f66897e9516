# Completion of omega for bash. The program itself says what there is: `omega help --commands` prints
# a line for each command, with tabs between its name, its summary and its options. The row named
# "-" holds the options that every command takes.

_omega_rows()
{
    "${COMP_WORDS[0]}" help --commands 2>/dev/null
}

# The options of a command and the common ones.
_omega_options()
{
    _omega_rows | awk -F '\t' -v command="$1" '$1 == command || $1 == "-" { print $3 }'
}

_omega()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --data | --set | --config | --url) ((i++)) ;;
        -*) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    if [[ $before == --data ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_omega_options "$command")" -- "$word")
    elif [[ -z $command || $command == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_omega_rows | cut -f 1 | grep -vx -- -)" -- "$word")
    fi
}

complete -o default -F _omega omega
