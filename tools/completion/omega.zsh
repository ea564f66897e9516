#compdef omega
# Completion of omega for zsh, from `omega help --commands`: name, summary, options.

local -a rows commands options
local row command word
rows=("${(@f)$(omega help --commands 2>/dev/null)}")
for word in ${words[2,CURRENT-1]}; do
    [[ $word == -* ]] || { command=$word; break }
done
for row in $rows; do
    local -a cells=("${(@ps:\t:)row}")
    [[ $cells[1] == - ]] || commands+=("$cells[1]:$cells[2]")
    [[ $cells[1] == - || $cells[1] == $command ]] && options+=(${=cells[3]})
done
if [[ $PREFIX == -* ]]; then
    compadd -- $options
elif [[ -z $command || $command == help ]]; then
    _describe command commands
else
    _files
fi
