/* config_table.c -- every setting of a runtime in one table, and the public calls over it.
 *
 * A new setting is a field at the end of omega_config and a row here; file, environment, --set,
 * checks, help and the man page follow from the row. The mechanism is core/options.h. */
#include "runtime/config_table_int.h"

#include <stdio.h>

#define FIELD(name) offsetof(omega_config, name), sizeof(((omega_config *)NULL)->name)
#define BOOL(key, name, value, doc)                                                                \
    {                                                                                              \
        key, OM_OPTION_BOOL, FIELD(name), 0, 1, value, NULL, doc                                   \
    }
#define U32(key, name, min, max, value, doc)                                                       \
    {                                                                                              \
        key, OM_OPTION_U32, FIELD(name), min, max, value, NULL, doc                                \
    }
#define U64(key, name, min, max, value, doc)                                                       \
    {                                                                                              \
        key, OM_OPTION_U64, FIELD(name), min, max, value, NULL, doc                                \
    }
#define I64(key, name, min, max, value, doc)                                                       \
    {                                                                                              \
        key, OM_OPTION_I64, FIELD(name), min, max, value, NULL, doc                                \
    }
#define REAL(key, name, min, max, value, doc)                                                      \
    {                                                                                              \
        key, OM_OPTION_DOUBLE, FIELD(name), min, max, value, NULL, doc                             \
    }

static const char *const log_levels[] = {"debug", "info", "warn", "error", "off", NULL};
static const char *const durabilities[] = {"default", "process", "disk", NULL};

static const char loop_doc[] =
    "time between two cycles of the loop; kept for it, which this version does not have";
static const char sona_doc[] = "kept for the architecture engine, which this version does not have";

static const double hundred_years_ms = 3155760000000.0;

static const struct om_option rows[] = {
    {"runtime.data_dir", OM_OPTION_TEXT, FIELD(runtime_data_dir), 0, OMEGA_CONFIG_PATH_SIZE - 1, "",
     NULL, "the data directory; empty: $XDG_DATA_HOME/omega or ~/.local/share/omega"},
    U32("runtime.threads", runtime_threads, 0, 64, "0",
        "most threads for submitted operations, started as needed; 0: 8"),
    {"runtime.log_level", OM_OPTION_CHOICE, FIELD(runtime_log_level), 0, 4, "warn", log_levels,
     "the least level that is logged"},
    {"store.durability", OM_OPTION_CHOICE, FIELD(store_durability), 0, 2, "disk", durabilities,
     "of writes that do not choose: process survives a crash of Omega, disk a power failure"},
    BOOL("store.keep_operations", store_keep_operations, "false",
         "keep the inputs of writes, so that the log of operations can be replayed"),
    U32("store.readers", store_readers, 1, 64, "8", "connections that read at the same time"),
    U32("agentdb.dimension", agentdb_dimension, 0, 8192, "0",
        "dimension of the space 'default'; 0: fixed by its first vector"),
    U32("agentdb.hnsw_m", agentdb_hnsw_m, 4, 128, "16",
        "links per node of a graph index; this version searches exactly and only keeps the value"),
    U32("agentdb.hnsw_ef", agentdb_hnsw_ef, 10, 4096, "200",
        "search width of a graph index; this version searches exactly and only keeps the value"),
    U64("agentdb.cache_size", agentdb_cache_size, 0, 1e9, "0",
        "exact vectors kept resident; 0: all. Exact search keeps all, whatever the value"),
    BOOL("memory.enable_auto_consolidation", memory_enable_auto_consolidation, "true",
         "run the upkeep of memories (retention) by itself"),
    U32("memory.consolidation_interval_secs", memory_consolidation_interval_secs, 10, 31536000,
        "3600", "time between two runs of that upkeep"),
    U64("memory.max_memories_per_tier", memory_max_memories_per_tier, 0, 1e9, "0",
        "per tier and user or agent; the least worth above it are archived; 0: no limit"),
    U32("memory.session_gap_secs", memory_session_gap_secs, 1, 86400, "1800",
        "a pause that ends a session that has no name"),
    U32("memory.archive_retention_days", memory_archive_retention_days, 0, 36500, "0",
        "archived memories are removed after so many days; 0: never"),
    REAL("recall.vector_weight", recall_vector_weight, 0, 1, "0.4",
         "weight of the vector arm in the convex sum; the words have the rest"),
    REAL("recall.importance_weight", recall_importance_weight, 0, 1, "0.05",
         "what importance adds to a score, times importance"),
    BOOL("loops.enable_all_loops", loops_enable_all_loops, "true",
         "run the loops by themselves, but for checkpoint and erasure, which always do"),
    I64("loops.reflexive_interval_ms", loops_reflexive_interval_ms, 10, hundred_years_ms, "100",
        loop_doc),
    I64("loops.reactive_interval_ms", loops_reactive_interval_ms, 10, hundred_years_ms, "5000",
        loop_doc),
    I64("loops.adaptive_interval_ms", loops_adaptive_interval_ms, 10, hundred_years_ms, "1800000",
        loop_doc),
    I64("loops.deliberative_interval_ms", loops_deliberative_interval_ms, 10, hundred_years_ms,
        "86400000", loop_doc),
    I64("loops.evolutionary_interval_ms", loops_evolutionary_interval_ms, 10, hundred_years_ms,
        "604800000", loop_doc),
    I64("loops.transformative_interval_ms", loops_transformative_interval_ms, 10, hundred_years_ms,
        "31557600000", loop_doc),
    I64("loops.transcendent_interval_ms", loops_transcendent_interval_ms, 10, hundred_years_ms,
        "315576000000", loop_doc),
    BOOL("meta_sona.enable_evolution", meta_sona_enable_evolution, "true", sona_doc),
    U32("meta_sona.mcts_iterations", meta_sona_mcts_iterations, 1, 1e6, "1000", sona_doc),
    U32("meta_sona.ppo_steps", meta_sona_ppo_steps, 0, 1e5, "100", sona_doc),
    U32("health.interval_ms", health_interval_ms, 100, 3600000, "5000",
        "time between two probes of each part"),
};

const struct om_option_table om_config_table = {rows, OM_COUNT_OF(rows)};

/* Lays what a caller of another version knows over the defaults of this one. */
void om_config_take(omega_config *out, const omega_config *given)
{
    memset(out, 0, sizeof *out); /* gaps and tails too: it is copied as a whole */
    om_options_init(&om_config_table, out);
    if (given != NULL) {
        memcpy(out, given, OM_MIN((size_t)given->struct_size, sizeof *out));
    }
    out->struct_size = (uint32_t)sizeof *out;
}

omega_status om_config_data_dir(const omega_config *config, char out[OM_PATH_SIZE])
{
    if (config->runtime_data_dir[0] == '\0') {
        return om_os_default_data_dir(out);
    }
    memcpy(out, config->runtime_data_dir, sizeof config->runtime_data_dir);
    out[sizeof config->runtime_data_dir - 1] = '\0';
    return OMEGA_OK;
}

/* The other way: only what the caller's struct has room for. */
static void give_config(omega_config *target, const omega_config *full)
{
    uint32_t size = target->struct_size;
    memcpy(target, full, OM_MIN((size_t)size, sizeof *full));
    target->struct_size = size;
}

omega_status om_config_require(const omega_config *given)
{
    if (given != NULL && given->struct_size < sizeof given->struct_size) {
        return om_fail(OMEGA_EINVAL, "the config was not made by omega_config_init");
    }
    return OMEGA_OK;
}

static omega_status require_config(const omega_config *config)
{
    return config != NULL ? om_config_require(config) : om_fail(OMEGA_EINVAL, "the config is NULL");
}

void omega_config_init_sized(omega_config *config, size_t size)
{
    omega_config full;
    if (config == NULL || size < sizeof config->struct_size) {
        return;
    }
    om_config_take(&full, NULL);
    config->struct_size = (uint32_t)size;
    give_config(config, &full);
}

omega_status omega_config_load(omega_config *config, const char *path)
{
    omega_status status = require_config(config);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_config full;
    om_config_take(&full, config);
    status = om_options_load(&om_config_table, &full, path);
    if (status == OMEGA_OK) {
        give_config(config, &full);
    }
    return status;
}

omega_status omega_config_load_env(omega_config *config)
{
    omega_status status = require_config(config);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_config full;
    om_config_take(&full, config);
    status = om_options_env(&om_config_table, &full);
    if (status == OMEGA_OK) {
        give_config(config, &full);
    }
    return status;
}

omega_status omega_config_set(omega_config *config, const char *key, const char *value)
{
    omega_status status = require_config(config);
    if (status != OMEGA_OK) {
        return status;
    }
    if (key == NULL || value == NULL) {
        return om_fail(OMEGA_EINVAL, "a key and a value are needed");
    }
    omega_config full;
    om_config_take(&full, config);
    status = om_options_set(&om_config_table, &full, omega_str_of(key), omega_str_of(value));
    if (status == OMEGA_OK) {
        give_config(config, &full);
    }
    return status;
}

omega_status omega_config_get(const omega_config *config, const char *key, char *out, size_t size)
{
    omega_status status = require_config(config);
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_option *row = om_options_find(&om_config_table, omega_str_of(key));
    if (row == NULL) {
        return om_fail(OMEGA_EINVAL, "unknown key '%s'", key != NULL ? key : "");
    }
    if (out == NULL || size == 0) {
        return om_fail(OMEGA_EINVAL, "a place for the value is needed");
    }
    omega_config full;
    om_config_take(&full, config);
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 2 * OMEGA_CONFIG_PATH_SIZE);
    om_options_show(row, &full, &buf);
    status = buf.status;
    if (status == OMEGA_OK) {
        snprintf(out, size, "%.*s", OM_STR_ARG(om_buf_str(&buf)));
    }
    om_buf_fini(&buf);
    return status;
}

static const char *type_name(const struct om_option *row)
{
    switch (row->type) {
    case OM_OPTION_BOOL:
        return "bool";
    case OM_OPTION_DOUBLE:
        return "number";
    case OM_OPTION_TEXT:
        return "text";
    case OM_OPTION_CHOICE:
        return row->choices == log_levels ? "debug|info|warn|error|off" : "default|process|disk";
    case OM_OPTION_U32:
    case OM_OPTION_U64:
    case OM_OPTION_I64:
        break;
    }
    return "integer";
}

bool omega_config_key_at(size_t index, omega_config_key *out)
{
    if (index >= OM_COUNT_OF(rows) || out == NULL) {
        return false;
    }
    const struct om_option *row = &rows[index];
    const omega_config_key key = {
        .struct_size = out->struct_size,
        .key = row->key,
        .type = type_name(row),
        .default_text = row->default_text,
        .doc = row->doc,
        .min = row->min,
        .max = row->max,
    };
    memcpy(out, &key, OM_MIN((size_t)out->struct_size, sizeof key));
    return true;
}
