/* submit.c -- operations without waiting: submission and cancelling.
 *
 * A submitted operation copies its options into its own arena, passes the gate (and stays counted
 * there until it is done, so a stop drains it), and goes to the workers (workers.c); those of mode
 * inline are done at once. It completes exactly once, onto its queue (completion.c).
 *
 * Cancelling: one that waits ends with OMEGA_ECANCELLED. One that has begun goes on, unless it is
 * long work, which asks om_submitted_should_stop between its steps. */
#include "runtime/submit_int.h"

/* The operation that this thread works for. */
static _Thread_local const struct om_pending *current;

bool om_submitted_should_stop(void)
{
    return current != NULL && atomic_load(&current->cancelled);
}

/* ---- One operation -------------------------------------------------------------------------- */

void om_pending_free(struct om_pending *op)
{
    struct om_alloc *alloc = &op->rt->alloc;
    if (op->row->result_is_handle && op->row->release != NULL) {
        op->row->release(op->result.handle);
    }
    om_arena_fini(&op->arena);
    om_put(alloc, op);
}

/* Ids go into the arena: as many as the options say, which the row checks. */
static omega_status prepare_ids(struct om_pending *op, size_t count)
{
    const size_t room = OM_MIN(count, (size_t)OM_LIMIT_BATCH) + 1;
    op->ids.ids = (omega_id *)om_arena_get0(&op->arena, room, sizeof(omega_id));
    op->id_result.struct_size = sizeof op->id_result;
    op->id_result.count = count;
    op->id_result.ids = op->ids.ids;
    return op->ids.ids != NULL ? OMEGA_OK : om_nomem();
}

static omega_status prepare_result(struct om_pending *op)
{
    if (op->op == OMEGA_OP_STORE_MEMORIES) {
        return prepare_ids(op, ((const omega_store_batch *)op->options)->count);
    }
    if (op->op == OMEGA_OP_ADD_MESSAGES) {
        op->ids.session = op->id_result.session;
        return prepare_ids(op, ((const omega_messages_options *)op->options)->count);
    }
    if (!op->row->result_is_handle) {
        /* A struct of the contract begins with its size; what is none is written over it. */
        const uint32_t size = (uint32_t)op->row->result_size;
        memcpy(&op->result, &size, sizeof size);
    }
    return OMEGA_OK;
}

/* Where the row writes its result. */
static void *result_place(struct om_pending *op)
{
    return op->ids.ids != NULL ? (void *)&op->ids : (void *)&op->result;
}

void om_pending_run(struct om_pending *op, bool cancelled)
{
    omega_runtime *rt = op->rt;
    const struct om_operation *row = op->row;
    const int64_t start = om_mono_ns(rt->clock);
    if (rt->carry.adopt != NULL) {
        rt->carry.adopt(op->carried);
    }
    if (cancelled || atomic_load(&op->cancelled)) {
        op->status = om_fail(OMEGA_ECANCELLED, "%s was cancelled", row->name);
    } else if (start >= op->deadline_ns) {
        op->status =
            om_fail(OMEGA_ETIMEDOUT, "the deadline of %s passed before it began", row->name);
    } else {
        current = op;
        op->status = row->execute(rt, op->options, result_place(op));
        current = NULL;
    }
    if (op->status != OMEGA_OK) {
        memcpy(op->error, om_error_last()->message, sizeof op->error);
    }
    if (rt->carry.adopt != NULL) {
        rt->carry.adopt(0);
    }
    op->completed_ns = om_mono_ns(rt->clock);
    om_figures_operation(rt, op->op, op->status, op->completed_ns - start);
}

void om_pending_complete(struct om_workers *workers, struct om_pending *op)
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
    om_cq_push(cq, op);
}

/* ---- Submitting ----------------------------------------------------------------------------- */

/* The whole deadline fits the clock's nanoseconds. */
static int64_t deadline_of(const omega_request *request, int64_t now_ns)
{
    const int64_t most_ms = INT64_C(1) << 40;
    return request->deadline_ms > 0 ? now_ns + OM_MIN(request->deadline_ms, most_ms) * 1000000
                                    : INT64_MAX;
}

static omega_status make_pending(omega_runtime *rt, const omega_request *request, omega_cq *cq,
                                 void *user_data, struct om_pending **out)
{
    struct om_pending *op = (struct om_pending *)om_get0(&rt->alloc, 1, sizeof *op);
    if (op == NULL) {
        return om_nomem();
    }
    op->rt = rt;
    op->cq = cq;
    op->op = request->op;
    op->row = om_operation_at(request->op);
    op->user_data = user_data;
    op->submitted_ns = om_mono_ns(rt->clock);
    op->deadline_ns = deadline_of(request, op->submitted_ns);
    op->carried = rt->carry.take != NULL ? rt->carry.take() : 0;
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

static omega_status enqueue(struct om_workers *workers, struct om_pending *op, uint64_t *ticket)
{
    omega_status status = OMEGA_OK;
    om_mutex_lock(&workers->mutex);
    if (workers->in_flight_count >= OM_LIMIT_IN_FLIGHT) {
        status = om_fail(OMEGA_EAGAIN, "%d operations are in flight: the runtime's bound",
                         (int)OM_LIMIT_IN_FLIGHT);
    } else {
        op->ticket = workers->next_ticket + 1;
        status = op->row->mode == OM_OP_INLINE ? OMEGA_OK : om_workers_give_locked(workers, op);
    }
    if (status == OMEGA_OK) {
        workers->next_ticket++;
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
    }
    om_mutex_unlock(&workers->mutex);
    return status;
}

static omega_status check_request(const omega_runtime *rt, const omega_request *request,
                                  const omega_cq *cq)
{
    if (request == NULL || cq == NULL || request->struct_size < sizeof *request) {
        return om_fail(OMEGA_EINVAL, "a request with its struct_size and a queue are needed");
    }
    if (cq->rt != rt) {
        return om_fail(OMEGA_EINVAL, "the queue belongs to another runtime");
    }
    if (om_operation_at(request->op) == NULL) {
        return om_fail(OMEGA_EINVAL, "there is no operation %d", (int)request->op);
    }
    if (request->deadline_ms < 0) {
        return om_fail(OMEGA_EINVAL, "deadline_ms is %lld: 0 (none) or more is allowed",
                       (long long)request->deadline_ms);
    }
    return om_options_check_size(request->op, request->options);
}

/* With the gate passed and a place in the queue reserved. */
static omega_status submit_inside(omega_runtime *rt, const omega_request *request, omega_cq *cq,
                                  void *user_data, uint64_t *ticket)
{
    struct om_pending *op = NULL;
    omega_status status = make_pending(rt, request, cq, user_data, &op);
    if (status != OMEGA_OK) {
        return status;
    }
    OM_ASSERT(op != NULL);
    const bool is_inline = op->row->mode == OM_OP_INLINE;
    status = enqueue(rt->workers, op, ticket);
    if (status != OMEGA_OK) {
        om_pending_free(op);
    } else if (is_inline) {
        om_pending_run(op, false);
        om_pending_complete(rt->workers, op);
    }
    return status;
}

omega_status omega_submit(omega_runtime *rt, const omega_request *request, omega_cq *cq,
                          void *user_data, uint64_t *ticket)
{
    omega_status status = om_require_runtime(rt);
    if (status == OMEGA_OK) {
        status = check_request(rt, request, cq);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    const struct om_operation *row = om_operation_at(request->op);
    status = om_gate_enter(rt, row->mode, row->name);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_cq_reserve(cq);
    if (status == OMEGA_OK) {
        status = submit_inside(rt, request, cq, user_data, ticket);
        if (status != OMEGA_OK) {
            om_cq_unreserve(cq);
        }
    }
    if (status != OMEGA_OK) {
        om_gate_leave(rt, row->mode);
    }
    return status;
}

omega_status omega_op_cancel(omega_runtime *rt, uint64_t ticket)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_mutex_lock(&rt->workers->mutex);
    struct om_pending *op = rt->workers->in_flight;
    while (op != NULL && op->ticket != ticket) {
        op = op->next_in_flight;
    }
    if (op == NULL) {
        status =
            om_fail(OMEGA_ENOTFOUND, "operation %llu is not in flight", (unsigned long long)ticket);
    } else {
        atomic_store(&op->cancelled, true);
    }
    om_mutex_unlock(&rt->workers->mutex);
    return status;
}
