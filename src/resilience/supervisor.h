/* supervisor.h -- starts the parts of a runtime in order, stops them in reverse, restarts what
 * failed.
 *
 * Start is a topological order of the rows' dependencies; among equals, the order of addition. When
 * an essential row fails to start, what had started is stopped in reverse and the failure returned;
 * any other row is left to be retried while its `degraded` serves.
 *
 * Restart of a row that failed: its dependents are stopped in reverse, then it; then it and they
 * are started from durable state. Backoff: full jitter in 100 ms * 2^n, at most 60 s; n starts
 * again after 10 minutes up. The 6th failure within 60 s puts it in quarantine: tried every 5
 * minutes until it has been up for 10.
 *
 * Threads: start, stop and om_supervisor_run_due are serialised and run the rows on the calling
 *          thread; the supervisor has none of its own. fail and status: any thread, also from
 *          inside a row.
 * Memory:  at most OM_SUPERVISOR_ROWS rows, copied; texts are borrowed. */
#ifndef OM_SUPERVISOR_H
#define OM_SUPERVISOR_H

#include "resilience/health.h"
#include "resilience/scheduler.h"

enum {
    OM_SUPERVISOR_ROWS = 32,
    OM_SUPERVISOR_CAUSE_SIZE = 160,
    OM_RESTART_BASE_MS = 100,
    OM_RESTART_CAP_MS = 60000,
    OM_RESTART_BURST = 5,
    OM_RESTART_WINDOW_MS = 60000,
    OM_QUARANTINE_RETRY_MS = 300000,
    OM_RESTART_GOOD_MS = 600000
};

struct om_supervised_row {
    const char *name;
    const char *const *deps; /* NULL-terminated names of rows that must be up; NULL: none */
    bool essential;          /* the whole start fails with it */
    bool critical;           /* for health: unhealthy makes the whole unhealthy */
    /* Both end by deadline_ns (monotonic); one that ends later has failed with OMEGA_ETIMEDOUT.
     * After a failed start, stop is not called: start cleans up after itself (a start that ended
     * well but late is stopped). NULL: nothing to do. */
    omega_status (*start)(void *context, int64_t deadline_ns);
    omega_status (*stop)(void *context, int64_t deadline_ns);
    int64_t start_deadline_ms; /* 0: 30000 */
    int64_t stop_deadline_ms;  /* 0: 10000 */
    /* As in om_health_row; used when the supervisor has a health registry. */
    void (*probe)(void *context, int64_t deadline_ns, struct om_probe_result *result);
    int64_t probe_interval_ms;
    const char *(*degraded)(void *context, omega_health status);
    void *context;
};

enum om_row_state {
    OM_ROW_DOWN,
    OM_ROW_STARTING,
    OM_ROW_UP,
    OM_ROW_STOPPING,
    OM_ROW_BACKOFF,     /* failed, will be tried again */
    OM_ROW_WAITING,     /* stopped because a dependency failed; starts with it */
    OM_ROW_QUARANTINED, /* failed too often, tried every 5 minutes */
    OM_ROW_STATE_COUNT
};
const char *om_row_state_name(enum om_row_state state); /* "down" ...; static text */

struct om_supervisor;

struct om_supervisor_options {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    uint64_t seed;            /* of the backoff's jitter; 0: from the system */
    struct om_health *health; /* NULL: none. Rows with a probe or `degraded` are added to it. */
};

OMEGA_MUST_CHECK omega_status om_supervisor_new(const struct om_supervisor_options *options,
                                                struct om_supervisor **out);
/* Everything must have been stopped. NULL is allowed. */
void om_supervisor_free(struct om_supervisor *supervisor);

/* Before the first start. OMEGA_EINVAL (bad row, name taken), OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_supervisor_add(struct om_supervisor *supervisor,
                                                const struct om_supervised_row *row);

/* Starts what is down. Returns the failure of the first essential row, with its name in the
 * message, after unwinding. OMEGA_EINVAL (a dependency that is no row, a cycle: named). */
OMEGA_MUST_CHECK omega_status om_supervisor_start(struct om_supervisor *supervisor);
/* Stops everything in reverse, whatever fails on the way, and ends all restarts. Each row gets its
 * own deadline, none later than deadline_ms from now (< 0: only its own). Returns the first
 * failure.
 */
OMEGA_MUST_CHECK omega_status om_supervisor_stop(struct om_supervisor *supervisor,
                                                 int64_t deadline_ms);

/* The row has failed and is to be restarted; wakes the attached scheduler. A row that is not up is
 * left as it is. OMEGA_ENOTFOUND. */
OMEGA_MUST_CHECK omega_status om_supervisor_fail(struct om_supervisor *supervisor, const char *name,
                                                 const char *cause);
/* Carries out the restarts that are due. Returns the monotonic ns of the next one (INT64_MAX:
 * none). A run that finds start or stop going on does nothing. */
int64_t om_supervisor_run_due(struct om_supervisor *supervisor);
/* Adds a row "supervisor" that calls om_supervisor_run_due when needed. The scheduler outlives the
 * supervisor's use. */
OMEGA_MUST_CHECK omega_status om_supervisor_attach(struct om_supervisor *supervisor,
                                                   struct om_scheduler *scheduler);

struct om_supervised_status {
    const char *name;
    enum om_row_state state;
    int64_t since_wall_ms;                /* of this state */
    uint64_t restarts;                    /* tried so far */
    int64_t retry_wall_ms;                /* OMEGA_TIME_UNSET: none planned */
    char cause[OM_SUPERVISOR_CAUSE_SIZE]; /* of the last failure, "" if none */
};
size_t om_supervisor_count(const struct om_supervisor *supervisor);
/* In order of addition; OMEGA_ENOTFOUND beyond. */
OMEGA_MUST_CHECK omega_status om_supervisor_status_at(struct om_supervisor *supervisor,
                                                      size_t index,
                                                      struct om_supervised_status *out);

#endif
