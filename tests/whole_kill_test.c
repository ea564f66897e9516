/* whole_kill_test.c -- a writing process killed at any moment: the short form of `make crash`. */
#include "support/support.h"

#include "support/kill_point.h"
#include "support/whole.h"

#include "support/whole_script.h"

#include "support/kill_trials.h"

enum { ROUNDS = 6, SEED = 20260101 };

static void test_kills(void **state)
{
    char base[256], dir[300];
    static struct kill_campaign campaign;
    (void)state;
    assert_true(whole_make_dir(base, sizeof base));
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    kill_begin(&campaign, dir, 5);
    for (int round = 0; round < ROUNDS; round++) {
        const char *wrong = kill_round(&campaign, round % 2 == 0, SEED);
        if (wrong != NULL) {
            fail_msg("kill %d: %s", round, wrong);
        }
    }
    print_message("%d kills, %llu acknowledgements, %llu recalls; of the steps under way %llu were "
                  "done, %llu not\n",
                  ROUNDS, (unsigned long long)campaign.acks, (unsigned long long)campaign.recalls,
                  (unsigned long long)campaign.done_in_flight,
                  (unsigned long long)campaign.lost_in_flight);
    assert_true(campaign.least_acks >= KILL_ACKS);
    kill_end(&campaign);
    whole_remove(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
