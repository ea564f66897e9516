/* Helpers take shares, never twice, never late; a busy pool does not make anyone wait. */
#include "support/support.h"

#include "agentdb/scan_pool.h"

enum { SHARES = 1000, WORKERS = 4 };

struct job {
    atomic_uint next;
    atomic_uint done[SHARES];
    atomic_uint inside[WORKERS]; /* runs of each worker number */
    atomic_uint workers;         /* that began */
    unsigned wanted;             /* the caller goes on only when so many began */
};

static void take_shares(void *context, unsigned worker)
{
    struct job *job = context;
    assert_true(worker < WORKERS);
    atomic_fetch_add(&job->inside[worker], 1);
    atomic_fetch_add(&job->workers, 1);
    while (atomic_load(&job->workers) < job->wanted) {
        om_os_yield();
    }
    unsigned share;
    while ((share = atomic_fetch_add(&job->next, 1)) < SHARES) {
        atomic_fetch_add(&job->done[share], 1);
    }
}

static void assert_done(struct job *job)
{
    for (unsigned i = 0; i < SHARES; i++) {
        assert_int_equal(atomic_load(&job->done[i]), 1);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_true(atomic_load(&job->inside[i]) <= 1);
    }
    assert_int_equal(atomic_load(&job->inside[0]), 1);
}

static void test_every_helper_joins(void **state)
{
    (void)state;
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), WORKERS - 1, &pool));
    assert_int_equal(om_scan_pool_workers(pool), WORKERS);
    for (int round = 0; round < 50; round++) {
        struct job job = {.wanted = WORKERS};
        om_scan_pool_run(pool, take_shares, &job);
        assert_done(&job);
        assert_int_equal(atomic_load(&job.workers), WORKERS);
    }
    om_scan_pool_close(pool);
}

static void test_late_helpers_are_not_waited_for(void **state)
{
    (void)state;
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), WORKERS - 1, &pool));
    for (int round = 0; round < 2000; round++) {
        struct job job = {.wanted = 1};
        om_scan_pool_run(pool, take_shares, &job);
        assert_done(&job);
    }
    om_scan_pool_close(pool);
}

static void test_without_helpers_the_caller_does_it_all(void **state)
{
    (void)state;
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), 0, &pool));
    assert_int_equal(om_scan_pool_workers(pool), 1);
    assert_int_equal(om_scan_pool_workers(NULL), 1);
    struct job job = {.wanted = 1};
    om_scan_pool_run(pool, take_shares, &job);
    assert_done(&job);
    struct job other = {.wanted = 1};
    om_scan_pool_run(NULL, take_shares, &other);
    assert_done(&other);
    om_scan_pool_close(pool);
    om_scan_pool_close(NULL);
}

struct holder {
    struct om_scan_pool *pool;
    atomic_bool holds;
    atomic_bool release;
};

static void hold(void *context, unsigned worker)
{
    struct holder *holder = context;
    (void)worker;
    atomic_store(&holder->holds, true);
    while (!atomic_load(&holder->release)) {
        om_os_yield();
    }
}

static void run_holder(void *context)
{
    struct holder *holder = context;
    om_scan_pool_run(holder->pool, hold, holder);
}

static void test_a_busy_pool_makes_no_one_wait(void **state)
{
    (void)state;
    struct holder holder = {.holds = false};
    assert_ok(om_scan_pool_open(om_alloc_default(), 2, &holder.pool));
    struct om_thread thread;
    assert_ok(om_thread_start(&thread, "holder", run_holder, &holder));
    while (!atomic_load(&holder.holds)) {
        om_os_yield();
    }
    struct job job = {.wanted = 1};
    om_scan_pool_run(holder.pool, take_shares, &job);
    assert_done(&job);
    assert_int_equal(atomic_load(&job.workers), 1);
    atomic_store(&holder.release, true);
    om_thread_join(&thread);
    om_scan_pool_close(holder.pool);
}

struct caller {
    struct om_scan_pool *pool;
    struct om_thread thread;
};

static void run_many(void *context)
{
    struct caller *caller = context;
    for (int round = 0; round < 300; round++) {
        struct job job = {.wanted = 1};
        om_scan_pool_run(caller->pool, take_shares, &job);
        assert_done(&job);
    }
}

static void test_callers_share_one_pool(void **state)
{
    (void)state;
    struct caller callers[3];
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), WORKERS - 1, &pool));
    for (size_t i = 0; i < OM_COUNT_OF(callers); i++) {
        callers[i].pool = pool;
        assert_ok(om_thread_start(&callers[i].thread, "caller", run_many, &callers[i]));
    }
    for (size_t i = 0; i < OM_COUNT_OF(callers); i++) {
        om_thread_join(&callers[i].thread);
    }
    om_scan_pool_close(pool);
}

static void test_helpers_have_a_ceiling(void **state)
{
    (void)state;
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(om_alloc_default(), 1000, &pool));
    assert_int_equal(om_scan_pool_workers(pool), OM_SCAN_HELPERS_MAX + 1);
    om_scan_pool_close(pool);
}

static omega_status open_and_run(void *context)
{
    struct om_scan_pool *pool;
    omega_status status = om_scan_pool_open(om_alloc_default(), 2, &pool);
    if (status == OMEGA_OK) {
        struct job job = {.wanted = 1};
        om_scan_pool_run(pool, take_shares, &job);
        assert_done(&job);
    }
    om_scan_pool_close(pool);
    (void)context;
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    /* The pool, and what each thread is started with. */
    assert_int_equal(om_test_oom_sweep(open_and_run, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_helper_joins),
        cmocka_unit_test(test_late_helpers_are_not_waited_for),
        cmocka_unit_test(test_without_helpers_the_caller_does_it_all),
        cmocka_unit_test(test_a_busy_pool_makes_no_one_wait),
        cmocka_unit_test(test_callers_share_one_pool),
        cmocka_unit_test(test_helpers_have_a_ceiling),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
