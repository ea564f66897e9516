/* whole_damage_test.c -- damaged files under the whole engine, 40 of each: the short form of
 * the damage campaign. */
#include "support/support.h"

#include "support/whole.h"

#include "support/whole_script.h"

#include "support/whole_damage_trials.h"

enum { PLACES = 40 };

static char base[256], dir[300];
static struct wreck wreck;

static int setup(void **state)
{
    (void)state;
    assert_true(whole_make_dir(base, sizeof base));
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    om_log_set_level(OM_LOG_OFF);
    const char *wrong = wreck_make(&wreck, dir);
    if (wrong != NULL) {
        print_error("%s\n", wrong);
    }
    return wrong != NULL;
}

static int teardown(void **state)
{
    (void)state;
    wreck_fini(&wreck);
    whole_remove(base);
    return 0;
}

static void damage(size_t which)
{
    for (uint64_t number = 0; number < PLACES; number++) {
        const char *wrong = wreck_trial(&wreck, which, number);
        if (wrong != NULL) {
            fail_msg("%s", wrong);
        }
    }
    print_message("%llu damages, %llu refused at start, %llu read-only; %llu rows as they were, "
                  "%llu calls failed\n",
                  (unsigned long long)wreck.trials, (unsigned long long)wreck.refused,
                  (unsigned long long)wreck.read_only, (unsigned long long)wreck.good_rows,
                  (unsigned long long)wreck.failed_calls);
}

static void test_database(void **state)
{
    (void)state;
    damage(0);
}

static void test_log(void **state)
{
    (void)state;
    damage(1);
}

static void test_mark(void **state)
{
    (void)state;
    damage(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_database), cmocka_unit_test(test_log),
                                       cmocka_unit_test(test_mark)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
