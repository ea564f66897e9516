#!/bin/bash
# cli_test.sh OMEGA -- the program as its users meet it: every command on a real data directory, bad
# input with its exit code and the name of what is wrong, other processes, signals, broken pipes.
set -u
omega=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_DATA_HOME=$work/share LC_ALL=C NO_COLOR=1
unset "${!OMEGA_@}"
data=$work/data
failed=0

ends() {
    if [ "$2" -eq 0 ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1"
        failed=1
    fi
}

# said CODE PATTERN WORDS...: `omega WORDS` ends with CODE and says PATTERN (a basic expression).
said() {
    local code=$1 pattern=$2 got=0 bad=0
    shift 2
    "$omega" "$@" --data "$data" >"$work/said" 2>&1 </dev/null || got=$?
    grep -q -- "$pattern" "$work/said" || bad=1
    if [ "$got" -ne "$code" ] || [ $bad -ne 0 ]; then
        echo "ended with $got, wanted $code and '$pattern':" && cat "$work/said"
        bad=1
    fi
    ends "$*" $bad
}

# json EXPRESSION WORDS...: with --json it prints JSON, of which the Python expression is true.
json() {
    local expression=$1
    shift
    "$omega" "$@" --json --data "$data" >"$work/said" 2>"$work/err" </dev/null &&
        python3 -c "import json, sys; r = json.load(open(sys.argv[1])); assert ($expression), r" \
            "$work/said"
    local bad=$?
    [ $bad -eq 0 ] || cat "$work/err" "$work/said"
    ends "$* --json" $bad
}

store() {
    "$omega" store "$@" --data "$data"
}

# ---- Where there is nothing --------------------------------------------------------------------
said 4 "no store in '$data'" recall tea
said 4 "no store in" list
said 4 "no store in" health
"$omega" list >"$work/said" 2>&1
[ $? -eq 4 ] && grep -q "$work/share/omega" "$work/said" && [ ! -e "$work/share" ] && [ ! -e "$data" ]
ends "looking makes no directory, not even the default one" $?

# ---- Every command -----------------------------------------------------------------------------
said 0 '^[0-9a-f-]\{36\}$' store "Ann prefers green tea" --tier semantic --importance .9 \
    --key tea --type fact --metadata '{"a": {"b": 1}}' --pinned
tea=$(cat "$work/said")
said 0 "$tea" store "Ann prefers green tea in the morning" --key tea
json 'len(r["id"]) == 36 and r["durability"] == "process" and r["seq"] > 0' \
    store "The parcel is on its way" --durability process --occurred-at 2026-01-02
parcel=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' "$work/said")
printf 'from a pipe' | "$omega" store - --data "$data" >/dev/null
ends "store - reads standard input" $?
said 0 '^Ann prefers green tea in the morning$' get tea --key
said 0 'metadata *{"a":{"b":1}}' get "$tea"
json 'r["memory"]["key"] == "tea" and r["memory"]["version"] == 2' get "$tea"
said 0 '^version 2$' update "$parcel" --content "The parcel has come" --if-version 1
json 'r["version"] == 3' update "$parcel" --importance 0.25
said 9 "version" update "$parcel" --importance 0.5 --if-version 1
said 0 'superseded' history "$parcel"
json 'len(r["memories"]) >= 2' history "$parcel"
said 0 '^ 1\. .*green tea' recall "what does ann drink: tea?"
json 'r["memories"][0]["key"] == "tea" and not r["degraded"]' recall tea -k 1
json 'len(r["memories"]) == 1' recall tea -k 5 --filter '{"a.b": 1}'
json 'r["memories"] == []' recall tea --tier strategic
said 0 'It holds green and tea' why "green tea" -k 1
said 0 'morning (asked as mornign)' why "in the mornign" -k 1
json 'r["memories"][0]["explain"]["arms"]' why tea
json 'len(r["memories"]) == 3' list
json 'len(r["memories"]) == 2 and r["cursor"]' list --limit 2 --newest
said 0 'more with --cursor' list --limit 2
said 0 '^session trip' messages "Where to?" --add user --name Ben --session trip
json 'r["session"] == "trip"' messages "To the sea" --add assistant --session trip
said 0 '  1 assistant: To the sea' messages --session trip
json '[m["role"] for m in r["memories"]] == ["user", "assistant"]' messages --session trip
printf 'First piece of text.\n\nSecond piece of text.\n' >"$work/notes.md"
said 0 '2 read, 2 stored, 0 known, 0 failed' import "$work/notes.md"
json 'r["known"] == 2 and r["stored"] == 0' import "$work/notes.md"
said 0 '9 memories written' export "$work/all.jsonl"
said 9 'exist' export "$work/all.jsonl"
json 'r["count"] == 9' export --vectors "$work/vectors.jsonl"
said 0 'memories written' export --markdown "$work/pages"
said 0 "$work/copy" backup "$work/copy"
json 'r["file"]' backup "$work/copy2"
said 0 'overall: healthy' health
json 'r["health"]["overall"] == "healthy"' health
said 0 'memories  *7' metrics
said 0 '^omega_' metrics --prometheus
json 'r["metrics"]["total_memories"] == 7' metrics
said 0 'MemoryStored' events
json 'all(e["type"] == "MemoryUpdated" for e in r["events"]) and r["events"]' \
    events --types MemoryUpdated
said 0 'retention' loop
said 0 'retention: ' loop retention
json 'r["cycle"]["success"]' loop checkpoint
said 0 ' 0 faults' check
json 'r["faults"] == 0 and r["rows"] > 0' check
said 0 'hnsw_m = 16' config
said 0 'integer 4..128, default 16' config --doc --section agentdb
said 0 'are right' config --check --set agentdb.hnsw_m=17
json 'r["agentdb.hnsw_m"] == "17"' config --set agentdb.hnsw_m=17
said 0 'recall_memories' call
json 'r["count"] == 5' call count_memories
echo '{"text": "x", "dimension": 3}' | "$omega" call embed - --data "$data" |
    python3 -c 'import json, sys; assert len(json.load(sys.stdin)["embedding"]) == 3'
ends "call embed - reads standard input" $?
said 0 '^omega [0-9]' version
json 'r["version"]' version
said 0 'would be forgotten' forget --all --dry-run
json 'r["deletion"]["matched"] == 5 and r["deletion"]["deleted"] == 0' forget --all --dry-run
said 0 '^1 forgotten: .* have left every file' forget "$parcel" --now
said 4 "$parcel" get "$parcel"
said 10 'tombstone' store "The parcel has come"
said 0 '' store "The parcel has come" --override
said 0 'restored' restore "$work/copy"
json 'r["memory"]["id"] == "'"$parcel"'"' get "$parcel"
said 0 'copied, 0 lost' check --salvage "$work/salvaged"
said 0 'given up' check --accept-loss
said 0 'p50' bench
[ -z "$(find "$data" -name 'omega-bench*')" ]
ends "bench leaves nothing" $?
"$omega" --json list --data "$data" | python3 -m json.tool >/dev/null
ends "common options may come first" $?

# ---- Help --------------------------------------------------------------------------------------
"$omega" help --commands >"$work/commands"
[ "$(grep -c . "$work/commands")" -ge 24 ]
ends "help --commands has a row for each" $?
while IFS=$(printf '\t') read -r name summary _; do
    [ "$name" != - ] || continue
    "$omega" help "$name" >"$work/one" && "$omega" "$name" --help >"$work/two" &&
        cmp -s "$work/one" "$work/two" && grep -qF -- "$summary" "$work/one" &&
        ! grep -q '.\{90\}' "$work/one"
    ends "help $name" $?
done <"$work/commands"
said 0 'usage: omega COMMAND' help
said 2 "no command 'nosuch'" help nosuch

# ---- Bad input: the status's exit code, the name of what is wrong, nothing changed -------------
json 'True' call count_memories '{"all_roots": true}'
cp "$work/said" "$work/before"
said 2 "no command 'nosuch'" nosuch
said 2 "no option '--nosuch'" recall x --nosuch
"$omega" store x --tier >"$work/said" 2>&1
[ $? -eq 2 ] && grep -q "'--tier' needs a value" "$work/said"
ends "an option without its value" $?
said 2 "'--json=1' takes no value" list --json=1
said 2 'usage: omega recall QUERY' recall
said 2 'usage: omega recall QUERY' recall one two
said 2 "tier.*'foo'.*episodic" store x --tier foo
said 2 'importance is 1.5' store x --importance 1.5
said 2 "importance must be a number, not 'much'" store x --importance much
said 2 "'k'.*1 to 10000" recall x --k 0
said 2 "'k'.*1 to 10000" recall x --k 10001
said 2 '^omega: filter: ' recall x --filter '{"a"'
said 2 'filter.*\$near' recall x --filter '{"a": {"$near": 1}}'
said 2 '^omega: metadata: ' store x --metadata '{}, "tier": "cosmic"'
said 2 'metadata must be an object' store x --metadata '[1]'
said 2 'content is empty' store ''
said 2 'content' store '   '
said 2 'content is not UTF-8: byte 1' store "$(printf 'a\377b')"
said 2 "id" get nosuch
said 4 "0197a0c0-0000-7000-8000-000000000000" get 0197a0c0-0000-7000-8000-000000000000
head -c 2097152 /dev/zero | tr '\0' x >"$work/big"
"$omega" store - --data "$data" <"$work/big" >"$work/said" 2>&1
[ $? -eq 8 ] && grep -q 'content is over 1048576 bytes' "$work/said"
ends "store - of 2 MiB" $?
{ printf '{"content":"'; cat "$work/big"; printf '"}'; } |
    "$omega" call store_memory - --data "$data" >"$work/said" 2>&1
[ $? -eq 2 ] && grep -q 'content' "$work/said"
ends "call store_memory of 2 MiB" $?
said 0 '' call add_vectors '{"space":"own","points":[{"key":"a","embedding":[1,2,3]}]}'
said 2 'dimension\|numbers' call add_vectors '{"space":"own","points":[{"key":"b","embedding":[1,2]}]}'
said 2 'dimension' call search_vectors '{"space":"own","embedding":[1,2]}'
said 2 'JSON' call add_vectors '{"space":"own","points":[{"key":"b","embedding":[1,NaN,3]}]}'
said 2 'embedding\|float\|range' call add_vectors \
    '{"space":"own","points":[{"key":"b","embedding":[1,1e39,3]}]}'
said 2 "no member 'contents'" call store_memory '{"contents":"x"}'
said 2 "needs 'content'" call store_memory '{}'
said 4 "no operation 'nosuch'" call nosuch
said 2 'hnsw_n' list --set agentdb.hnsw_n=3
said 2 '4.*128' list --set agentdb.hnsw_m=3
said 2 "KEY=VALUE, not 'x'" list --set x
printf '[agentdb]\nhnsw_m = 16\nhnsw_x = 1\n' >"$work/omega.conf"
said 2 'omega.conf.*3.*hnsw_x' list --config "$work/omega.conf"
said 2 'either an ID' forget
said 2 'either an ID' forget "$tea" --all
said 2 'not with an ID' forget "$tea" --dry-run
said 2 'a session: --session' messages
said 2 'format' import "$work/notes.md" --format nosuch
said 4 'nosuch' import "$work/nosuch"
said 4 'nosuch' restore "$work/nosuch"
said 20 'reflexive' loop reflexive
said 2 'nosuch' loop nosuch
said 2 'after' events --after x
for i in $(seq 1 60); do
    if [ "$i" -eq 57 ]; then echo '{"content": "broken'; else echo "{\"content\":\"line $i\"}"; fi
done >"$work/lines.jsonl"
json 'r["count"] == '"$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["count"])' \
    "$work/before")" call count_memories '{"all_roots": true}'
said 2 '57' import "$work/lines.jsonl"
grep -q '60 read, 59 stored, 0 known, 1 failed' "$work/said"
ends "a broken line is named, the others go on" $?

# ---- Control characters ------------------------------------------------------------------------
evil=$(printf '\033[31mred\007 \302\233 \342\200\256 text')
id=$(store "$evil" --name "$evil" --key "$evil" --type "$evil" --session evil 2>/dev/null ||
    store "$evil" --session evil)
"$omega" messages "$evil" --add user --session evil --data "$data" >/dev/null
for words in "list --session evil" "get $id --session evil" "history $id --session evil" \
    "recall red --session evil" "why red --session evil" "messages --session evil" \
    "list --session evil --json" "messages --session evil --json" "get $id --session evil --json"; do
    # shellcheck disable=SC2086 # a list of words
    "$omega" $words --data "$data" >"$work/said" 2>&1 &&
        grep -q red "$work/said" &&
        ! grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$work/said"
    ends "no control character from $words" $?
done

# ---- Another process ---------------------------------------------------------------------------
# The first one stands in a pipe that nobody reads, and holds the directory.
for i in $(seq 1 400); do echo "{\"content\":\"a longer line that fills the pipe, $i\"}"; done \
    >"$work/more.jsonl"
said 0 '400 stored' import "$work/more.jsonl"
mkfifo "$work/pipe"
"$omega" list --limit 1000 --json --data "$data" >"$work/pipe" &
first=$!
exec 9<"$work/pipe"
for i in $(seq 1 500); do
    ! grep -q "$first" "$data/omega.lock" || break
    sleep 0.02
done
"$omega" health --data "$data" >"$work/said" 2>&1
code=$?
[ $code -eq 6 ] && grep -q "$first" "$work/said" && grep -q "omega.sock" "$work/said"
bad=$?
[ $bad -eq 0 ] || cat "$work/said"
ends "a second process is told the first one's pid and socket" $bad
exec 9<&-
wait $first
ends "a reader who goes is no error" $?
said 0 ' 0 faults' check
"$omega" list --limit 1000 --data "$data" | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" -eq 0 ]
ends "list | head" $?
if [ -w /dev/full ]; then
    "$omega" list --data "$data" >/dev/full 2>"$work/said"
    [ $? -eq 14 ] && grep -q 'standard output' "$work/said"
    ends "a full disk behind standard output is an error" $?
fi

# ---- Interrupted -------------------------------------------------------------------------------
python3 -c '
for i in range(20000):
    print("{\"content\":\"memory number %d of a long import, with some words\"}" % i)' >"$work/long.jsonl"
long=$work/long
"$omega" import "$work/long.jsonl" --data "$long" >"$work/said" 2>&1 &
first=$!
size() { stat -c %s "$long/omega.db" "$long/omega.db-wal" 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }
for i in $(seq 1 1000); do
    [ "$(size)" -lt 2000000 ] || break
    sleep 0.01
done
kill -INT $first
wait $first
code=$?
[ $code -eq 17 ] || { echo "ended with $code" && cat "$work/said"; }
[ $code -eq 17 ]
ends "Ctrl-C ends an import with its exit code" $?
data=$long
said 0 ' 0 faults' check
json 'r["stored"] > 0 and r["known"] > 0 and r["stored"] + r["known"] == 20000 and r["failed"] == 0' \
    import "$work/long.jsonl"
json 'r["count"] == 20000' call count_memories

# ---- Damage ------------------------------------------------------------------------------------
python3 - "$long/omega.db" <<'DAMAGE'
import sys
with open(sys.argv[1], "r+b") as file:
    at = file.read().find(b"memory number 77 of a long import")
    assert at > 0
    file.seek(at)
    file.write(b"Memory")
DAMAGE
said 12 '^fault: ' check
"$omega" check --json --data "$long" >"$work/said"
[ $? -eq 12 ] && python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["faults"] > 0' \
    "$work/said"
ends "check --json of a damaged store" $?
exit $failed
