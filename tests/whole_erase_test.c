/* whole_erase_test.c -- what is forgotten leaves the files: the short form of the erase
 * campaign. */
#include "support/support.h"

#include "support/whole.h"

#include "support/erase_trials.h"

static void run(const char *(*run_trial)(struct erase_trial *trial))
{
    char base[256], dir[300];
    assert_true(whole_make_dir(base, sizeof base));
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    struct erase_trial trial = {.dir = dir, .total = 150, .victims = 15};
    const char *wrong = run_trial(&trial);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    erase_end(&trial);
    whole_remove(base);
}

static const char *forget_by_filter(struct erase_trial *trial)
{
    uint64_t searched = 0;
    return erase_filter_trial(trial, &searched);
}

static const char *forget_and_die(struct erase_trial *trial)
{
    uint64_t searched = 0, kills = 0;
    const char *wrong = erase_kill_trial(trial, 3, &kills, &searched);
    print_message("%llu kills while forgetting, %llu bytes searched\n", (unsigned long long)kills,
                  (unsigned long long)searched);
    return wrong;
}

static void test_filter(void **state)
{
    (void)state;
    run(forget_by_filter);
}

static void test_killed(void **state)
{
    (void)state;
    run(forget_and_die);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter),
                                       cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
