/* scheduler.h -- the one scheduler for everything that comes back.
 *
 * Rows have an interval from 10 ms to 100 years. Due times are kept on the monotonic clock, so a
 * step of the wall clock moves nothing; persistent rows also store them as wall time, and after a
 * downtime, however long, a row that was due runs once.
 *
 *   - next due: the first point of the grid first due + k * interval that is in the future, and
 *     after a late run at least half an interval away (what fell between counts as skipped), plus a
 *     delay of up to jitter_percent of the interval drawn from the seeded rng;
 *   - after a failure: retry_base * 2^(failures-1), at most retry_cap;
 *   - CPU share: after a run of d, not before d * (100 / share - 1) has passed. The length of a run
 *     stands for its CPU time, so the bound holds a fortiori;
 *   - one run at a time; among due rows, the longest due first.
 *
 * Threads: any thread may call; rows run on the caller of om_scheduler_run_due (tests, an injected
 *          clock) or on the scheduler's own thread (om_scheduler_start), which sleeps until the
 *          next due time and does not poll. Callbacks and rows run under no lock.
 * Memory:  at most OM_SCHEDULER_ROWS rows, allocated when added.
 *
 *     static omega_status run_checkpoint(void *context, struct om_task *task);
 *     const struct om_schedule_row row = {.name = "checkpoint", .interval_ms = 60000,
 *                                         .enabled = true, .run = run_checkpoint, .context = db};
 *     status = om_scheduler_add(scheduler, &row); */
#ifndef OM_SCHEDULER_H
#define OM_SCHEDULER_H

#include "core/core.h"

enum { OM_SCHEDULER_ROWS = 64, OM_SCHEDULE_ERROR_SIZE = 160 };
#define OM_SCHEDULE_INTERVAL_MIN_MS INT64_C(10)
#define OM_SCHEDULE_INTERVAL_MAX_MS INT64_C(3155760000000) /* 100 years of 365.25 days */

/* One run in progress: valid inside `run` and only on its thread. */
struct om_task;

struct om_schedule_row {
    const char *name;           /* unique, static text */
    int64_t interval_ms;        /* OM_SCHEDULE_INTERVAL_MIN_MS..MAX_MS */
    int64_t deadline_ms;        /* of one run; 0: none */
    uint32_t jitter_percent;    /* of the interval, 0..100 */
    uint32_t cpu_share_percent; /* 1..99; 0 or 100: no bound */
    bool enabled;
    bool persistent;       /* due times through the om_schedule_store */
    bool run_at_start;     /* without a stored due time: due at once, not after one interval */
    bool while_paused;     /* also runs while the scheduler is paused (probes, retries) */
    int64_t retry_base_ms; /* 0: the interval */
    int64_t retry_cap_ms;  /* 0: the interval or 1 hour, whichever is longer */
    /* OMEGA_OK, or a failure with its error recorded. A run that was asked to stop returns
     * OMEGA_ECANCELLED, which is no failure: after a pause or stop it is due again at once. */
    omega_status (*run)(void *context, struct om_task *task);
    void *context;
};

/* True when the run should end soon: cancelled, past its deadline, or the scheduler pauses or
 * stops. Long runs ask at least every 10 ms. One clock read. */
bool om_task_should_stop(const struct om_task *task);
/* Why: OMEGA_OK (go on), OMEGA_ETIMEDOUT (deadline), OMEGA_ECANCELLED (the others). No error is
 * recorded. */
omega_status om_task_stop_status(const struct om_task *task);
/* The monotonic ns of the deadline, INT64_MAX without one. */
int64_t om_task_deadline_ns(const struct om_task *task);
/* There is more to do: a successful run is due again in delay_ms (at least 1) instead of after its
 * interval. The CPU share still holds. */
void om_task_again(struct om_task *task, int64_t delay_ms);
/* Stamps of this run: when it was due and the stamp it started at (wall ms). */
int64_t om_task_due_wall_ms(const struct om_task *task);
int64_t om_task_start_wall_ms(const struct om_task *task);

/* Where the owner keeps due times. Called on the thread that adds (load) or runs (save), under no
 * lock. Names of rows are the keys. */
struct om_schedule_store {
    /* Wall ms; OMEGA_ENOTFOUND when the row has never been saved. */
    omega_status (*load)(void *context, const char *name, int64_t *due_ms, int64_t *last_ms);
    omega_status (*save)(void *context, const char *name, int64_t due_ms, int64_t last_ms);
    void *context;
};

struct om_schedule_run {
    const char *name;
    omega_status result;
    int64_t start_wall_ms;
    int64_t duration_ns;
    uint32_t consecutive_failures; /* after this run */
    int64_t next_due_wall_ms;
    const struct om_error *error; /* of a failed run, else of a failed save, else NULL */
};
/* After each run, on its thread; also when a due time could not be saved without a run
 * (duration_ns -1). */
typedef void (*om_schedule_observer)(void *context, const struct om_schedule_run *run);

struct om_scheduler;

struct om_scheduler_options {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    uint64_t seed;                         /* of the jitter; 0: from the system */
    const struct om_schedule_store *store; /* borrowed; NULL: nothing persists */
    om_schedule_observer observer;         /* NULL: none */
    void *observer_context;
};

OMEGA_MUST_CHECK omega_status om_scheduler_new(const struct om_scheduler_options *options,
                                               struct om_scheduler **out);
/* Stops the thread and waits for it. NULL is allowed. */
void om_scheduler_free(struct om_scheduler *scheduler);

/* Copies the row and loads its due time. At any time. OMEGA_EINVAL (bad row, name taken),
 * OMEGA_ELIMIT, OMEGA_ENOMEM, or what the store's load returned. */
OMEGA_MUST_CHECK omega_status om_scheduler_add(struct om_scheduler *scheduler,
                                               const struct om_schedule_row *row);

/* Runs each row that is due now, once, on this thread; returns how many ran. Not while the
 * scheduler has its own thread (asserted), and not from inside a run. */
size_t om_scheduler_run_due(struct om_scheduler *scheduler);
/* Monotonic ns of the next run; INT64_MAX when nothing is enabled or the scheduler is paused. */
int64_t om_scheduler_next_due_ns(struct om_scheduler *scheduler);

/* Its own thread. OMEGA_ESTATE when it has one. */
OMEGA_MUST_CHECK omega_status om_scheduler_start(struct om_scheduler *scheduler);
/* Asks the current run to stop and waits up to deadline_ms (< 0: for ever) of real time for it. On
 * OMEGA_ETIMEDOUT no new run begins, and stop may be called again. Not from inside a run
 * (OMEGA_ESTATE). Without a thread: OMEGA_OK. It can be started again. */
OMEGA_MUST_CHECK omega_status om_scheduler_stop(struct om_scheduler *scheduler,
                                                int64_t deadline_ms);
/* No new run begins; the current one is asked to stop and waited for, as above; rows marked
 * while_paused go on. On OMEGA_ETIMEDOUT it stays paused. From inside a run it does not wait. */
OMEGA_MUST_CHECK omega_status om_scheduler_pause(struct om_scheduler *scheduler,
                                                 int64_t deadline_ms);
/* What fell due meanwhile runs once. */
void om_scheduler_resume(struct om_scheduler *scheduler);

/* Due now, also when the CPU share or a backoff holds it; while it runs: again afterwards.
 * OMEGA_ENOTFOUND, OMEGA_ESTATE (disabled or paused). */
omega_status om_scheduler_trigger(struct om_scheduler *scheduler, const char *name);
/* A disabled row keeps its due time; if that has passed when it is enabled, it is due once. */
OMEGA_MUST_CHECK omega_status om_scheduler_enable(struct om_scheduler *scheduler, const char *name,
                                                  bool enabled);
/* The next run is due one new interval from now, or sooner if it already was. */
OMEGA_MUST_CHECK omega_status om_scheduler_set_interval(struct om_scheduler *scheduler,
                                                        const char *name, int64_t interval_ms);
/* Asks a current run of this row to stop; it is next due as usual. OMEGA_ENOTFOUND, OMEGA_ESTATE
 * (not running). */
OMEGA_MUST_CHECK omega_status om_scheduler_cancel(struct om_scheduler *scheduler, const char *name);

struct om_schedule_status {
    const char *name;
    bool enabled;
    bool running;
    int64_t interval_ms;
    int64_t last_start_wall_ms; /* OMEGA_TIME_UNSET: never */
    int64_t last_duration_ns;   /* -1: never */
    omega_status last_result;   /* OMEGA_OK: never, or well */
    int64_t next_due_wall_ms;   /* OMEGA_TIME_UNSET when disabled */
    uint64_t runs;              /* all, failed ones too */
    uint64_t failures;
    uint64_t skipped;    /* grid points that passed without a run */
    uint64_t overruns;   /* runs that ended after their deadline */
    uint64_t cpu_delays; /* runs put off by the CPU share */
    uint32_t consecutive_failures;
    char last_error[OM_SCHEDULE_ERROR_SIZE]; /* of the last failure, "" if none */
};
OMEGA_MUST_CHECK omega_status om_scheduler_status(struct om_scheduler *scheduler, const char *name,
                                                  struct om_schedule_status *out);
size_t om_scheduler_count(struct om_scheduler *scheduler);
/* The row at this place of the order of addition; OMEGA_ENOTFOUND beyond. */
OMEGA_MUST_CHECK omega_status om_scheduler_status_at(struct om_scheduler *scheduler, size_t index,
                                                     struct om_schedule_status *out);

#endif
