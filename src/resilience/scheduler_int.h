/* scheduler_int.h -- what scheduler.c (rows and verbs) and scheduler_run.c (due times and runs)
 * share. */
#ifndef OM_SCHEDULER_INT_H
#define OM_SCHEDULER_INT_H

#include "resilience/scheduler.h"

#define OM_NS_PER_MS INT64_C(1000000)

struct om_schedule_entry {
    struct om_schedule_row row; /* `enabled` and `interval_ms` are the current ones */
    int64_t slot_ns;            /* the grid point this row waits for */
    int64_t due_ns;             /* slot + jitter, or later by backoff or CPU share */
    bool running;
    bool triggered; /* while running: due at once afterwards */
    int64_t last_start_wall_ms;
    int64_t last_duration_ns;
    omega_status last_result;
    uint64_t runs;
    uint64_t failures;
    uint64_t skipped;
    uint64_t overruns;
    uint64_t cpu_delays;
    uint32_t consecutive_failures;
    char last_error[OM_SCHEDULE_ERROR_SIZE];
};

enum om_task_stop {
    OM_TASK_GO,
    OM_TASK_CANCEL, /* this run is not wanted */
    OM_TASK_HALT    /* not now: the scheduler pauses or stops */
};

struct om_task {
    struct om_scheduler *scheduler;
    struct om_schedule_entry *entry;
    atomic_int stop; /* enum om_task_stop; set by others under the mutex */
    int64_t deadline_ns;
    int64_t due_wall_ms;
    int64_t start_wall_ms;
    int64_t again_ms; /* -1: after the interval */
};

struct om_scheduler {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    const struct om_schedule_store *store;
    om_schedule_observer observer;
    void *observer_context;
    struct om_mutex mutex;
    struct om_cond wake; /* the thread has something new to look at */
    struct om_cond idle; /* a run or the thread ended */
    struct om_thread thread;
    bool thread_ended;
    bool stopping;
    bool paused;
    struct om_task *current;
    struct om_rng rng;
    size_t count;
    struct om_schedule_entry *entries[OM_SCHEDULER_ROWS]; /* never move, never go */
};

/* Sets the first due time of a new entry from what was stored (due_ms OMEGA_TIME_UNSET: nothing).
 * */
void om_schedule_first_due(struct om_scheduler *scheduler, struct om_schedule_entry *entry,
                           int64_t due_ms);
/* Saves the grid point of a persistent row, outside the lock; a failure goes to the observer. */
void om_schedule_save(struct om_scheduler *scheduler, const struct om_schedule_entry *entry);
/* The wall time of a monotonic one, clamped to what fits. */
int64_t om_schedule_wall_ms(const struct om_scheduler *scheduler, int64_t mono_ns);
/* True on the thread of a run of this scheduler, its callbacks included. */
bool om_schedule_inside(const struct om_scheduler *scheduler);
/* The entry to run next: due by `by_ns` and eligible, or NULL; *next_ns is the earliest due time of
 * all eligible ones. */
struct om_schedule_entry *om_schedule_pick_locked(struct om_scheduler *scheduler, int64_t by_ns,
                                                  int64_t *next_ns);
/* Runs it; called and left with the mutex held. */
void om_schedule_run_locked(struct om_scheduler *scheduler, struct om_schedule_entry *entry);

#endif
