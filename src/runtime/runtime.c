/* runtime.c -- the handle: making it, its life, giving it back.
 *
 * What needs no disk is made once in omega_runtime_new and lives until omega_runtime_free, so that
 * health, metrics, events and state can be asked for in every state. The parts live from a start to
 * a stop. Lifecycle calls exclude each other by `control`; operations never take it. */
#include "runtime/runtime_int.h"

#include <stdlib.h>

enum { STOP_GRACE_MS = 1000 };

static omega_status take_config(omega_runtime *rt, const omega_config *given)
{
    omega_status status = om_config_require(given);
    if (status != OMEGA_OK) {
        return status;
    }
    om_config_take(&rt->config, given);
    status = om_options_check(&om_config_table, &rt->config);
    return status == OMEGA_OK ? om_config_data_dir(&rt->config, rt->data_dir) : status;
}

static omega_status make_supervisor(omega_runtime *rt)
{
    const struct om_supervisor_options options = {.alloc = &rt->alloc, .clock = rt->clock};
    omega_status status = om_supervisor_new(&options, &rt->supervisor);
    return status == OMEGA_OK ? om_parts_register(rt) : status;
}

/* Everything that needs no disk, in the order of who uses whom. */
static omega_status make_all(omega_runtime *rt)
{
    omega_status status = om_shared_bus_new(&rt->shared_bus);
    if (status == OMEGA_OK) {
        rt->bus = om_shared_bus_of(rt->shared_bus);
        status = om_metrics_new(&rt->alloc, &rt->metrics);
    }
    if (status == OMEGA_OK) {
        status = om_figures_register(rt);
    }
    if (status == OMEGA_OK) {
        status = om_health_new(&rt->alloc, rt->clock, &rt->health);
    }
    if (status == OMEGA_OK) {
        om_health_observe(rt->health, om_announce_health, rt);
        status = om_vitals_register(rt);
    }
    if (status == OMEGA_OK) {
        status = make_supervisor(rt);
    }
    if (status == OMEGA_OK) {
        status = om_cycles_new(rt, &rt->cycles);
    }
    if (status == OMEGA_OK) {
        status = om_workers_new(rt, &rt->workers);
    }
    if (status == OMEGA_OK) {
        status = om_lifecycle_observe(&rt->life, om_announce_transition, rt);
    }
    return status;
}

static void unmake_all(omega_runtime *rt)
{
    om_workers_free(rt->workers);
    om_cycles_free(rt->cycles);
    om_supervisor_free(rt->supervisor);
    om_health_free(rt->health);
    om_metrics_free(rt->metrics);
    if (rt->bus != NULL) {
        om_bus_close(rt->bus);
    }
    om_shared_bus_drop(rt->shared_bus);
    om_lifecycle_fini(&rt->life);
    om_cond_fini(&rt->gate_empty);
    om_mutex_fini(&rt->gate_mutex);
    om_uuid_source_fini(&rt->ids);
    om_mutex_fini(&rt->control);
    free(rt);
}

omega_status om_runtime_new_with(const struct om_runtime_options *options, omega_runtime **out)
{
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the runtime is NULL");
    }
    *out = NULL;
    omega_runtime *rt = (omega_runtime *)calloc(1, sizeof *rt);
    if (rt == NULL) {
        return om_nomem();
    }
    om_alloc_init(&rt->alloc, options->memory);
    rt->clock = options->clock != NULL ? options->clock : om_clock_system();
    rt->vfs = options->vfs;
    rt->manual_schedule = options->manual_schedule;
    rt->carry = options->carry;
    rt->fork_generation = om_os_fork_generation();
    rt->created_mono_ns = om_mono_ns(rt->clock);
    om_mutex_init(&rt->control, OM_RANK_RUNTIME);
    om_mutex_init(&rt->gate_mutex, OM_RANK_LEAF);
    om_cond_init(&rt->gate_empty);
    om_uuid_source_init(&rt->ids, rt->clock, 0);
    om_lifecycle_init(&rt->life, rt->clock);
    omega_status status = take_config(rt, options->config);
    if (status == OMEGA_OK) {
        status = make_all(rt);
    }
    if (status != OMEGA_OK) {
        unmake_all(rt);
        return status;
    }
    *out = rt;
    return OMEGA_OK;
}

omega_status omega_runtime_new(const omega_config *config, omega_runtime **out)
{
    const struct om_runtime_options options = {.config = config};
    return om_runtime_new_with(&options, out);
}

/* ---- The life ------------------------------------------------------------------------------- */

/* A failed runtime has stopped its parts already: only the state is left to bring back. */
static omega_status leave_failed(omega_runtime *rt)
{
    if (om_lifecycle_state(&rt->life) != OM_STATE_FAILED) {
        return OMEGA_OK;
    }
    omega_status status = om_lifecycle_apply(&rt->life, OM_INPUT_STOP, "starting again");
    return status == OMEGA_OK ? om_lifecycle_apply(&rt->life, OM_INPUT_STOPPED, "starting again")
                              : status;
}

static omega_status start_locked(omega_runtime *rt)
{
    omega_status status = leave_failed(rt);
    if (status == OMEGA_OK) {
        status = om_lifecycle_apply(&rt->life, OM_INPUT_START, "omega_runtime_start");
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_log_set_level((enum om_log_level)rt->config.runtime_log_level);
    atomic_store(&rt->draining, false);
    status = om_supervisor_start(rt->supervisor);
    if (status == OMEGA_OK) {
        om_vitals_begin(rt);
        return om_lifecycle_apply(&rt->life, OM_INPUT_STARTED, "all parts are up");
    }
    const struct om_error error = *om_error_last();
    omega_status failed = om_lifecycle_apply(&rt->life, OM_INPUT_FAIL, error.message);
    om_error_set(&error);
    return failed == OMEGA_OK ? status : failed;
}

omega_status omega_runtime_start(omega_runtime *rt)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->control);
    status = start_locked(rt);
    om_mutex_unlock(&rt->control);
    return status;
}

/* Everything that was written moves into the database. */
static omega_status settle(omega_runtime *rt)
{
    struct om_store_info info;
    om_store_info(rt->store, &info);
    if (info.read_only) {
        return OMEGA_OK;
    }
    omega_status status = om_memory_flush_access(rt->memory);
    if (status == OMEGA_OK) {
        status = om_store_checkpoint(rt->store, true, STOP_GRACE_MS);
    }
    /* A reader under way may hold the WAL's end: the directory is whole with it. */
    return status == OMEGA_EAGAIN ? OMEGA_OK : status;
}

static omega_status resume_locked(omega_runtime *rt, const char *cause)
{
    const omega_status status = om_lifecycle_apply(&rt->life, OM_INPUT_RESUME, cause);
    if (status == OMEGA_OK) {
        om_scheduler_resume(rt->scheduler);
    }
    return status;
}

static omega_status pause_locked(omega_runtime *rt)
{
    omega_status status = om_lifecycle_apply(&rt->life, OM_INPUT_PAUSE, "omega_runtime_pause");
    if (status != OMEGA_OK) {
        return status;
    }
    /* The loops first: a cycle under way counts as writing and is asked to end here. */
    status = om_scheduler_pause(rt->scheduler, -1);
    om_gate_drain(rt, &rt->writing, INT32_MAX);
    if (status == OMEGA_OK) {
        status = settle(rt);
    }
    if (status != OMEGA_OK) {
        const struct om_error error = *om_error_last();
        const omega_status resumed = resume_locked(rt, error.message);
        om_error_set(&error);
        return resumed == OMEGA_OK ? status : resumed;
    }
    return OMEGA_OK;
}

omega_status omega_runtime_pause(omega_runtime *rt)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->control);
    status = pause_locked(rt);
    om_mutex_unlock(&rt->control);
    return status;
}

omega_status omega_runtime_resume(omega_runtime *rt)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->control);
    status = resume_locked(rt, "omega_runtime_resume");
    om_mutex_unlock(&rt->control);
    return status;
}

/* Lets everything inside the parts come out; false when some of it had to be cancelled. Cycles that
 * the scheduler began are asked to end at once: they are due again after the next start. */
static bool end_operations(omega_runtime *rt, uint32_t deadline_ms)
{
    const struct om_clock *real = om_clock_system();
    const int64_t end_ns = om_mono_ns(real) + (int64_t)deadline_ms * 1000000;
    const omega_status paused = om_scheduler_pause(rt->scheduler, deadline_ms);
    const int64_t left_ms = OM_MAX((end_ns - om_mono_ns(real)) / 1000000, 0);
    const bool in_time = om_gate_drain(rt, &rt->inside, left_ms) && paused == OMEGA_OK;
    atomic_store(&rt->draining, true);
    om_workers_stop(rt->workers);
    /* What was asked to end cannot be left behind: it works on the parts. */
    om_gate_drain(rt, &rt->inside, INT32_MAX);
    return in_time;
}

static omega_status stop_locked(omega_runtime *rt, uint32_t deadline_ms)
{
    const bool parts_are_up = om_lifecycle_state(&rt->life) != OM_STATE_FAILED;
    omega_status status = om_lifecycle_apply(&rt->life, OM_INPUT_STOP, "omega_runtime_stop");
    if (status != OMEGA_OK) {
        return status;
    }
    const bool in_time = !parts_are_up || end_operations(rt, deadline_ms);
    if (parts_are_up) {
        status = om_supervisor_stop(rt->supervisor, -1);
    }
    const omega_status applied = om_lifecycle_apply(&rt->life, OM_INPUT_STOPPED, "all parts ended");
    om_workers_stopped(rt->workers);
    if (status != OMEGA_OK || applied != OMEGA_OK) {
        return status != OMEGA_OK ? status : applied;
    }
    return in_time ? OMEGA_OK
                   : om_fail(OMEGA_ETIMEDOUT,
                             "operations were cancelled: they did not end within "
                             "%u ms",
                             deadline_ms);
}

omega_status omega_runtime_stop(omega_runtime *rt, uint32_t deadline_ms)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->control);
    status = stop_locked(rt, deadline_ms);
    om_mutex_unlock(&rt->control);
    return status;
}

void omega_runtime_free(omega_runtime *rt)
{
    if (rt == NULL || om_is_forked(rt)) {
        return; /* in a child: files, threads and locks are the parent's */
    }
    const enum om_state state = om_lifecycle_state(&rt->life);
    if (state == OM_STATE_RUNNING || state == OM_STATE_PAUSED) {
        (void)omega_runtime_stop(rt, STOP_GRACE_MS);
    }
    unmake_all(rt);
}

/* ---- Looking at it -------------------------------------------------------------------------- */

const char *omega_state_name(omega_state state)
{
    return om_state_name((enum om_state)state);
}

omega_state omega_runtime_state(const omega_runtime *rt)
{
    return rt != NULL ? (omega_state)om_lifecycle_state(&rt->life) : OMEGA_STATE_CREATED;
}

void omega_runtime_config(const omega_runtime *rt, omega_config *out)
{
    if (rt == NULL || out == NULL) {
        return;
    }
    const uint32_t size = out->struct_size;
    memcpy(out, &rt->config, OM_MIN((size_t)size, sizeof rt->config));
    out->struct_size = size;
}

size_t om_runtime_run_due(omega_runtime *rt)
{
    return om_scheduler_run_due(rt->scheduler);
}

size_t om_runtime_live_blocks(const omega_runtime *rt)
{
    return atomic_load(&rt->alloc.live_count);
}
