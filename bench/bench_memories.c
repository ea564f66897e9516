/* bench_memories.c -- recall, load and filters over 100,000 memories with 768-dimensional vectors.
 *
 * Made-up memories of 20 words, drawn by a Zipf-Mandelbrot law over 50,000 words, with the built-in
 * embedder's vectors; queries are 6 words of a random memory. MEMORIES in the environment changes
 * their number. Prints one JSON line for each case. */
#include <stdio.h>
#include <stdlib.h>

#include "memory_bench.h"
#include "simd/simd.h"

enum { VOCABULARY = 50000, WORDS = 20, BATCH = 1000, TEXT = 512, SEED = 1, K = 10, QUERIES = 2000 };

static double cumulative[VOCABULARY];

static void law_init(void)
{
    double sum = 0;
    for (int i = 0; i < VOCABULARY; i++) {
        sum += 1.0 / (i + 21);
        cumulative[i] = sum;
    }
}

static int random_rank(struct om_rng *rng)
{
    double wanted = om_rng_unit(rng) * cumulative[VOCABULARY - 1];
    int low = 0;
    int high = VOCABULARY - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (cumulative[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t put_word(char *out, int rank)
{
    static const char consonants[] = "bdfgklmnprstvz";
    static const char vowels[] = "aeiou";
    size_t at = 0;
    unsigned left = (unsigned)rank * 2654435761U % (14 * 5 * 14 * 5 * 14);
    for (int i = 0; i < 3; i++) {
        out[at++] = consonants[left % 14];
        left /= 14;
        out[at++] = vowels[left % 5];
        left /= 5;
    }
    out[at++] = consonants[(unsigned)rank % 14];
    out[at++] = ' ';
    return at;
}

/* The words of memory `number`, always the same. */
static omega_str text_of(uint64_t number, int words, char out[TEXT])
{
    struct om_rng rng;
    size_t len = 0;
    om_rng_seed(&rng, number + SEED);
    for (int i = 0; i < words; i++) {
        len += put_word(out + len, random_rank(&rng));
    }
    return (omega_str){out, len};
}

static void import(struct memory_bench *bench, uint64_t count)
{
    static omega_memory_input inputs[BATCH];
    static char texts[BATCH][TEXT];
    static char metadata[BATCH][64];
    static omega_id ids[BATCH];
    double from = bench_seconds();
    for (uint64_t done = 0; done < count; done += BATCH) {
        size_t some = (size_t)OM_MIN((uint64_t)BATCH, count - done);
        for (size_t i = 0; i < some; i++) {
            inputs[i] = omega_memory_input_default();
            inputs[i].content = text_of(done + i, WORDS, texts[i]);
            inputs[i].importance = (double)((done + i) % 10) / 10;
            (void)snprintf(metadata[i], sizeof metadata[i],
                           "{\"n\":%llu,\"colour\":\"%s\",\"tags\":[\"a\",\"b\"]}",
                           (unsigned long long)((done + i) % 100), i % 3 == 0 ? "red" : "blue");
            inputs[i].metadata_json = omega_str_of(metadata[i]);
        }
        bench_must(om_memory_store_batch(bench->memory, inputs, some, NULL, ids), "store");
    }
    double seconds = bench_seconds() - from;
    printf("{\"bench\":\"memories\",\"case\":\"import\",\"memories\":%llu,\"seed\":%d,"
           "\"seconds\":%.2f,\"per_second\":%.0f}\n",
           (unsigned long long)count, SEED, seconds, (double)count / seconds);
}

struct recall_case {
    const char *name;
    size_t queries;
    double vector_weight;
    bool by_embedding, by_rows;
    const char *filter;
};

/* Into us[0] the time on the clock, into us[1] this process's on the processor. */
static void recall_once(struct memory_bench *bench, const struct recall_case *row, uint64_t number,
                        double us[2])
{
    char text[TEXT];
    float vector[OM_BUILTIN_DIMENSION];
    omega_memories *found = NULL;
    omega_recall_options options = omega_recall_options_default();
    omega_str query = text_of(number, 6, text);
    options.k = K;
    options.vector_weight = row->vector_weight;
    options.filter_json = omega_str_of(row->filter);
    if (row->by_embedding) {
        bench_must(bench->embedder.embed(bench->embedder.context, query, vector), "embed");
        options.embedding = vector;
        options.dimension = OM_BUILTIN_DIMENSION;
        options.space = OM_STR(OM_BUILTIN_SPACE);
    } else {
        options.query = query;
    }
    double from = bench_seconds();
    int64_t cpu_from = om_os_cpu_ns();
    bench_must(om_memory_recall(bench->memory, &options, &found), "recall");
    us[1] = (double)(om_os_cpu_ns() - cpu_from) / 1e3;
    us[0] = (bench_seconds() - from) * 1e6;
    om_memories_free(found);
}

static void recalls(struct memory_bench *bench, uint64_t count, const struct recall_case *row)
{
    static double wall[QUERIES];
    static double cpu[QUERIES];
    struct om_rng rng;
    om_rng_seed(&rng, SEED);
    om_memory_disable_index(bench->memory, row->by_rows);
    for (size_t i = 0; i < row->queries; i++) {
        double us[2];
        recall_once(bench, row, om_rng_below(&rng, count), us);
        wall[i] = us[0];
        cpu[i] = us[1];
    }
    om_memory_disable_index(bench->memory, false);
    printf("{\"bench\":\"memories\",\"case\":\"%s\",\"memories\":%llu,\"n\":%zu,\"k\":%d,"
           "\"helpers\":%u,\"row\":\"%s\",\"p50_us\":%.1f,\"p99_us\":%.1f,\"cpu_p50_us\":%.1f,"
           "\"cpu_p99_us\":%.1f}\n",
           row->name, (unsigned long long)count, row->queries, K, bench->helpers, om_simd_row(),
           bench_percentile(wall, row->queries, 50), bench_percentile(wall, row->queries, 99),
           bench_percentile(cpu, row->queries, 50), bench_percentile(cpu, row->queries, 99));
}

static void filters(struct memory_bench *bench)
{
    struct om_memory_stats stats;
    uint64_t passed = 0;
    int64_t from = om_os_cpu_ns();
    bench_must(
        om_memory_filter_count(
            bench->memory, OM_STR("{\"n\":{\"$gte\":90},\"colour\":{\"$in\":[\"red\"]}}"), &passed),
        "filter");
    double ms = (double)(om_os_cpu_ns() - from) / 1e6;
    om_memory_stats(bench->memory, &stats);
    printf("{\"bench\":\"memories\",\"case\":\"filter\",\"memories\":%llu,\"passed\":%llu,"
           "\"cpu_ms\":%.2f,\"catalog_bytes_per_memory\":%.0f}\n",
           (unsigned long long)stats.total, (unsigned long long)passed, ms,
           (double)stats.catalog_bytes / (double)stats.total);
}

int main(void)
{
    static const struct recall_case cases[] = {
        {"recall_hybrid", 300, 0.4, false, false, NULL},
        {"recall_words", QUERIES, 0, false, false, NULL},
        {"recall_vector", 300, 1, true, false, NULL},
        {"recall_hybrid_filter_1_percent", 200, 0.4, false, false, "{\"n\":7}"},
        {"recall_from_rows", 3, 0.4, false, true, NULL},
    };
    const char *wanted = om_os_env("MEMORIES");
    uint64_t count = 100000;
    struct memory_bench bench;
    memset(&bench, 0, sizeof bench);
    if (wanted != NULL && !om_str_to_u64(omega_str_of(wanted), &count)) {
        return 2;
    }
    law_init();
    memory_bench_open(&bench);
    import(&bench, count);
    int64_t cpu_from = om_os_cpu_ns();
    double seconds = memory_bench_reopen(&bench);
    printf("{\"bench\":\"memories\",\"case\":\"load\",\"memories\":%llu,\"seconds\":%.2f,"
           "\"cpu_seconds\":%.2f}\n",
           (unsigned long long)count, seconds, (double)(om_os_cpu_ns() - cpu_from) / 1e9);
    for (size_t i = 0; i < OM_COUNT_OF(cases); i++) {
        recalls(&bench, count, &cases[i]);
    }
    filters(&bench);
    memory_bench_close(&bench);
    return 0;
}
