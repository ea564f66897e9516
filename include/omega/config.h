/* config.h -- the settings of a runtime, typed, in one flat struct.
 *
 * Fields, keys, ranges, defaults and documentation lines are one table: `omega config --help` and
 * omega.conf(5) print it. omega_config_init writes the defaults; then a file, the environment
 * (OMEGA_SECTION_KEY) and single keys may be laid over it, or fields written directly:
 * omega_runtime_new checks every one against its range.
 *
 *     omega_config config;
 *     omega_config_init(&config);
 *     config.memory_max_memories_per_tier = 10000;
 *
 * The struct only grows at its end. Threads: a config belongs to one thread at a time. */
#ifndef OMEGA_CONFIG_H
#define OMEGA_CONFIG_H

#include "omega/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OMEGA_CONFIG_PATH_SIZE = 1024, OMEGA_CONFIG_NAME_SIZE = 64 };

typedef struct omega_config {
    uint32_t struct_size;

    /* [runtime] */
    char runtime_data_dir[OMEGA_CONFIG_PATH_SIZE]; /* "": $XDG_DATA_HOME/omega */
    uint32_t runtime_threads;                      /* most threads of submitted operations; 0: 8 */
    uint32_t runtime_log_level;                    /* 0 debug .. 4 off */

    /* [store] */
    uint32_t store_durability;  /* 0 default (disk), 1 process, 2 disk */
    bool store_keep_operations; /* keep the inputs of writes, so that the log can be replayed */
    uint32_t store_readers;     /* reading connections */

    /* [agentdb] */
    uint32_t agentdb_dimension;
    uint32_t agentdb_hnsw_m;
    uint32_t agentdb_hnsw_ef;
    uint64_t agentdb_cache_size;

    /* [memory] */
    bool memory_enable_auto_consolidation;
    uint32_t memory_consolidation_interval_secs;
    uint64_t memory_max_memories_per_tier;
    uint32_t memory_session_gap_secs;
    uint32_t memory_archive_retention_days; /* 0: archived memories are never removed */

    /* [recall] */
    double recall_vector_weight; /* of the vector arm in the convex sum; words get the rest */
    double recall_importance_weight;

    /* [loops] */
    bool loops_enable_all_loops;
    int64_t loops_reflexive_interval_ms;
    int64_t loops_reactive_interval_ms;
    int64_t loops_adaptive_interval_ms;
    int64_t loops_deliberative_interval_ms;
    int64_t loops_evolutionary_interval_ms;
    int64_t loops_transformative_interval_ms;
    int64_t loops_transcendent_interval_ms;

    /* [meta_sona] */
    bool meta_sona_enable_evolution;
    uint32_t meta_sona_mcts_iterations;
    uint32_t meta_sona_ppo_steps;

    /* [health] */
    uint32_t health_interval_ms;
} omega_config;

/* Writes the defaults into a struct of the caller's size. NULL and a size without room for
 * struct_size are left alone. */
#define omega_config_init(config) omega_config_init_sized((config), sizeof(omega_config))
OMEGA_API void omega_config_init_sized(omega_config *config, size_t size);

/* Lays a file over the config; on an error nothing is changed and the message names the file, the
 * line, the key and the allowed range. OMEGA_EINVAL, OMEGA_ENOTFOUND, OMEGA_EIO, OMEGA_EDENIED. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_config_load(omega_config *config, const char *path);
/* Lays every OMEGA_SECTION_KEY of the environment over it. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_config_load_env(omega_config *config);
/* One key, "agentdb.hnsw_m" = "32". OMEGA_EINVAL for an unknown key (names the nearest) or a bad
 * value (names the range). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_config_set(omega_config *config, const char *key,
                                                         const char *value);
/* The value of a key as text, terminated, cut to `size`. OMEGA_EINVAL for an unknown key or
 * no room. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_config_get(const omega_config *config,
                                                         const char *key, char *out, size_t size);

/* One row of the table, for help and tools: false past the end. The caller sets struct_size. Static
 * text. */
typedef struct omega_config_key {
    uint32_t struct_size;
    uint32_t reserved;
    const char *key;
    const char *type; /* "bool", "integer", "number", "text", or the choices "a|b|c" */
    const char *default_text;
    const char *doc;
    double min, max;
} omega_config_key;
static inline omega_config_key omega_config_key_default(void)
{
    omega_config_key key;
    memset(&key, 0, sizeof key);
    key.struct_size = (uint32_t)sizeof key;
    return key;
}
#define OMEGA_CONFIG_KEY_INIT omega_config_key_default()
OMEGA_API bool omega_config_key_at(size_t index, omega_config_key *out);

#ifdef __cplusplus
}
#endif
#endif
