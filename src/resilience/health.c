/* health.c -- from probes and reports to one damped status for each component.
 *
 * Four stages, each a few lines:
 *   probed    the last level that OM_HEALTH_FALL results in a row were at least as bad as, or
 *             OM_HEALTH_RISE in a row at least as good as;
 *   raw       the worst of probed, reported and "no fresh result";
 *   decided   raw, but improvements wait for the dwell time and for the flap penalty;
 *   shown     what snapshots say and observers were told.
 * The first three move under the lock. From decided to shown goes a single teller: it puts the
 * fallback in force, then moves `shown`, then calls the observer, each outside the lock. A
 * component whose decision changed twice meanwhile is told once: coalescing needs no queue.
 *
 * Rejected: running fall/rise on reports too. A report is a fact ("the disk is full"), not a
 * sample; three of them may never come.
 *
 * Locks: `mutex` (leaf) guards everything in struct om_health; never held across a callback.
 * Invariants: raw > decided never survives `decide`; shown != decided implies a teller is at work
 * or about to be. */
#include "resilience/health.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    PROBE_INTERVAL_MS = 5000,
    PROBE_DEADLINE_MS = 1000,
    FLAP_STEP = 1000,
    FLAP_CAP = 6000,
    FLAP_SUPPRESS = 2000,
    FLAP_REUSE = 750
};
#define NS_PER_MS INT64_C(1000000)
#define FLAP_HALF_LIFE_NS (60000 * NS_PER_MS)
#define DWELL_NS (OM_HEALTH_DWELL_MS * NS_PER_MS)

struct component {
    struct om_health_row row;
    /* Probes. */
    bool checked; /* at least one result */
    bool probing;
    int64_t next_probe_ns;
    int64_t result_ns; /* when the last one came */
    int64_t latency_ns;
    omega_health probed;
    omega_health run_level; /* of the results since the run began */
    unsigned run_length;
    bool run_worse;
    char probe_reason[OM_HEALTH_REASON_SIZE];
    /* Reports. */
    omega_health reported;
    char report_reason[OM_HEALTH_REASON_SIZE];
    int64_t heard_wall_ms; /* last result or report */
    /* Damping. */
    omega_health raw;
    omega_health decided;
    int64_t decided_ns; /* when it changed last; INT64_MIN: never */
    double penalty;
    int64_t penalty_ns;
    bool suppressed;
    char reason[OM_HEALTH_REASON_SIZE]; /* of decided */
    /* What is told. */
    omega_health shown;
    int64_t since_wall_ms;
    uint64_t changes;
    const char *fallback; /* in force, or NULL */
};

struct om_health {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    struct om_mutex mutex;
    om_health_observer observer;
    void *observer_context;
    bool telling;
    uint64_t rev;
    size_t count;
    struct component components[OM_HEALTH_COMPONENTS];
};

static void copy_reason(char out[OM_HEALTH_REASON_SIZE], const char *text)
{
    omega_str clipped = om_utf8_clip(omega_str_of(text), OM_HEALTH_REASON_SIZE - 1);
    if (clipped.len > 0) {
        memmove(out, clipped.ptr, clipped.len);
    }
    out[clipped.len] = '\0';
}

void om_probe_say(struct om_probe_result *result, omega_health status, const char *format, ...)
{
    char text[OM_HEALTH_REASON_SIZE + 4]; /* a code point more, so that the clip sees its end */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    result->status = status;
    copy_reason(result->reason, text);
}

bool om_hysteresis_step(struct om_hysteresis *gauge, double value)
{
    bool high_is_on = gauge->on_at > gauge->off_at;
    if (!gauge->on) {
        gauge->on = high_is_on ? value >= gauge->on_at : value <= gauge->on_at;
    } else {
        gauge->on = high_is_on ? value > gauge->off_at : value < gauge->off_at;
    }
    return gauge->on;
}

/* ---- Life --------------------------------------------------------------------------------- */

omega_status om_health_new(struct om_alloc *alloc, const struct om_clock *clock,
                           struct om_health **out)
{
    *out = NULL;
    struct om_health *health = om_get0(alloc, 1, sizeof(*health));
    if (health == NULL) {
        return om_nomem();
    }
    health->alloc = alloc;
    health->clock = clock;
    om_mutex_init(&health->mutex, OM_RANK_LEAF);
    *out = health;
    return OMEGA_OK;
}

void om_health_free(struct om_health *health)
{
    if (health != NULL) {
        om_mutex_fini(&health->mutex);
        om_put(health->alloc, health);
    }
}

void om_health_observe(struct om_health *health, om_health_observer observer, void *context)
{
    om_mutex_lock(&health->mutex);
    health->observer = observer;
    health->observer_context = context;
    om_mutex_unlock(&health->mutex);
}

static struct component *find_locked(struct om_health *health, const char *name)
    OM_REQUIRES(health->mutex)
{
    for (size_t i = 0; name != NULL && i < health->count; i++) {
        if (strcmp(health->components[i].row.name, name) == 0) {
            return &health->components[i];
        }
    }
    return NULL;
}

static omega_status no_component(const char *name)
{
    return om_fail(OMEGA_ENOTFOUND, "no component '%s' in the health registry",
                   name != NULL ? name : "");
}

static omega_status check_row(const struct om_health_row *row)
{
    if (row->name == NULL || row->name[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a health component needs a name");
    }
    if (row->interval_ms != 0 &&
        (row->interval_ms < 10 || row->interval_ms > INT64_MAX / NS_PER_MS / 16)) {
        return om_fail(OMEGA_EINVAL, "component '%s': a probe interval of %lld ms is below 10",
                       row->name, (long long)row->interval_ms);
    }
    if (row->deadline_ms < 0 || row->deadline_ms > INT64_MAX / NS_PER_MS / 16) {
        return om_fail(OMEGA_EINVAL, "component '%s': a probe deadline of %lld ms", row->name,
                       (long long)row->deadline_ms);
    }
    return OMEGA_OK;
}

omega_status om_health_add(struct om_health *health, const struct om_health_row *row)
{
    omega_status status = check_row(row);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&health->mutex);
    if (find_locked(health, row->name) != NULL) {
        status =
            om_fail(OMEGA_EINVAL, "component '%s' is in the health registry already", row->name);
    } else if (health->count == OM_HEALTH_COMPONENTS) {
        status = om_fail(OMEGA_ELIMIT, "at most %d health components", OM_HEALTH_COMPONENTS);
    } else {
        struct component *component = &health->components[health->count++];
        component->row = *row;
        component->row.interval_ms = row->interval_ms != 0 ? row->interval_ms : PROBE_INTERVAL_MS;
        component->row.deadline_ms = row->deadline_ms != 0 ? row->deadline_ms : PROBE_DEADLINE_MS;
        component->next_probe_ns = om_mono_ns(health->clock);
        component->latency_ns = -1;
        component->heard_wall_ms = OMEGA_TIME_UNSET;
        component->decided_ns = INT64_MIN;
        component->since_wall_ms = om_wall_ms(health->clock);
    }
    om_mutex_unlock(&health->mutex);
    return status;
}

/* ---- From results to a decision ----------------------------------------------------------- */

static int64_t stale_at(const struct component *component)
{
    return component->result_ns +
           OM_HEALTH_STALE_INTERVALS * component->row.interval_ms * NS_PER_MS;
}

static bool is_stale(const struct component *component, int64_t now_ns)
{
    return component->row.probe != NULL && component->checked && now_ns > stale_at(component);
}

/* Fall and rise. The run's level is what all its results support: the mildest of a worsening run,
 * the worst of an improving one. */
static void take_result(struct component *component, const struct om_probe_result *result)
{
    omega_health status = result->status;
    if (!component->checked) {
        component->checked = true;
        component->probed = status;
    } else if (status == component->probed) {
        component->run_length = 0;
    } else {
        bool worse = status > component->probed;
        if (component->run_length == 0 || component->run_worse != worse) {
            component->run_length = 0;
            component->run_level = status;
            component->run_worse = worse;
        }
        component->run_level =
            worse ? OM_MIN(component->run_level, status) : OM_MAX(component->run_level, status);
        component->run_length++;
        if (component->run_length >= (worse ? OM_HEALTH_FALL : OM_HEALTH_RISE)) {
            component->probed = component->run_level;
            component->run_length = 0;
        }
    }
    if (status >= component->probed) {
        copy_reason(component->probe_reason, result->reason);
    }
}

static double penalty_at(const struct component *component, int64_t now_ns)
{
    double half_lives = (double)(now_ns - component->penalty_ns) / (double)FLAP_HALF_LIFE_NS;
    return component->penalty * exp2(-half_lives);
}

static void move_raw(struct component *component, omega_health raw, int64_t now_ns)
{
    component->penalty = penalty_at(component, now_ns);
    component->penalty_ns = now_ns;
    if (raw != component->raw) {
        component->penalty = OM_MIN(component->penalty + FLAP_STEP, (double)FLAP_CAP);
        component->raw = raw;
    }
    if (component->penalty > FLAP_SUPPRESS) {
        component->suppressed = true;
    } else if (component->penalty < FLAP_REUSE) {
        component->suppressed = false;
    }
}

static bool may_improve(const struct component *component, int64_t now_ns)
{
    return !component->suppressed &&
           (component->decided_ns == INT64_MIN || now_ns - component->decided_ns >= DWELL_NS);
}

static void decide_locked(struct component *component, int64_t now_ns)
{
    bool stale = is_stale(component, now_ns);
    omega_health raw = OM_MAX(component->reported, component->probed);
    raw = stale ? OM_MAX(raw, OMEGA_DEGRADED) : raw;
    move_raw(component, raw, now_ns);
    if (raw > component->decided || (raw < component->decided && may_improve(component, now_ns))) {
        component->decided = raw;
        component->decided_ns = now_ns;
    }
    if (raw != component->decided) {
        return; /* held: the old reason stands */
    }
    const char *reason = "";
    if (raw != OMEGA_HEALTHY) {
        reason = component->reported == raw ? component->report_reason
                 : component->probed == raw ? component->probe_reason
                                            : "no fresh result";
    }
    copy_reason(component->reason, reason);
}

/* What a reader is to see now: `shown`, or worse if there is no (fresh) result. */
static omega_health visible_status(const struct component *component, int64_t now_ns,
                                   const char **why)
{
    *why = NULL;
    if (component->shown != OMEGA_HEALTHY || component->row.probe == NULL) {
        return component->shown;
    }
    if (!component->checked) {
        *why = "not checked yet";
    } else if (is_stale(component, now_ns)) {
        *why = "no fresh result";
    }
    return *why != NULL ? OMEGA_DEGRADED : OMEGA_HEALTHY;
}

static omega_health overall_locked(const struct om_health *health, int64_t now_ns)
{
    omega_health overall = OMEGA_HEALTHY;
    for (size_t i = 0; i < health->count; i++) {
        const struct component *component = &health->components[i];
        const char *why;
        omega_health status = visible_status(component, now_ns, &why);
        if (status == OMEGA_UNHEALTHY && component->row.critical) {
            return OMEGA_UNHEALTHY;
        }
        overall = status != OMEGA_HEALTHY ? OMEGA_DEGRADED : overall;
    }
    return overall;
}

/* ---- From a decision to its telling ------------------------------------------------------- */

/* "what; fallback", whichever of the two there is. The fallback's name is never cut. */
static void join_reason(char out[OM_HEALTH_REASON_SIZE], const char *what, const char *fallback)
{
    size_t tail = fallback != NULL ? strlen(fallback) + 2 : 0;
    if (tail >= OM_HEALTH_REASON_SIZE) {
        tail = 0;
    }
    omega_str head = om_utf8_clip(omega_str_of(what), OM_HEALTH_REASON_SIZE - 1 - tail);
    (void)snprintf(out, OM_HEALTH_REASON_SIZE, "%.*s%s%s", OM_STR_ARG(head),
                   tail > 0 && head.len > 0 ? "; " : "", tail > 0 ? fallback : "");
}

static struct component *next_to_tell_locked(struct om_health *health) OM_REQUIRES(health->mutex)
{
    for (size_t i = 0; i < health->count; i++) {
        if (health->components[i].decided != health->components[i].shown) {
            return &health->components[i];
        }
    }
    return NULL;
}

/* Brings one component from shown to decided. Called and left with the mutex held. */
static void tell_one_locked(struct om_health *health, struct component *component)
    OM_REQUIRES(health->mutex)
{
    struct om_health_change change = {.component = component->row.name};
    change.old_status = component->shown;
    change.new_status = component->decided;
    char what[OM_HEALTH_REASON_SIZE];
    copy_reason(what, component->reason);
    const char *fallback = NULL;
    if (component->row.fallback != NULL) {
        om_mutex_unlock(&health->mutex);
        fallback = component->row.fallback(component->row.context, change.new_status);
        om_mutex_lock(&health->mutex);
    }
    join_reason(change.reason, what, fallback);
    change.rev = ++health->rev;
    change.wall_ms = om_wall_ms(health->clock);
    component->shown = change.new_status;
    component->fallback = fallback;
    component->since_wall_ms = change.wall_ms;
    component->changes++;
    change.overall = overall_locked(health, om_mono_ns(health->clock));
    om_health_observer observer = health->observer;
    void *context = health->observer_context;
    if (observer != NULL) {
        om_mutex_unlock(&health->mutex);
        observer(context, &change);
        om_mutex_lock(&health->mutex);
    }
}

static void tell_locked(struct om_health *health) OM_REQUIRES(health->mutex)
{
    if (health->telling) {
        return;
    }
    health->telling = true;
    struct component *component;
    while ((component = next_to_tell_locked(health)) != NULL) {
        tell_one_locked(health, component);
    }
    health->telling = false;
}

/* ---- Hearing ------------------------------------------------------------------------------ */

omega_status om_health_report(struct om_health *health, const char *component, omega_health status,
                              const char *reason)
{
    if ((unsigned)status > OMEGA_UNHEALTHY) {
        return om_fail(OMEGA_EINVAL, "%d is no status of health", (int)status);
    }
    om_mutex_lock(&health->mutex);
    struct component *found = find_locked(health, component);
    if (found != NULL) {
        found->reported = status;
        copy_reason(found->report_reason, reason);
        found->heard_wall_ms = om_wall_ms(health->clock);
        decide_locked(found, om_mono_ns(health->clock));
        tell_locked(health);
    }
    om_mutex_unlock(&health->mutex);
    return found != NULL ? OMEGA_OK : no_component(component);
}

/* Calls the probe outside the lock. Called and left with the mutex held. */
static void probe_locked(struct om_health *health, struct component *component)
    OM_REQUIRES(health->mutex)
{
    struct om_probe_result result = {.status = OMEGA_HEALTHY};
    int64_t begin_ns = om_mono_ns(health->clock);
    int64_t limit_ns = component->row.deadline_ms * NS_PER_MS;
    component->probing = true;
    om_mutex_unlock(&health->mutex);
    component->row.probe(component->row.context, begin_ns + limit_ns, &result);
    om_mutex_lock(&health->mutex);
    int64_t end_ns = om_mono_ns(health->clock);
    if (end_ns - begin_ns > limit_ns) {
        om_probe_say(&result, OMEGA_UNHEALTHY, "the probe took %lld ms of its %lld",
                     (long long)((end_ns - begin_ns) / NS_PER_MS),
                     (long long)component->row.deadline_ms);
    }
    component->probing = false;
    component->latency_ns = end_ns - begin_ns;
    component->result_ns = end_ns;
    component->next_probe_ns = end_ns + component->row.interval_ms * NS_PER_MS;
    component->heard_wall_ms = om_wall_ms(health->clock);
    take_result(component, &result);
    decide_locked(component, end_ns);
    tell_locked(health);
}

static void probe_due_locked(struct om_health *health, bool all) OM_REQUIRES(health->mutex)
{
    for (size_t i = 0; i < health->count; i++) {
        struct component *component = &health->components[i];
        bool due = all || component->next_probe_ns <= om_mono_ns(health->clock);
        if (component->row.probe != NULL && !component->probing && due) {
            probe_locked(health, component);
        }
    }
}

/* ---- Time --------------------------------------------------------------------------------- */

/* When this component wants to be looked at again. */
static int64_t next_time(const struct component *component, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    if (component->row.probe != NULL && !component->probing) {
        next_ns = component->next_probe_ns;
    }
    if (component->row.probe != NULL && component->checked && !is_stale(component, now_ns)) {
        next_ns = OM_MIN(next_ns, stale_at(component) + 1);
    }
    if (component->raw < component->decided) {
        int64_t release_ns = component->decided_ns + DWELL_NS;
        if (component->suppressed) {
            double half_lives = log2(penalty_at(component, now_ns) / FLAP_REUSE);
            double wait_ns = OM_MAX(half_lives, 0.0) * (double)FLAP_HALF_LIFE_NS;
            release_ns = OM_MAX(release_ns, now_ns + (int64_t)wait_ns + NS_PER_MS);
        }
        next_ns = OM_MIN(next_ns, OM_MAX(release_ns, now_ns));
    }
    return next_ns;
}

static int64_t apply_time_locked(struct om_health *health) OM_REQUIRES(health->mutex)
{
    int64_t now_ns = om_mono_ns(health->clock);
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < health->count; i++) {
        decide_locked(&health->components[i], now_ns);
        next_ns = OM_MIN(next_ns, next_time(&health->components[i], now_ns));
    }
    tell_locked(health);
    return next_ns;
}

int64_t om_health_run_due(struct om_health *health)
{
    om_mutex_lock(&health->mutex);
    probe_due_locked(health, false);
    int64_t next_ns = apply_time_locked(health);
    om_mutex_unlock(&health->mutex);
    return next_ns;
}

int64_t om_health_tick(struct om_health *health)
{
    om_mutex_lock(&health->mutex);
    int64_t next_ns = apply_time_locked(health);
    om_mutex_unlock(&health->mutex);
    return next_ns;
}

void om_health_check_all(struct om_health *health)
{
    om_mutex_lock(&health->mutex);
    probe_due_locked(health, true);
    (void)apply_time_locked(health);
    om_mutex_unlock(&health->mutex);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static void fill_entry(const struct component *component, int64_t now_ns,
                       struct om_health_entry *out)
{
    const char *why;
    out->name = component->row.name;
    out->status = visible_status(component, now_ns, &why);
    out->critical = component->row.critical;
    out->suppressed = component->suppressed;
    out->since_wall_ms = component->since_wall_ms;
    out->checked_wall_ms = component->heard_wall_ms;
    out->latency_ns = component->latency_ns;
    out->changes = component->changes;
    if (why != NULL) {
        copy_reason(out->reason, why);
    } else if (component->shown == OMEGA_HEALTHY) {
        out->reason[0] = '\0';
    } else {
        join_reason(out->reason, component->reason, component->fallback);
    }
}

void om_health_snapshot(struct om_health *health, struct om_health_snapshot *out)
{
    om_mutex_lock(&health->mutex);
    int64_t now_ns = om_mono_ns(health->clock);
    out->overall = overall_locked(health, now_ns);
    out->rev = health->rev;
    out->count = health->count;
    for (size_t i = 0; i < health->count; i++) {
        fill_entry(&health->components[i], now_ns, &out->entries[i]);
    }
    om_mutex_unlock(&health->mutex);
}

omega_status om_health_get(struct om_health *health, const char *component,
                           struct om_health_entry *out)
{
    om_mutex_lock(&health->mutex);
    const struct component *found = find_locked(health, component);
    if (found != NULL) {
        fill_entry(found, om_mono_ns(health->clock), out);
    }
    om_mutex_unlock(&health->mutex);
    return found != NULL ? OMEGA_OK : no_component(component);
}
