/* cycles.c -- the cycle contract: {data, context, objectives} in, {results, insights, actions,
 * metrics before and after, next_objectives} out, for every loop of the table.
 *
 * A cycle comes from the scheduler (then a loop without work is only counted) or from a caller
 * (then it always runs). One cycle of a loop at a time: a mutex for each. What a cycle did is kept
 * as a row and told by LoopCycleStarted and LoopCycleCompleted. */
#include "runtime/cycle_int.h"

#include <stdio.h>

enum { LOOPS = 3, CYCLE_JSON_MAX = 1 << 20, RANK_CYCLE = OM_RANK_OPERATIONS };

static const struct om_loop *const loops[LOOPS] = {&om_loop_retention, &om_loop_checkpoint,
                                                   &om_loop_erasure};

struct om_cycle_table {
    omega_runtime *rt;
    struct loop_row {
        omega_runtime *rt;
        const struct om_loop *loop;
        struct om_mutex mutex; /* one cycle at a time */
    } rows[LOOPS];
};

struct omega_cycle_output {
    struct om_alloc *alloc;
    char *json;
    size_t len;
};

omega_status om_cycles_new(omega_runtime *rt, struct om_cycle_table **out)
{
    struct om_cycle_table *cycles = (struct om_cycle_table *)om_get0(&rt->alloc, 1, sizeof *cycles);
    if (cycles == NULL) {
        return om_nomem();
    }
    cycles->rt = rt;
    for (size_t i = 0; i < LOOPS; i++) {
        cycles->rows[i].rt = rt;
        cycles->rows[i].loop = loops[i];
        om_mutex_init(&cycles->rows[i].mutex, RANK_CYCLE);
    }
    *out = cycles;
    return OMEGA_OK;
}

void om_cycles_free(struct om_cycle_table *cycles)
{
    if (cycles == NULL) {
        return;
    }
    for (size_t i = 0; i < LOOPS; i++) {
        om_mutex_fini(&cycles->rows[i].mutex);
    }
    om_put(&cycles->rt->alloc, cycles);
}

bool om_cycle_should_stop(const struct om_cycle *cycle)
{
    return atomic_load(&cycle->rt->draining) || om_submitted_should_stop() ||
           (cycle->task != NULL && om_task_should_stop(cycle->task));
}

/* ---- One cycle ------------------------------------------------------------------------------ */

/* The parts of the output that are written while the cycle runs. */
struct parts {
    struct om_buf results, actions, next, before, after;
};

static omega_status parts_status(const struct parts *parts, const struct om_buf *whole)
{
    const struct om_buf *const all[] = {&parts->results, &parts->actions, &parts->next,
                                        &parts->before,  &parts->after,   whole};
    for (size_t i = 0; i < OM_COUNT_OF(all); i++) {
        if (all[i]->status != OMEGA_OK) {
            return all[i]->status == OMEGA_ENOMEM
                       ? om_nomem()
                       : om_fail(all[i]->status, "the result of the cycle does not fit");
        }
    }
    return OMEGA_OK;
}

static void init_parts(struct parts *parts, struct om_alloc *alloc)
{
    struct om_buf *const all[] = {&parts->results, &parts->actions, &parts->next, &parts->before,
                                  &parts->after};
    for (size_t i = 0; i < OM_COUNT_OF(all); i++) {
        om_buf_init(all[i], alloc, CYCLE_JSON_MAX);
    }
}

static void fini_parts(struct parts *parts)
{
    struct om_buf *const all[] = {&parts->results, &parts->actions, &parts->next, &parts->before,
                                  &parts->after};
    for (size_t i = 0; i < OM_COUNT_OF(all); i++) {
        om_buf_fini(all[i]);
    }
}

static void begin_part(struct om_json_out *out, struct om_buf *buf, char bracket)
{
    om_json_out_init(out, buf);
    om_json_open(out, NULL, bracket);
}

static void measure(const struct om_loop *loop, omega_runtime *rt, struct om_buf *buf)
{
    struct om_json_out out;
    begin_part(&out, buf, '{');
    loop->measure(rt, &out);
    om_json_close(&out, '}');
}

static omega_status run_loop(const struct om_loop *loop, struct om_cycle *cycle,
                             struct parts *parts)
{
    measure(loop, cycle->rt, &parts->before);
    begin_part(&cycle->results, &parts->results, '{');
    begin_part(&cycle->actions, &parts->actions, '[');
    begin_part(&cycle->next, &parts->next, '[');
    const omega_status status = loop->run(cycle);
    om_json_close(&cycle->results, '}');
    om_json_close(&cycle->actions, ']');
    om_json_close(&cycle->next, ']');
    measure(loop, cycle->rt, &parts->after);
    return status;
}

struct outcome {
    const struct om_loop *loop;
    omega_id id;
    omega_status status;
    int64_t duration_ns;
    omega_str context;
};

static void write_outcome(struct om_buf *buf, const struct outcome *outcome,
                          const struct parts *parts)
{
    struct om_json_out out;
    om_json_out_init(&out, buf);
    om_json_open(&out, NULL, '{');
    om_json_put_text(&out, "cycle_id", outcome->id.text);
    om_json_put_text(&out, "loop", outcome->loop->name);
    om_json_put_bool(&out, "success", outcome->status == OMEGA_OK);
    if (outcome->status != OMEGA_OK) {
        om_json_put_text(&out, "error", om_error_last()->message);
    }
    om_json_put_str(&out, "context", outcome->context);
    om_json_put_raw(&out, "results", om_buf_str(&parts->results));
    om_json_open(&out, "insights", '[');
    om_json_close(&out, ']');
    om_json_put_raw(&out, "actions", om_buf_str(&parts->actions));
    om_json_open(&out, "metrics", '{');
    om_json_put_raw(&out, "before", om_buf_str(&parts->before));
    om_json_put_raw(&out, "after", om_buf_str(&parts->after));
    om_json_close(&out, '}');
    om_json_put_raw(&out, "next_objectives", om_buf_str(&parts->next));
    om_json_put_i64(&out, "duration_us", outcome->duration_ns / 1000);
    om_json_close(&out, '}');
}

static void tell(omega_runtime *rt, omega_event_type type, const struct outcome *outcome)
{
    omega_event event = {.type = type};
    event.u.loop_cycle.cycle_id = outcome->id;
    event.u.loop_cycle.loop_type = outcome->loop->loop;
    event.u.loop_cycle.success = outcome->status == OMEGA_OK;
    om_announce(rt, type, &event.u, sizeof event.u);
}

static omega_status hand_over(omega_runtime *rt, struct om_buf *json, omega_cycle_output **out)
{
    omega_cycle_output *output = (omega_cycle_output *)om_get0(&rt->alloc, 1, sizeof *output);
    if (output == NULL) {
        return om_nomem();
    }
    output->alloc = &rt->alloc;
    const omega_status status = om_buf_take(json, &output->json, &output->len);
    if (status != OMEGA_OK) {
        om_put(&rt->alloc, output);
        return status;
    }
    *out = output;
    return OMEGA_OK;
}

/* The row of a cycle. A cycle's own failure is what is told, whether or not its row could be
 * kept. */
static omega_status keep_row(omega_runtime *rt, const struct om_loop *loop, struct om_uuid id,
                             omega_status status, omega_str json)
{
    if (loop->keeps_no_row) {
        return status;
    }
    const struct om_error error = *om_error_last();
    const omega_status kept = om_cycle_keep(rt, id, loop->loop, status == OMEGA_OK, json);
    if (status == OMEGA_OK) {
        return kept;
    }
    om_error_set(&error);
    return status;
}

static omega_status execute_locked(const struct loop_row *row, struct om_cycle *cycle,
                                   omega_cycle_output **out)
{
    omega_runtime *rt = cycle->rt;
    const struct om_uuid id = om_uuid_new(&rt->ids);
    struct outcome outcome = {.loop = row->loop, .id = om_uuid_text(id)};
    struct parts parts;
    struct om_buf json;
    outcome.context = cycle->input != NULL ? cycle->input->context : (omega_str){NULL, 0};
    init_parts(&parts, &rt->alloc);
    om_buf_init(&json, &rt->alloc, CYCLE_JSON_MAX);
    tell(rt, OMEGA_EVENT_LOOP_CYCLE_STARTED, &outcome);
    const int64_t start = om_mono_ns(rt->clock);
    outcome.status = run_loop(row->loop, cycle, &parts);
    outcome.duration_ns = om_mono_ns(rt->clock) - start;
    write_outcome(&json, &outcome, &parts);
    omega_status status = outcome.status;
    if (status == OMEGA_OK) {
        status = parts_status(&parts, &json);
    }
    status = keep_row(rt, row->loop, id, status, om_buf_str(&json));
    if (status == OMEGA_OK && out != NULL) {
        status = hand_over(rt, &json, out);
    }
    outcome.status = status;
    om_figures_cycle(rt, row->loop->loop, status == OMEGA_OK, false);
    tell(rt, OMEGA_EVENT_LOOP_CYCLE_COMPLETED, &outcome);
    om_buf_fini(&json);
    fini_parts(&parts);
    return status;
}

static struct loop_row *find_loop(omega_runtime *rt, omega_loop loop)
{
    for (size_t i = 0; i < LOOPS; i++) {
        if (loops[i]->loop == loop) {
            return &rt->cycles->rows[i];
        }
    }
    return NULL;
}

static omega_status check_input(omega_runtime *rt, const struct om_loop *loop,
                                const omega_cycle_input *input)
{
    struct om_json_doc *doc = NULL;
    if (input == NULL) {
        return OMEGA_OK;
    }
    if (input->struct_size < sizeof *input) {
        return om_fail(OMEGA_EINVAL, "the cycle's input was not initialised");
    }
    if (input->context.len > OM_LIMIT_METADATA || !om_utf8_valid(input->context)) {
        return om_fail(OMEGA_EINVAL, "the cycle's context must be UTF-8 of at most %d bytes",
                       (int)OM_LIMIT_METADATA);
    }
    if (input->objective_count > 0) {
        return om_fail(OMEGA_EINVAL, "the loop '%s' knows no objectives", loop->name);
    }
    if (!om_str_given(input->data)) {
        return OMEGA_OK;
    }
    if (input->data.len > OM_LIMIT_CONTENT) {
        return om_fail(OMEGA_ELIMIT, "the cycle's data has %zu bytes: at most %d are allowed",
                       input->data.len, (int)OM_LIMIT_CONTENT);
    }
    omega_status status = om_json_parse(&rt->alloc, input->data, NULL, &doc);
    if (status == OMEGA_OK && om_json_type_of(om_json_root(doc)) != OM_JSON_OBJECT) {
        status = om_fail(OMEGA_EINVAL, "the cycle's data must be a JSON object");
    }
    om_json_free(doc);
    return status;
}

omega_status om_cycle_execute(omega_runtime *rt, omega_loop loop, const omega_cycle_input *input,
                              struct om_task *task, omega_cycle_output **out)
{
    struct loop_row *row = find_loop(rt, loop);
    if (row == NULL) {
        return om_fail(OMEGA_EUNSUPPORTED,
                       "this library has no loop '%s': retention, checkpoint, erasure are there",
                       omega_loop_name(loop));
    }
    omega_status status = check_input(rt, row->loop, input);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_cycle cycle = {.rt = rt, .input = input, .task = task};
    om_mutex_lock(&row->mutex);
    status = execute_locked(row, &cycle, out);
    om_mutex_unlock(&row->mutex);
    return status;
}

/* ---- By themselves -------------------------------------------------------------------------- */

static omega_status run_scheduled(void *context, struct om_task *task)
{
    const struct loop_row *row = (const struct loop_row *)context;
    omega_runtime *rt = row->rt;
    if (om_gate_enter(rt, OM_OP_WRITE, row->loop->name) != OMEGA_OK) {
        return OMEGA_ECANCELLED; /* paused or ending: due again later */
    }
    omega_status status = OMEGA_OK;
    const struct om_cycle asked = {.rt = rt, .task = task};
    if (row->loop->wants(&asked)) {
        status = om_cycle_execute(rt, row->loop->loop, NULL, task, NULL);
        if (status != OMEGA_OK && status != OMEGA_ECANCELLED) {
            const struct om_error error = *om_error_last();
            om_announce_error(rt, row->loop->name, error.message);
            om_error_set(&error);
        }
    } else {
        om_figures_cycle(rt, row->loop->loop, true, true);
    }
    om_gate_leave(rt, OM_OP_WRITE);
    return status;
}

static omega_status run_health(void *context, struct om_task *task)
{
    omega_runtime *rt = (omega_runtime *)context;
    if (om_gate_enter(rt, OM_OP_READ, "health") == OMEGA_OK) {
        const int64_t next_ns = om_health_run_due(rt->health);
        const int64_t wait_ms = (next_ns - om_mono_ns(rt->clock)) / 1000000;
        om_task_again(task, OM_MAX(wait_ms, 1));
        om_gate_leave(rt, OM_OP_READ);
    }
    return OMEGA_OK;
}

omega_status om_cycles_schedule(omega_runtime *rt)
{
    const struct om_schedule_row health = {.name = "health",
                                           .interval_ms = rt->config.health_interval_ms,
                                           .enabled = true,
                                           .while_paused = true,
                                           .run = run_health,
                                           .context = rt};
    omega_status status = om_scheduler_add(rt->scheduler, &health);
    for (size_t i = 0; i < LOOPS && status == OMEGA_OK; i++) {
        const bool retention = loops[i] == &om_loop_retention;
        const struct om_schedule_row row = {
            .name = loops[i]->name,
            .interval_ms = loops[i]->interval_ms(&rt->config),
            .deadline_ms = 60000,
            .cpu_share_percent = 20,
            .jitter_percent = retention ? 5 : 0,
            .enabled = !retention || (rt->config.loops_enable_all_loops &&
                                      rt->config.memory_enable_auto_consolidation),
            .persistent = retention,
            .run = run_scheduled,
            .context = &rt->cycles->rows[i],
        };
        status = om_scheduler_add(rt->scheduler, &row);
    }
    return status;
}

/* ---- The contract --------------------------------------------------------------------------- */

omega_status omega_loop_execute_cycle(omega_runtime *rt, omega_loop loop,
                                      const omega_cycle_input *input, omega_cycle_output **out)
{
    omega_cycle_options options = {
        .struct_size = sizeof options, .loop = loop, .input = omega_cycle_input_default()};
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the output is NULL");
    }
    *out = NULL;
    if (input != NULL && input->struct_size < sizeof *input) {
        return om_fail(OMEGA_EINVAL, "the cycle's input was not initialised");
    }
    if (input != NULL) {
        options.input = *input;
    }
    return om_operate(rt, OMEGA_OP_EXECUTE_LOOP_CYCLE, &options, out);
}

size_t omega_cycle_insight_count(const omega_cycle_output *output)
{
    (void)output;
    return 0; /* the loops of upkeep act; they claim nothing */
}

const omega_insight *omega_cycle_insight_at(const omega_cycle_output *output, size_t index)
{
    (void)output;
    (void)index;
    return NULL;
}

omega_str omega_cycle_json(const omega_cycle_output *output)
{
    return output != NULL ? (omega_str){output->json, output->len} : (omega_str){NULL, 0};
}

void omega_cycle_output_free(omega_cycle_output *output)
{
    if (output != NULL) {
        struct om_alloc *alloc = output->alloc;
        om_put(alloc, output->json);
        om_put(alloc, output);
    }
}

static omega_status fill_info(omega_runtime *rt, const struct om_loop *loop, omega_loop_info *info)
{
    struct om_schedule_status row;
    const omega_status status = om_scheduler_status(rt->scheduler, loop->name, &row);
    if (status != OMEGA_OK) {
        return status;
    }
    *info = (omega_loop_info){
        .struct_size = sizeof *info,
        .loop = loop->loop,
        .interval_ms = row.interval_ms,
        .next_due_ms = row.next_due_wall_ms,
        .last_start_ms = row.last_start_wall_ms,
        .last_duration_us = row.last_duration_ns / 1000,
        .cycles = om_figures_cycles(rt, loop->loop),
        .failures = row.failures,
        .idle = om_figures_idle_cycles(rt, loop->loop),
        .enabled = row.enabled,
        .running = row.running,
    };
    snprintf(info->name, sizeof info->name, "%s", loop->name);
    const omega_str error = om_utf8_clip(omega_str_of(row.last_error), sizeof info->last_error - 1);
    memcpy(info->last_error, error.ptr, error.len);
    return OMEGA_OK;
}

omega_status omega_loop_status(omega_runtime *rt, omega_loop_info *out, size_t capacity,
                               size_t *count)
{
    omega_status status = om_gate_enter(rt, OM_OP_READ, "loop_status");
    if (status != OMEGA_OK) {
        return status;
    }
    if (count == NULL || (out == NULL && capacity > 0)) {
        status = om_fail(OMEGA_EINVAL, "a place for the loops and their count is needed");
    }
    for (size_t i = 0; i < OM_MIN(capacity, (size_t)LOOPS) && status == OMEGA_OK; i++) {
        status = fill_info(rt, loops[i], &out[i]);
    }
    if (status == OMEGA_OK) {
        *count = LOOPS;
    }
    om_gate_leave(rt, OM_OP_READ);
    return status;
}

omega_status omega_loop_enable(omega_runtime *rt, omega_loop loop, bool enabled)
{
    omega_status status = om_gate_enter(rt, OM_OP_READ, "loop_enable");
    if (status != OMEGA_OK) {
        return status;
    }
    const struct loop_row *row = find_loop(rt, loop);
    status = row != NULL ? om_scheduler_enable(rt->scheduler, row->loop->name, enabled)
                         : om_fail(OMEGA_EUNSUPPORTED, "this library has no loop '%s'",
                                   omega_loop_name(loop));
    om_gate_leave(rt, OM_OP_READ);
    return status;
}
