/* scan_pool.h -- helper threads that share one scan at a time.
 *
 * A search brings its own thread and asks for help; helpers are parked on a condition and join what
 * is running when they wake. Whoever finds the pool busy works alone, so searches never wait for
 * each other and cannot deadlock.
 * Threads: any number may call om_scan_pool_run at once; open and close are the owner's. */
#ifndef OM_SCAN_POOL_H
#define OM_SCAN_POOL_H

#include "core/core.h"

struct om_scan_pool;

enum { OM_SCAN_HELPERS_MAX = 63 };

/* Starts `helpers` threads, cut to OM_SCAN_HELPERS_MAX; 0 makes a pool that never helps. A sensible
 * number is om_os_cpu_count() - 1. Where the system gives fewer threads, the pool has fewer.
 * OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_scan_pool_open(struct om_alloc *alloc, unsigned helpers,
                                                struct om_scan_pool **out);
/* No run may be in progress. NULL is allowed. */
void om_scan_pool_close(struct om_scan_pool *pool);

/* Workers that a run can have, the caller included: at least 1, also for NULL. */
unsigned om_scan_pool_workers(const struct om_scan_pool *pool);

/* Calls work(context, worker) on the calling thread (worker 0) and on each helper that wakes before
 * it returns (1 .. workers - 1); returns when all that began have returned. The calls take their
 * shares from something atomic in the context: any number of them, also one, must do it all.
 * A busy pool, and NULL, run worker 0 only. `work` must not run the pool again. */
void om_scan_pool_run(struct om_scan_pool *pool, void (*work)(void *context, unsigned worker),
                      void *context);

#endif
