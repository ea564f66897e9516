/* thread.h -- threads, ranked locks, conditions, grace periods.
 *
 * Ranks: a thread takes locks in ascending rank only. Debug builds keep the held ranks of each
 * thread and abort on an inversion. The ranks of the whole engine stand in one enum below. */
#ifndef OM_THREAD_H
#define OM_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/clock.h"

#if defined(__clang__)
#define OM_REQUIRES(lock) __attribute__((annotate("requires " #lock)))
#else
#define OM_REQUIRES(lock)
#endif

enum om_rank {
    OM_RANK_RUNTIME = 10, /* lifecycle of the runtime */
    OM_RANK_SUPERVISOR = 15,
    OM_RANK_SCHEDULER = 20,
    OM_RANK_OPERATIONS = 25, /* in-flight operations, completion queues */
    OM_RANK_MEMORY = 30,
    OM_RANK_WRITER = 40,  /* the store's group-commit queue */
    OM_RANK_READERS = 45, /* the store's reader pool */
    OM_RANK_INDEX = 50,   /* agentdb's publish side */
    OM_RANK_BUS = 60,
    OM_RANK_METRICS = 70,
    OM_RANK_LEAF = 90 /* held alone, for a few instructions */
};

struct om_mutex {
    pthread_mutex_t raw;
    int rank;
};
void om_mutex_init(struct om_mutex *mutex, int rank);
void om_mutex_fini(struct om_mutex *mutex);
void om_mutex_lock(struct om_mutex *mutex);
bool om_mutex_trylock(struct om_mutex *mutex);
void om_mutex_unlock(struct om_mutex *mutex);

struct om_cond {
    pthread_cond_t raw; /* on CLOCK_MONOTONIC */
};
void om_cond_init(struct om_cond *cond);
void om_cond_fini(struct om_cond *cond);
void om_cond_wait(struct om_cond *cond, struct om_mutex *mutex);
/* Waits at most timeout_ns of real time (< 0: for ever); false when that passed. */
bool om_cond_wait_for(struct om_cond *cond, struct om_mutex *mutex, int64_t timeout_ns);
void om_cond_signal(struct om_cond *cond);
void om_cond_broadcast(struct om_cond *cond);

/* A joinable thread with all signals blocked and a name (<= 15 characters). */
struct om_thread {
    pthread_t raw;
    bool started;
};
OMEGA_MUST_CHECK omega_status om_thread_start(struct om_thread *thread, const char *name,
                                              void (*run)(void *context), void *context);
void om_thread_join(struct om_thread *thread); /* does nothing if not started */

/* Grace periods: readers that never wait, and one writer who learns when what it unlinked can be
 * reused. Two epochs (Fraser 2004, simplified): om_grace_enter returns a ticket to give back at
 * om_grace_leave; om_grace_try (writer only, serialised by the owner) returns true when every
 * reader that was inside when the previous successful try began has left. So what was unlinked
 * before a successful try is free after the next one. Readers follow pointers by atomic loads,
 * acquire at least, after entering. */
struct om_grace {
    atomic_uint epoch;
    /* Lines of their own, by distance: an alignment would bind every allocation that holds one. */
    unsigned char apart_from_epoch[64 - sizeof(atomic_uint)];
    atomic_uint inside[2];
    unsigned char apart_from_rest[64 - 2 * sizeof(atomic_uint)];
};
void om_grace_init(struct om_grace *grace);
unsigned om_grace_enter(struct om_grace *grace);
void om_grace_leave(struct om_grace *grace, unsigned ticket);
bool om_grace_try(struct om_grace *grace);

#endif
