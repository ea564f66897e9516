/* supervisor.c -- parts that start in order, stop in reverse and come back.
 *
 * start, stop and run_due are one at a time (`busy`); they walk the parts in the order that was
 * computed at start and call them outside the lock. A failure only marks its part and plans a
 * retry; run_due carries it out in two passes: first stop what failed together with what depends on
 * it (reverse order), then start whatever is due and has its dependencies (order). So a chain of
 * parts comes back in one pass, and a part whose dependency is itself failing simply waits for it.
 *
 * Restarting only the failed part, under its running dependents, was rejected: they hold pointers
 * into it. This is OTP's rest_for_one, along declared edges instead of list order.
 *
 * Time is the injected clock and the caller's thread: no thread, no sleeping, a fake clock tests
 * it.
 *
 * Locks: `mutex` (supervisor) guards the parts' states and plans; not held while rows, health or
 * the scheduler are called. Rows, order and dependency bits change only before or inside start, by
 * the one who is busy.
 * Source: OTP's supervisor (intensity), systemd (burst), full jitter after Brooker (2015). */
#include "resilience/supervisor.h"

enum { START_DEADLINE_MS = 30000, STOP_DEADLINE_MS = 10000 };
#define NS_PER_MS INT64_C(1000000)
#define SCHEDULE_ROW "supervisor"

_Static_assert(OM_SUPERVISOR_ROWS <= 32, "a bit of `deps` for each row");

struct part {
    struct om_supervised_row row;
    bool in_health;
    uint32_t deps; /* bit i: needs parts[i] */
    enum om_row_state state;
    bool needs_stop; /* failed while up, not yet stopped */
    int64_t since_wall_ms;
    int64_t up_ns;
    int64_t retry_ns; /* in backoff and quarantine */
    uint64_t restarts;
    unsigned backoff_step;
    unsigned failure_count;               /* in failure_ns */
    int64_t failure_ns[OM_RESTART_BURST]; /* the last ones, oldest first */
    bool quarantined;                     /* until up for OM_RESTART_GOOD_MS */
    char cause[OM_SUPERVISOR_CAUSE_SIZE];
};

struct om_supervisor {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    struct om_health *health;
    struct om_scheduler *scheduler;
    struct om_mutex mutex;
    struct om_cond quiet; /* `busy` ended */
    bool busy;
    bool halting; /* stop waits: no further restart */
    struct om_rng rng;
    size_t count;
    unsigned order[OM_SUPERVISOR_ROWS];
    struct part parts[OM_SUPERVISOR_ROWS];
};

const char *om_row_state_name(enum om_row_state state)
{
    static const char *const names[OM_ROW_STATE_COUNT] = {
        [OM_ROW_DOWN] = "down",
        [OM_ROW_STARTING] = "starting",
        [OM_ROW_UP] = "up",
        [OM_ROW_STOPPING] = "stopping",
        [OM_ROW_BACKOFF] = "backoff",
        [OM_ROW_WAITING] = "waiting",
        [OM_ROW_QUARANTINED] = "quarantined",
    };
    return (unsigned)state < OM_ROW_STATE_COUNT ? names[state] : "?";
}

/* ---- Life --------------------------------------------------------------------------------- */

omega_status om_supervisor_new(const struct om_supervisor_options *options,
                               struct om_supervisor **out)
{
    *out = NULL;
    struct om_supervisor *supervisor = om_get0(options->alloc, 1, sizeof(*supervisor));
    if (supervisor == NULL) {
        return om_nomem();
    }
    supervisor->alloc = options->alloc;
    supervisor->clock = options->clock;
    supervisor->health = options->health;
    om_mutex_init(&supervisor->mutex, OM_RANK_SUPERVISOR);
    om_cond_init(&supervisor->quiet);
    if (options->seed != 0) {
        om_rng_seed(&supervisor->rng, options->seed);
    } else {
        om_rng_seed_system(&supervisor->rng);
    }
    *out = supervisor;
    return OMEGA_OK;
}

void om_supervisor_free(struct om_supervisor *supervisor)
{
    if (supervisor == NULL) {
        return;
    }
    for (size_t i = 0; i < supervisor->count; i++) {
        const struct part *part = &supervisor->parts[i];
        OM_ASSERT(part->state != OM_ROW_UP && !part->needs_stop);
    }
    om_cond_fini(&supervisor->quiet);
    om_mutex_fini(&supervisor->mutex);
    om_put(supervisor->alloc, supervisor);
}

/* The index of a name, or `count`. */
static size_t find_part(const struct om_supervisor *supervisor, const char *name)
{
    size_t i = 0;
    while (i < supervisor->count && strcmp(supervisor->parts[i].row.name, name) != 0) {
        i++;
    }
    return i;
}

static omega_status check_row(const struct om_supervisor *supervisor,
                              const struct om_supervised_row *row)
{
    if (row->name == NULL || row->name[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a supervised row needs a name");
    }
    if (row->start_deadline_ms < 0 || row->stop_deadline_ms < 0 ||
        row->start_deadline_ms > OM_SCHEDULE_INTERVAL_MAX_MS ||
        row->stop_deadline_ms > OM_SCHEDULE_INTERVAL_MAX_MS) {
        return om_fail(OMEGA_EINVAL, "supervised row '%s': a deadline is out of range", row->name);
    }
    if (find_part(supervisor, row->name) < supervisor->count) {
        return om_fail(OMEGA_EINVAL, "supervised row '%s' is there already", row->name);
    }
    if (supervisor->count == OM_SUPERVISOR_ROWS) {
        return om_fail(OMEGA_ELIMIT, "at most %d supervised rows", OM_SUPERVISOR_ROWS);
    }
    return OMEGA_OK;
}

static omega_status add_to_health(struct om_supervisor *supervisor, struct part *part)
{
    const struct om_supervised_row *row = &part->row;
    if (supervisor->health == NULL || (row->probe == NULL && row->degraded == NULL)) {
        return OMEGA_OK;
    }
    const struct om_health_row health = {
        .name = row->name,
        .critical = row->critical,
        .interval_ms = row->probe_interval_ms,
        .probe = row->probe,
        .fallback = row->degraded,
        .context = row->context,
    };
    part->in_health = true;
    return om_health_add(supervisor->health, &health);
}

omega_status om_supervisor_add(struct om_supervisor *supervisor,
                               const struct om_supervised_row *row)
{
    om_mutex_lock(&supervisor->mutex);
    omega_status status = check_row(supervisor, row);
    if (status == OMEGA_OK) {
        struct part *part = &supervisor->parts[supervisor->count];
        *part = (struct part){.row = *row, .since_wall_ms = om_wall_ms(supervisor->clock)};
        status = add_to_health(supervisor, part);
        supervisor->count += status == OMEGA_OK;
    }
    om_mutex_unlock(&supervisor->mutex);
    return status;
}

/* ---- Order -------------------------------------------------------------------------------- */

static omega_status resolve_deps(struct om_supervisor *supervisor, struct part *part)
{
    part->deps = 0;
    for (size_t d = 0; part->row.deps != NULL && part->row.deps[d] != NULL; d++) {
        size_t at = find_part(supervisor, part->row.deps[d]);
        if (at == supervisor->count) {
            return om_fail(OMEGA_EINVAL, "'%s' depends on '%s', which is not supervised",
                           part->row.name, part->row.deps[d]);
        }
        part->deps |= UINT32_C(1) << at;
    }
    return OMEGA_OK;
}

/* Topological, stable: the first part in order of addition whose dependencies are placed. */
static omega_status compute_order(struct om_supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        omega_status status = resolve_deps(supervisor, &supervisor->parts[i]);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    uint32_t placed = 0;
    for (size_t n = 0; n < supervisor->count; n++) {
        unsigned next = 0;
        while (next < supervisor->count &&
               ((placed >> next & 1) != 0 || (supervisor->parts[next].deps & ~placed) != 0)) {
            next++;
        }
        if (next == supervisor->count) {
            /* Following what is missing long enough ends inside a cycle. */
            unsigned stuck = (unsigned)__builtin_ctz(~placed);
            for (size_t i = 0; i < supervisor->count; i++) {
                stuck = (unsigned)__builtin_ctz(supervisor->parts[stuck].deps & ~placed);
            }
            return om_fail(OMEGA_EINVAL, "the dependencies of '%s' form a cycle",
                           supervisor->parts[stuck].row.name);
        }
        supervisor->order[n] = next;
        placed |= UINT32_C(1) << next;
    }
    return OMEGA_OK;
}

static uint32_t up_bits(const struct om_supervisor *supervisor)
{
    uint32_t up = 0;
    for (size_t i = 0; i < supervisor->count; i++) {
        up |= (uint32_t)(supervisor->parts[i].state == OM_ROW_UP) << i;
    }
    return up;
}

/* ---- Failures and plans ------------------------------------------------------------------- */

static void set_state(struct om_supervisor *supervisor, struct part *part, enum om_row_state state)
{
    if (part->state != state) {
        part->state = state;
        part->since_wall_ms = om_wall_ms(supervisor->clock);
    }
}

static void set_cause(struct part *part, const char *cause)
{
    omega_str clipped = om_utf8_clip(omega_str_of(cause), sizeof(part->cause) - 1);
    if (clipped.len > 0) {
        memcpy(part->cause, clipped.ptr, clipped.len);
    }
    part->cause[clipped.len] = '\0';
}

static void forgive(struct part *part)
{
    part->backoff_step = 0;
    part->failure_count = 0;
    part->quarantined = false;
}

/* Remembers the failure; true when there were OM_RESTART_BURST others within the window. */
static bool is_burst(struct part *part, int64_t now_ns)
{
    bool full = part->failure_count == OM_RESTART_BURST;
    bool burst = full && now_ns - part->failure_ns[0] < OM_RESTART_WINDOW_MS * NS_PER_MS;
    if (full) {
        memmove(&part->failure_ns[0], &part->failure_ns[1],
                (OM_RESTART_BURST - 1) * sizeof(part->failure_ns[0]));
        part->failure_count--;
    }
    part->failure_ns[part->failure_count++] = now_ns;
    return burst;
}

/* Uniform in 0 .. 100 ms * 2^step, at most 60 s. */
static int64_t draw_backoff_ns(struct om_supervisor *supervisor, struct part *part)
{
    int64_t span_ms = OM_RESTART_BASE_MS;
    for (unsigned i = 0; i < part->backoff_step && span_ms < OM_RESTART_CAP_MS; i++) {
        span_ms *= 2;
    }
    span_ms = OM_MIN(span_ms, (int64_t)OM_RESTART_CAP_MS);
    part->backoff_step++;
    return (int64_t)om_rng_below(&supervisor->rng, (uint64_t)(span_ms * NS_PER_MS));
}

static void plan_retry_locked(struct om_supervisor *supervisor, struct part *part,
                              const char *cause) OM_REQUIRES(supervisor->mutex)
{
    int64_t now_ns = om_mono_ns(supervisor->clock);
    if (part->state == OM_ROW_UP && now_ns - part->up_ns >= OM_RESTART_GOOD_MS * NS_PER_MS) {
        forgive(part);
    }
    set_cause(part, cause);
    part->quarantined = is_burst(part, now_ns) || part->quarantined;
    if (part->quarantined) {
        set_state(supervisor, part, OM_ROW_QUARANTINED);
        part->retry_ns = now_ns + OM_QUARANTINE_RETRY_MS * NS_PER_MS;
    } else {
        set_state(supervisor, part, OM_ROW_BACKOFF);
        part->retry_ns = now_ns + draw_backoff_ns(supervisor, part);
    }
}

static bool is_planned(const struct part *part)
{
    return part->state == OM_ROW_BACKOFF || part->state == OM_ROW_QUARANTINED;
}

static int64_t next_due_locked(const struct om_supervisor *supervisor)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < supervisor->count; i++) {
        const struct part *part = &supervisor->parts[i];
        if (part->needs_stop) {
            return om_mono_ns(supervisor->clock);
        }
        if (is_planned(part)) {
            next_ns = OM_MIN(next_ns, part->retry_ns);
        }
    }
    return next_ns;
}

static void wake_scheduler(struct om_supervisor *supervisor)
{
    if (supervisor->scheduler != NULL) {
        (void)om_scheduler_trigger(supervisor->scheduler, SCHEDULE_ROW);
    }
}

static void report(struct om_supervisor *supervisor, const struct part *part, omega_health status,
                   const char *reason)
{
    if (part->in_health) {
        (void)om_health_report(supervisor->health, part->row.name, status, reason);
    }
}

/* ---- One part up, one part down ----------------------------------------------------------- */

static int64_t deadline_from(int64_t now_ns, int64_t own_ms, int64_t default_ms)
{
    return now_ns + (own_ms > 0 ? own_ms : default_ms) * NS_PER_MS;
}

/* Runs the row's start against its deadline; under no lock. */
static omega_status call_start(const struct om_supervisor *supervisor, const struct part *part)
{
    const struct om_supervised_row *row = &part->row;
    int64_t begin_ns = om_mono_ns(supervisor->clock);
    int64_t deadline_ns = deadline_from(begin_ns, row->start_deadline_ms, START_DEADLINE_MS);
    if (row->start == NULL) {
        return OMEGA_OK;
    }
    om_error_clear();
    omega_status status = row->start(row->context, deadline_ns);
    int64_t end_ns = om_mono_ns(supervisor->clock);
    if (status == OMEGA_OK && end_ns > deadline_ns) {
        if (row->stop != NULL) {
            (void)row->stop(row->context,
                            deadline_from(end_ns, row->stop_deadline_ms, STOP_DEADLINE_MS));
        }
        status = om_fail(OMEGA_ETIMEDOUT, "it took %lld ms to start",
                         (long long)((end_ns - begin_ns) / NS_PER_MS));
    }
    return status;
}

static const char *failure_text(omega_status status)
{
    return om_error_last()->message[0] != '\0' ? om_error_last()->message
                                               : omega_status_text(status);
}

/* By the busy one, without the lock: brings a part up, or plans its retry. On failure the thread's
 * error is the row's. */
static omega_status start_part(struct om_supervisor *supervisor, struct part *part)
{
    om_mutex_lock(&supervisor->mutex);
    set_state(supervisor, part, OM_ROW_STARTING);
    om_mutex_unlock(&supervisor->mutex);
    omega_status status = call_start(supervisor, part);
    om_mutex_lock(&supervisor->mutex);
    if (status == OMEGA_OK) {
        set_state(supervisor, part, OM_ROW_UP);
        part->up_ns = om_mono_ns(supervisor->clock);
    } else {
        plan_retry_locked(supervisor, part, failure_text(status));
    }
    om_mutex_unlock(&supervisor->mutex);
    if (status == OMEGA_OK) {
        report(supervisor, part, OMEGA_HEALTHY, "");
        return OMEGA_OK;
    }
    struct om_error error = *om_error_last();
    report(supervisor, part, OMEGA_UNHEALTHY, error.message);
    om_error_set(&error);
    return status;
}

/* By the busy one, without the lock: takes a part down to `after`, at the latest by end_ns. */
static omega_status stop_part(struct om_supervisor *supervisor, struct part *part,
                              enum om_row_state after, int64_t end_ns)
{
    om_mutex_lock(&supervisor->mutex);
    part->needs_stop = false;
    set_state(supervisor, part, OM_ROW_STOPPING);
    om_mutex_unlock(&supervisor->mutex);
    const struct om_supervised_row *row = &part->row;
    int64_t deadline_ns =
        deadline_from(om_mono_ns(supervisor->clock), row->stop_deadline_ms, STOP_DEADLINE_MS);
    deadline_ns = OM_MIN(deadline_ns, end_ns);
    omega_status status = OMEGA_OK;
    if (row->stop != NULL) {
        status = row->stop(row->context, deadline_ns);
    }
    if (status == OMEGA_OK && om_mono_ns(supervisor->clock) > deadline_ns) {
        status = om_fail(OMEGA_ETIMEDOUT, "'%s' stopped after its deadline", row->name);
    }
    om_mutex_lock(&supervisor->mutex);
    set_state(supervisor, part, after);
    om_mutex_unlock(&supervisor->mutex);
    return status;
}

/* ---- Start and stop ----------------------------------------------------------------------- */

static void enter_busy(struct om_supervisor *supervisor)
{
    om_mutex_lock(&supervisor->mutex);
    while (supervisor->busy) {
        om_cond_wait(&supervisor->quiet, &supervisor->mutex);
    }
    supervisor->busy = true;
    om_mutex_unlock(&supervisor->mutex);
}

static void leave_busy(struct om_supervisor *supervisor)
{
    om_mutex_lock(&supervisor->mutex);
    supervisor->busy = false;
    bool pending = next_due_locked(supervisor) != INT64_MAX;
    om_cond_broadcast(&supervisor->quiet);
    om_mutex_unlock(&supervisor->mutex);
    if (pending) {
        wake_scheduler(supervisor);
    }
}

/* By the busy one: everything that is up goes down in reverse order, every plan is dropped. */
static omega_status stop_all(struct om_supervisor *supervisor, int64_t end_ns)
{
    omega_status first = OMEGA_OK;
    struct om_error error = {.status = OMEGA_OK};
    for (size_t n = supervisor->count; n-- > 0;) {
        struct part *part = &supervisor->parts[supervisor->order[n]];
        om_mutex_lock(&supervisor->mutex);
        bool running = part->state == OM_ROW_UP || part->needs_stop;
        if (!running) {
            set_state(supervisor, part, OM_ROW_DOWN);
        }
        forgive(part);
        om_mutex_unlock(&supervisor->mutex);
        omega_status status = running ? stop_part(supervisor, part, OM_ROW_DOWN, end_ns) : OMEGA_OK;
        if (status != OMEGA_OK && first == OMEGA_OK) {
            first = status;
            error = *om_error_last();
        }
    }
    if (first != OMEGA_OK) {
        om_error_set(&error);
    }
    return first;
}

/* By the busy one: starts one part that is down; a part that is not essential may fail. */
static omega_status start_in_order(struct om_supervisor *supervisor, struct part *part)
{
    om_mutex_lock(&supervisor->mutex);
    bool down = part->state == OM_ROW_DOWN;
    bool ready = (part->deps & ~up_bits(supervisor)) == 0;
    if (down && !ready && !part->row.essential) {
        set_state(supervisor, part, OM_ROW_WAITING);
    }
    om_mutex_unlock(&supervisor->mutex);
    if (!down) {
        return OMEGA_OK;
    }
    if (!ready && part->row.essential) {
        return om_fail(OMEGA_EUNAVAILABLE, "cannot start '%s': a part it depends on is not up",
                       part->row.name);
    }
    if (!ready) {
        report(supervisor, part, OMEGA_UNHEALTHY, "waits for a part it depends on");
        return OMEGA_OK;
    }
    omega_status status = start_part(supervisor, part);
    if (status != OMEGA_OK && part->row.essential) {
        return om_error_prefix(status, "cannot start '%s'", part->row.name);
    }
    return OMEGA_OK;
}

omega_status om_supervisor_start(struct om_supervisor *supervisor)
{
    enter_busy(supervisor);
    om_mutex_lock(&supervisor->mutex);
    omega_status status = compute_order(supervisor);
    om_mutex_unlock(&supervisor->mutex);
    bool ordered = status == OMEGA_OK;
    for (size_t n = 0; status == OMEGA_OK && n < supervisor->count; n++) {
        status = start_in_order(supervisor, &supervisor->parts[supervisor->order[n]]);
    }
    if (ordered && status != OMEGA_OK) {
        struct om_error error = *om_error_last();
        (void)stop_all(supervisor, INT64_MAX);
        om_error_set(&error);
    }
    leave_busy(supervisor);
    return status;
}

omega_status om_supervisor_stop(struct om_supervisor *supervisor, int64_t deadline_ms)
{
    int64_t end_ns = INT64_MAX;
    if (deadline_ms >= 0 && deadline_ms <= OM_SCHEDULE_INTERVAL_MAX_MS) {
        end_ns = om_mono_ns(supervisor->clock) + deadline_ms * NS_PER_MS;
    }
    om_mutex_lock(&supervisor->mutex);
    supervisor->halting = true;
    om_mutex_unlock(&supervisor->mutex);
    enter_busy(supervisor);
    omega_status status = stop_all(supervisor, end_ns);
    om_mutex_lock(&supervisor->mutex);
    supervisor->halting = false;
    om_mutex_unlock(&supervisor->mutex);
    leave_busy(supervisor);
    return status;
}

/* ---- Restarts ----------------------------------------------------------------------------- */

omega_status om_supervisor_fail(struct om_supervisor *supervisor, const char *name,
                                const char *cause)
{
    om_mutex_lock(&supervisor->mutex);
    size_t at = find_part(supervisor, name != NULL ? name : "");
    struct part *part = at < supervisor->count ? &supervisor->parts[at] : NULL;
    bool failed = part != NULL && part->state == OM_ROW_UP;
    if (failed) {
        plan_retry_locked(supervisor, part, cause != NULL ? cause : "");
        part->needs_stop = true;
    }
    om_mutex_unlock(&supervisor->mutex);
    if (part == NULL) {
        return om_fail(OMEGA_ENOTFOUND, "no supervised row '%s'", name != NULL ? name : "");
    }
    if (failed) {
        report(supervisor, part, OMEGA_UNHEALTHY, cause);
        wake_scheduler(supervisor);
    }
    return OMEGA_OK;
}

/* What is to be stopped: the failed parts and, transitively, what depends on them and is up. */
static uint32_t bits_to_stop_locked(const struct om_supervisor *supervisor)
{
    uint32_t down = 0;
    for (size_t n = 0; n < supervisor->count; n++) {
        unsigned at = supervisor->order[n];
        const struct part *part = &supervisor->parts[at];
        bool dependent = part->state == OM_ROW_UP && (part->deps & down) != 0;
        if (part->needs_stop || dependent) {
            down |= UINT32_C(1) << at;
        }
    }
    return down;
}

/* By the busy one. */
static void stop_failed(struct om_supervisor *supervisor)
{
    om_mutex_lock(&supervisor->mutex);
    uint32_t down = bits_to_stop_locked(supervisor);
    om_mutex_unlock(&supervisor->mutex);
    for (size_t n = supervisor->count; n-- > 0;) {
        unsigned at = supervisor->order[n];
        struct part *part = &supervisor->parts[at];
        if ((down >> at & 1) == 0) {
            continue;
        }
        om_mutex_lock(&supervisor->mutex);
        enum om_row_state after = part->needs_stop ? part->state : OM_ROW_WAITING;
        om_mutex_unlock(&supervisor->mutex);
        (void)stop_part(supervisor, part, after, INT64_MAX);
        if (after == OM_ROW_WAITING) {
            report(supervisor, part, OMEGA_UNHEALTHY, "waits for a part it depends on");
        }
    }
}

enum due { DUE_NOT, DUE_WAIT, DUE_START };

static enum due look_at_part_locked(const struct om_supervisor *supervisor, const struct part *part,
                                    int64_t now_ns)
{
    bool ready = (part->deps & ~up_bits(supervisor)) == 0;
    if (supervisor->halting || part->needs_stop) {
        return DUE_NOT;
    }
    if (part->state == OM_ROW_WAITING) {
        return ready ? DUE_START : DUE_NOT;
    }
    if (!is_planned(part) || part->retry_ns > now_ns) {
        return DUE_NOT;
    }
    return ready ? DUE_START : DUE_WAIT;
}

/* By the busy one. */
static void start_due(struct om_supervisor *supervisor)
{
    for (size_t n = 0; n < supervisor->count; n++) {
        struct part *part = &supervisor->parts[supervisor->order[n]];
        om_mutex_lock(&supervisor->mutex);
        enum due due = look_at_part_locked(supervisor, part, om_mono_ns(supervisor->clock));
        if (due == DUE_WAIT) {
            set_state(supervisor, part, OM_ROW_WAITING);
        }
        part->restarts += due == DUE_START;
        om_mutex_unlock(&supervisor->mutex);
        if (due == DUE_START) {
            (void)start_part(supervisor, part);
        }
    }
}

int64_t om_supervisor_run_due(struct om_supervisor *supervisor)
{
    om_mutex_lock(&supervisor->mutex);
    bool ours = !supervisor->busy && !supervisor->halting;
    supervisor->busy = supervisor->busy || ours;
    om_mutex_unlock(&supervisor->mutex);
    if (!ours) {
        return INT64_MAX; /* who is busy wakes the scheduler when done */
    }
    stop_failed(supervisor);
    start_due(supervisor);
    om_mutex_lock(&supervisor->mutex);
    supervisor->busy = false;
    int64_t next_ns = next_due_locked(supervisor);
    om_cond_broadcast(&supervisor->quiet);
    om_mutex_unlock(&supervisor->mutex);
    return next_ns;
}

static omega_status run_scheduled(void *context, struct om_task *task)
{
    struct om_supervisor *supervisor = context;
    int64_t next_ns = om_supervisor_run_due(supervisor);
    if (next_ns != INT64_MAX) {
        int64_t ahead_ns = next_ns - om_mono_ns(supervisor->clock);
        om_task_again(task, (ahead_ns + NS_PER_MS - 1) / NS_PER_MS);
    }
    return OMEGA_OK;
}

omega_status om_supervisor_attach(struct om_supervisor *supervisor, struct om_scheduler *scheduler)
{
    /* The interval is never waited for: failures trigger the row, retries ask for the next run. */
    const struct om_schedule_row row = {
        .name = SCHEDULE_ROW,
        .interval_ms = OM_SCHEDULE_INTERVAL_MAX_MS,
        .enabled = true,
        .while_paused = true,
        .run = run_scheduled,
        .context = supervisor,
    };
    omega_status status = om_scheduler_add(scheduler, &row);
    if (status == OMEGA_OK) {
        supervisor->scheduler = scheduler;
    }
    return status;
}

/* ---- Status ------------------------------------------------------------------------------- */

size_t om_supervisor_count(const struct om_supervisor *supervisor)
{
    return supervisor->count;
}

omega_status om_supervisor_status_at(struct om_supervisor *supervisor, size_t index,
                                     struct om_supervised_status *out)
{
    om_mutex_lock(&supervisor->mutex);
    bool found = index < supervisor->count;
    if (found) {
        const struct part *part = &supervisor->parts[index];
        int64_t ahead_ns = part->retry_ns - om_mono_ns(supervisor->clock);
        out->name = part->row.name;
        out->state = part->state;
        out->since_wall_ms = part->since_wall_ms;
        out->restarts = part->restarts;
        out->retry_wall_ms = is_planned(part) ? om_wall_ms(supervisor->clock) + ahead_ns / NS_PER_MS
                                              : OMEGA_TIME_UNSET;
        memcpy(out->cause, part->cause, sizeof(out->cause));
    }
    om_mutex_unlock(&supervisor->mutex);
    return found ? OMEGA_OK : om_fail(OMEGA_ENOTFOUND, "no supervised row %zu", index);
}
