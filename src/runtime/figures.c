/* figures.c -- what a runtime counts, as one table of metrics, and the contract's three views of
 * it: the struct, JSON, Prometheus text. */
#include "runtime/runtime_int.h"

enum {
    UPTIME,
    OPERATIONS,
    ERRORS,
    DURATION,
    CYCLES,
    CYCLE_FAILURES,
    CYCLES_IDLE,
    MEMORIES,
    ARCHIVED,
    SUPERSEDED,
    INTELLIGENCES,
    STATE,
    HEALTH,
    DB_BYTES,
    WAL_BYTES,
    FSYNC_P99,
    COMMITS,
    EVENTS,
    RESIDENT,
    PRIVATE,
    INDEX_BYTES,
    FIGURE_COUNT
};

static const char *const op_names[] = {
#define OP_NAME(name, value, text, mode, options, result) text,
    OMEGA_OP_ROWS(OP_NAME)
#undef OP_NAME
};
static const char *const tier_names[] = {
    "immediate", "short_term",     "session",      "episodic",  "semantic", "procedural",
    "strategic", "civilizational", "evolutionary", "planetary", "galactic", "cosmic"};
/* By loop number: the seven, then from 16 on those of upkeep. */
static const char *const loop_names[] = {
    "reflexive",      "reactive",     "adaptive",  "deliberative", "evolutionary",
    "transformative", "transcendent", "retention", "checkpoint",   "erasure"};

#define COUNTER(name, help, label, values)                                                         \
    {                                                                                              \
        name, help, OM_METRIC_COUNTER, NULL, label, values, OM_COUNT_OF(values)                    \
    }
#define GAUGE(name, help, unit)                                                                    \
    {                                                                                              \
        name, help, OM_METRIC_GAUGE, unit, NULL, NULL, 0                                           \
    }

static const char *const health_parts[] = {"store", "memory", "agentdb", "embedding", "loops"};
static const char *const index_parts[] = {"vectors", "words", "catalog"};

static const struct om_metric_row rows[FIGURE_COUNT] = {
    [UPTIME] = GAUGE("uptime", "Time since the runtime was made.", "seconds"),
    [OPERATIONS] = COUNTER("operations", "Operations that ended.", "op", op_names),
    [ERRORS] = COUNTER("operation_errors", "Operations that failed.", "op", op_names),
    [DURATION] = {"operation_duration", "Time of an operation.", OM_METRIC_HISTOGRAM, "seconds",
                  "op", op_names, OM_COUNT_OF(op_names)},
    [CYCLES] = COUNTER("cycles", "Cycles of loops that did something.", "loop", loop_names),
    [CYCLE_FAILURES] = COUNTER("cycle_failures", "Cycles that failed.", "loop", loop_names),
    [CYCLES_IDLE] = COUNTER("cycles_idle", "Cycles that found nothing to do.", "loop", loop_names),
    [MEMORIES] = {"memories", "Active memories.", OM_METRIC_GAUGE, NULL, "tier", tier_names,
                  OM_COUNT_OF(tier_names)},
    [ARCHIVED] = GAUGE("memories_archived", "Archived memories.", NULL),
    [SUPERSEDED] = GAUGE("memories_superseded", "Past versions and corrected memories.", NULL),
    [INTELLIGENCES] = GAUGE("intelligences", "Registered intelligences.", NULL),
    [STATE] = GAUGE("state",
                    "State of the runtime: 0 created, 1 starting, 2 running, 3 paused, "
                    "4 stopping, 5 stopped, 6 failed.",
                    NULL),
    [HEALTH] = {"subsystem_health", "0 healthy, 1 degraded, 2 unhealthy.", OM_METRIC_GAUGE, NULL,
                "component", health_parts, OM_COUNT_OF(health_parts)},
    [DB_BYTES] = GAUGE("db", "Size of the database.", "bytes"),
    [WAL_BYTES] = GAUGE("db_wal", "Size of the write-ahead log.", "bytes"),
    [FSYNC_P99] = GAUGE("db_fsync_p99", "99th percentile of an fsynced commit.", "seconds"),
    [COMMITS] = {"db_commits", "Commits: operations share one.", OM_METRIC_COUNTER, NULL, NULL,
                 NULL, 0},
    [EVENTS] = {"events_published", "Events on the bus.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
    [RESIDENT] = GAUGE("process_resident", "Resident memory of the process.", "bytes"),
    [PRIVATE] = GAUGE("process_private", "Private memory of the process.", "bytes"),
    [INDEX_BYTES] = {"index", "Memory of the indexes.", OM_METRIC_GAUGE, "bytes", "part",
                     index_parts, OM_COUNT_OF(index_parts)},
};

omega_status om_figures_register(omega_runtime *rt)
{
    return om_metrics_register(rt->metrics, rows, FIGURE_COUNT, &rt->figures);
}

void om_figures_operation(omega_runtime *rt, omega_op op, omega_status status, int64_t duration_ns)
{
    om_counter_add(rt->figures, OPERATIONS, (uint32_t)op, 1);
    if (status != OMEGA_OK) {
        om_counter_add(rt->figures, ERRORS, (uint32_t)op, 1);
    }
    om_histogram_observe(rt->figures, DURATION, (uint32_t)op, duration_ns);
}

static uint32_t loop_series(omega_loop loop)
{
    const unsigned number = (unsigned)loop;
    return number < OMEGA_LOOP_COUNT ? number
                                     : number - OMEGA_LOOP_RETENTION + (unsigned)OMEGA_LOOP_COUNT;
}

void om_figures_cycle(omega_runtime *rt, omega_loop loop, bool success, bool idle)
{
    if (idle) {
        om_counter_add(rt->figures, CYCLES_IDLE, loop_series(loop), 1);
        return;
    }
    om_counter_add(rt->figures, CYCLES, loop_series(loop), 1);
    if (!success) {
        om_counter_add(rt->figures, CYCLE_FAILURES, loop_series(loop), 1);
    }
}

uint64_t om_figures_cycles(const omega_runtime *rt, omega_loop loop)
{
    return (uint64_t)om_metric_value(rt->figures, CYCLES, loop_series(loop));
}

uint64_t om_figures_idle_cycles(const omega_runtime *rt, omega_loop loop)
{
    return (uint64_t)om_metric_value(rt->figures, CYCLES_IDLE, loop_series(loop));
}

/* ---- What the parts count themselves -------------------------------------------------------- */

static void refresh_parts(omega_runtime *rt)
{
    struct om_store_info info;
    struct om_memory_stats stats;
    om_store_info(rt->store, &info);
    om_gauge_set(rt->figures, DB_BYTES, 0, (double)info.db_bytes);
    om_gauge_set(rt->figures, WAL_BYTES, 0, (double)info.wal_bytes);
    om_gauge_set(rt->figures, FSYNC_P99, 0, info.fsync_p99_us * 1e-6);
    om_counter_set(rt->figures, COMMITS, 0, info.commits);
    om_memory_stats(rt->memory, &stats);
    for (uint32_t tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        om_gauge_set(rt->figures, MEMORIES, tier, (double)stats.by_tier[tier]);
    }
    om_gauge_set(rt->figures, ARCHIVED, 0, (double)stats.archived);
    om_gauge_set(rt->figures, SUPERSEDED, 0, (double)stats.superseded);
    om_gauge_set(rt->figures, INDEX_BYTES, 0, (double)stats.vector_bytes);
    om_gauge_set(rt->figures, INDEX_BYTES, 1, (double)stats.words_bytes);
    om_gauge_set(rt->figures, INDEX_BYTES, 2, (double)stats.catalog_bytes);
}

void om_figures_refresh(omega_runtime *rt)
{
    omega_health_report health = {.struct_size = sizeof health};
    uint64_t resident = 0;
    uint64_t private_bytes = 0;
    om_os_memory(&resident, &private_bytes);
    om_gauge_set(rt->figures, RESIDENT, 0, (double)resident);
    om_gauge_set(rt->figures, PRIVATE, 0, (double)private_bytes);
    om_gauge_set(rt->figures, UPTIME, 0,
                 (double)(om_mono_ns(rt->clock) - rt->created_mono_ns) * 1e-9);
    om_gauge_set(rt->figures, STATE, 0, (double)om_lifecycle_state(&rt->life));
    om_counter_set(rt->figures, EVENTS, 0, om_bus_published(rt->bus));
    om_vitals_report(rt, &health);
    for (uint32_t i = 0; i < health.subsystem_count && i < OM_COUNT_OF(health_parts); i++) {
        om_gauge_set(rt->figures, HEALTH, i, (double)health.subsystems[i].status);
    }
    if (om_gate_enter(rt, OM_OP_READ, "metrics") == OMEGA_OK) {
        refresh_parts(rt);
        om_gate_leave(rt, OM_OP_READ);
    }
}

/* ---- The contract's views ------------------------------------------------------------------- */

static void total_operations(const omega_runtime *rt, omega_runtime_metrics *out)
{
    struct om_histogram_view reads = {0};
    struct om_histogram_view writes = {0};
    struct om_histogram_view all = {0};
    for (uint32_t op = 0; op < OMEGA_OP_COUNT; op++) {
        struct om_histogram_view view;
        om_histogram_read(rt->figures, DURATION, op, &view);
        om_histogram_merge(&all, &view);
        if (op == OMEGA_OP_RECALL_MEMORIES) {
            om_histogram_merge(&reads, &view);
        } else if (om_operation_at((omega_op)op)->mode == OM_OP_WRITE) {
            om_histogram_merge(&writes, &view);
        }
        out->errors += (uint64_t)om_metric_value(rt->figures, ERRORS, op);
    }
    out->operations = all.count;
    if (all.count > 0) {
        out->avg_response_time_s = (double)all.sum_ns * 1e-9 / (double)all.count;
        out->error_rate = (double)out->errors / (double)all.count;
    }
    if (reads.count > 0) {
        out->recall_p50_us = om_histogram_quantile(&reads, 0.50) * 1e6;
        out->recall_p99_us = om_histogram_quantile(&reads, 0.99) * 1e6;
    }
    if (writes.count > 0) {
        out->write_p50_us = om_histogram_quantile(&writes, 0.50) * 1e6;
        out->write_p99_us = om_histogram_quantile(&writes, 0.99) * 1e6;
    }
}

static void total_cycles(const omega_runtime *rt, omega_runtime_metrics *out)
{
    for (unsigned i = 0; i < OM_COUNT_OF(loop_names); i++) {
        const unsigned loop =
            i < OMEGA_LOOP_COUNT ? i : i - (unsigned)OMEGA_LOOP_COUNT + OMEGA_LOOP_RETENTION;
        const uint64_t cycles = (uint64_t)om_metric_value(rt->figures, CYCLES, i);
        out->cycles_by_loop[loop] = cycles;
        out->total_cycles += cycles;
    }
}

omega_status omega_metrics(omega_runtime *rt, omega_runtime_metrics *out)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (out == NULL || out->struct_size < sizeof out->struct_size) {
        return om_fail(OMEGA_EINVAL, "metrics with their struct_size are needed");
    }
    om_figures_refresh(rt);
    omega_runtime_metrics full = {.struct_size = out->struct_size};
    full.uptime_s = om_metric_value(rt->figures, UPTIME, 0);
    for (uint32_t tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        full.memories_by_tier[tier] = (uint64_t)om_metric_value(rt->figures, MEMORIES, tier);
        full.total_memories += full.memories_by_tier[tier];
    }
    full.archived_memories = (uint64_t)om_metric_value(rt->figures, ARCHIVED, 0);
    full.resident_bytes = (uint64_t)om_metric_value(rt->figures, RESIDENT, 0);
    full.private_bytes = (uint64_t)om_metric_value(rt->figures, PRIVATE, 0);
    full.intelligence_count = (uint64_t)om_metric_value(rt->figures, INTELLIGENCES, 0);
    total_cycles(rt, &full);
    total_operations(rt, &full);
    memcpy(out, &full, OM_MIN((size_t)full.struct_size, sizeof full));
    return OMEGA_OK;
}

static void put_summary(struct om_json_out *json, const omega_runtime_metrics *m)
{
    om_json_put_double(json, "uptime_s", m->uptime_s);
    om_json_put_u64(json, "total_memories", m->total_memories);
    om_json_open(json, "memories_by_tier", '{');
    for (uint32_t tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        om_json_put_u64(json, tier_names[tier], m->memories_by_tier[tier]);
    }
    om_json_close(json, '}');
    om_json_put_u64(json, "archived_memories", m->archived_memories);
    om_json_put_u64(json, "total_cycles", m->total_cycles);
    om_json_open(json, "cycles_by_loop", '{');
    for (unsigned i = 0; i < OM_COUNT_OF(loop_names); i++) {
        const unsigned loop =
            i < OMEGA_LOOP_COUNT ? i : i - (unsigned)OMEGA_LOOP_COUNT + OMEGA_LOOP_RETENTION;
        om_json_put_u64(json, loop_names[i], m->cycles_by_loop[loop]);
    }
    om_json_close(json, '}');
    om_json_put_u64(json, "intelligence_count", m->intelligence_count);
    om_json_put_double(json, "avg_response_time_s", m->avg_response_time_s);
    om_json_put_double(json, "error_rate", m->error_rate);
    om_json_put_u64(json, "operations", m->operations);
    om_json_put_u64(json, "errors", m->errors);
    om_json_put_double(json, "recall_p50_us", m->recall_p50_us);
    om_json_put_double(json, "recall_p99_us", m->recall_p99_us);
    om_json_put_double(json, "write_p50_us", m->write_p50_us);
    om_json_put_double(json, "write_p99_us", m->write_p99_us);
    om_json_put_u64(json, "resident_bytes", m->resident_bytes);
    om_json_put_u64(json, "private_bytes", m->private_bytes);
}

static omega_status take_text(struct om_buf *buf, char **out)
{
    const omega_status status = om_buf_take(buf, out, NULL);
    om_buf_fini(buf);
    return status;
}

omega_status omega_metrics_json(omega_runtime *rt, char **out)
{
    struct om_buf buf;
    struct om_json_out json;
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    omega_status status = out != NULL ? omega_metrics(rt, &metrics)
                                      : om_fail(OMEGA_EINVAL, "the place for the text is NULL");
    if (status != OMEGA_OK) {
        return status;
    }
    om_buf_init(&buf, om_alloc_default(), OM_LIMIT_BULK);
    om_json_out_init(&json, &buf);
    om_json_open(&json, NULL, '{');
    put_summary(&json, &metrics);
    om_metrics_write_json(rt->metrics, &json, "series");
    om_json_close(&json, '}');
    return take_text(&buf, out);
}

omega_status omega_metrics_prometheus(omega_runtime *rt, char **out)
{
    struct om_buf buf;
    omega_status status = om_require_runtime(rt);
    if (status == OMEGA_OK && out == NULL) {
        status = om_fail(OMEGA_EINVAL, "the place for the text is NULL");
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_figures_refresh(rt);
    om_buf_init(&buf, om_alloc_default(), OM_LIMIT_BULK);
    om_metrics_write_text(rt->metrics, &buf);
    return take_text(&buf, out);
}
