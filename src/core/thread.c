/* thread.c -- ranked locks over pthreads, threads, grace periods. The only file with POSIX threads.
 *
 * Debug builds keep the ranks that each thread holds in a small thread-local stack; taking a lock
 * whose rank is not above all of them ends the process, naming both. A try-lock cannot deadlock, so
 * it may be taken out of order, but what it holds counts for the locks after it.
 *
 * Grace periods: `epoch` chooses one of two counters. A reader adds itself to the counter of the
 * epoch it saw and looks again; if the epoch moved meanwhile it withdraws and starts over, so every
 * counted reader had the right epoch after it was visible. The writer moves the epoch only when the
 * other counter is empty; what was unlinked before one move is therefore out of every reader's
 * sight once the next move succeeds. (K. Fraser, "Practical lock-freedom", 2004, with two epochs
 * instead of three, since a single writer both unlinks and moves.) */
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

unsigned om_grace_enter(struct om_grace *grace)
{
    for (;;) {
        unsigned epoch = atomic_load(&grace->epoch);
        atomic_fetch_add(&grace->inside[epoch & 1], 1);
        if (atomic_load(&grace->epoch) == epoch) {
            return epoch & 1;
        }
        atomic_fetch_sub(&grace->inside[epoch & 1], 1);
    }
}

void om_grace_leave(struct om_grace *grace, unsigned ticket)
{
    /* Release: the reader's last looks come before the writer's sight of the empty counter. */
    unsigned before = atomic_fetch_sub_explicit(&grace->inside[ticket], 1, memory_order_release);
    OM_ASSERT(before > 0);
}

bool om_grace_try(struct om_grace *grace)
{
    unsigned epoch = atomic_load(&grace->epoch);
    if (atomic_load(&grace->inside[(epoch + 1) & 1]) != 0) {
        return false;
    }
    atomic_store(&grace->epoch, epoch + 1);
    return true;
}
