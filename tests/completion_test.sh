#!/bin/bash
# completion_test.sh [OMEGA] -- the bash completion finds commands and options.
#
# With a program, what it offers is the program's own `help --commands`; without, that of a stand-in
# with two commands, whose completions are known.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
program=${1:-$work/omega}
if [ $# -eq 0 ]; then
    printf '#!/bin/sh\nprintf "store\\tkeep\\t--tier --key\\nstatus\\tsay\\t--all\\n-\\t\\t--json --data\\n"\n' \
        >"$program"
    chmod +x "$program"
fi
# shellcheck source=/dev/null
. "$root/tools/completion/omega.bash"

# offers WANTED WORDS...: completing the last word gives WANTED (sorted, with blanks between).
offers() {
    local wanted=$1 got
    shift
    COMP_WORDS=("$program" "$@")
    COMP_CWORD=$#
    _omega
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
    if [ "$got" = "$wanted " ]; then
        echo "[       OK ] $* gives $wanted"
    else
        echo "[  FAILED  ] $* gives $got, wanted $wanted"
        failed=1
    fi
}

if [ $# -eq 0 ]; then
    offers "status store" st
    offers "store" sto
    offers "--tier" store --t
    offers "--data --json --key --tier" store --
    offers "--all" --data /tmp status --a
    offers "status store" help s
else
    "$program" help --commands | awk -F '\t' '
        NF != 3 || $1 == "" || ($1 != "-" && $2 == "") { print "not a row: " $0; bad = 1 }
        END { exit bad || NR < 2 }' || failed=1
    offers "quickstart" quick
    offers "recall" help rec
    offers "--json" store --js
fi
exit $failed
