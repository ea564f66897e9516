/* store_power_test.c -- power fails at I/O calls of a script; what was acknowledged is there after.
 * */
#include "support/support.h"

#include "support/toy_store.h"
#include "support/vfs.h"

#include "support/store_trials.h"

enum { OPS = 230, STRIDE = 23 };

static char dir[256];
static struct om_store_options options;

static int setup(void **state)
{
    (void)state;
    om_test_dir(dir, sizeof(dir));
    options = toy_options(dir);
    options.vfs = om_test_vfs();
    om_test_vfs_real_sync(false);
    om_log_set_level(OM_LOG_OFF);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    om_test_vfs_reset();
    om_test_dir_remove(dir);
    return 0;
}

static void cut_everywhere(uint64_t seed)
{
    uint64_t total = power_count(&options, OPS), trials = 0;
    assert_true(total > OPS);
    for (uint64_t cut = 1; cut <= total; cut += STRIDE) {
        const char *wrong = power_trial(&options, OPS, cut, seed != 0 ? seed + cut : 0);
        if (wrong != NULL) {
            fail_msg("power cut at I/O %llu: %s", (unsigned long long)cut, wrong);
        }
        trials++;
    }
    print_message("%llu power cuts over %llu I/O calls\n", (unsigned long long)trials,
                  (unsigned long long)total);
}

static void test_nothing_unsynced_survives(void **state)
{
    (void)state;
    cut_everywhere(0);
}

static void test_torn_parts_survive(void **state)
{
    (void)state;
    cut_everywhere(12345);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_unsynced_survives),
        cmocka_unit_test(test_torn_parts_survive),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
