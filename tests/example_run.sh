#!/bin/sh
# example_run.sh PROGRAM SOURCE -- run an example in an empty home.
#
# Its input is the file beside the source that ends in .in; each line of the one that ends in .out
# must stand in what it prints.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
input=${2%.c}.in
[ -f "$input" ] || input=/dev/null
status=0
(cd "$work" && HOME=$work XDG_DATA_HOME=$work/data "$1" <"$input" >"$work/said") || status=$?
cat "$work/said"
[ "$status" -eq 0 ] || exit "$status"
[ ! -f "${2%.c}.out" ] || while IFS= read -r line; do
    grep -qF -- "$line" "$work/said" || { echo "missing: $line" >&2; exit 1; }
done <"${2%.c}.out"
