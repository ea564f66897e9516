/* memory_bench.c -- a whole memory for the measuring programs. */
#include "memory_bench.h"

#include <stdio.h>
#include <stdlib.h>

void bench_must(omega_status status, const char *what)
{
    if (status != OMEGA_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, om_error_last()->message);
        exit(1);
    }
}

double bench_seconds(void)
{
    return (double)om_mono_ns(om_clock_system()) / 1e9;
}

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_percentile(double *values, size_t count, double p)
{
    qsort(values, count, sizeof *values, compare_double);
    return values[OM_MIN((size_t)((double)count * p / 100), count - 1)];
}

static void start(struct memory_bench *bench)
{
    static const struct om_schema *const schemas[] = {&om_agentdb_schema, &om_memory_schema};
    bench_must(om_scan_pool_open(&bench->alloc, bench->helpers, &bench->pool), "pool");
    bench_must(om_spaces_new(&bench->alloc, bench->pool, &bench->spaces), "spaces");
    struct om_memory_options options = {.alloc = &bench->alloc,
                                        .clock = om_clock_system(),
                                        .ids = &bench->ids,
                                        .spaces = bench->spaces,
                                        .embedder = &bench->embedder,
                                        .stemmers = &bench->stemmers,
                                        .pool = bench->pool,
                                        .session_gap_secs = 1800,
                                        .vector_weight = 0.4,
                                        .importance_weight = 0.05,
                                        .durability = OM_DURABILITY_PROCESS};
    bench_must(om_memory_new(&options, &bench->memory), "memory");
    size_t count = 0;
    const struct om_record_kind *const *kinds = om_memory_kinds(bench->memory, &count);
    struct om_store_options store = {.alloc = &bench->alloc,
                                     .clock = om_clock_system(),
                                     .dir = bench->dir,
                                     .schemas = schemas,
                                     .schema_count = OM_COUNT_OF(schemas),
                                     .kinds = kinds,
                                     .kind_count = count};
    bench_must(om_store_open(&store, &bench->store), "store");
    bench_must(om_memory_load(bench->memory, bench->store, NULL, NULL), "load");
}

static void stop(struct memory_bench *bench)
{
    om_store_close(bench->store);
    om_memory_free(bench->memory);
    om_spaces_free(bench->spaces);
    om_scan_pool_close(bench->pool);
}

void memory_bench_open(struct memory_bench *bench)
{
    (void)snprintf(bench->dir, sizeof bench->dir, "/tmp/omega-bench-XXXXXX");
    if (mkdtemp(bench->dir) == NULL) {
        bench_must(om_fail(OMEGA_EIO, "no temporary directory"), "open");
    }
    om_alloc_init(&bench->alloc, NULL);
    om_uuid_source_init(&bench->ids, om_clock_system(), 1);
    om_stemmers_init(&bench->stemmers, &bench->alloc);
    bench_must(om_builtin_embedder(&bench->alloc, &bench->embedder), "embedder");
    start(bench);
}

double memory_bench_reopen(struct memory_bench *bench)
{
    stop(bench);
    double from = bench_seconds();
    start(bench);
    return bench_seconds() - from;
}

static omega_status remove_file(void *context, const char *name, bool is_dir)
{
    const struct memory_bench *bench = context;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", bench->dir, name);
    return is_dir ? OMEGA_OK : om_os_remove(path);
}

void memory_bench_close(struct memory_bench *bench)
{
    stop(bench);
    om_builtin_embedder_fini(&bench->embedder);
    om_stemmers_fini(&bench->stemmers);
    om_uuid_source_fini(&bench->ids);
    bench_must(om_os_list(bench->dir, &bench->alloc, remove_file, bench), "remove");
    (void)remove(bench->dir);
}
