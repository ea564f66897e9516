/* whole_full_test.c -- the disk fills up and is emptied again. */
#include "support/support.h"

#include "support/vfs.h"
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

/* Forgets a memory with the disk full from write `nth` on; true when it was never reached. */
static bool forget_now(omega_runtime *rt, uint64_t nth)
{
    char text[WHOLE_TEXT_SIZE];
    omega_id id;
    omega_memories *got = NULL;
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
    omega_deletion done = {.struct_size = sizeof done};
    input.content = whole_text(nth, text);
    assert_ok(omega_memory_store(rt, &input, &id));
    options.id = id.text;
    options.now = true;
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, nth, true);
    const uint64_t before = om_test_vfs_count(OM_VFS_WRITE);
    const omega_status status = omega_memory_delete(rt, &options, &done);
    const bool reached = om_test_vfs_count(OM_VFS_WRITE) - before >= nth;
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 0, false);
    if (status == OMEGA_OK) {
        assert_status(omega_memory_get(rt, id.text, NULL, &got), OMEGA_ENOTFOUND);
        assert_true(done.erased || reached);
    } else {
        assert_int_equal(status, OMEGA_ENOSPC);
        assert_ok(omega_memory_get(rt, id.text, NULL, &got));
        omega_memories_free(got);
    }
    return !reached;
}

/* A call that fails has changed nothing; a deletion that stands says so, and whether the bytes have
 * gone, also when the disk fills up between the two. */
static void test_forgetting_on_a_full_disk(void **state)
{
    char base[256], dir[300];
    omega_runtime *rt = NULL;
    uint64_t nth = 1;
    (void)state;
    assert_true(whole_make_dir(base, sizeof base));
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    const struct whole_options options = {
        .dir = dir, .vfs = om_test_vfs(), .manual_schedule = true};
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    om_log_set_level(OM_LOG_OFF);
    assert_ok(whole_start(&options, &rt));
    while (!forget_now(rt, nth)) {
        nth++;
    }
    assert_true(nth > 3);
    assert_null(whole_check(rt));
    whole_stop(rt);
    om_test_vfs_reset();
    whole_remove(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forgetting_on_a_full_disk),
                                       cmocka_unit_test(test_full_and_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
