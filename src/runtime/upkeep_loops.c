/* upkeep_loops.c -- the three maintenance loops: retention, checkpoint, erasure.
 *
 * Each works in slices and asks between them whether to stop. Retention decides by the tiers' table
 * (memory/); checkpoint also writes gathered accesses, trims logs and gives back what no reader
 * sees any more; erasure takes deleted bytes out of the files within a minute. */
#include "runtime/cycle_int.h"

enum { READER_WAIT_MS = 50, TRIM_SLICES = 64 };

/* ---- Retention ------------------------------------------------------------------------------ */

static bool should_stop(void *context)
{
    const struct om_cycle *const *cycle = (const struct om_cycle *const *)context;
    return om_cycle_should_stop(*cycle);
}

/* What cannot be found out is tried: the cycle then tells what is wrong. */
static bool wants_retention(const struct om_cycle *cycle)
{
    bool due = false;
    const omega_status status =
        om_memory_retention_due(cycle->rt->memory, should_stop, (void *)&cycle, &due);
    return status != OMEGA_OK || due;
}

static omega_status run_retention(struct om_cycle *cycle)
{
    struct om_retention_report report = {0};
    const omega_status status =
        om_memory_retain(cycle->rt->memory, should_stop, (void *)&cycle, &report);
    om_json_put_u64(&cycle->results, "looked_at", report.looked_at);
    om_json_put_u64(&cycle->results, "archived", report.archived);
    om_json_put_u64(&cycle->results, "expired", report.expired);
    om_json_put_u64(&cycle->results, "removed", report.removed);
    if (report.archived > 0) {
        om_json_put_text(&cycle->actions, NULL,
                         "archived memories that their tier no longer keeps");
    }
    if (report.expired + report.removed > 0) {
        om_json_put_text(&cycle->actions, NULL, "removed memories whose time was over");
    }
    return status;
}

static void measure_memories(omega_runtime *rt, struct om_json_out *out)
{
    struct om_memory_stats stats;
    om_memory_stats(rt->memory, &stats);
    om_json_put_u64(out, "active", stats.total);
    om_json_put_u64(out, "archived", stats.archived);
}

static int64_t retention_interval(const omega_config *config)
{
    return (int64_t)config->memory_consolidation_interval_secs * 1000;
}

const struct om_loop om_loop_retention = {
    .loop = (omega_loop)OMEGA_LOOP_RETENTION,
    .name = "retention",
    .wants = wants_retention,
    .run = run_retention,
    .measure = measure_memories,
    .interval_ms = retention_interval,
};

/* ---- Checkpoint ----------------------------------------------------------------------------- */

static bool wants_checkpoint(const struct om_cycle *cycle)
{
    omega_runtime *rt = cycle->rt;
    /* Accesses are written when there are any; that alone is no event worth telling. */
    const omega_status flushed = om_memory_flush_access(rt->memory);
    (void)flushed; /* what was not written stays gathered */
    om_memory_reclaim(rt->memory);
    om_points_reclaim(rt->points, rt->store);
    return om_store_wants_checkpoint(rt->store);
}

static omega_status trim_logs(struct om_cycle *cycle)
{
    bool more = true;
    omega_status status = OMEGA_OK;
    for (int i = 0; i < TRIM_SLICES && status == OMEGA_OK && more; i++) {
        status = om_store_trim(cycle->rt->store, &more);
        if (om_cycle_should_stop(cycle)) {
            break;
        }
    }
    return status;
}

static omega_status run_checkpoint(struct om_cycle *cycle)
{
    omega_runtime *rt = cycle->rt;
    omega_status status = om_memory_flush_access(rt->memory);
    if (status == OMEGA_OK) {
        status = trim_logs(cycle);
    }
    if (status == OMEGA_OK) {
        status = om_store_checkpoint(rt->store, false, READER_WAIT_MS);
    }
    const bool postponed = status == OMEGA_EAGAIN;
    om_json_put_bool(&cycle->results, "postponed", postponed);
    if (status == OMEGA_OK) {
        om_json_put_text(&cycle->actions, NULL, "moved the write-ahead log into the database");
    }
    om_memory_reclaim(rt->memory);
    om_points_reclaim(rt->points, rt->store);
    return postponed ? OMEGA_OK : status;
}

static void measure_files(omega_runtime *rt, struct om_json_out *out)
{
    struct om_store_info info;
    om_store_info(rt->store, &info);
    om_json_put_u64(out, "db_bytes", info.db_bytes);
    om_json_put_u64(out, "wal_bytes", info.wal_bytes);
}

static int64_t checkpoint_interval(const omega_config *config)
{
    (void)config;
    return 5000;
}

const struct om_loop om_loop_checkpoint = {
    .loop = (omega_loop)OMEGA_LOOP_CHECKPOINT,
    .name = "checkpoint",
    .wants = wants_checkpoint,
    .run = run_checkpoint,
    .measure = measure_files,
    .interval_ms = checkpoint_interval,
    .keeps_no_row = true,
};

/* ---- Erasure -------------------------------------------------------------------------------- */

static bool wants_erasure(const struct om_cycle *cycle)
{
    return om_store_wants_erase(cycle->rt->store);
}

static omega_status run_erasure(struct om_cycle *cycle)
{
    uint64_t overwritten = 0;
    const omega_status status = om_store_erase(cycle->rt->store, READER_WAIT_MS, &overwritten);
    om_json_put_u64(&cycle->results, "overwritten_bytes", overwritten);
    om_json_put_bool(&cycle->results, "postponed", status == OMEGA_EAGAIN);
    if (status == OMEGA_OK) {
        om_json_put_text(&cycle->actions, NULL, "took deleted bytes out of the files");
    }
    return status == OMEGA_EAGAIN ? OMEGA_OK : status;
}

static int64_t erasure_interval(const omega_config *config)
{
    (void)config;
    return 30000;
}

const struct om_loop om_loop_erasure = {
    .loop = (omega_loop)OMEGA_LOOP_ERASURE,
    .name = "erasure",
    .wants = wants_erasure,
    .run = run_erasure,
    .measure = measure_files,
    .interval_ms = erasure_interval,
};
