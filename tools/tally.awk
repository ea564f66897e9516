# Counts the cases in ctest's LastTest.log. A cmocka case says "[       OK ] name" or
# "[  FAILED  ] name" (again in the summary); another program is one case. A program that ctest
# calls failed without a failed case (a crash, a leak, a timeout) is one failed case.

function close_program()
{
    if (!open) {
        return
    }
    if (result == "skipped") {
        skipped++
    } else if (result != "passed") {
        passed += ok
        failed += bad > 0 ? bad : 1
    } else {
        passed += ok > 0 ? ok : 1
    }
    open = 0
}

/^[0-9]+\/[0-9]+ Test(ing)?: / {
    close_program()
    open = 1
    ok = bad = 0
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
/^Test Passed\.$/ { result = "passed" }
/^Test Skipped\.$/ { result = "skipped" }

END {
    close_program()
    if (skipped > 0) {
        printf "%d skipped\n", skipped
    }
    printf "%d passed, %d failed\n", passed, failed
    exit (status != 0 || failed > 0 || passed == 0) ? 1 : 0
}
