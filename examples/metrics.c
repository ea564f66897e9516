/* metrics.c -- what a runtime counts: the struct, and the same as JSON and as Prometheus text. */
#include "example.h"

static void print_metrics(const omega_runtime_metrics *m)
{
    printf("Runtime Metrics:\n  Uptime: %.1f s\n  Total memories: %llu\n  Memory by tier:",
           m->uptime_s, (unsigned long long)m->total_memories);
    for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        printf(" %s=%llu", omega_tier_name((omega_tier)tier),
               (unsigned long long)m->memories_by_tier[tier]);
    }
    printf("\n  Total cycles: %llu\n  Cycles by loop:", (unsigned long long)m->total_cycles);
    for (int loop = 0; loop <= OMEGA_LOOP_ERASURE; loop++) {
        const char *name = omega_loop_name((omega_loop)loop);
        if (name[0] != '?') {
            printf(" %s=%llu", name, (unsigned long long)m->cycles_by_loop[loop]);
        }
    }
    printf("\n  Intelligences: %llu\n  Avg response time: %.0f us\n  Error rate: %.2f%%\n",
           (unsigned long long)m->intelligence_count, m->avg_response_time_s * 1e6,
           m->error_rate * 100.0);
}

/* Something to count: two memories, one recall, one cycle, and one call that fails. */
static omega_status do_some_work(omega_runtime *rt)
{
    static const char *const texts[] = {"Ann prefers tea", "Ben prefers coffee"};
    for (size_t i = 0; i < 2; i++) {
        omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
        omega_id id;
        input.content = omega_str_of(texts[i]);
        input.tier = OMEGA_TIER_SEMANTIC;
        const omega_status stored = omega_memory_store(rt, &input, &id);
        if (stored != OMEGA_OK) {
            return stored;
        }
    }
    omega_recall_options ask = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *memories = NULL;
    ask.query = omega_str_of("who prefers tea");
    omega_status status = omega_memory_recall(rt, &ask, &memories);
    omega_memories_free(memories);
    if (status != OMEGA_OK) {
        return status;
    }
    if (omega_memory_get(rt, "no such id", NULL, &memories) == OMEGA_OK) {
        omega_memories_free(memories);
    }
    omega_cycle_output *cycle = NULL;
    status = omega_loop_execute_cycle(rt, (omega_loop)OMEGA_LOOP_RETENTION, NULL, &cycle);
    omega_cycle_output_free(cycle);
    return status;
}

int main(void)
{
    omega_runtime *rt = NULL;
    omega_runtime_metrics metrics = OMEGA_RUNTIME_METRICS_INIT;
    char *json = NULL;
    char *prometheus = NULL;
    int rc = EXIT_FAILURE;

    TRY(omega_runtime_new(NULL, &rt));
    TRY(omega_runtime_start(rt));
    TRY(do_some_work(rt));
    TRY(omega_metrics(rt, &metrics));
    TRY(omega_metrics_json(rt, &json));
    TRY(omega_metrics_prometheus(rt, &prometheus));
    print_metrics(&metrics);
    puts(json);
    puts(prometheus);
    TRY(omega_runtime_stop(rt, 10000));
    rc = EXIT_SUCCESS;
out:
    omega_text_free(json);
    omega_text_free(prometheus);
    omega_runtime_free(rt);
    return rc;
}
