/* memory_bench.h -- a whole memory on a temporary directory, for the measuring programs.
 *
 * Ends the program with a message when something fails: a bench has no use for half a store. */
#ifndef OM_MEMORY_BENCH_H
#define OM_MEMORY_BENCH_H

#include "memory/memory.h"
#include "providers/providers.h"

struct memory_bench {
    char dir[64];
    struct om_alloc alloc;
    struct om_uuid_source ids;
    struct om_stemmers stemmers;
    struct om_embedder embedder;
    struct om_scan_pool *pool;
    struct om_spaces *spaces;
    struct om_memory *memory;
    struct om_store *store;
    unsigned helpers; /* threads that help a scan */
};

void bench_must(omega_status status, const char *what);
/* On a fresh directory; zeroed before but for `helpers`. */
void memory_bench_open(struct memory_bench *bench);
/* Closes and opens again; returns the seconds that opening took. */
double memory_bench_reopen(struct memory_bench *bench);
void memory_bench_close(struct memory_bench *bench); /* and removes the directory */

double bench_seconds(void); /* monotonic */
/* Sorts; value at the p-th percentile, 0..100. */
double bench_percentile(double *values, size_t count, double p);

#endif
