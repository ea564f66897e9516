/* agent.c -- an agent that remembers what it is told: one line of standard input is one turn.
 *
 * Each turn is embedded, looked up, answered, and stored before the answer is printed: whoever saw
 * an answer finds its turn again, whatever happens to the process afterwards.
 *
 *     printf 'My sister Ann lives in Oslo\nWhere does Ann live?\n' | agent */
#include "example.h"

enum { DIMENSION = 1536, LINE = 1024 };

static void configure(omega_config *config)
{
    omega_config_init(config);
    config->memory_enable_auto_consolidation = true;
    config->memory_consolidation_interval_secs = 3600;
    config->loops_enable_all_loops = true;
    config->agentdb_dimension = DIMENSION;
    config->agentdb_hnsw_m = 32;
    config->agentdb_hnsw_ef = 100;
}

/* What the agent says: the best memory that it has, without its own words of that turn. */
static void answer(const omega_memories *memories, char *response, size_t size)
{
    if (omega_memories_count(memories) == 0) {
        snprintf(response, size, "I have nothing on that yet.");
        return;
    }
    const omega_memory *best = omega_memories_at(memories, 0);
    const char *end = strstr(best->content.ptr, " | Response: ");
    const size_t len = end != NULL ? (size_t)(end - best->content.ptr) : best->content.len;
    const size_t skip = strncmp(best->content.ptr, "User: ", 6) == 0 ? 6 : 0;
    snprintf(response, size, "I remember: %.*s", (int)(len - skip), best->content.ptr + skip);
}

static omega_status recall(omega_runtime *rt, const char *message, const float *embedding,
                           omega_memories **out)
{
    static const omega_tier tiers[] = {OMEGA_TIER_SESSION, OMEGA_TIER_EPISODIC,
                                       OMEGA_TIER_SEMANTIC};
    omega_recall_options ask = OMEGA_RECALL_OPTIONS_INIT;
    ask.query = omega_str_of(message);
    ask.embedding = embedding;
    ask.dimension = DIMENSION;
    ask.tiers = tiers;
    ask.tier_count = 3;
    ask.k = 10;
    return omega_memory_recall(rt, &ask, out);
}

static omega_status remember(omega_runtime *rt, const char *message, const char *response,
                             const float *embedding)
{
    char turn[2 * LINE];
    omega_id id;
    snprintf(turn, sizeof turn, "User: %s | Response: %s", message, response);
    omega_memory_input episode = OMEGA_MEMORY_INPUT_INIT;
    episode.tier = OMEGA_TIER_EPISODIC;
    episode.content = omega_str_of(turn);
    episode.embedding = embedding;
    episode.dimension = DIMENSION;
    episode.importance = 0.7;
    return omega_memory_store(rt, &episode, &id);
}

int main(void)
{
    omega_config config;
    omega_runtime *rt = NULL;
    omega_memories *memories = NULL;
    char message[LINE];
    char response[LINE / 2];
    float embedding[DIMENSION];
    int rc = EXIT_FAILURE;

    configure(&config);
    TRY(omega_runtime_new(&config, &rt));
    TRY(omega_runtime_start(rt));
    while (read_line(message, sizeof message)) {
        if (message[0] == '\0') {
            continue;
        }
        TRY(omega_embed(rt, omega_str_of(message), embedding, DIMENSION));
        TRY(recall(rt, message, embedding, &memories));
        answer(memories, response, sizeof response);
        omega_memories_free(memories);
        memories = NULL;
        TRY(remember(rt, message, response, embedding));
        puts(response);
        fflush(stdout);
    }
    TRY(omega_runtime_stop(rt, 10000));
    rc = EXIT_SUCCESS;
out:
    omega_memories_free(memories);
    omega_runtime_free(rt);
    return rc;
}
