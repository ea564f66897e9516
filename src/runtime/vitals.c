/* vitals.c -- the parts' health: real probes, and the report of the contract.
 *
 *   store      reads its last sequence through a reader; read-only, little disk, a large WAL: ill
 *   memory     memories can be read
 *   agentdb    the index gives a stored row back by its own vector and words (om_memory_probe);
 *              taken away or behind, the answers come from the rows
 *   embedding  embeds a known text and looks at the vector
 *   loops      the scheduler: rows that fail again and again
 *
 * Probes pass the gate: while the runtime is not up there is nothing to ask. */
#include "runtime/runtime_int.h"

#include <math.h>
#include <stdio.h>

enum { FAILURES_ILL = 3, PROBE_DEADLINE_MS = 1000 };
static const uint64_t disk_low_bytes = 64u << 20;
static const uint64_t wal_large_bytes = 256u << 20;

static bool enter(omega_runtime *rt, struct om_probe_result *result)
{
    const enum om_state state = om_lifecycle_state(&rt->life);
    if (state == OM_STATE_STARTING && rt->memory != NULL) {
        atomic_fetch_add(&rt->inside, 1);
        return true; /* the first look, before the gate opens */
    }
    if (om_gate_enter(rt, OM_OP_READ, "probe") != OMEGA_OK) {
        om_probe_say(result, OMEGA_DEGRADED, "the runtime is %s", om_state_name(state));
        return false;
    }
    return true;
}

static void leave(omega_runtime *rt)
{
    om_gate_leave(rt, OM_OP_READ);
}

static void probe_store(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    omega_runtime *rt = (omega_runtime *)context;
    struct om_reader reader = {0};
    struct om_store_info info;
    (void)deadline_ns;
    if (!enter(rt, result)) {
        return;
    }
    if (om_store_read(rt->store, PROBE_DEADLINE_MS, &reader) != OMEGA_OK) {
        om_probe_say(result, OMEGA_UNHEALTHY, "%s", om_error_last()->message);
    }
    om_store_read_end(&reader);
    om_store_info(rt->store, &info);
    if (result->status == OMEGA_HEALTHY && info.read_only) {
        om_probe_say(result, OMEGA_DEGRADED, "read-only: %s", info.read_only_reason);
    } else if (result->status == OMEGA_HEALTHY && info.disk_free_bytes < disk_low_bytes) {
        om_probe_say(result, OMEGA_DEGRADED, "only %llu MiB are free on the disk",
                     (unsigned long long)(info.disk_free_bytes >> 20));
    } else if (result->status == OMEGA_HEALTHY && info.wal_bytes > wal_large_bytes) {
        om_probe_say(result, OMEGA_DEGRADED, "the WAL has grown to %llu MiB",
                     (unsigned long long)(info.wal_bytes >> 20));
    }
    leave(rt);
}

static void probe_memory(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    omega_runtime *rt = (omega_runtime *)context;
    struct om_reader reader = {0};
    (void)deadline_ns;
    if (!enter(rt, result)) {
        return;
    }
    /* Its own function is to give back what was stored: rows must be readable. */
    if (om_store_read(rt->store, PROBE_DEADLINE_MS, &reader) != OMEGA_OK) {
        om_probe_say(result, OMEGA_UNHEALTHY, "memories cannot be read: %s",
                     om_error_last()->message);
    }
    om_store_read_end(&reader);
    leave(rt);
}

static void probe_agentdb(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    omega_runtime *rt = (omega_runtime *)context;
    char reason[OM_HEALTH_REASON_SIZE] = "";
    (void)deadline_ns;
    if (!enter(rt, result)) {
        return;
    }
    const omega_health status = om_memory_probe(rt->memory, reason, sizeof reason);
    if (status != OMEGA_HEALTHY) {
        om_probe_say(result, status, "%s", reason);
    }
    leave(rt);
}

static const char *agentdb_fallback(void *context, omega_health status)
{
    (void)context;
    /* memory/ answers from the rows by itself as soon as the index is away. */
    return status == OMEGA_HEALTHY ? NULL : "answers come from a scan of the rows";
}

static void probe_embedding(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    omega_runtime *rt = (omega_runtime *)context;
    float values[OM_BUILTIN_DIMENSION];
    (void)deadline_ns;
    if (!enter(rt, result)) {
        return;
    }
    const omega_status status =
        rt->embedder.embed(rt->embedder.context, OM_STR("a heart beat"), values);
    double norm = 0;
    for (size_t i = 0; status == OMEGA_OK && i < OM_COUNT_OF(values); i++) {
        norm += (double)values[i] * (double)values[i];
    }
    if (status != OMEGA_OK) {
        om_probe_say(result, OMEGA_UNHEALTHY, "%s", om_error_last()->message);
    } else if (!(fabs(norm - 1.0) < 1e-3)) {
        om_probe_say(result, OMEGA_UNHEALTHY, "a vector of length %g instead of 1", sqrt(norm));
    }
    leave(rt);
}

static void probe_loops(void *context, int64_t deadline_ns, struct om_probe_result *result)
{
    omega_runtime *rt = (omega_runtime *)context;
    (void)deadline_ns;
    if (!enter(rt, result)) {
        return;
    }
    const size_t count = om_scheduler_count(rt->scheduler);
    for (size_t i = 0; i < count && result->status == OMEGA_HEALTHY; i++) {
        struct om_schedule_status row;
        if (om_scheduler_status_at(rt->scheduler, i, &row) == OMEGA_OK &&
            row.consecutive_failures >= FAILURES_ILL) {
            om_probe_say(result, OMEGA_DEGRADED, "%s failed %u times: %s", row.name,
                         row.consecutive_failures, row.last_error);
        }
    }
    leave(rt);
}

omega_status om_vitals_register(omega_runtime *rt)
{
    const int64_t interval = rt->config.health_interval_ms;
    const struct om_health_row rows[] = {
        {"store", true, interval, probe_store, PROBE_DEADLINE_MS, NULL, rt},
        {"memory", true, interval, probe_memory, PROBE_DEADLINE_MS, NULL, rt},
        {"agentdb", false, interval, probe_agentdb, PROBE_DEADLINE_MS, agentdb_fallback, rt},
        {"embedding", false, interval, probe_embedding, PROBE_DEADLINE_MS, NULL, rt},
        {"loops", false, interval, probe_loops, PROBE_DEADLINE_MS, NULL, rt},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        const omega_status status = om_health_add(rt->health, &rows[i]);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

/* ---- The contract's report ------------------------------------------------------------------ */

static bool serves(enum om_state state)
{
    return state == OM_STATE_STARTING || state == OM_STATE_RUNNING || state == OM_STATE_PAUSED;
}

/* What no probe sees: a runtime that is not up serves nothing. */
static void show_as_down(omega_health_report *report, enum om_state state)
{
    report->overall = OMEGA_UNHEALTHY;
    for (size_t i = 0; i < report->subsystem_count; i++) {
        omega_subsystem_health *one = &report->subsystems[i];
        one->status = OMEGA_UNHEALTHY;
        snprintf(one->reason, sizeof one->reason, "the runtime is %s", om_state_name(state));
    }
}

void om_vitals_begin(omega_runtime *rt)
{
    /* A drill is not kept over a restart. */
    const omega_status status = om_health_report(rt->health, "agentdb", OMEGA_HEALTHY, "");
    OM_DEBUG_ASSERT(status == OMEGA_OK);
    (void)status;
    om_health_check_all(rt->health);
}

void om_vitals_report(omega_runtime *rt, omega_health_report *out)
{
    struct om_health_snapshot snapshot;
    omega_health_report full = {.struct_size = out->struct_size};
    const enum om_state state = om_lifecycle_state(&rt->life);
    om_health_snapshot(rt->health, &snapshot);
    full.overall = snapshot.overall;
    full.subsystem_count = OM_MIN(snapshot.count, (size_t)OMEGA_SUBSYSTEM_MAX);
    for (size_t i = 0; i < full.subsystem_count; i++) {
        const struct om_health_entry *entry = &snapshot.entries[i];
        omega_subsystem_health *one = &full.subsystems[i];
        one->status = entry->status;
        one->since_ms = entry->since_wall_ms;
        one->latency_us = entry->latency_ns < 0 ? 0.0 : (double)entry->latency_ns / 1000.0;
        snprintf(one->name, sizeof one->name, "%s", entry->name);
        const omega_str reason = om_utf8_clip(omega_str_of(entry->reason), sizeof one->reason - 1);
        memcpy(one->reason, reason.ptr, reason.len);
    }
    if (!serves(state)) {
        show_as_down(&full, state);
    }
    memcpy(out, &full, OM_MIN((size_t)full.struct_size, sizeof full));
}

static omega_status require_report(const omega_runtime *rt, const omega_health_report *out)
{
    const omega_status status = om_require_runtime(rt);
    if (status == OMEGA_OK && (out == NULL || out->struct_size < sizeof out->struct_size)) {
        return om_fail(OMEGA_EINVAL, "a report with its struct_size is needed");
    }
    return status;
}

omega_status omega_health_status(omega_runtime *rt, omega_health_report *out)
{
    const omega_status status = require_report(rt, out);
    if (status == OMEGA_OK) {
        om_vitals_report(rt, out);
    }
    return status;
}

omega_status omega_health_probe(omega_runtime *rt, omega_health_report *out)
{
    const omega_status status = require_report(rt, out);
    return status == OMEGA_OK ? om_operate(rt, OMEGA_OP_HEALTH_PROBE, NULL, out) : status;
}

omega_status omega_drill(omega_runtime *rt, const char *part, bool broken)
{
    omega_status status = om_gate_enter(rt, OM_OP_READ, "drill");
    if (status != OMEGA_OK) {
        return status;
    }
    if (part == NULL || strcmp(part, "index") != 0) {
        status = om_fail(OMEGA_EINVAL, "there is no part '%s' to take away: index is there",
                         part != NULL ? part : "");
    } else {
        om_memory_disable_index(rt->memory, broken);
        /* A fact, not a measurement: it shows at once, where a probe must fail three times. Getting
         * better is damped as ever. */
        status = om_health_report(rt->health, "agentdb", broken ? OMEGA_UNHEALTHY : OMEGA_HEALTHY,
                                  broken ? "the index was taken away by a drill" : "");
    }
    om_gate_leave(rt, OM_OP_READ);
    return status;
}
