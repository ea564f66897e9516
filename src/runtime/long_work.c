/* long_work.c -- long operations: a stored row with state, phase, progress; cancel; what was
 * running when an owner died is found again as interrupted.
 *
 * The row is written at the beginning, at most once a second while it goes on, and at the end. The
 * table of what runs now (at most LONG_MAX at a time) carries the cancel flags. */
#include "runtime/long_work_int.h"

#include <stdio.h>

static const int64_t save_every_ns = 1000000000;

const char *omega_operation_state_name(omega_operation_state state)
{
    static const char *const names[] = {"running", "done", "failed", "cancelled", "interrupted"};
    return (unsigned)state < OM_COUNT_OF(names) ? names[state] : "?";
}

/* A store that may only be read keeps no row: looking at it, copying and exporting it go on. */
static omega_status keep(struct om_long *work, omega_operation_state state, const char *error)
{
    const struct om_error before = *om_error_last();
    const struct om_operation_row row = {
        .id = work->id,
        .name = omega_str_of(work->name),
        .subject = omega_str_of(work->subject),
        .phase = omega_str_of(work->phase),
        .error = error != NULL ? omega_str_of(error) : (omega_str){NULL, 0},
        .state = (int64_t)state,
        .done = work->done,
        .total = work->total,
        .started = work->started_ms,
    };
    work->saved_ns = om_mono_ns(work->rt->clock);
    const omega_status status = om_operation_keep(work->rt, &row);
    if (status == OMEGA_EREADONLY) {
        om_error_set(&before);
        return OMEGA_OK;
    }
    return status;
}

omega_status om_long_begin(struct om_long *work, omega_runtime *rt, const char *name,
                           const char *subject)
{
    *work = (struct om_long){.rt = rt, .name = name, .phase = "starting"};
    work->id = om_uuid_new(&rt->ids);
    work->started_ms = om_wall_ms(rt->clock);
    work->started_ns = om_mono_ns(rt->clock);
    snprintf(work->subject, sizeof work->subject, "%s", subject != NULL ? subject : "");
    omega_status status = OMEGA_OK;
    om_mutex_lock(&rt->gate_mutex);
    size_t free_place = OM_LONG_MAX;
    for (size_t i = 0; i < OM_LONG_MAX; i++) {
        free_place = rt->long_work[i] == NULL && free_place == OM_LONG_MAX ? i : free_place;
    }
    if (free_place == OM_LONG_MAX) {
        status =
            om_fail(OMEGA_EAGAIN, "%d long operations are under way: the bound", (int)OM_LONG_MAX);
    } else {
        rt->long_work[free_place] = work;
    }
    om_mutex_unlock(&rt->gate_mutex);
    if (status == OMEGA_OK) {
        status = keep(work, OMEGA_OPERATION_RUNNING, NULL);
        if (status != OMEGA_OK) {
            om_long_end(work, status);
        }
    }
    return status;
}

bool om_long_go_on(struct om_long *work, const char *phase, uint64_t done, uint64_t total)
{
    if (atomic_load(&work->cancelled) || atomic_load(&work->rt->draining) ||
        om_submitted_should_stop()) {
        return false;
    }
    work->phase = phase;
    work->done = done;
    work->total = total;
    if (om_mono_ns(work->rt->clock) - work->saved_ns >= save_every_ns) {
        /* A progress that cannot be kept does not end the work that it tells of. */
        (void)keep(work, OMEGA_OPERATION_RUNNING, NULL);
    }
    return true;
}

omega_status om_long_end(struct om_long *work, omega_status status)
{
    omega_runtime *rt = work->rt;
    const struct om_error error = *om_error_last();
    om_mutex_lock(&rt->gate_mutex);
    for (size_t i = 0; i < OM_LONG_MAX; i++) {
        if (rt->long_work[i] == work) {
            rt->long_work[i] = NULL;
        }
    }
    om_mutex_unlock(&rt->gate_mutex);
    const omega_operation_state state = status == OMEGA_OK           ? OMEGA_OPERATION_DONE
                                        : status == OMEGA_ECANCELLED ? OMEGA_OPERATION_CANCELLED
                                                                     : OMEGA_OPERATION_FAILED;
    if (status == OMEGA_OK) {
        return keep(work, state, NULL);
    }
    (void)keep(work, state, error.message); /* the failure itself is what is told */
    om_error_set(&error);
    return status;
}

omega_status omega_operation_cancel(omega_runtime *rt, const char *id)
{
    struct om_uuid wanted;
    omega_status status = om_gate_enter(rt, OM_OP_READ, "cancel");
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_uuid_parse(omega_str_of(id), &wanted);
    if (status == OMEGA_OK) {
        bool found = false;
        om_mutex_lock(&rt->gate_mutex);
        for (size_t i = 0; i < OM_LONG_MAX; i++) {
            if (rt->long_work[i] != NULL && om_uuid_eq(rt->long_work[i]->id, wanted)) {
                atomic_store(&rt->long_work[i]->cancelled, true);
                found = true;
            }
        }
        om_mutex_unlock(&rt->gate_mutex);
        status = found ? OMEGA_OK : om_fail(OMEGA_ENOTFOUND, "no long operation '%s' runs", id);
    }
    om_gate_leave(rt, OM_OP_READ);
    return status;
}

struct listing {
    omega_operation_info *out;
    size_t capacity, count;
};

static void copy_text(char *out, size_t size, omega_str text)
{
    snprintf(out, size, "%.*s", OM_STR_ARG(om_utf8_clip(text, size - 1)));
}

static void list_one(void *context, const struct om_operation_row *row)
{
    struct listing *list = (struct listing *)context;
    if (list->count >= list->capacity) {
        return;
    }
    omega_operation_info *info = &list->out[list->count++];
    *info = (omega_operation_info){
        .struct_size = sizeof *info,
        .state = (omega_operation_state)row->state,
        .id = om_uuid_text(row->id),
        .done = row->done,
        .total = row->total,
        .started_ms = row->started,
        .updated_ms = row->updated,
    };
    const int64_t elapsed_ms = row->updated - row->started;
    info->rate_per_s = elapsed_ms > 0 ? (double)row->done * 1000.0 / (double)elapsed_ms : 0.0;
    copy_text(info->name, sizeof info->name, row->name);
    copy_text(info->phase, sizeof info->phase, row->phase);
    copy_text(info->subject, sizeof info->subject, row->subject);
    copy_text(info->error, sizeof info->error, row->error);
}

omega_status omega_operation_list(omega_runtime *rt, omega_operation_info *out, size_t capacity,
                                  size_t *count)
{
    omega_status status = om_gate_enter(rt, OM_OP_READ, "operation_list");
    if (status != OMEGA_OK) {
        return status;
    }
    if (count == NULL || (out == NULL && capacity > 0)) {
        om_gate_leave(rt, OM_OP_READ);
        return om_fail(OMEGA_EINVAL, "a place for the operations and their count is needed");
    }
    struct listing list = {out, OM_MIN(capacity, (size_t)OM_LIMIT_LIST), 0};
    status = om_operations_each(rt, list.capacity, list_one, &list);
    if (status == OMEGA_OK) {
        *count = list.count;
    }
    om_gate_leave(rt, OM_OP_READ);
    return status;
}
