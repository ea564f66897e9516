/* thread_test.c -- ranks, conditions, threads, grace periods under stress. */
#include "support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/os.h"
#include "core/thread.h"

/* ---- Ranks ---------------------------------------------------------------------------------- */

/* Runs `act` in a child; what it said on standard error goes to `said`. True if it died. */
static bool dies(void (*act)(void), char *said, size_t size)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    (void)close(fds[1]);
    ssize_t got = read(fds[0], said, size - 1);
    said[got > 0 ? got : 0] = '\0';
    (void)close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct om_mutex low, high, other_low;

static void take_in_order(void)
{
    om_mutex_lock(&low);
    om_mutex_lock(&high);
    om_mutex_unlock(&low); /* any order of release */
    om_mutex_unlock(&high);
    om_mutex_lock(&low);
    om_mutex_unlock(&low);
}

static void take_inverted(void)
{
    om_mutex_lock(&high);
    om_mutex_lock(&low);
}

static void take_same_rank(void)
{
    om_mutex_lock(&low);
    om_mutex_lock(&other_low);
}

static void try_inverted(void)
{
    om_mutex_lock(&high);
    if (!om_mutex_trylock(&low)) {
        abort();
    }
    om_mutex_unlock(&low);
    om_mutex_unlock(&high);
}

static void wait_under_a_higher_lock(void)
{
    struct om_cond cond;
    om_cond_init(&cond);
    om_mutex_lock(&low);
    om_mutex_lock(&high);
    (void)om_cond_wait_for(&cond, &low, 1000);
}

static void unlock_what_is_not_held(void)
{
    om_mutex_unlock(&low);
}

static void test_ranks(void **state)
{
    (void)state;
    char said[512];
    om_mutex_init(&low, OM_RANK_WRITER);
    om_mutex_init(&other_low, OM_RANK_WRITER);
    om_mutex_init(&high, OM_RANK_BUS);
    assert_false(dies(take_in_order, said, sizeof said));
    assert_false(dies(try_inverted, said, sizeof said));
#ifndef NDEBUG
    assert_true(dies(take_inverted, said, sizeof said));
    assert_non_null(strstr(said, "rank 40"));
    assert_non_null(strstr(said, "rank 60"));
    assert_true(dies(take_same_rank, said, sizeof said));
    assert_true(dies(wait_under_a_higher_lock, said, sizeof said));
    assert_true(dies(unlock_what_is_not_held, said, sizeof said));
#else
    (void)take_inverted;
    (void)take_same_rank;
    (void)wait_under_a_higher_lock;
    (void)unlock_what_is_not_held;
#endif
    om_mutex_fini(&low);
    om_mutex_fini(&other_low);
    om_mutex_fini(&high);
    om_mutex_fini(NULL);
    struct om_mutex never_made = {0};
    om_mutex_fini(&never_made);
}

/* ---- Conditions and threads ----------------------------------------------------------------- */

struct queue {
    struct om_mutex mutex;
    struct om_cond cond;
    unsigned sent, got;
};

static void produce(void *context)
{
    struct queue *queue = context;
    for (int i = 0; i < 1000; i++) {
        om_mutex_lock(&queue->mutex);
        queue->sent++;
        om_cond_signal(&queue->cond);
        om_mutex_unlock(&queue->mutex);
    }
}

static void test_conditions(void **state)
{
    (void)state;
    struct queue queue = {.sent = 0};
    struct om_thread threads[2];
    om_mutex_init(&queue.mutex, OM_RANK_LEAF);
    om_cond_init(&queue.cond);
    for (int i = 0; i < 2; i++) {
        assert_ok(om_thread_start(&threads[i], "producer", produce, &queue));
    }
    om_mutex_lock(&queue.mutex);
    while (queue.got < 2000) {
        while (queue.sent == queue.got) {
            om_cond_wait(&queue.cond, &queue.mutex);
        }
        queue.got = queue.sent;
    }
    /* Nobody signals any more. */
    int64_t before = om_mono_ns(om_clock_system());
    assert_false(om_cond_wait_for(&queue.cond, &queue.mutex, 2000000));
    assert_true(om_mono_ns(om_clock_system()) - before >= 2000000);
    om_mutex_unlock(&queue.mutex);
    for (int i = 0; i < 2; i++) {
        om_thread_join(&threads[i]);
        om_thread_join(&threads[i]);
    }
    om_thread_join(NULL);
    om_cond_broadcast(&queue.cond);
    om_cond_fini(&queue.cond);
    om_mutex_fini(&queue.mutex);
}

struct inside {
    char name[16];
    bool blocked;
    uint64_t allocations;
    uintptr_t token;
};

static void look_around(void *context)
{
    struct inside *inside = context;
    sigset_t mask;
    (void)pthread_getname_np(pthread_self(), inside->name, sizeof inside->name);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    inside->blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1;
    om_test_alloc_adopt(inside->token);
    om_put(om_alloc_default(), om_get(om_alloc_default(), 1));
    om_test_alloc_adopt(0);
}

static void test_a_thread_is_named_and_quiet(void **state)
{
    (void)state;
    struct om_thread thread;
    struct inside inside = {.token = om_test_alloc_token()};
    sigset_t mask;
    om_test_fail_alloc(0, false);
    assert_ok(om_thread_start(&thread, "a-name-that-is-too-long", look_around, &inside));
    om_thread_join(&thread);
    assert_string_equal(inside.name, "a-name-that-is-");
    assert_true(inside.blocked);
    /* Our own mask is as it was, and the worker's allocation was counted here. */
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
    assert_int_equal(om_test_alloc_count(), 2);
}

static void do_nothing(void *context)
{
    (void)context;
}

static omega_status start_and_join(void *context)
{
    (void)context;
    struct om_thread thread;
    omega_status status = om_thread_start(&thread, "t", do_nothing, NULL);
    assert_int_equal(thread.started, status == OMEGA_OK);
    om_thread_join(&thread);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_int_equal(om_test_oom_sweep(start_and_join, NULL), 1);
}

/* ---- Grace periods -------------------------------------------------------------------------- */

static void test_grace_by_steps(void **state)
{
    (void)state;
    struct om_grace grace;
    om_grace_init(&grace);
    unsigned early = om_grace_enter(&grace);
    assert_true(om_grace_try(&grace)); /* after this unlinking, readers from before are inside */
    assert_false(om_grace_try(&grace));
    unsigned late = om_grace_enter(&grace);
    assert_false(om_grace_try(&grace));
    om_grace_leave(&grace, early);
    assert_true(om_grace_try(&grace)); /* only the reader that came later is still there */
    assert_false(om_grace_try(&grace));
    om_grace_leave(&grace, late);
    assert_true(om_grace_try(&grace));
    assert_true(om_grace_try(&grace));
}

enum { READERS = 3, ROUNDS = 3000 };

struct node {
    uint64_t a, b; /* equal while the node may be seen */
};

struct stage {
    struct om_grace grace;
    _Atomic(struct node *) shown;
    atomic_bool done;
    atomic_uint reads;
};

static void read_nodes(void *context)
{
    struct stage *stage = context;
    while (!atomic_load(&stage->done)) {
        unsigned ticket = om_grace_enter(&stage->grace);
        const struct node *node = atomic_load(&stage->shown);
        assert_true(node->a == node->b && node->a != 0);
        om_grace_leave(&stage->grace, ticket);
        atomic_fetch_add(&stage->reads, 1);
    }
}

/* A node is freed after the second successful try that follows its unlinking: a reader that still
 * saw it would be a use after free (caught by the sanitizers) or read the poison. */
static void write_nodes(struct stage *stage)
{
    struct node *waiting = NULL; /* unlinked before the last successful try */
    for (uint64_t i = 2; i < ROUNDS; i++) {
        struct node *fresh = malloc(sizeof *fresh);
        assert_non_null(fresh);
        *fresh = (struct node){i, i};
        struct node *old = atomic_exchange(&stage->shown, fresh);
        while (!om_grace_try(&stage->grace)) {
            om_os_yield();
        }
        if (waiting != NULL) {
            *waiting = (struct node){0, 1};
            free(waiting);
        }
        waiting = old;
    }
    while (!om_grace_try(&stage->grace)) {
        om_os_yield();
    }
    free(waiting);
}

static void test_grace_under_stress(void **state)
{
    (void)state;
    static struct stage stage;
    struct om_thread threads[READERS];
    struct node *first = malloc(sizeof *first);
    assert_non_null(first);
    *first = (struct node){1, 1};
    om_grace_init(&stage.grace);
    atomic_init(&stage.shown, first);
    for (int i = 0; i < READERS; i++) {
        assert_ok(om_thread_start(&threads[i], "reader", read_nodes, &stage));
    }
    while (atomic_load(&stage.reads) < 100) {
        om_os_yield();
    }
    write_nodes(&stage);
    atomic_store(&stage.done, true);
    for (int i = 0; i < READERS; i++) {
        om_thread_join(&threads[i]);
    }
    free(atomic_load(&stage.shown));
    assert_true(atomic_load(&stage.reads) >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_a_thread_is_named_and_quiet),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_grace_by_steps),
        cmocka_unit_test(test_grace_under_stress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
