#!/bin/bash
# quickstart_test.sh OMEGA DOCUMENTS -- the tour, and a planted sentence asked for with a misspelt word.
#
# The sentence must come first by vector alone and by words alone; in the control, a tour over
# another folder, it must not come at all.
set -u
omega=$1
documents=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work TMPDIR=$work LC_ALL=C
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

# first DATA WEIGHT: what the misspelt question finds first, with that weight of the vectors.
first() {
    "$omega" recall "where is the lighthuose keeper's brass telescope" --vector-weight "$2" -k 1 --json \
        --data "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["memories"][0]["content"])'
}

sentence="The keeper of the lighthouse hid a brass telescope under the third stair."
mkdir "$work/planted" "$work/other"
cp "$documents"/*.md "$work/planted"
cp "$documents"/*.md "$work/other"
printf '# Notes\n\nThe ferry comes twice a day.\n\n%s\n\nBread is baked on Fridays.\n' "$sentence" \
    >"$work/planted/notes.md"

"$omega" quickstart --from "$work/planted" --data "$work/a" >"$work/said" 2>&1
ends "the tour over a planted folder" $?
"$omega" quickstart --from "$work/other" --data "$work/b" >/dev/null 2>&1
ends "the tour over another folder" $?
for weight in 0 1; do
    [ "$(first "$work/a" $weight)" = "$sentence" ]
    ends "planted: first with weight $weight of the vectors" $?
    [ "$(first "$work/b" $weight)" != "$sentence" ]
    ends "control: not with weight $weight of the vectors" $?
done

lines=$(wc -l <"$work/said")
[ "$lines" -ge 25 ] && [ "$lines" -le 50 ]
ends "about 40 lines ($lines)" $?
if grep -q '.\{160\}' "$work/said"; then false; fi
ends "lines of a readable length" $?
[ "$(grep -c ' us$' "$work/said")" -ge 8 ]
ends "measured times" $?

# What it proposes works as it stands.
sed -n 's/^   \(.* why .*\)/\1/p' "$work/said" >"$work/proposed"
grep -q -- "--data $work/a" "$work/proposed" && sh "$work/proposed" >"$work/answer" &&
    grep -q ' 1\. ' "$work/answer"
ends "the command that it proposes" $?

"$omega" quickstart --from "$work/planted" --data "$work/c" --json >"$work/json" &&
    python3 - "$work/json" <<'CHECK'
import json, sys
r = json.load(open(sys.argv[1]))
assert sum(s["stored"] for s in r["imported"]) > 3, r["imported"]
assert r["count_before"] == r["count_after"] and r["same_recall"], r
assert r["recalls"][0]["memories"][0]["id"] == r["asked"], (r["query"], r["recalls"][0])
assert "green tea" in r["recalls"][1]["memories"][0]["content"], r["recalls"][1]
assert "spare key" in r["recalls"][2]["memories"][0]["content"], r["recalls"][2]
assert all(m["explain"]["arms"] for q in r["recalls"] for m in q["memories"])
assert r["health"]["overall"] == "healthy", r["health"]
assert r["events"]["MemoryStored"] == r["count_after"] and r["events"]["lost"] == 0, r["events"]
assert r["metrics"]["total_memories"] == r["count_after"], r["metrics"]
assert r["total_us"] < 10e6, r["total_us"]
CHECK
ends "one JSON object, whose figures agree" $?

"$omega" quickstart --from "$work/planted" --data "$work/c" >"$work/said" 2>&1
[ $? -eq 9 ] && grep -q "holds a store already" "$work/said"
ends "a directory in use is left alone" $?
"$omega" quickstart --from "$work/nosuch" >"$work/said" 2>&1
[ $? -eq 4 ] && grep -q "nosuch" "$work/said"
ends "a folder that is not there" $?
mkdir "$work/empty"
"$omega" quickstart --from "$work/empty" >"$work/said" 2>&1
[ $? -eq 4 ] && grep -q "no text" "$work/said"
ends "a folder without text" $?
(cd "$documents/.." && "$omega" quickstart >"$work/said" 2>&1)
ends "without words, in the project's folder" $?
made=$(sed -n 's/.*rm -r //p' "$work/said")
case $made in "$work"/omega-quickstart-*) [ -f "$made/omega.db" ] ;; *) false ;; esac
ends "it names the directory that it keeps" $?
exit $failed
