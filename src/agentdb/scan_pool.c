/* scan_pool.c -- helper threads that share one scan at a time.
 *
 * One mutex guards everything; it is held for a few instructions, never while work runs. A run is
 * open from the moment it is posted until its caller has finished its own share; a helper that
 * wakes inside that time joins, one that wakes later finds nothing and parks again. So a caller
 * waits only for helpers that are already working on the last share, never for one to wake up,
 * which here takes longer than a scan of a few megabytes.
 *
 * Rejected: a queue of scans (a second search would wait for the first; two searches on their own
 * threads already use two cores); spinning helpers (an idle runtime must use no CPU).
 *
 * Locks: mutex (OM_RANK_LEAF) guards all fields below it. */
#include "agentdb/scan_pool.h"

struct om_scan_pool {
    struct om_alloc *alloc;
    unsigned helpers; /* started threads */
    struct om_mutex mutex;
    struct om_cond wake; /* a run was posted, or closing */
    struct om_cond done; /* the last helper of a closed run left */
    bool closing;
    bool busy;                                    /* a caller owns the pool */
    void (*work)(void *context, unsigned worker); /* of the open run; NULL: none is open */
    void *context;
    uint64_t generation; /* of runs, so that a helper joins each once */
    unsigned joined;     /* helpers of this run so far */
    unsigned running;    /* helpers inside work */
    struct om_thread threads[];
};

static void help_once_locked(struct om_scan_pool *pool)
{
    void (*work)(void *context, unsigned worker) = pool->work;
    void *context = pool->context;
    unsigned worker = ++pool->joined;
    pool->running++;
    om_mutex_unlock(&pool->mutex);
    work(context, worker);
    om_mutex_lock(&pool->mutex);
    pool->running--;
    if (pool->running == 0 && pool->work == NULL) {
        om_cond_signal(&pool->done);
    }
}

static void run_helper(void *context)
{
    struct om_scan_pool *pool = context;
    uint64_t seen = 0;
    om_mutex_lock(&pool->mutex);
    while (!pool->closing) {
        if (pool->work != NULL && pool->generation != seen) {
            seen = pool->generation;
            help_once_locked(pool);
        } else {
            om_cond_wait(&pool->wake, &pool->mutex);
        }
    }
    om_mutex_unlock(&pool->mutex);
}

/* A system without more threads gets a slower scan, not a failed start. */
static omega_status start_helpers(struct om_scan_pool *pool, unsigned helpers)
{
    while (pool->helpers < helpers) {
        struct om_thread *thread = &pool->threads[pool->helpers];
        omega_status status = om_thread_start(thread, "omega-scan", run_helper, pool);
        if (status == OMEGA_ENOMEM) {
            return status;
        }
        if (status != OMEGA_OK) {
            om_log(OM_LOG_WARN, "agentdb", "scans have %u helpers instead of %u: %s", pool->helpers,
                   helpers, om_error_last()->message);
            om_error_clear();
            break;
        }
        pool->helpers++;
    }
    return OMEGA_OK;
}

omega_status om_scan_pool_open(struct om_alloc *alloc, unsigned helpers, struct om_scan_pool **out)
{
    *out = NULL;
    helpers = OM_MIN(helpers, (unsigned)OM_SCAN_HELPERS_MAX);
    struct om_scan_pool *pool =
        om_get0(alloc, 1, sizeof *pool + helpers * sizeof(struct om_thread));
    if (pool == NULL) {
        return om_nomem();
    }
    pool->alloc = alloc;
    om_mutex_init(&pool->mutex, OM_RANK_LEAF);
    om_cond_init(&pool->wake);
    om_cond_init(&pool->done);
    omega_status status = start_helpers(pool, helpers);
    if (status != OMEGA_OK) {
        om_scan_pool_close(pool);
        return status;
    }
    *out = pool;
    return OMEGA_OK;
}

void om_scan_pool_close(struct om_scan_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    om_mutex_lock(&pool->mutex);
    OM_ASSERT(!pool->busy);
    pool->closing = true;
    om_cond_broadcast(&pool->wake);
    om_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->helpers; i++) {
        om_thread_join(&pool->threads[i]);
    }
    om_cond_fini(&pool->done);
    om_cond_fini(&pool->wake);
    om_mutex_fini(&pool->mutex);
    om_put(pool->alloc, pool);
}

unsigned om_scan_pool_workers(const struct om_scan_pool *pool)
{
    return pool == NULL ? 1 : pool->helpers + 1;
}

/* False when someone else has the pool. */
static bool post_run(struct om_scan_pool *pool, void (*work)(void *context, unsigned worker),
                     void *context)
{
    om_mutex_lock(&pool->mutex);
    bool is_free = !pool->busy;
    if (is_free) {
        pool->busy = true;
        pool->work = work;
        pool->context = context;
        pool->joined = 0;
        pool->generation++;
        om_cond_broadcast(&pool->wake);
    }
    om_mutex_unlock(&pool->mutex);
    return is_free;
}

static void finish_run(struct om_scan_pool *pool)
{
    om_mutex_lock(&pool->mutex);
    pool->work = NULL;
    while (pool->running > 0) {
        om_cond_wait(&pool->done, &pool->mutex);
    }
    pool->busy = false;
    om_mutex_unlock(&pool->mutex);
}

void om_scan_pool_run(struct om_scan_pool *pool, void (*work)(void *context, unsigned worker),
                      void *context)
{
    bool helped = om_scan_pool_workers(pool) > 1 && post_run(pool, work, context);
    work(context, 0);
    if (helped) {
        finish_run(pool);
    }
}
