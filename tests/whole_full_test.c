/* whole_full_test.c -- the disk fills up and is emptied again. */
#include "support/support.h"

#include "support/whole.h"

#include "support/whole_script.h"

#include "support/full_trials.h"

static void test_full_and_empty(void **state)
{
    static struct full_trial trial;
    (void)state;
    if (!full_mount(&trial, 24)) {
        print_message("SKIPPED: a small tmpfs cannot be mounted here (%s)\n", strerror(errno));
        skip();
    }
    om_log_set_level(OM_LOG_OFF);
    const char *wrong = full_run(&trial, 4);
    print_message("%llu times full: %llu writes acknowledged, %llu refused, %llu recalled\n",
                  (unsigned long long)trial.cycles, (unsigned long long)trial.acks,
                  (unsigned long long)trial.refusals, (unsigned long long)trial.reads);
    full_unmount(&trial);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full_and_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
