/* scheduler.c -- rows, the thread, and the verbs of the one scheduler.
 *
 * At most OM_SCHEDULER_ROWS rows and one run at a time: finding the next row is a walk over at most
 * 64 pointers, so there is no heap to keep consistent. Rejected: a timer wheel (ticks even when
 * idle) and a thread for each row (who bounds their sum?).
 *
 * The thread sleeps on `wake` until the earliest due time of what may run; every verb that could
 * make something due earlier signals it. Waiting is in real time, so a thread needs the system's
 * clock; a test with an injected clock calls om_scheduler_run_due instead.
 *
 * Locks: `mutex` (scheduler) guards all that changes; not held in rows, store or observer.
 * Invariants: entries only get more; current != NULL exactly while a run or its callbacks go on. */
#include "resilience/scheduler.h"

#include "resilience/scheduler_int.h"

/* ---- Life --------------------------------------------------------------------------------- */

omega_status om_scheduler_new(const struct om_scheduler_options *options, struct om_scheduler **out)
{
    *out = NULL;
    struct om_scheduler *scheduler = om_get0(options->alloc, 1, sizeof(*scheduler));
    if (scheduler == NULL) {
        return om_nomem();
    }
    scheduler->alloc = options->alloc;
    scheduler->clock = options->clock;
    scheduler->store = options->store;
    scheduler->observer = options->observer;
    scheduler->observer_context = options->observer_context;
    om_mutex_init(&scheduler->mutex, OM_RANK_SCHEDULER);
    om_cond_init(&scheduler->wake);
    om_cond_init(&scheduler->idle);
    if (options->seed != 0) {
        om_rng_seed(&scheduler->rng, options->seed);
    } else {
        om_rng_seed_system(&scheduler->rng);
    }
    *out = scheduler;
    return OMEGA_OK;
}

void om_scheduler_free(struct om_scheduler *scheduler)
{
    if (scheduler == NULL) {
        return;
    }
    omega_status status = om_scheduler_stop(scheduler, -1);
    OM_ASSERT(status == OMEGA_OK && scheduler->current == NULL);
    for (size_t i = 0; i < scheduler->count; i++) {
        om_put(scheduler->alloc, scheduler->entries[i]);
    }
    om_cond_fini(&scheduler->idle);
    om_cond_fini(&scheduler->wake);
    om_mutex_fini(&scheduler->mutex);
    om_put(scheduler->alloc, scheduler);
}

static struct om_schedule_entry *find_locked(const struct om_scheduler *scheduler, const char *name)
{
    for (size_t i = 0; name != NULL && i < scheduler->count; i++) {
        if (strcmp(scheduler->entries[i]->row.name, name) == 0) {
            return scheduler->entries[i];
        }
    }
    return NULL;
}

static omega_status no_row(const char *name)
{
    return om_fail(OMEGA_ENOTFOUND, "no row '%s' in the schedule", name != NULL ? name : "");
}

/* ---- Adding ------------------------------------------------------------------------------- */

static omega_status check_interval(const char *name, int64_t interval_ms)
{
    if (interval_ms < OM_SCHEDULE_INTERVAL_MIN_MS || interval_ms > OM_SCHEDULE_INTERVAL_MAX_MS) {
        return om_fail(OMEGA_EINVAL, "schedule row '%s': interval %lld ms is outside %lld..%lld",
                       name, (long long)interval_ms, (long long)OM_SCHEDULE_INTERVAL_MIN_MS,
                       (long long)OM_SCHEDULE_INTERVAL_MAX_MS);
    }
    return OMEGA_OK;
}

static bool is_span(int64_t ms)
{
    return ms >= 0 && ms <= OM_SCHEDULE_INTERVAL_MAX_MS;
}

static omega_status check_row(const struct om_schedule_row *row)
{
    if (row->name == NULL || row->name[0] == '\0' || row->run == NULL) {
        return om_fail(OMEGA_EINVAL, "a schedule row needs a name and a function");
    }
    if (row->jitter_percent > 100 || row->cpu_share_percent > 100) {
        return om_fail(OMEGA_EINVAL,
                       "schedule row '%s': jitter %u %% and CPU share %u %% must be 0..100",
                       row->name, row->jitter_percent, row->cpu_share_percent);
    }
    if (!is_span(row->deadline_ms) || !is_span(row->retry_base_ms) || !is_span(row->retry_cap_ms)) {
        return om_fail(OMEGA_EINVAL, "schedule row '%s': a deadline or retry time is out of range",
                       row->name);
    }
    return check_interval(row->name, row->interval_ms);
}

/* OMEGA_OK with *due_ms OMEGA_TIME_UNSET when there is nothing stored. */
static omega_status load_times(const struct om_scheduler *scheduler,
                               struct om_schedule_entry *entry, int64_t *due_ms)
{
    const struct om_schedule_store *store = scheduler->store;
    *due_ms = OMEGA_TIME_UNSET;
    if (!entry->row.persistent || store == NULL) {
        return OMEGA_OK;
    }
    int64_t last_ms = OMEGA_TIME_UNSET;
    omega_status status = store->load(store->context, entry->row.name, due_ms, &last_ms);
    if (status == OMEGA_ENOTFOUND) {
        *due_ms = OMEGA_TIME_UNSET;
        return OMEGA_OK;
    }
    entry->last_start_wall_ms = last_ms;
    return status;
}

static omega_status insert_locked(struct om_scheduler *scheduler, struct om_schedule_entry *entry)
{
    if (find_locked(scheduler, entry->row.name) != NULL) {
        return om_fail(OMEGA_EINVAL, "schedule row '%s' is there already", entry->row.name);
    }
    if (scheduler->count == OM_SCHEDULER_ROWS) {
        return om_fail(OMEGA_ELIMIT, "a schedule has at most %d rows", OM_SCHEDULER_ROWS);
    }
    scheduler->entries[scheduler->count++] = entry;
    om_cond_signal(&scheduler->wake);
    return OMEGA_OK;
}

omega_status om_scheduler_add(struct om_scheduler *scheduler, const struct om_schedule_row *row)
{
    omega_status status = check_row(row);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_schedule_entry *entry = om_get0(scheduler->alloc, 1, sizeof(*entry));
    if (entry == NULL) {
        return om_nomem();
    }
    entry->row = *row;
    entry->last_start_wall_ms = OMEGA_TIME_UNSET;
    entry->last_duration_ns = -1;
    int64_t due_ms;
    status = load_times(scheduler, entry, &due_ms);
    if (status != OMEGA_OK) {
        om_put(scheduler->alloc, entry);
        return status;
    }
    om_mutex_lock(&scheduler->mutex);
    om_schedule_first_due(scheduler, entry, due_ms);
    struct om_schedule_entry snapshot = *entry;
    status = insert_locked(scheduler, entry);
    om_mutex_unlock(&scheduler->mutex);
    if (status != OMEGA_OK) {
        om_put(scheduler->alloc, entry);
    } else if (due_ms == OMEGA_TIME_UNSET) {
        /* Else a yearly row of a process that restarts daily would never come due. */
        om_schedule_save(scheduler, &snapshot);
    }
    return status;
}

/* ---- Running ------------------------------------------------------------------------------ */

size_t om_scheduler_run_due(struct om_scheduler *scheduler)
{
    OM_ASSERT(!om_schedule_inside(scheduler));
    size_t runs = 0;
    om_mutex_lock(&scheduler->mutex);
    OM_ASSERT(!scheduler->thread.started && scheduler->current == NULL);
    /* The limit is fixed at entry, so a clock that moves on cannot keep us here. */
    int64_t by_ns = om_mono_ns(scheduler->clock);
    int64_t next_ns;
    struct om_schedule_entry *entry;
    size_t limit = scheduler->count;
    while (runs < limit && (entry = om_schedule_pick_locked(scheduler, by_ns, &next_ns)) != NULL) {
        om_schedule_run_locked(scheduler, entry);
        runs++;
    }
    om_mutex_unlock(&scheduler->mutex);
    return runs;
}

int64_t om_scheduler_next_due_ns(struct om_scheduler *scheduler)
{
    int64_t next_ns;
    om_mutex_lock(&scheduler->mutex);
    (void)om_schedule_pick_locked(scheduler, INT64_MIN, &next_ns);
    om_mutex_unlock(&scheduler->mutex);
    return next_ns;
}

static void run_thread(void *context)
{
    struct om_scheduler *scheduler = context;
    om_mutex_lock(&scheduler->mutex);
    while (!scheduler->stopping) {
        int64_t now_ns = om_mono_ns(scheduler->clock);
        int64_t next_ns;
        struct om_schedule_entry *entry = om_schedule_pick_locked(scheduler, now_ns, &next_ns);
        if (entry != NULL) {
            om_schedule_run_locked(scheduler, entry);
        } else if (next_ns == INT64_MAX) {
            om_cond_wait(&scheduler->wake, &scheduler->mutex);
        } else {
            (void)om_cond_wait_for(&scheduler->wake, &scheduler->mutex, next_ns - now_ns);
        }
    }
    scheduler->thread_ended = true;
    om_cond_broadcast(&scheduler->idle);
    om_mutex_unlock(&scheduler->mutex);
}

omega_status om_scheduler_start(struct om_scheduler *scheduler)
{
    om_mutex_lock(&scheduler->mutex);
    omega_status status = OMEGA_OK;
    if (scheduler->thread.started) {
        status = om_fail(OMEGA_ESTATE, "the scheduler's thread is running");
    } else {
        scheduler->stopping = false;
        scheduler->thread_ended = false;
        status = om_thread_start(&scheduler->thread, "omega-schedule", run_thread, scheduler);
    }
    om_mutex_unlock(&scheduler->mutex);
    return status;
}

/* ---- Halting ------------------------------------------------------------------------------ */

/* The monotonic end of a real-time wait; INT64_MAX: none. */
static int64_t wait_end_ns(int64_t deadline_ms)
{
    if (deadline_ms < 0 || deadline_ms > OM_SCHEDULE_INTERVAL_MAX_MS) {
        return INT64_MAX;
    }
    return om_mono_ns(om_clock_system()) + deadline_ms * OM_NS_PER_MS;
}

/* One wait for `idle`; false when the time is up. */
static bool wait_idle_locked(struct om_scheduler *scheduler, int64_t end_ns)
{
    if (end_ns == INT64_MAX) {
        om_cond_wait(&scheduler->idle, &scheduler->mutex);
        return true;
    }
    int64_t left_ns = end_ns - om_mono_ns(om_clock_system());
    if (left_ns > 0) {
        (void)om_cond_wait_for(&scheduler->idle, &scheduler->mutex, left_ns);
    }
    return left_ns > 0;
}

static void ask_to_stop_locked(struct om_scheduler *scheduler, enum om_task_stop why)
{
    int go = OM_TASK_GO;
    if (scheduler->current != NULL) {
        /* The first reason stands. Relaxed: see om_task_stop_status. */
        atomic_compare_exchange_strong_explicit(&scheduler->current->stop, &go, why,
                                                memory_order_relaxed, memory_order_relaxed);
    }
}

static omega_status still_running(const struct om_scheduler *scheduler)
{
    const struct om_task *current = scheduler->current;
    return om_fail(OMEGA_ETIMEDOUT, "'%s' has not stopped in time",
                   current != NULL ? current->entry->row.name : "the scheduler");
}

omega_status om_scheduler_stop(struct om_scheduler *scheduler, int64_t deadline_ms)
{
    if (om_schedule_inside(scheduler)) {
        return om_fail(OMEGA_ESTATE, "the scheduler cannot be stopped from inside a run");
    }
    int64_t end_ns = wait_end_ns(deadline_ms);
    omega_status status = OMEGA_OK;
    om_mutex_lock(&scheduler->mutex);
    if (scheduler->thread.started) {
        scheduler->stopping = true;
        ask_to_stop_locked(scheduler, OM_TASK_HALT);
        om_cond_signal(&scheduler->wake);
    }
    while (scheduler->thread.started && !scheduler->thread_ended && status == OMEGA_OK) {
        if (!wait_idle_locked(scheduler, end_ns)) {
            status = still_running(scheduler);
        }
    }
    if (scheduler->thread.started && scheduler->thread_ended) {
        /* It has let go of the mutex for good, so joining under it does not wait. */
        om_thread_join(&scheduler->thread);
        scheduler->thread.started = false;
        status = OMEGA_OK;
    }
    om_mutex_unlock(&scheduler->mutex);
    return status;
}

/* True while a run goes on that a pause must wait out. */
static bool must_wait_locked(const struct om_scheduler *scheduler)
{
    return scheduler->paused && scheduler->current != NULL &&
           !scheduler->current->entry->row.while_paused;
}

omega_status om_scheduler_pause(struct om_scheduler *scheduler, int64_t deadline_ms)
{
    int64_t end_ns = wait_end_ns(deadline_ms);
    omega_status status = OMEGA_OK;
    om_mutex_lock(&scheduler->mutex);
    scheduler->paused = true;
    if (must_wait_locked(scheduler)) {
        ask_to_stop_locked(scheduler, OM_TASK_HALT);
    }
    bool inside = om_schedule_inside(scheduler);
    while (!inside && status == OMEGA_OK && must_wait_locked(scheduler)) {
        if (!wait_idle_locked(scheduler, end_ns)) {
            status = still_running(scheduler);
        }
    }
    om_mutex_unlock(&scheduler->mutex);
    return status;
}

void om_scheduler_resume(struct om_scheduler *scheduler)
{
    om_mutex_lock(&scheduler->mutex);
    scheduler->paused = false;
    om_cond_signal(&scheduler->wake);
    om_cond_broadcast(&scheduler->idle); /* a pause that still waits has been overtaken */
    om_mutex_unlock(&scheduler->mutex);
}

/* ---- Verbs on one row --------------------------------------------------------------------- */

static omega_status trigger_locked(struct om_scheduler *scheduler, struct om_schedule_entry *entry)
{
    if (!entry->row.enabled || (scheduler->paused && !entry->row.while_paused)) {
        return om_fail(OMEGA_ESTATE, "schedule row '%s' cannot run now: %s", entry->row.name,
                       entry->row.enabled ? "the scheduler is paused" : "it is disabled");
    }
    if (entry->running) {
        entry->triggered = true;
    } else {
        entry->due_ns = OM_MIN(entry->due_ns, om_mono_ns(scheduler->clock));
        om_cond_signal(&scheduler->wake);
    }
    return OMEGA_OK;
}

omega_status om_scheduler_trigger(struct om_scheduler *scheduler, const char *name)
{
    om_mutex_lock(&scheduler->mutex);
    struct om_schedule_entry *entry = find_locked(scheduler, name);
    omega_status status = entry != NULL ? trigger_locked(scheduler, entry) : no_row(name);
    om_mutex_unlock(&scheduler->mutex);
    return status;
}

omega_status om_scheduler_enable(struct om_scheduler *scheduler, const char *name, bool enabled)
{
    om_mutex_lock(&scheduler->mutex);
    struct om_schedule_entry *entry = find_locked(scheduler, name);
    if (entry != NULL) {
        entry->row.enabled = enabled;
        om_cond_signal(&scheduler->wake);
    }
    om_mutex_unlock(&scheduler->mutex);
    return entry != NULL ? OMEGA_OK : no_row(name);
}

omega_status om_scheduler_set_interval(struct om_scheduler *scheduler, const char *name,
                                       int64_t interval_ms)
{
    omega_status status = check_interval(name != NULL ? name : "", interval_ms);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_schedule_entry snapshot;
    om_mutex_lock(&scheduler->mutex);
    struct om_schedule_entry *entry = find_locked(scheduler, name);
    if (entry != NULL) {
        int64_t next_ns = om_mono_ns(scheduler->clock) + interval_ms * OM_NS_PER_MS;
        entry->row.interval_ms = interval_ms;
        entry->slot_ns = OM_MIN(entry->slot_ns, next_ns);
        entry->due_ns = OM_MIN(entry->due_ns, next_ns);
        snapshot = *entry;
        om_cond_signal(&scheduler->wake);
    }
    om_mutex_unlock(&scheduler->mutex);
    if (entry == NULL) {
        return no_row(name);
    }
    om_schedule_save(scheduler, &snapshot);
    return OMEGA_OK;
}

omega_status om_scheduler_cancel(struct om_scheduler *scheduler, const char *name)
{
    om_mutex_lock(&scheduler->mutex);
    const struct om_schedule_entry *entry = find_locked(scheduler, name);
    omega_status status = OMEGA_OK;
    if (entry == NULL) {
        status = no_row(name);
    } else if (scheduler->current == NULL || scheduler->current->entry != entry) {
        status = om_fail(OMEGA_ESTATE, "schedule row '%s' is not running", name);
    } else {
        ask_to_stop_locked(scheduler, OM_TASK_CANCEL);
    }
    om_mutex_unlock(&scheduler->mutex);
    return status;
}

/* ---- Status ------------------------------------------------------------------------------- */

static void fill_status(const struct om_scheduler *scheduler, const struct om_schedule_entry *entry,
                        struct om_schedule_status *out)
{
    memset(out, 0, sizeof(*out));
    out->name = entry->row.name;
    out->enabled = entry->row.enabled;
    out->running = entry->running;
    out->interval_ms = entry->row.interval_ms;
    out->last_start_wall_ms = entry->last_start_wall_ms;
    out->last_duration_ns = entry->last_duration_ns;
    out->last_result = entry->last_result;
    out->next_due_wall_ms =
        entry->row.enabled ? om_schedule_wall_ms(scheduler, entry->due_ns) : OMEGA_TIME_UNSET;
    out->runs = entry->runs;
    out->failures = entry->failures;
    out->skipped = entry->skipped;
    out->overruns = entry->overruns;
    out->cpu_delays = entry->cpu_delays;
    out->consecutive_failures = entry->consecutive_failures;
    memcpy(out->last_error, entry->last_error, sizeof(out->last_error));
}

omega_status om_scheduler_status(struct om_scheduler *scheduler, const char *name,
                                 struct om_schedule_status *out)
{
    om_mutex_lock(&scheduler->mutex);
    const struct om_schedule_entry *entry = find_locked(scheduler, name);
    if (entry != NULL) {
        fill_status(scheduler, entry, out);
    }
    om_mutex_unlock(&scheduler->mutex);
    return entry != NULL ? OMEGA_OK : no_row(name);
}

size_t om_scheduler_count(struct om_scheduler *scheduler)
{
    om_mutex_lock(&scheduler->mutex);
    size_t count = scheduler->count;
    om_mutex_unlock(&scheduler->mutex);
    return count;
}

omega_status om_scheduler_status_at(struct om_scheduler *scheduler, size_t index,
                                    struct om_schedule_status *out)
{
    om_mutex_lock(&scheduler->mutex);
    bool found = index < scheduler->count;
    if (found) {
        fill_status(scheduler, scheduler->entries[index], out);
    }
    om_mutex_unlock(&scheduler->mutex);
    return found ? OMEGA_OK : om_fail(OMEGA_ENOTFOUND, "the schedule has no row %zu", index);
}
