/* custom_config.c -- settings of one's own: written into the struct, set by key, read back.
 *
 * The struct is flat and typed; every field has a key, a range and a default in one table, which
 * `omega config` prints. A large index costs nothing before there is something in it. */
#include "example.h"

static const double megabyte = 1e6;
static const double resident_limit = 12e6;

static void configure(omega_config *config)
{
    omega_config_init(config);
    config->memory_enable_auto_consolidation = true;
    config->memory_consolidation_interval_secs = 1800;
    config->memory_max_memories_per_tier = 10000;
    config->loops_enable_all_loops = true;
    config->loops_reflexive_interval_ms = 100;
    config->loops_reactive_interval_ms = 5000;
    config->loops_adaptive_interval_ms = 1800000;
    config->agentdb_dimension = 4096;
    config->agentdb_hnsw_m = 64;
    config->agentdb_hnsw_ef = 200;
    config->agentdb_cache_size = 500000;
    config->meta_sona_enable_evolution = true;
    config->meta_sona_mcts_iterations = 1000;
}

/* Every key of the table with the value in force. */
static omega_status print_config(const omega_config *config)
{
    omega_config_key key = OMEGA_CONFIG_KEY_INIT;
    char value[OMEGA_CONFIG_PATH_SIZE];
    for (size_t i = 0; omega_config_key_at(i, &key); i++) {
        const omega_status status = omega_config_get(config, key.key, value, sizeof value);
        if (status != OMEGA_OK) {
            return status;
        }
        printf("%s = %s\n", key.key, value);
    }
    return OMEGA_OK;
}

int main(void)
{
    omega_config config;
    omega_config in_force;
    omega_runtime_metrics metrics = OMEGA_RUNTIME_METRICS_INIT;
    omega_runtime *rt = NULL;
    int rc = EXIT_FAILURE;

    omega_config_init(&in_force);
    configure(&config);
    TRY(omega_config_set(&config, "meta_sona.ppo_steps", "100"));
    TRY(omega_runtime_new(&config, &rt));
    TRY(omega_runtime_start(rt));
    omega_runtime_config(rt, &in_force);
    TRY(print_config(&in_force));
    TRY(omega_metrics(rt, &metrics));
    printf("resident: %.1f MB, private: %.1f MB\n", (double)metrics.resident_bytes / megabyte,
           (double)metrics.private_bytes / megabyte);
    if ((double)metrics.resident_bytes > resident_limit) {
        fprintf(stderr, "more than %.0f MB are resident\n", resident_limit / megabyte);
        goto out;
    }
    TRY(omega_runtime_stop(rt, 10000));
    rc = EXIT_SUCCESS;
out:
    omega_runtime_free(rt);
    return rc;
}
