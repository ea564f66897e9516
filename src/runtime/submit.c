/* submit.c -- operations without waiting: submission, workers, completion queues.
 *
 * A submitted operation copies its options into its own arena, passes the gate (and stays counted
 * there until it is done, so a stop drains it), and goes to the workers' queue. Workers are started
 * when there is work and nobody idle, up to runtime.threads. An operation completes exactly once:
 * onto its queue's list, with the eventfd signalled when the list was empty. The in-flight bound is
 * at most the queue's capacity, so a completion always has its place.
 *
 * Locks: workers->mutex (OPERATIONS) guards the waiting list, the table of what is in flight and
 * the threads; cq->mutex (OPERATIONS + 1) its list. The first may be held while taking the second.
 * Rejected: a thread per operation (cost), a lock-free queue (a submission costs two locks, 40
 * ns). */
#include "runtime/runtime_int.h"

enum { WORKERS_MAX = 64, WORKERS_DEFAULT = 8, RANK_CQ = OM_RANK_OPERATIONS + 1 };

struct pending {
    struct pending *next;          /* in the waiting list, then in the queue's list */
    struct pending *next_in_flight, **at_in_flight;
    omega_runtime *rt;
    omega_cq *cq;
    omega_op op;
    const struct om_operation *row;
    void *options;
    void *user_data;
    uint64_t ticket;
    int64_t submitted_ns;
    int64_t deadline_ns; /* INT64_MAX: none */
    bool cancelled;      /* under workers->mutex until it begins */
    bool begun;
    omega_status status;
    struct om_arena arena;
    struct om_id_list ids;
    omega_ids id_result;
    union {
        void *handle;
        omega_id id;
        uint64_t count;
        omega_deletion deletion;
        omega_check_report check;
        omega_import_report import;
        omega_health_report health;
    } result;
    char error[OM_ERROR_MESSAGE_SIZE];
};

struct om_workers {
    omega_runtime *rt;
    struct om_mutex mutex;
    struct om_cond work;
    struct pending *first, **last; /* waiting */
    struct pending *in_flight;     /* all that is not completed */
    unsigned in_flight_count;
    uint64_t next_ticket;
    unsigned idle, thread_count;
    bool stopping;
    struct om_thread threads[WORKERS_MAX];
};

struct omega_cq {
    omega_runtime *rt;
    struct om_mutex mutex;
    struct om_cond changed;
    int fd;
    uint32_t capacity;
    uint32_t in_flight;
    struct pending *first, **last; /* completed, oldest first */
};

/* ---- One operation --------------------------------------------------------------------------- */

static void release_pending(struct pending *op)
{
    if (op->row->result_is_handle && op->row->release != NULL) {
        op->row->release(op->result.handle);
    }
    struct om_alloc *alloc = &op->rt->alloc;
    om_arena_fini(&op->arena);
    om_put(alloc, op);
}

/* Where the row writes its result: ids into the arena, all else into the union. */
static omega_status prepare_result(struct pending *op)
{
    size_t count = 0;
    if (op->op == OMEGA_OP_STORE_MEMORIES) {
        count = ((const omega_store_batch *)op->options)->count;
    } else if (op->op == OMEGA_OP_ADD_MESSAGES) {
        count = ((const omega_messages_options *)op->options)->count;
        op->ids.session = op->id_result.session;
    } else {
        op->result.deletion.struct_size = sizeof op->result.deletion;
        if (op->row->result_is_handle) {
            op->result.handle = NULL;
        } else if (op->op == OMEGA_OP_HEALTH_PROBE) {
            op->result.health.struct_size = sizeof op->result.health;
        } else if (op->op == OMEGA_OP_CHECK) {
            op->result.check.struct_size = sizeof op->result.check;
        } else if (op->op == OMEGA_OP_IMPORT) {
            op->result.import.struct_size = sizeof op->result.import;
        }
        return OMEGA_OK;
    }
    op->ids.ids = (omega_id *)om_arena_get0(&op->arena, OM_MIN(count, (size_t)OM_LIMIT_BATCH) + 1,
                                            sizeof(omega_id));
    op->id_result.struct_size = sizeof op->id_result;
    op->id_result.count = count;
    op->id_result.ids = op->ids.ids;
    return op->ids.ids != NULL ? OMEGA_OK : om_nomem();
}

static void *result_place(struct pending *op)
{
    return op->ids.ids != NULL ? (void *)&op->ids : (void *)&op->result;
}

static const void *result_shown(const struct pending *op)
{
    if (op->status != OMEGA_OK || op->row->result_size == 0) {
        return NULL;
    }
    if (op->ids.ids != NULL) {
        return &op->id_result;
    }
    return op->row->result_is_handle ? op->result.handle : (const void *)&op->result;
}

static void run_pending(struct pending *op, bool cancelled)
{
    omega_runtime *rt = op->rt;
    const struct om_operation *row = op->row;
    const int64_t start = om_mono_ns(rt->clock);
    if (cancelled) {
        op->status = om_fail(OMEGA_ECANCELLED, "%s was cancelled", row->name);
    } else if (start >= op->deadline_ns) {
        op->status = om_fail(OMEGA_ETIMEDOUT, "the deadline of %s passed before it began",
                             row->name);
    } else {
        op->status = row->execute(rt, op->options, result_place(op));
    }
    if (op->status != OMEGA_OK) {
        memcpy(op->error, om_error_last()->message, sizeof op->error);
    }
    om_figures_operation(rt, op->op, op->status, om_mono_ns(rt->clock) - start);
}

static void complete(struct om_workers *workers, struct pending *op)
{
    omega_cq *cq = op->cq;
    const enum om_op_mode mode = op->row->mode;
    om_mutex_lock(&workers->mutex);
    *op->at_in_flight = op->next_in_flight;
    if (op->next_in_flight != NULL) {
        op->next_in_flight->at_in_flight = op->at_in_flight;
    }
    workers->in_flight_count--;
    om_mutex_unlock(&workers->mutex);
    om_gate_leave(op->rt, mode);
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

/* ---- Workers --------------------------------------------------------------------------------- */

static struct pending *take_work(struct om_workers *workers)
{
    while (workers->first == NULL && !workers->stopping) {
        workers->idle++;
        om_cond_wait(&workers->work, &workers->mutex);
        workers->idle--;
    }
    struct pending *op = workers->first;
    if (op != NULL) {
        workers->first = op->next;
        if (workers->first == NULL) {
            workers->last = &workers->first;
        }
        op->begun = true;
    }
    return op;
}

static void work(void *context)
{
    struct om_workers *workers = (struct om_workers *)context;
    for (;;) {
        om_mutex_lock(&workers->mutex);
        struct pending *op = take_work(workers);
        const bool cancelled = op != NULL && (op->cancelled || workers->stopping);
        om_mutex_unlock(&workers->mutex);
        if (op == NULL) {
            return;
        }
        run_pending(op, cancelled);
        complete(workers, op);
    }
}

static void start_worker_locked(struct om_workers *workers)
{
    const unsigned wanted = workers->rt->config.runtime_threads;
    const unsigned most = wanted > 0 ? OM_MIN(wanted, (unsigned)WORKERS_MAX) : WORKERS_DEFAULT;
    if (workers->idle > 0 || workers->thread_count >= most) {
        return;
    }
    /* Without a thread to be had the others carry on; the first one must start (see submit). */
    if (om_thread_start(&workers->threads[workers->thread_count], "omega-worker", work, workers) ==
        OMEGA_OK) {
        workers->thread_count++;
    }
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

void om_workers_free(struct om_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    om_workers_stop(workers);
    om_cond_fini(&workers->work);
    om_mutex_fini(&workers->mutex);
    om_put(&workers->rt->alloc, workers);
}

/* ---- Submitting ------------------------------------------------------------------------------ */

static omega_status make_pending(omega_runtime *rt, const omega_request *request, omega_cq *cq,
                                 void *user_data, struct pending **out)
{
    struct pending *op = (struct pending *)om_get0(&rt->alloc, 1, sizeof *op);
    if (op == NULL) {
        return om_nomem();
    }
    op->rt = rt;
    op->cq = cq;
    op->op = request->op;
    op->row = om_operation_at(request->op);
    op->user_data = user_data;
    op->submitted_ns = om_mono_ns(rt->clock);
    op->deadline_ns = request->deadline_ms > 0
                          ? op->submitted_ns + OM_MIN(request->deadline_ms, INT64_C(1) << 40) *
                                                   1000000
                          : INT64_MAX;
    om_arena_init(&op->arena, &rt->alloc, 2 * (size_t)OM_LIMIT_BULK);
    omega_status status = om_options_copy(&op->arena, request->op, request->options, &op->options);
    if (status == OMEGA_OK) {
        status = prepare_result(op);
    }
    if (status != OMEGA_OK) {
        om_arena_fini(&op->arena);
        om_put(&rt->alloc, op);
        return status;
    }
    *out = op;
    return OMEGA_OK;
}

static omega_status reserve_place(omega_cq *cq)
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

static void return_place(omega_cq *cq)
{
    om_mutex_lock(&cq->mutex);
    cq->in_flight--;
    om_cond_broadcast(&cq->changed);
    om_mutex_unlock(&cq->mutex);
}

static omega_status enqueue(struct om_workers *workers, struct pending *op, bool is_inline,
                            uint64_t *ticket)
{
    omega_status status = OMEGA_OK;
    om_mutex_lock(&workers->mutex);
    if (workers->in_flight_count >= OM_LIMIT_IN_FLIGHT) {
        status = om_fail(OMEGA_EAGAIN, "%d operations are in flight: the runtime's bound",
                         (int)OM_LIMIT_IN_FLIGHT);
        goto out;
    }
    if (!is_inline) {
        start_worker_locked(workers);
        if (workers->thread_count == 0) {
            status = om_fail(OMEGA_EAGAIN, "no thread could be started");
            goto out;
        }
    }
    op->ticket = ++workers->next_ticket;
    if (ticket != NULL) {
        *ticket = op->ticket;
    }
    op->next_in_flight = workers->in_flight;
    op->at_in_flight = &workers->in_flight;
    if (workers->in_flight != NULL) {
        workers->in_flight->at_in_flight = &op->next_in_flight;
    }
    workers->in_flight = op;
    workers->in_flight_count++;
    op->begun = is_inline;
    if (!is_inline) {
        *workers->last = op;
        workers->last = &op->next;
        om_cond_signal(&workers->work);
    }
out:
    om_mutex_unlock(&workers->mutex);
    return status;
}

static omega_status check_request(const omega_request *request, const omega_cq *cq)
{
    if (request == NULL || cq == NULL || request->struct_size < sizeof *request) {
        return om_fail(OMEGA_EINVAL, "a request with its struct_size and a queue are needed");
    }
    if (om_operation_at(request->op) == NULL) {
        return om_fail(OMEGA_EINVAL, "there is no operation %d", (int)request->op);
    }
    return om_options_check_size(request->op, request->options);
}

omega_status omega_submit(omega_runtime *rt, const omega_request *request, omega_cq *cq,
                          void *user_data, uint64_t *ticket)
{
    struct pending *op = NULL;
    omega_status status = check_request(request, cq);
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_operation *row = om_operation_at(request->op);
    status = om_gate_enter(rt, row->mode, row->name);
    if (status != OMEGA_OK) {
        return status;
    }
    status = reserve_place(cq);
    if (status != OMEGA_OK) {
        om_gate_leave(rt, row->mode);
        return status;
    }
    status = make_pending(rt, request, cq, user_data, &op);
    if (status == OMEGA_OK) {
        status = enqueue(rt->workers, op, row->mode == OM_OP_INLINE, ticket);
    }
    if (status != OMEGA_OK) {
        if (op != NULL) {
            release_pending(op);
        }
        return_place(cq);
        om_gate_leave(rt, row->mode);
        return status;
    }
    if (row->mode == OM_OP_INLINE) {
        run_pending(op, false);
        complete(rt->workers, op);
    }
    return OMEGA_OK;
}

omega_status omega_op_cancel(omega_runtime *rt, uint64_t ticket)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->workers->mutex);
    struct pending *op = rt->workers->in_flight;
    while (op != NULL && op->ticket != ticket) {
        op = op->next_in_flight;
    }
    if (op == NULL) {
        status = om_fail(OMEGA_ENOTFOUND, "operation %llu is not in flight",
                         (unsigned long long)ticket);
    } else {
        op->cancelled = true; /* one that has begun ends with its real result */
    }
    om_mutex_unlock(&rt->workers->mutex);
    return status;
}

/* ---- Queues ---------------------------------------------------------------------------------- */

omega_status omega_cq_new(omega_runtime *rt, uint32_t capacity, omega_cq **out)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (out == NULL || capacity < 1 || capacity > OM_LIMIT_IN_FLIGHT) {
        return om_fail(OMEGA_EINVAL, "capacity is %u: 1 to %d is allowed", capacity,
                       (int)OM_LIMIT_IN_FLIGHT);
    }
    *out = NULL;
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
    om_mutex_init(&cq->mutex, RANK_CQ);
    om_cond_init(&cq->changed);
    *out = cq;
    return OMEGA_OK;
}

int omega_cq_fd(omega_cq *cq)
{
    return cq != NULL ? cq->fd : -1;
}

static struct pending *take_completed_locked(omega_cq *cq)
{
    struct pending *op = cq->first;
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
    const int64_t end = om_mono_ns(real) + (int64_t)timeout_ms * 1000000;
    while (cq->first == NULL) {
        if (cq->in_flight == 0 && om_lifecycle_state(&cq->rt->life) == OM_STATE_STOPPED) {
            return OMEGA_ECLOSED;
        }
        const int64_t left = timeout_ms < 0 ? -1 : end - om_mono_ns(real);
        if (timeout_ms >= 0 && left <= 0) {
            return OMEGA_ETIMEDOUT;
        }
        om_cond_wait_for(&cq->changed, &cq->mutex, left);
    }
    return OMEGA_OK;
}

omega_status omega_cq_next(omega_cq *cq, int timeout_ms, omega_completion *out)
{
    if (cq == NULL || out == NULL || out->struct_size < sizeof *out) {
        return om_fail(OMEGA_EINVAL, "a queue and a completion with its struct_size are needed");
    }
    om_mutex_lock(&cq->mutex);
    const omega_status status = wait_completed_locked(cq, timeout_ms);
    struct pending *op = status == OMEGA_OK ? take_completed_locked(cq) : NULL;
    om_mutex_unlock(&cq->mutex);
    if (op == NULL) {
        return status;
    }
    const omega_completion done = {
        .struct_size = out->struct_size,
        .op = op->op,
        .ticket = op->ticket,
        .user_data = op->user_data,
        .status = op->status,
        .error = op->error,
        .result = result_shown(op),
        .latency_us = (uint64_t)(om_mono_ns(cq->rt->clock) - op->submitted_ns) / 1000,
        .owned = op,
    };
    *out = done;
    return OMEGA_OK;
}

size_t omega_cq_dispatch(omega_cq *cq, size_t max,
                         void (*handler)(void *context, const omega_completion *completion),
                         void *context)
{
    size_t count = 0;
    omega_completion done = {.struct_size = sizeof done};
    while (count < max && omega_cq_next(cq, 0, &done) == OMEGA_OK) {
        handler(context, &done);
        omega_completion_release(&done);
        count++;
    }
    return count;
}

void omega_completion_release(omega_completion *completion)
{
    if (completion != NULL && completion->owned != NULL) {
        release_pending((struct pending *)completion->owned);
        completion->owned = NULL;
        completion->result = NULL;
        completion->error = "";
    }
}

void omega_cq_free(omega_cq *cq)
{
    if (cq == NULL) {
        return;
    }
    om_mutex_lock(&cq->mutex);
    while (cq->in_flight > 0) {
        while (cq->first == NULL) {
            om_cond_wait(&cq->changed, &cq->mutex);
        }
        release_pending(take_completed_locked(cq));
    }
    om_mutex_unlock(&cq->mutex);
    om_os_close(&cq->fd);
    om_cond_fini(&cq->changed);
    om_mutex_fini(&cq->mutex);
    om_put(&cq->rt->alloc, cq);
}
