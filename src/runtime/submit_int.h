/* submit_int.h -- a submitted operation on its way: what submit.c, workers.c and completion.c
 * share.
 *
 * Locks: workers->mutex (OPERATIONS) guards the waiting list, the table of what is in flight, the
 * list of queues and the threads; cq->mutex (OPERATIONS + 1) its list. The first may be held while
 * taking the second. */
#ifndef OM_SUBMIT_INT_H
#define OM_SUBMIT_INT_H

#include "runtime/runtime_int.h"

enum { OM_WORKERS_MAX = 64, OM_WORKERS_DEFAULT = 8, OM_RANK_CQ = OM_RANK_OPERATIONS + 1 };

struct om_pending {
    struct om_pending *next; /* in the waiting list, then in the queue's list */
    struct om_pending *next_in_flight, **at_in_flight;
    omega_runtime *rt;
    omega_cq *cq;
    omega_op op;
    const struct om_operation *row;
    void *options;
    void *user_data;
    uint64_t ticket;
    uintptr_t carried; /* om_runtime_options.carry */
    int64_t submitted_ns, completed_ns;
    int64_t deadline_ns; /* INT64_MAX: none */
    atomic_bool cancelled;
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
    struct om_pending *first, **last; /* waiting */
    unsigned waiting;
    struct om_pending *in_flight; /* all that is not completed */
    unsigned in_flight_count;
    uint64_t next_ticket;
    struct omega_cq *queues;
    unsigned idle, thread_count;
    bool stopping;
    struct om_thread threads[OM_WORKERS_MAX];
};

struct omega_cq {
    omega_runtime *rt;
    struct omega_cq *next; /* of the runtime's queues */
    struct om_mutex mutex;
    struct om_cond changed;
    int fd;
    uint32_t capacity;
    uint32_t in_flight;               /* submitted and not taken yet */
    struct om_pending *first, **last; /* completed, oldest first */
};

/* ---- submit.c ---- */

/* Does the work, or says that it was cancelled or too late. */
void om_pending_run(struct om_pending *op, bool cancelled);
/* Onto its queue; the last that its worker has to do with it. */
void om_pending_complete(struct om_workers *workers, struct om_pending *op);
void om_pending_free(struct om_pending *op);

/* ---- workers.c ---- */

/* Behind those that wait. OMEGA_ESTATE while the workers stop, OMEGA_EAGAIN without any thread. */
OMEGA_MUST_CHECK omega_status om_workers_give_locked(struct om_workers *workers,
                                                     struct om_pending *op);

/* ---- completion.c ---- */

OMEGA_MUST_CHECK omega_status om_cq_reserve(omega_cq *cq); /* OMEGA_EAGAIN at its capacity */
void om_cq_unreserve(omega_cq *cq);
void om_cq_push(omega_cq *cq, struct om_pending *op);

#endif
