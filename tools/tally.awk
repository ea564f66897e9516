# Counts the cases in ctest's LastTest.log. A cmocka case says "[       OK ] name" or
# "[  FAILED  ] name" (again in the summary); another program is one case. A program that ctest
# calls failed without a failed case (a crash, a leak, a timeout) is one failed case. A program that
# could not run here says "SKIPPED: why".

function close_program()
{
    if (!open) {
        return
    }
    passed += ok
    failed += bad
    skipped += left_out
    if (result != "passed" && bad == 0) {
        failed++
    } else if (result == "passed" && ok + bad + left_out == 0) {
        passed++
    }
    open = 0
}

/^[0-9]+\/[0-9]+ Test: / {
    close_program()
    open = 1
    ok = bad = left_out = 0
    result = "failed"
    split("", seen)
}
/\[       OK \]/ { ok++ }
/\[  FAILED  \] [A-Za-z_]/ {
    name = $0
    sub(/.*\[  FAILED  \] /, "", name)
    if (name !~ /:/ && !(name in seen)) {
        seen[name] = 1
        bad++
    }
}
/\[  SKIPPED \] [A-Za-z_]/ || /^SKIPPED: / {
    name = $0
    sub(/.*\[  SKIPPED \] /, "", name)
    if (!(name in seen)) {
        seen[name] = 1
        left_out++
    }
}
/^Test Passed\.$/ { result = "passed" }

END {
    close_program()
    if (skipped > 0) {
        printf "%d skipped\n", skipped
    }
    printf "%d passed, %d failed\n", passed, failed
    exit (status != 0 || failed > 0 || passed == 0) ? 1 : 0
}
