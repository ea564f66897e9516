/* store_damage_test.c -- flipped bits and cut files: never a wrong row, never a silent loss. */
#include "support/support.h"

#include "support/toy_store.h"
#include "support/vfs.h"

#include "support/store_trials.h"

enum { ROWS = 120, TRIALS = 160 };

static char dir[256];
static struct om_store_options options;
static struct damage_files files;

static int setup(void **state)
{
    (void)state;
    om_test_dir(dir, sizeof(dir));
    options = toy_options(dir);
    options.vfs = om_test_vfs();
    om_test_vfs_real_sync(false);
    om_log_set_level(OM_LOG_OFF);
    assert_true(damage_make(&options, ROWS, &files));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    damage_free(&files);
    om_test_vfs_reset();
    om_test_dir_remove(dir);
    return 0;
}

static void damage(size_t which)
{
    int refusals = 0;
    for (uint64_t number = 0; number < TRIALS; number++) {
        bool refused = false;
        om_test_vfs_reset();
        const char *wrong = damage_trial(&options, &files, which, number, &refused);
        if (wrong != NULL) {
            fail_msg("damage %llu of %s: %s", (unsigned long long)number, damage_names[which],
                     wrong);
        }
        refusals += refused;
    }
    print_message("%s: %d damages, %d refused at open\n", damage_names[which], TRIALS, refusals);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_mark),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
