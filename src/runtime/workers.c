/* workers.c -- the threads that work for submitted operations.
 *
 * A thread is started when more operations wait than threads are idle, up to runtime.threads, and
 * stays until the runtime stops. An idle runtime that nobody submitted to has none.
 * Rejected: a thread per operation (cost), a lock-free queue (two locks cost 40 ns). */
#include "runtime/submit_int.h"

static struct om_pending *take_work_locked(struct om_workers *workers)
{
    while (workers->first == NULL && !workers->stopping) {
        workers->idle++;
        om_cond_wait(&workers->work, &workers->mutex);
        workers->idle--;
    }
    struct om_pending *op = workers->first;
    if (op != NULL) {
        workers->first = op->next;
        workers->waiting--;
        if (workers->first == NULL) {
            workers->last = &workers->first;
        }
    }
    return op;
}

static void work(void *context)
{
    struct om_workers *workers = (struct om_workers *)context;
    for (;;) {
        om_mutex_lock(&workers->mutex);
        struct om_pending *op = take_work_locked(workers);
        const bool stopping = workers->stopping;
        om_mutex_unlock(&workers->mutex);
        if (op == NULL) {
            return;
        }
        om_pending_run(op, stopping || atomic_load(&workers->rt->draining));
        om_pending_complete(workers, op);
    }
}

static unsigned most_threads(const struct om_workers *workers)
{
    const unsigned wanted = workers->rt->config.runtime_threads;
    return wanted > 0 ? OM_MIN(wanted, (unsigned)OM_WORKERS_MAX) : OM_WORKERS_DEFAULT;
}

omega_status om_workers_give_locked(struct om_workers *workers, struct om_pending *op)
{
    if (workers->stopping) {
        return om_fail(OMEGA_ESTATE, "%s is not possible while stopping", op->row->name);
    }
    /* Without another thread to be had those that are there carry on; the first one must start. */
    if (workers->waiting >= workers->idle && workers->thread_count < most_threads(workers) &&
        om_thread_start(&workers->threads[workers->thread_count], "omega-worker", work, workers) ==
            OMEGA_OK) {
        workers->thread_count++;
    }
    if (workers->thread_count == 0) {
        return om_fail(OMEGA_EAGAIN, "no thread could be started");
    }
    op->next = NULL;
    *workers->last = op;
    workers->last = &op->next;
    workers->waiting++;
    om_cond_signal(&workers->work);
    return OMEGA_OK;
}

omega_status om_workers_new(omega_runtime *rt, struct om_workers **out)
{
    struct om_workers *workers = (struct om_workers *)om_get0(&rt->alloc, 1, sizeof *workers);
    if (workers == NULL) {
        return om_nomem();
    }
    workers->rt = rt;
    workers->last = &workers->first;
    om_mutex_init(&workers->mutex, OM_RANK_OPERATIONS);
    om_cond_init(&workers->work);
    *out = workers;
    return OMEGA_OK;
}

void om_workers_stop(struct om_workers *workers)
{
    om_mutex_lock(&workers->mutex);
    workers->stopping = true;
    om_cond_broadcast(&workers->work);
    const unsigned count = workers->thread_count;
    om_mutex_unlock(&workers->mutex);
    /* Nothing is added while stopping, and each thread leaves only when nothing waits. */
    for (unsigned i = 0; i < count; i++) {
        om_thread_join(&workers->threads[i]);
    }
    om_mutex_lock(&workers->mutex);
    OM_ASSERT(workers->first == NULL);
    memset(workers->threads, 0, sizeof workers->threads);
    workers->thread_count = 0;
    workers->stopping = false;
    om_mutex_unlock(&workers->mutex);
}

void om_workers_stopped(struct om_workers *workers)
{
    om_mutex_lock(&workers->mutex);
    for (omega_cq *cq = workers->queues; cq != NULL; cq = cq->next) {
        om_mutex_lock(&cq->mutex);
        om_cond_broadcast(&cq->changed);
        om_mutex_unlock(&cq->mutex);
    }
    om_mutex_unlock(&workers->mutex);
}

void om_workers_free(struct om_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    OM_ASSERT(workers->queues == NULL);
    om_workers_stop(workers);
    om_cond_fini(&workers->work);
    om_mutex_fini(&workers->mutex);
    om_put(&workers->rt->alloc, workers);
}
