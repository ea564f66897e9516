# Completion of omega for fish, from `omega help --commands`: name, summary, options.

function __omega_commands
    omega help --commands 2>/dev/null | string match -v -r '^-' | cut -f 1,2
end

function __omega_options
    set -l words (commandline -opc)
    omega help --commands 2>/dev/null | while read -l -d \t name summary options
        if test "$name" = -; or contains -- "$name" $words
            string split -n ' ' -- "$options"
        end
    end
end

complete -c omega -n __fish_use_subcommand -f -a '(__omega_commands)'
complete -c omega -n '__fish_seen_subcommand_from help' -f -a '(__omega_commands)'
complete -c omega -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__omega_options)'
