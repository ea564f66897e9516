#!/bin/bash
# manual_test.sh OMEGA LIBRARY -- the man pages say what the program and the library have, no less.
#
# Every command with its options in omega(1), every exit code; every key with its range and default
# in omega.conf(5); every exported function and every operation in libomega(3), whose example
# compiles.
set -u
omega=$1
library=$2
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work LC_ALL=C
unset "${!OMEGA_@}"
failed=0

ends() {
    if [ "$2" -eq 0 ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1"
        failed=1
    fi
}

# missing NAME FILE: the lines of standard input that FILE does not have as words.
missing() {
    local lost=0 word
    while IFS= read -r word; do
        grep -qF -- "$word" "$2" || { echo "missing: $word" && lost=1; }
    done
    ends "$1" $lost
}

for page in "$root"/man/*; do
    mandoc -T lint -W warning "$page"
    ends "lint $(basename "$page")" $?
done

# The block of a command: from its name to the next one, and what is common to all before that.
sed '/^\.Sh COMMANDS/,$d' "$root/man/omega.1" >"$work/common"
while IFS=$(printf '\t') read -r name _ options; do
    cp "$work/common" "$work/block"
    [ "$name" = - ] ||
        awk -v name="$name" '/^\.It Ic / { on = $3 == name } /^\.Ss / { on = 0 } on' \
            "$root/man/omega.1" >"$work/own"
    [ "$name" = - ] || { [ -s "$work/own" ] && cat "$work/own" >>"$work/block"; } || ends "$name" 1
    for option in $options; do
        printf 'Fl %s\n' "${option#-}"
    done | missing "omega(1): $name and its options" "$work/block"
done < <("$omega" help --commands)

sed -n 's/^ *X(OMEGA_[A-Z_]*, -*[0-9]*, [0-9]*, \([0-9]*\), "\(.*\)").*/\1 \2/p' \
    "$root/include/omega/base.h" | awk '{ print ".It " $1 }' | missing "omega(1): exit codes" "$root/man/omega.1"

# mandoc sets the page in lines of its own: compare the words.
"$omega" config --doc --set runtime.data_dir=/x >"$work/doc"
mandoc -T ascii -O width=300 "$root/man/omega.conf.5" | sed "s/.\x08//g" | tr -s ' \n' ' ' >"$work/conf"
awk '/^\[/ { section = substr($0, 2, length($0) - 2) }
     /^# / { said[++n % 2] = substr($0, 3) }
     /^[a-z]/ { print section "." $1; split(said[n % 2], kind, ", default ")
                print "; default " kind[2] "."
                print substr(said[(n + 1) % 2], 2) }' "$work/doc" | tr -s ' ' |
    missing "omega.conf(5): keys, defaults, explanations" "$work/conf"
grep -o '^\.It Ic [a-z_]*\.[a-z_]*' "$root/man/omega.conf.5" | cut -d ' ' -f 3 >"$work/keys"
[ "$(wc -l <"$work/keys")" -eq "$(grep -c '^[a-z]' "$work/doc")" ]
ends "omega.conf(5): no key that is not there" $?

nm -D --defined-only "$library" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | missing "libomega(3): functions" \
    "$root/man/libomega.3"
"$omega" call | awk '{ print ".It " $1 " Ta" }' | missing "libomega(3): operations" \
    "$root/man/libomega.3"
sed -n '/^#include/,/^\.Ed/p' "$root/man/libomega.3" | sed '/^\.Ed/d; s/\\en/\\n/' >"$work/example.c"
${CC:-cc} -std=c11 -Wall -Wextra -I "$root/include" -fsyntax-only "$work/example.c"
ends "libomega(3): the example compiles" $?
exit $failed
