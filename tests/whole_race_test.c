/* whole_race_test.c -- four writers and four readers through one handle. RACE_SECONDS in the
 * environment makes it longer than its 5 s: 60 under ThreadSanitizer is the campaign. */
#include "support/support.h"

#include "support/whole.h"

#include "support/race_trials.h"

static void test_race(void **state)
{
    static struct race_board board;
    const char *seconds = getenv("RACE_SECONDS");
    char base[256], dir[300];
    (void)state;
    assert_true(whole_make_dir(base, sizeof base));
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    const struct whole_options options = {.dir = dir};
    assert_ok(whole_start(&options, &board.rt));
    const char *wrong =
        race_run(&board, seconds != NULL ? (unsigned)strtoul(seconds, NULL, 10) : 5);
    wrong = wrong == NULL ? whole_check(board.rt) : wrong;
    whole_stop(board.rt);
    print_message("%llu writes, %llu recalls, %llu of what stood before and after, %llu results, "
                  "%llu with the asked vector\n",
                  (unsigned long long)atomic_load(&board.writes),
                  (unsigned long long)atomic_load(&board.recalls),
                  (unsigned long long)atomic_load(&board.strict),
                  (unsigned long long)atomic_load(&board.results),
                  (unsigned long long)atomic_load(&board.vectors));
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    assert_true(atomic_load(&board.strict) > 0 && atomic_load(&board.vectors) > 0);
    whole_remove(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_race)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
