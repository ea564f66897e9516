/* completion.c -- completion queues: where submitted operations end up, once each.
 *
 * A queue counts what was submitted to it and not taken yet, and admits at most its capacity: so a
 * completion always has its place. The eventfd is signalled when the list stops being empty and
 * cleared when it becomes so, both under the queue's lock. */
#include "runtime/submit_int.h"

omega_status om_cq_reserve(omega_cq *cq)
{
    omega_status status = OMEGA_OK;
    om_mutex_lock(&cq->mutex);
    if (cq->in_flight >= cq->capacity) {
        status = om_fail(OMEGA_EAGAIN, "%u operations of this queue are in flight: its bound",
                         cq->in_flight);
    } else {
        cq->in_flight++;
    }
    om_mutex_unlock(&cq->mutex);
    return status;
}

void om_cq_unreserve(omega_cq *cq)
{
    om_mutex_lock(&cq->mutex);
    cq->in_flight--;
    om_cond_broadcast(&cq->changed);
    om_mutex_unlock(&cq->mutex);
}

void om_cq_push(omega_cq *cq, struct om_pending *op)
{
    op->next = NULL;
    om_mutex_lock(&cq->mutex);
    const bool was_empty = cq->first == NULL;
    *cq->last = op;
    cq->last = &op->next;
    if (was_empty) {
        om_os_eventfd_signal(cq->fd);
    }
    om_cond_broadcast(&cq->changed);
    om_mutex_unlock(&cq->mutex);
}

static void join_runtime(omega_cq *cq)
{
    struct om_workers *workers = cq->rt->workers;
    om_mutex_lock(&workers->mutex);
    cq->next = workers->queues;
    workers->queues = cq;
    om_mutex_unlock(&workers->mutex);
}

static void leave_runtime(omega_cq *cq)
{
    struct om_workers *workers = cq->rt->workers;
    om_mutex_lock(&workers->mutex);
    omega_cq **at = &workers->queues;
    while (*at != cq) {
        at = &(*at)->next;
    }
    *at = cq->next;
    om_mutex_unlock(&workers->mutex);
}

omega_status omega_cq_new(omega_runtime *rt, uint32_t capacity, omega_cq **out)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "the place for the queue is NULL");
    }
    *out = NULL;
    if (capacity < 1 || capacity > OM_LIMIT_IN_FLIGHT) {
        return om_fail(OMEGA_EINVAL, "capacity is %u: 1 to %d is allowed", capacity,
                       (int)OM_LIMIT_IN_FLIGHT);
    }
    omega_cq *cq = (omega_cq *)om_get0(&rt->alloc, 1, sizeof *cq);
    if (cq == NULL) {
        return om_nomem();
    }
    status = om_os_eventfd(&cq->fd);
    if (status != OMEGA_OK) {
        om_put(&rt->alloc, cq);
        return status;
    }
    cq->rt = rt;
    cq->capacity = capacity;
    cq->last = &cq->first;
    om_mutex_init(&cq->mutex, OM_RANK_CQ);
    om_cond_init(&cq->changed);
    join_runtime(cq);
    *out = cq;
    return OMEGA_OK;
}

int omega_cq_fd(omega_cq *cq)
{
    return cq != NULL ? cq->fd : -1;
}

static struct om_pending *take_completed_locked(omega_cq *cq)
{
    struct om_pending *op = cq->first;
    cq->first = op->next;
    if (cq->first == NULL) {
        cq->last = &cq->first;
        om_os_eventfd_clear(cq->fd);
    }
    cq->in_flight--;
    return op;
}

/* Waits until the list has something; OMEGA_ETIMEDOUT and OMEGA_ECLOSED record no error: both are
 * ordinary. */
static omega_status wait_completed_locked(omega_cq *cq, int timeout_ms)
{
    const struct om_clock *real = om_clock_system();
    const int64_t end = timeout_ms > 0 ? om_mono_ns(real) + (int64_t)timeout_ms * 1000000 : 0;
    while (cq->first == NULL) {
        if (cq->in_flight == 0 && om_lifecycle_state(&cq->rt->life) == OM_STATE_STOPPED) {
            return OMEGA_ECLOSED;
        }
        const int64_t left = timeout_ms > 0 ? end - om_mono_ns(real) : timeout_ms;
        if (timeout_ms >= 0 && left <= 0) {
            return OMEGA_ETIMEDOUT;
        }
        om_cond_wait_for(&cq->changed, &cq->mutex, left);
    }
    return OMEGA_OK;
}

static const void *result_shown(const struct om_pending *op)
{
    if (op->status != OMEGA_OK || op->row->result_size == 0) {
        return NULL;
    }
    if (op->ids.ids != NULL) {
        return &op->id_result;
    }
    return op->row->result_is_handle ? op->result.handle : (const void *)&op->result;
}

omega_status omega_cq_next(omega_cq *cq, int timeout_ms, omega_completion *out)
{
    if (cq == NULL || out == NULL || out->struct_size < sizeof *out) {
        return om_fail(OMEGA_EINVAL, "a queue and a completion with its struct_size are needed");
    }
    omega_status status = om_require_runtime(cq->rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&cq->mutex);
    status = wait_completed_locked(cq, timeout_ms);
    struct om_pending *op = status == OMEGA_OK ? take_completed_locked(cq) : NULL;
    om_mutex_unlock(&cq->mutex);
    if (op == NULL) {
        return status;
    }
    *out = (omega_completion){
        .struct_size = out->struct_size,
        .op = op->op,
        .ticket = op->ticket,
        .user_data = op->user_data,
        .status = op->status,
        .error = op->error,
        .result = result_shown(op),
        .latency_us = (uint64_t)(op->completed_ns - op->submitted_ns) / 1000,
        .owned = op,
    };
    return OMEGA_OK;
}

size_t omega_cq_dispatch(omega_cq *cq, size_t max,
                         void (*handler)(void *context, const omega_completion *completion),
                         void *context)
{
    size_t count = 0;
    omega_completion done = {.struct_size = sizeof done};
    while (handler != NULL && count < max && omega_cq_next(cq, 0, &done) == OMEGA_OK) {
        handler(context, &done);
        omega_completion_release(&done);
        count++;
    }
    return count;
}

void omega_completion_release(omega_completion *completion)
{
    if (completion != NULL && completion->owned != NULL) {
        om_pending_free((struct om_pending *)completion->owned);
        completion->owned = NULL;
        completion->result = NULL;
        completion->error = "";
    }
}

void omega_cq_free(omega_cq *cq)
{
    if (cq == NULL || om_is_forked(cq->rt)) {
        return; /* in a child the locks and the threads that end what is in flight are gone */
    }
    om_mutex_lock(&cq->mutex);
    while (cq->in_flight > 0) {
        while (cq->first == NULL && cq->in_flight > 0) {
            om_cond_wait(&cq->changed, &cq->mutex);
        }
        if (cq->first != NULL) {
            om_pending_free(take_completed_locked(cq));
        }
    }
    om_mutex_unlock(&cq->mutex);
    leave_runtime(cq);
    om_os_close(&cq->fd);
    om_cond_fini(&cq->changed);
    om_mutex_fini(&cq->mutex);
    om_put(&cq->rt->alloc, cq);
}
