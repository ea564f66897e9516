/* scheduler_run.c -- when a row is due, and one run of it.
 *
 * Every row keeps a grid point (slot) and a due time. The slot moves in whole intervals, so a row
 * that runs for a year has not drifted; the due time is the slot plus jitter, or later when a
 * backoff or the CPU share says so. Only the slot is stored: jitter does not add up over restarts,
 * and what was interrupted (slot in the past) is due at once after them.
 *
 * The whole plan is made when a run ends (plan_next), in one place, from {begin, end, result}.
 * Overflow: times are at most 100 years (3.2e18 ns) from a monotonic now of hours to months; sums
 * of two such spans fit, products are clamped before they are made. */
#include "resilience/scheduler_int.h"

/* The scheduler whose run is on this thread, so that pause and stop know not to wait for
 * themselves. */
static _Thread_local const struct om_scheduler *running_here;

bool om_schedule_inside(const struct om_scheduler *scheduler)
{
    return running_here == scheduler;
}

int64_t om_schedule_wall_ms(const struct om_scheduler *scheduler, int64_t mono_ns)
{
    int64_t ahead_ns = mono_ns - om_mono_ns(scheduler->clock);
    return om_wall_ms(scheduler->clock) + ahead_ns / OM_NS_PER_MS;
}

static int64_t interval_ns(const struct om_schedule_entry *entry)
{
    return entry->row.interval_ms * OM_NS_PER_MS;
}

/* 0 .. jitter_percent of the interval. */
static int64_t draw_jitter(struct om_scheduler *scheduler, const struct om_schedule_entry *entry)
{
    int64_t span_ns = entry->row.interval_ms * entry->row.jitter_percent / 100 * OM_NS_PER_MS;
    return span_ns > 0 ? (int64_t)om_rng_below(&scheduler->rng, (uint64_t)span_ns) : 0;
}

void om_schedule_first_due(struct om_scheduler *scheduler, struct om_schedule_entry *entry,
                           int64_t due_ms)
{
    int64_t now_ns = om_mono_ns(scheduler->clock);
    int64_t ahead_ms = entry->row.run_at_start ? 0 : entry->row.interval_ms;
    if (due_ms != OMEGA_TIME_UNSET) {
        /* A wall clock that was stepped back must not put the row off by more than its interval;
         * one stepped forward costs one early run. */
        double difference = (double)due_ms - (double)om_wall_ms(scheduler->clock);
        difference = OM_MIN(difference, (double)entry->row.interval_ms);
        difference = OM_MAX(difference, -(double)OM_SCHEDULE_INTERVAL_MAX_MS);
        ahead_ms = (int64_t)difference;
    }
    entry->slot_ns = now_ns + ahead_ms * OM_NS_PER_MS;
    entry->due_ns = entry->slot_ns;
    if (ahead_ms > 0) {
        entry->due_ns += draw_jitter(scheduler, entry);
    }
}

/* ---- The token ---------------------------------------------------------------------------- */

omega_status om_task_stop_status(const struct om_task *task)
{
    /* Relaxed: a hint that publishes nothing. */
    if (atomic_load_explicit(&task->stop, memory_order_relaxed) != OM_TASK_GO) {
        return OMEGA_ECANCELLED;
    }
    if (task->deadline_ns != INT64_MAX && om_mono_ns(task->scheduler->clock) >= task->deadline_ns) {
        return OMEGA_ETIMEDOUT;
    }
    return OMEGA_OK;
}

bool om_task_should_stop(const struct om_task *task)
{
    return om_task_stop_status(task) != OMEGA_OK;
}

int64_t om_task_deadline_ns(const struct om_task *task)
{
    return task->deadline_ns;
}

void om_task_again(struct om_task *task, int64_t delay_ms)
{
    task->again_ms = OM_MIN(OM_MAX(delay_ms, INT64_C(1)), OM_SCHEDULE_INTERVAL_MAX_MS);
}

int64_t om_task_due_wall_ms(const struct om_task *task)
{
    return task->due_wall_ms;
}

int64_t om_task_start_wall_ms(const struct om_task *task)
{
    return task->start_wall_ms;
}

/* ---- The plan ----------------------------------------------------------------------------- */

struct run {
    int64_t begin_ns;
    int64_t end_ns;
    omega_status result;
    enum om_task_stop stop;
    int64_t again_ms;
};

/* retry_base * 2^(failures-1), at most retry_cap. */
static int64_t backoff_ms(const struct om_schedule_entry *entry)
{
    const struct om_schedule_row *row = &entry->row;
    const int64_t hour_ms = 3600000;
    int64_t cap = row->retry_cap_ms > 0 ? row->retry_cap_ms : OM_MAX(row->interval_ms, hour_ms);
    int64_t wait = row->retry_base_ms > 0 ? row->retry_base_ms : row->interval_ms;
    for (uint32_t i = 1; i < entry->consecutive_failures && wait < cap; i++) {
        wait = wait > cap / 2 ? cap : wait * 2;
    }
    return OM_MIN(wait, cap);
}

/* Moves the slot to the grid point of the next regular run. */
static void advance_slot(struct om_schedule_entry *entry, const struct run *run)
{
    int64_t interval = interval_ns(entry);
    if (entry->slot_ns > run->end_ns) {
        return; /* an extra run, asked for: the regular one is still to come */
    }
    int64_t steps = (run->end_ns - entry->slot_ns) / interval + 1;
    if (steps > 1 && entry->slot_ns + steps * interval - run->begin_ns < interval / 2) {
        steps++;
    }
    entry->skipped += (uint64_t)(steps - 1);
    entry->slot_ns += steps * interval;
}

/* Puts the next run off until this one is within its CPU share. */
static void apply_share(struct om_schedule_entry *entry, const struct run *run)
{
    int64_t share = entry->row.cpu_share_percent;
    if (share == 0 || share >= 100) {
        return;
    }
    int64_t used_ns = OM_MIN(run->end_ns - run->begin_ns, INT64_MAX / 1000);
    int64_t earliest_ns = run->end_ns + used_ns * (100 - share) / share;
    if (entry->due_ns < earliest_ns) {
        entry->due_ns = earliest_ns;
        entry->cpu_delays++;
    }
}

static void plan_next(struct om_scheduler *scheduler, struct om_schedule_entry *entry,
                      const struct run *run)
{
    bool halted = run->result == OMEGA_ECANCELLED && run->stop == OM_TASK_HALT;
    if (halted) {
        entry->due_ns = run->end_ns; /* was not done: still due */
        entry->slot_ns = OM_MIN(entry->slot_ns, run->end_ns);
    } else if (entry->consecutive_failures > 0) {
        entry->slot_ns = run->end_ns + backoff_ms(entry) * OM_NS_PER_MS;
        entry->due_ns = entry->slot_ns;
    } else if (run->again_ms >= 0 && run->result == OMEGA_OK) {
        entry->due_ns = run->end_ns + run->again_ms * OM_NS_PER_MS;
    } else {
        advance_slot(entry, run);
        entry->due_ns = entry->slot_ns + draw_jitter(scheduler, entry);
    }
    apply_share(entry, run);
}

/* ---- A run -------------------------------------------------------------------------------- */

static bool is_failure(const struct run *run)
{
    return run->result != OMEGA_OK && !(run->result == OMEGA_ECANCELLED && run->stop != OM_TASK_GO);
}

static void account_locked(struct om_schedule_entry *entry, const struct run *run,
                           const struct om_task *task, const struct om_error *error)
{
    entry->runs++;
    entry->last_start_wall_ms = task->start_wall_ms;
    entry->last_duration_ns = run->end_ns - run->begin_ns;
    entry->last_result = run->result;
    entry->overruns += run->end_ns > task->deadline_ns;
    if (!is_failure(run)) {
        entry->consecutive_failures = 0;
        return;
    }
    entry->failures++;
    entry->consecutive_failures += entry->consecutive_failures < UINT32_MAX;
    const char *text = error->message[0] != '\0' ? error->message : omega_status_text(run->result);
    omega_str clipped = om_utf8_clip(omega_str_of(text), sizeof(entry->last_error) - 1);
    memcpy(entry->last_error, clipped.ptr, clipped.len);
    entry->last_error[clipped.len] = '\0';
}

static bool save_slot(const struct om_scheduler *scheduler, const struct om_schedule_entry *entry)
{
    const struct om_schedule_store *store = scheduler->store;
    if (!entry->row.persistent || store == NULL) {
        return true;
    }
    int64_t due_ms = om_schedule_wall_ms(scheduler, entry->slot_ns);
    return store->save(store->context, entry->row.name, due_ms, entry->last_start_wall_ms) ==
           OMEGA_OK;
}

static void tell(const struct om_scheduler *scheduler, struct om_schedule_run *report)
{
    if (scheduler->observer != NULL) {
        scheduler->observer(scheduler->observer_context, report);
    }
}

void om_schedule_save(struct om_scheduler *scheduler, const struct om_schedule_entry *entry)
{
    om_error_clear();
    if (!save_slot(scheduler, entry)) {
        struct om_error error = *om_error_last();
        struct om_schedule_run report = {
            .name = entry->row.name,
            .start_wall_ms = om_wall_ms(scheduler->clock),
            .duration_ns = -1,
            .next_due_wall_ms = om_schedule_wall_ms(scheduler, entry->due_ns),
            .error = &error,
        };
        tell(scheduler, &report);
    }
}

/* Saves and tells what has just run; under no lock. `snapshot` is a copy of the entry. */
static void finish_run(const struct om_scheduler *scheduler,
                       const struct om_schedule_entry *snapshot, const struct run *run,
                       struct om_error *error)
{
    bool failed = is_failure(run);
    if (!failed) {
        om_error_clear();
    }
    bool saved = save_slot(scheduler, snapshot);
    if (!failed && !saved) {
        *error = *om_error_last();
    }
    struct om_schedule_run report = {
        .name = snapshot->row.name,
        .result = run->result,
        .start_wall_ms = snapshot->last_start_wall_ms,
        .duration_ns = run->end_ns - run->begin_ns,
        .consecutive_failures = snapshot->consecutive_failures,
        .next_due_wall_ms = om_schedule_wall_ms(scheduler, snapshot->due_ns),
        .error = failed || !saved ? error : NULL,
    };
    tell(scheduler, &report);
}

void om_schedule_run_locked(struct om_scheduler *scheduler, struct om_schedule_entry *entry)
{
    struct run run = {.begin_ns = om_mono_ns(scheduler->clock)};
    const struct om_schedule_row row = entry->row;
    struct om_task task = {
        .scheduler = scheduler,
        .entry = entry,
        .deadline_ns =
            row.deadline_ms > 0 ? run.begin_ns + row.deadline_ms * OM_NS_PER_MS : INT64_MAX,
        .due_wall_ms = om_schedule_wall_ms(scheduler, entry->due_ns),
        .start_wall_ms = om_wall_ms(scheduler->clock),
        .again_ms = -1,
    };
    entry->running = true;
    scheduler->current = &task;
    om_mutex_unlock(&scheduler->mutex);

    const struct om_scheduler *outer = running_here;
    running_here = scheduler;
    om_error_clear();
    run.result = row.run(row.context, &task);
    struct om_error error = *om_error_last();

    om_mutex_lock(&scheduler->mutex);
    run.end_ns = om_mono_ns(scheduler->clock);
    run.stop = (enum om_task_stop)atomic_load_explicit(&task.stop, memory_order_relaxed);
    run.again_ms = task.again_ms;
    account_locked(entry, &run, &task, &error);
    plan_next(scheduler, entry, &run);
    const struct om_schedule_entry snapshot = *entry;
    om_mutex_unlock(&scheduler->mutex);

    finish_run(scheduler, &snapshot, &run, &error);
    running_here = outer;

    /* Only now: who waits for the run to end also waits for its due time to be saved. */
    om_mutex_lock(&scheduler->mutex);
    if (entry->triggered) { /* while it ran: due again, whatever the plan */
        entry->triggered = false;
        entry->due_ns = OM_MIN(entry->due_ns, run.end_ns);
    }
    entry->running = false;
    scheduler->current = NULL;
    om_cond_broadcast(&scheduler->idle);
}

struct om_schedule_entry *om_schedule_pick_locked(struct om_scheduler *scheduler, int64_t by_ns,
                                                  int64_t *next_ns)
{
    struct om_schedule_entry *best = NULL;
    for (size_t i = 0; i < scheduler->count; i++) {
        struct om_schedule_entry *entry = scheduler->entries[i];
        bool allowed = entry->row.enabled && (!scheduler->paused || entry->row.while_paused);
        if (allowed && !entry->running && (best == NULL || entry->due_ns < best->due_ns)) {
            best = entry;
        }
    }
    *next_ns = best != NULL ? best->due_ns : INT64_MAX;
    return best != NULL && best->due_ns <= by_ns ? best : NULL;
}
