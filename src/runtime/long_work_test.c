/* long_work_test.c -- long operations: rows, progress, cancelling, a process that is killed. */
#include "support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/long_work_int.h"
#include "support/runtime_house.h"

static size_t list_of(struct hall *hall, omega_operation_info *infos, size_t capacity)
{
    size_t count = 99;
    assert_ok(omega_operation_list(hall->rt, infos, capacity, &count));
    return count;
}

static const char *path_in(struct hall *hall, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", hall->dir, name);
    return path;
}

struct seen {
    struct hall *hall;
    unsigned steps;
    uint64_t done, total;
    char phase[32];
    bool cancel_by_id, stop;
    omega_operation_info info; /* as the list shows it in the middle */
};

static bool note_step(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct seen *seen = context;
    seen->steps++;
    assert_true(done >= seen->done || strcmp(phase, seen->phase) != 0);
    seen->done = done;
    seen->total = total;
    snprintf(seen->phase, sizeof seen->phase, "%s", phase);
    assert_int_equal(list_of(seen->hall, &seen->info, 1), 1);
    if (seen->cancel_by_id) {
        assert_ok(omega_operation_cancel(seen->hall->rt, seen->info.id.text));
    }
    return !seen->stop;
}

static void test_a_row_tells_the_work(void **state)
{
    (void)state;
    struct hall hall;
    struct seen seen = {.hall = &hall};
    omega_operation_info info;
    hall_open(&hall);
    hall_say(&hall, "something to copy");
    assert_int_equal(list_of(&hall, &info, 1), 0);
    hall_wait(&hall, 5000);
    const char *file = path_in(&hall, "backup");
    assert_ok(omega_backup(hall.rt, file, note_step, &seen));
    assert_true(seen.steps > 0);
    assert_int_equal(seen.info.state, OMEGA_OPERATION_RUNNING);
    assert_string_equal(seen.info.name, "backup");
    assert_string_equal(seen.info.subject, file);
    assert_true(seen.total == 0 || seen.done <= seen.total);
    assert_int_equal(list_of(&hall, &info, 1), 1);
    assert_int_equal(info.state, OMEGA_OPERATION_DONE);
    assert_string_equal(info.id.text, seen.info.id.text);
    assert_int_equal(info.started_ms, hall_start_ms + 5000);
    assert_int_equal(info.done, seen.done);
    assert_string_equal(info.error, "");
    assert_string_equal(info.phase, seen.phase);
    hall_close(&hall);
}

static void test_a_failure_is_kept(void **state)
{
    (void)state;
    struct hall hall;
    omega_operation_info infos[4];
    hall_open(&hall);
    const char *file = path_in(&hall, "twice");
    assert_ok(omega_backup(hall.rt, file, NULL, NULL));
    assert_status(omega_backup(hall.rt, file, NULL, NULL), OMEGA_ECONFLICT);
    char said[512];
    snprintf(said, sizeof said, "%s", omega_error_message());
    assert_int_equal(list_of(&hall, infos, 4), 2);
    assert_int_equal(infos[0].state, OMEGA_OPERATION_FAILED); /* newest first */
    assert_memory_equal(infos[0].error, said, OM_MIN(strlen(said), sizeof infos[0].error - 1));
    assert_int_equal(infos[1].state, OMEGA_OPERATION_DONE);
    hall_close(&hall);
}

static void test_cancelling(void **state)
{
    (void)state;
    for (int by_id = 0; by_id < 2; by_id++) {
        struct hall hall;
        struct seen seen = {.hall = &hall, .cancel_by_id = by_id != 0, .stop = by_id == 0};
        omega_operation_info info;
        hall_open(&hall);
        hall_say(&hall, "something to copy");
        const char *file = path_in(&hall, "backup");
        assert_status(omega_backup(hall.rt, file, note_step, &seen), OMEGA_ECANCELLED);
        assert_int_equal(list_of(&hall, &info, 1), 1);
        assert_int_equal(info.state, OMEGA_OPERATION_CANCELLED);
        assert_int_not_equal(access(file, F_OK), 0); /* nothing half is left */
        assert_status(omega_operation_cancel(hall.rt, info.id.text), OMEGA_ENOTFOUND);
        assert_status(omega_operation_cancel(hall.rt, "no id"), OMEGA_EINVAL);
        assert_status(omega_operation_cancel(hall.rt, NULL), OMEGA_EINVAL);
        hall_close(&hall);
    }
}

/* ---- Through a restart ----------------------------------------------------------------------- */

static bool hang(void *context, const char *phase, uint64_t done, uint64_t total)
{
    (void)phase;
    (void)done;
    (void)total;
    (void)!write(*(int *)context, "x", 1);
    pause();
    return true;
}

static void test_a_killed_process_leaves_interrupted_work(void **state)
{
    (void)state;
    struct hall hall;
    omega_operation_info infos[4];
    int ready[2];
    char byte;
    hall_open(&hall);
    hall_say(&hall, "something to copy");
    assert_ok(omega_backup(hall.rt, path_in(&hall, "first"), NULL, NULL));
    hall_stop(&hall);
    omega_runtime_free(hall.rt);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hall_start(&hall);
        (void)!omega_backup(hall.rt, path_in(&hall, "second"), hang, &ready[1]);
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    hall_wait(&hall, 1000);
    hall_start(&hall);
    assert_int_equal(list_of(&hall, infos, 4), 2);
    assert_int_equal(infos[0].state, OMEGA_OPERATION_INTERRUPTED);
    assert_non_null(strstr(infos[0].subject, "second"));
    assert_int_equal(infos[0].updated_ms, hall_start_ms + 1000);
    assert_int_equal(infos[1].state, OMEGA_OPERATION_DONE);
    assert_status(omega_operation_cancel(hall.rt, infos[0].id.text), OMEGA_ENOTFOUND);
    hall_reopen(&hall); /* said once, and it stays so */
    assert_int_equal(list_of(&hall, infos, 4), 2);
    assert_int_equal(infos[0].updated_ms, hall_start_ms + 1000);
    hall_close(&hall);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void test_at_most_so_many_at_a_time(void **state)
{
    (void)state;
    struct hall hall;
    struct om_long work[OM_LONG_MAX + 1];
    hall_open(&hall);
    for (int i = 0; i < OM_LONG_MAX; i++) {
        assert_ok(om_long_begin(&work[i], hall.rt, "test", "x"));
    }
    assert_status(om_long_begin(&work[OM_LONG_MAX], hall.rt, "test", "x"), OMEGA_EAGAIN);
    assert_ok(om_long_end(&work[3], OMEGA_OK));
    assert_ok(om_long_begin(&work[3], hall.rt, "test", "x"));
    for (int i = 0; i < OM_LONG_MAX; i++) {
        assert_ok(om_long_end(&work[i], OMEGA_OK));
    }
    hall_close(&hall);
}

/* Progress is written at most once a second. */
static void test_progress_is_kept_now_and_then(void **state)
{
    (void)state;
    struct hall hall;
    struct om_long work;
    omega_operation_info info;
    hall_open(&hall);
    assert_ok(om_long_begin(&work, hall.rt, "test", "x"));
    for (uint64_t i = 1; i <= 100; i++) {
        hall_wait(&hall, 100);
        assert_true(om_long_go_on(&work, "counting", i, 100));
    }
    assert_int_equal(list_of(&hall, &info, 1), 1);
    assert_int_equal(info.done, 100);
    assert_int_equal(info.total, 100);
    assert_true(info.rate_per_s == 10.0);
    const uint64_t before = om_store_commit_seq(hall.rt->store);
    assert_true(before < 20); /* one row a second of the ten, no hundred */
    assert_ok(om_long_end(&work, OMEGA_OK));
    hall_close(&hall);
}

static void test_only_the_newest_are_kept(void **state)
{
    (void)state;
    enum { MANY = 1010 };
    struct hall hall;
    struct om_long work;
    char subject[32];
    hall_open(&hall);
    for (int i = 0; i < MANY; i++) {
        snprintf(subject, sizeof subject, "number %d", i);
        assert_ok(om_long_begin(&work, hall.rt, "test", subject));
        assert_ok(om_long_end(&work, OMEGA_OK));
    }
    omega_operation_info *infos = calloc(MANY, sizeof *infos);
    assert_int_equal(list_of(&hall, infos, MANY), 1000);
    assert_string_equal(infos[0].subject, "number 1009");
    assert_string_equal(infos[999].subject, "number 10");
    assert_int_equal(list_of(&hall, infos, 5), 5);
    assert_int_equal(list_of(&hall, infos, 0), 0);
    free(infos);
    size_t count = 0;
    assert_status(omega_operation_list(hall.rt, NULL, 1, &count), OMEGA_EINVAL);
    assert_status(omega_operation_list(hall.rt, NULL, 0, NULL), OMEGA_EINVAL);
    assert_string_equal(omega_operation_state_name((omega_operation_state)9), "?");
    hall_close(&hall);
}

static omega_status list_two(void *context)
{
    struct hall *hall = context;
    omega_operation_info infos[2];
    size_t count = 0;
    return omega_operation_list(hall->rt, infos, 2, &count);
}

static omega_status begin_and_end(void *context)
{
    struct hall *hall = context;
    struct om_long work;
    const omega_status status = om_long_begin(&work, hall->rt, "test", "x");
    return status == OMEGA_OK ? om_long_end(&work, OMEGA_OK) : status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall);
    om_test_oom_sweep(begin_and_end, &hall);
    om_test_oom_sweep(list_two, &hall);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_tells_the_work),
        cmocka_unit_test(test_a_failure_is_kept),
        cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_a_killed_process_leaves_interrupted_work),
        cmocka_unit_test(test_at_most_so_many_at_a_time),
        cmocka_unit_test(test_progress_is_kept_now_and_then),
        cmocka_unit_test(test_only_the_newest_are_kept),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
