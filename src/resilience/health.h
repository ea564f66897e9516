/* health.h -- what is well, what is not, since when and why.
 *
 * Each component is looked at in two ways: a probe that om_health_run_due calls at its interval,
 * and reports of facts by whoever meets them (an open breaker, a full disk). Its status is the
 * worse of the two, damped:
 *   - probes: OM_HEALTH_FALL results in a row make it worse, OM_HEALTH_RISE in a row better (the
 *     very first result counts at once); a report counts at once;
 *   - getting worse shows at once; getting better only OM_HEALTH_DWELL_MS after the last change;
 *   - every change of the undamped status adds 1000 to a penalty that halves each minute (at most
 *     6000); from 2000 on it stays at its worst until the penalty is below 750;
 *   - a probe without a result for 3 intervals reads as degraded, "no fresh result".
 * Overall: unhealthy if a critical component is unhealthy, else degraded if any is not healthy.
 *
 * A change is told in this order: the component's fallback is put in force, the snapshot shows the
 * new status, the observer is called. All of it under no lock, one change at a time.
 * Threads: any. A snapshot never waits for a probe, a fallback or an observer.
 * Source:  fall/rise as HAProxy; the penalty as BGP route flap damping (RFC 2439). */
#ifndef OM_HEALTH_H
#define OM_HEALTH_H

#include "core/core.h"

enum {
    OM_HEALTH_COMPONENTS = 32,
    OM_HEALTH_REASON_SIZE = 160,
    OM_HEALTH_FALL = 3,
    OM_HEALTH_RISE = 2,
    OM_HEALTH_DWELL_MS = 10000,
    OM_HEALTH_STALE_INTERVALS = 3
};

struct om_probe_result {
    omega_health status;                /* starts as healthy */
    char reason[OM_HEALTH_REASON_SIZE]; /* starts as ""; om_probe_say fills it */
};
void om_probe_say(struct om_probe_result *result, omega_health status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct om_health_row {
    const char *name; /* static text */
    bool critical;
    int64_t interval_ms; /* of the probe, >= 10; 0: 5000 */
    /* NULL: reports only. Must honour deadline_ns (monotonic) itself: it is called on the thread
     * of om_health_run_due. A result that comes later than its deadline counts as unhealthy. */
    void (*probe)(void *context, int64_t deadline_ns, struct om_probe_result *result);
    int64_t deadline_ms; /* of one probe; 0: 1000 */
    /* NULL: none. Puts in force what serves at this status (healthy: the normal way) and returns
     * its static name, for the reason of the change, or NULL. */
    const char *(*fallback)(void *context, omega_health status);
    void *context;
};

struct om_health_change {
    uint64_t rev; /* 1, 2, 3 ... over all components */
    const char *component;
    omega_health old_status;
    omega_health new_status;
    omega_health overall; /* after it */
    int64_t wall_ms;
    char reason[OM_HEALTH_REASON_SIZE]; /* "<what>; <fallback>" */
};
typedef void (*om_health_observer)(void *context, const struct om_health_change *change);

struct om_health;

OMEGA_MUST_CHECK omega_status om_health_new(struct om_alloc *alloc, const struct om_clock *clock,
                                            struct om_health **out);
void om_health_free(struct om_health *health); /* NULL is allowed */
/* One observer; before the first probe or report. */
void om_health_observe(struct om_health *health, om_health_observer observer, void *context);
/* The row is copied, its texts are borrowed. A component without a probe starts healthy; one with a
 * probe reads as degraded, "not checked yet", until its first result. OMEGA_EINVAL (bad row, name
 * taken), OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_health_add(struct om_health *health,
                                            const struct om_health_row *row);

/* A fact from outside the probe; it stands until the next report. `reason` is copied; NULL is "".
 * OMEGA_ENOTFOUND. Tells changes on this thread. */
omega_status om_health_report(struct om_health *health, const char *component, omega_health status,
                              const char *reason);

/* Probes what is due (at most one caller probes a component at a time), applies the rules of time,
 * tells changes. Returns the monotonic ns at which it wants to be called again (INT64_MAX: never,
 * when there is nothing to probe and nothing is held). */
int64_t om_health_run_due(struct om_health *health);
/* Only the rules of time: shows a probe that hangs on another thread. Same result. */
int64_t om_health_tick(struct om_health *health);
/* Probes every component now, in order of addition, whatever is due. */
void om_health_check_all(struct om_health *health);

struct om_health_entry {
    const char *name;
    omega_health status;
    bool critical;
    bool suppressed;                    /* held by flap damping */
    int64_t since_wall_ms;              /* of this status */
    int64_t checked_wall_ms;            /* last result or report; OMEGA_TIME_UNSET: none yet */
    int64_t latency_ns;                 /* of the last probe; -1: none yet */
    uint64_t changes;                   /* told so far */
    char reason[OM_HEALTH_REASON_SIZE]; /* "" when healthy */
};
struct om_health_snapshot {
    omega_health overall;
    uint64_t rev;
    size_t count;
    struct om_health_entry entries[OM_HEALTH_COMPONENTS]; /* in order of addition */
};
/* At most 20 us, whatever is sick. */
void om_health_snapshot(struct om_health *health, struct om_health_snapshot *out);
/* One component; OMEGA_ENOTFOUND. */
OMEGA_MUST_CHECK omega_status om_health_get(struct om_health *health, const char *component,
                                            struct om_health_entry *out);

/* A gauge with two thresholds, so that it does not flap between them: turns on at `on_at`, off at
 * `off_at`. on_at > off_at: high is bad (disk used: 90, 85); on_at < off_at: low is bad. */
struct om_hysteresis {
    double on_at;
    double off_at;
    bool on;
};
bool om_hysteresis_step(struct om_hysteresis *gauge, double value); /* returns `on` */

#endif
