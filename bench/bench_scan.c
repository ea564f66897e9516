/* bench_scan.c -- the exact scan against the memory it reads.
 *
 * 100,000 vectors of 768 floats are scanned for the best 10, and beside each scan a plain loop
 * reads as many bytes of a buffer of its own, on the same threads: the ratio says what the scan
 * leaves on the table on this machine, now. The buffer is read from small and from huge pages and
 * the faster median counts. One JSON line for each case: threads, kernel row, median of ROUNDS. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "agentdb/scan_pool.h"
#include "agentdb/vectors.h"
#include "simd/simd.h"

enum { COUNT = 100000, DIMENSION = 768, K = 10, ROUNDS = 21, SHARE = 1 << 20, LANES = 4 };

#define BYTES ((size_t)COUNT * DIMENSION * sizeof(float))

typedef uint64_t wide __attribute__((vector_size(64)));

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *samples)
{
    qsort(samples, ROUNDS, sizeof samples[0], compare);
    return samples[ROUNDS / 2];
}

static double seconds_since(int64_t start_ns)
{
    return (double)(om_mono_ns(om_clock_system()) - start_ns) / 1e9;
}

/* ---- The control: reading -------------------------------------------------------------------- */

struct reading {
    const char *bytes;
    _Atomic size_t next;
    _Atomic uint64_t sink; /* keeps the loads alive */
};

/* The widest loads that the CPU has, or the control would be the slower one. */
#if defined(__x86_64__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

WIDEST static uint64_t read_share(const char *at)
{
    wide sums[LANES] = {{0}};
    for (size_t i = 0; i < SHARE; i += sizeof sums) {
        for (size_t lane = 0; lane < LANES; lane++) {
            sums[lane] |= *(const wide *)(const void *)(at + i + lane * sizeof(wide));
        }
    }
    wide all = sums[0] | sums[1] | sums[2] | sums[3];
    return all[0] | all[1] | all[2] | all[3] | all[4] | all[5] | all[6] | all[7];
}

static void read_shares(void *context, unsigned worker)
{
    struct reading *reading = context;
    uint64_t sink = worker;
    size_t at;
    while ((at = atomic_fetch_add(&reading->next, SHARE)) + SHARE <= BYTES) {
        sink |= read_share(reading->bytes + at);
    }
    atomic_fetch_add(&reading->sink, sink);
}

static double time_read(const char *bytes, struct om_scan_pool *pool)
{
    struct reading reading = {.bytes = bytes};
    int64_t start = om_mono_ns(om_clock_system());
    om_scan_pool_run(pool, read_shares, &reading);
    return seconds_since(start);
}

static char *make_buffer(bool huge)
{
    void *pages;
    if (om_os_pages(BYTES, &pages) != OMEGA_OK) {
        return NULL;
    }
    (void)madvise(pages, BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(pages, 1, BYTES);
    return pages;
}

/* ---- The scan -------------------------------------------------------------------------------- */

static struct om_vectors *make_set(struct om_scan_pool *pool, enum om_metric metric)
{
    const struct om_vectors_options options = {.alloc = om_alloc_default(),
                                               .pool = pool,
                                               .name = "bench",
                                               .dimension = DIMENSION,
                                               .metric = metric};
    struct om_vectors *v;
    struct om_rng rng;
    float values[DIMENSION];
    om_rng_seed(&rng, 1);
    if (om_vectors_new(&options, &v) != OMEGA_OK) {
        return NULL;
    }
    for (uint32_t item = 0; item < COUNT; item++) {
        for (size_t i = 0; i < DIMENSION; i++) {
            values[i] = (float)om_rng_unit(&rng) - 0.5f;
        }
        if (om_vectors_add(v, item, 1, 1, values) != OMEGA_OK) {
            om_vectors_free(v);
            return NULL;
        }
    }
    return v;
}

static double time_scan(struct om_vectors *v, const float *values)
{
    struct om_vector_hit hits[K];
    struct om_vectors_query query;
    int64_t start = om_mono_ns(om_clock_system());
    unsigned ticket = om_vectors_enter(v);
    size_t count = 0;
    if (om_vectors_query(v, values, DIMENSION, 1, &query) == OMEGA_OK) {
        count = om_vectors_search(v, &query, NULL, K, hits);
    }
    om_vectors_leave(v, ticket);
    double seconds = seconds_since(start);
    if (count != K) {
        fprintf(stderr, "a scan found %zu of %d\n", count, K);
        exit(1);
    }
    return seconds;
}

static void measure(struct om_scan_pool *pool, enum om_metric metric, char *const buffers[2])
{
    static const char *const names[] = {"cosine", "dot", "l2"};
    double reads[2][ROUNDS];
    double scans[ROUNDS];
    struct om_vectors *v = make_set(pool, metric);
    if (v == NULL) {
        exit(1);
    }
    float query[DIMENSION];
    for (size_t i = 0; i < DIMENSION; i++) {
        query[i] = (float)(i % 13) - 6.0f;
    }
    for (int round = 0; round < ROUNDS; round++) {
        scans[round] = time_scan(v, query);
        reads[0][round] = time_read(buffers[0], pool);
        reads[1][round] = time_read(buffers[1], pool);
    }
    om_vectors_free(v);
    double scan = median(scans);
    double read = OM_MIN(median(reads[0]), median(reads[1]));
    printf("{\"bench\":\"scan\",\"threads\":%u,\"row\":\"%s\",\"metric\":\"%s\",\"count\":%d,"
           "\"dimension\":%d,\"k\":%d,\"rounds\":%d,\"seed\":1,\"median_ms\":%.3f,"
           "\"gb_per_s\":%.2f,\"read_gb_per_s\":%.2f,\"of_read\":%.3f}\n",
           om_scan_pool_workers(pool), om_simd_row(), names[metric], COUNT, DIMENSION, K, ROUNDS,
           scan * 1e3, (double)BYTES / scan / 1e9, (double)BYTES / read / 1e9, read / scan);
    (void)fflush(stdout);
}

static void measure_threads(unsigned threads, char *const buffers[2])
{
    struct om_scan_pool *pool;
    if (om_scan_pool_open(om_alloc_default(), threads - 1, &pool) != OMEGA_OK) {
        exit(1);
    }
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        (void)om_simd_force(row->name);
        measure(pool, OM_METRIC_COSINE, buffers);
    }
    (void)om_simd_force(NULL);
    measure(pool, OM_METRIC_L2, buffers);
    om_scan_pool_close(pool);
}

int main(void)
{
    char *const buffers[2] = {make_buffer(false), make_buffer(true)};
    if (buffers[0] == NULL || buffers[1] == NULL) {
        return 1;
    }
    measure_threads(1, buffers);
    if (om_os_cpu_count() > 1) {
        measure_threads(OM_MIN(om_os_cpu_count(), OM_SCAN_HELPERS_MAX + 1), buffers);
    }
    om_os_pages_free(buffers[0], BYTES);
    om_os_pages_free(buffers[1], BYTES);
    return 0;
}
