/* thread.c -- ranked locks over pthreads, threads, grace periods. The only file with POSIX threads.
 *
 * Debug builds keep the ranks that each thread holds in a small thread-local stack; taking a lock
 * whose rank is not above all of them ends the process, naming both. A try-lock cannot deadlock, so
 * it may be taken out of order, but what it holds counts for the locks after it.
 *
 * Grace periods: `epoch` only chooses one of two counters. A reader adds itself to one, looks at
 * what is linked, and stays counted until it leaves. Two successful moves in a row find each
 * counter empty once. A reader that holds what was unlinked before the first of them was counted
 * before the unlinking and still is, so its counter is not empty: the second move fails until it
 * leaves. It does not matter which counter a reader took, so a reader that was interrupted between
 * seeing the epoch and counting itself needs no second look. "Counted, then looked" against
 * "unlinked, then looked at the counter" is the store-buffering pattern, hence a full fence on both
 * sides. (K. Fraser, "Practical lock-freedom", 2004; two epochs suffice, since one writer both
 * unlinks and moves.) */
#include "core/thread.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "core/alloc.h"

#ifndef NDEBUG
enum { MAX_HELD = 16 };

static _Thread_local int held_ranks[MAX_HELD];
static _Thread_local unsigned held_count;

static int highest_held(void)
{
    int highest = 0;
    for (unsigned i = 0; i < held_count; i++) {
        highest = OM_MAX(highest, held_ranks[i]);
    }
    return highest;
}

static void check_rank(const struct om_mutex *mutex)
{
    if (mutex->rank <= highest_held()) {
        char text[96];
        (void)snprintf(text, sizeof text, "a lock of rank %d is taken while rank %d is held",
                       mutex->rank, highest_held());
        om_assert_failed(text, __FILE__, __LINE__);
    }
}

static void note_held(const struct om_mutex *mutex)
{
    OM_ASSERT(held_count < MAX_HELD);
    held_ranks[held_count++] = mutex->rank;
}

static void note_released(const struct om_mutex *mutex)
{
    for (unsigned i = held_count; i > 0; i--) {
        if (held_ranks[i - 1] == mutex->rank) {
            held_ranks[i - 1] = held_ranks[--held_count];
            return;
        }
    }
    om_assert_failed("a lock is released that this thread does not hold", __FILE__, __LINE__);
}
#else
static void check_rank(const struct om_mutex *mutex)
{
    (void)mutex;
}

static void note_held(const struct om_mutex *mutex)
{
    (void)mutex;
}

static void note_released(const struct om_mutex *mutex)
{
    (void)mutex;
}
#endif

void om_mutex_init(struct om_mutex *mutex, int rank)
{
    OM_ASSERT(rank > 0);
    OM_ASSERT(pthread_mutex_init(&mutex->raw, NULL) == 0);
    mutex->rank = rank;
}

void om_mutex_fini(struct om_mutex *mutex)
{
    /* A zeroed one was never made. */
    if (mutex != NULL && mutex->rank != 0) {
        (void)pthread_mutex_destroy(&mutex->raw);
        mutex->rank = 0;
    }
}

void om_mutex_lock(struct om_mutex *mutex)
{
    check_rank(mutex);
    OM_ASSERT(pthread_mutex_lock(&mutex->raw) == 0);
    note_held(mutex);
}

bool om_mutex_trylock(struct om_mutex *mutex)
{
    if (pthread_mutex_trylock(&mutex->raw) != 0) {
        return false;
    }
    note_held(mutex);
    return true;
}

void om_mutex_unlock(struct om_mutex *mutex)
{
    note_released(mutex);
    OM_ASSERT(pthread_mutex_unlock(&mutex->raw) == 0);
}

void om_cond_init(struct om_cond *cond)
{
    pthread_condattr_t attributes;
    OM_ASSERT(pthread_condattr_init(&attributes) == 0);
    OM_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    OM_ASSERT(pthread_cond_init(&cond->raw, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

void om_cond_fini(struct om_cond *cond)
{
    if (cond != NULL) {
        (void)pthread_cond_destroy(&cond->raw);
    }
}

void om_cond_wait(struct om_cond *cond, struct om_mutex *mutex)
{
    note_released(mutex);
    check_rank(mutex); /* it is taken again below whatever else is held */
    OM_ASSERT(pthread_cond_wait(&cond->raw, &mutex->raw) == 0);
    note_held(mutex);
}

static struct timespec deadline_after(int64_t timeout_ns)
{
    struct timespec at;
    OM_ASSERT(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
    /* A century is for ever; more would overflow the seconds of some hosts. */
    timeout_ns = OM_MIN(timeout_ns, INT64_C(3155760000) * 1000000000);
    at.tv_sec += (time_t)(timeout_ns / 1000000000);
    at.tv_nsec += (long)(timeout_ns % 1000000000);
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool om_cond_wait_for(struct om_cond *cond, struct om_mutex *mutex, int64_t timeout_ns)
{
    if (timeout_ns < 0) {
        om_cond_wait(cond, mutex);
        return true;
    }
    struct timespec until = deadline_after(timeout_ns);
    note_released(mutex);
    check_rank(mutex);
    int err = pthread_cond_timedwait(&cond->raw, &mutex->raw, &until);
    note_held(mutex);
    return err == 0;
}

void om_cond_signal(struct om_cond *cond)
{
    (void)pthread_cond_signal(&cond->raw);
}

void om_cond_broadcast(struct om_cond *cond)
{
    (void)pthread_cond_broadcast(&cond->raw);
}

/* What the new thread needs, owned by it from its first step. */
struct start {
    void (*run)(void *context);
    void *context;
    char name[16];
};

static void *run_thread(void *argument)
{
    struct start start = *(struct start *)argument;
    om_put(om_alloc_default(), argument);
    (void)pthread_setname_np(pthread_self(), start.name);
    start.run(start.context);
    return NULL;
}

omega_status om_thread_start(struct om_thread *thread, const char *name, void (*run)(void *context),
                             void *context)
{
    thread->started = false;
    struct start *start = om_get(om_alloc_default(), sizeof *start);
    if (start == NULL) {
        return om_nomem();
    }
    *start = (struct start){run, context, {0}};
    (void)snprintf(start->name, sizeof start->name, "%s", name);
    /* The child inherits the mask: signals are the host program's business. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&thread->raw, NULL, run_thread, start);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        om_put(om_alloc_default(), start);
        return om_fail_errno(OMEGA_ELIMIT, err, "cannot start thread '%s'", name);
    }
    thread->started = true;
    return OMEGA_OK;
}

void om_thread_join(struct om_thread *thread)
{
    if (thread != NULL && thread->started) {
        OM_ASSERT(pthread_join(thread->raw, NULL) == 0);
        thread->started = false;
    }
}

void om_grace_init(struct om_grace *grace)
{
    atomic_init(&grace->epoch, 0);
    atomic_init(&grace->inside[0], 0);
    atomic_init(&grace->inside[1], 0);
}

/* ThreadSanitizer knows no fences; it needs none, since it sees one order for all threads. */
static void fence(void)
{
#if defined(__SANITIZE_THREAD__)
#elif defined(__has_feature)
#if !__has_feature(thread_sanitizer)
    atomic_thread_fence(memory_order_seq_cst);
#endif
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

unsigned om_grace_enter(struct om_grace *grace)
{
    /* Relaxed: an old epoch is as good, and the fence orders the count before every look. */
    unsigned ticket = atomic_load_explicit(&grace->epoch, memory_order_relaxed) & 1;
    atomic_fetch_add_explicit(&grace->inside[ticket], 1, memory_order_relaxed);
    fence();
    return ticket;
}

void om_grace_leave(struct om_grace *grace, unsigned ticket)
{
    /* Release: the reader's last looks come before the writer's sight of the empty counter. */
    unsigned before = atomic_fetch_sub_explicit(&grace->inside[ticket], 1, memory_order_release);
    OM_ASSERT(before > 0);
}

bool om_grace_try(struct om_grace *grace)
{
    unsigned epoch = atomic_load_explicit(&grace->epoch, memory_order_relaxed);
    fence();
    /* Acquire: pairs with the release of the readers that left. */
    if (atomic_load_explicit(&grace->inside[(epoch + 1) & 1], memory_order_acquire) != 0) {
        return false;
    }
    atomic_store_explicit(&grace->epoch, epoch + 1, memory_order_relaxed);
    return true;
}
