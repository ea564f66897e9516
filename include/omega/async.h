/* async.h -- every operation without waiting: submit, and take completions from a queue.
 *
 * omega_submit copies the request and returns at once; the completion arrives on the queue, exactly
 * once, also when the operation failed, was cancelled or passed its deadline. The blocking calls of
 * the other headers run the same table of operations on the caller's thread.
 *
 *     omega_request request = {sizeof request, OMEGA_OP_RECALL_MEMORIES, &options, 0};
 *     omega_submit(rt, &request, cq, user_data, NULL);
 *     ...
 *     omega_completion done = {sizeof done};
 *     while (omega_cq_next(cq, -1, &done) == OMEGA_OK) {
 *         ... done.status, done.user_data, (const omega_memories *)done.result ...
 *         omega_completion_release(&done);
 *     }
 *
 * Threads: any may submit; any may take from a queue. Since 0.1. */
#ifndef OMEGA_ASYNC_H
#define OMEGA_ASYNC_H

#include "omega/loops.h"
#include "omega/memory.h"
#include "omega/system.h"
#include "omega/vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* enumerator, value (stable), published name, mode, options, result.
 * Modes: inline = done at submission; read and write = on a worker; long = a stored operation with
 * progress. `result` is what omega_completion.result points to. */
#define OMEGA_OP_ROWS(X)                                                                           \
    X(OMEGA_OP_NOOP, 0, "noop", INLINE, void, void)                                                \
    X(OMEGA_OP_STORE_MEMORY, 1, "store_memory", WRITE, omega_memory_input, omega_id)               \
    X(OMEGA_OP_STORE_MEMORIES, 2, "store_memories", WRITE, omega_store_batch, omega_ids)           \
    X(OMEGA_OP_ADD_MESSAGES, 3, "add_messages", WRITE, omega_messages_options, omega_ids)          \
    X(OMEGA_OP_GET_MEMORY, 4, "get_memory", READ, omega_get_options, omega_memories)               \
    X(OMEGA_OP_UPDATE_MEMORY, 5, "update_memory", WRITE, omega_update_options, uint64_t)           \
    X(OMEGA_OP_SUPERSEDE_MEMORY, 6, "supersede_memory", WRITE, omega_supersede_options, omega_id)  \
    X(OMEGA_OP_DELETE_MEMORY, 7, "delete_memory", WRITE, omega_delete_options, omega_deletion)     \
    X(OMEGA_OP_DELETE_MEMORIES, 8, "delete_memories", WRITE, omega_delete_options, omega_deletion) \
    X(OMEGA_OP_LIST_MEMORIES, 9, "list_memories", READ, omega_list_options, omega_memories)        \
    X(OMEGA_OP_COUNT_MEMORIES, 10, "count_memories", READ, omega_list_options, uint64_t)           \
    X(OMEGA_OP_MEMORY_HISTORY, 11, "memory_history", READ, omega_get_options, omega_memories)      \
    X(OMEGA_OP_RECALL_MEMORIES, 12, "recall_memories", READ, omega_recall_options, omega_memories) \
    X(OMEGA_OP_EMBED, 13, "embed", READ, omega_embed_options, omega_vectors)                       \
    X(OMEGA_OP_ADD_VECTORS, 14, "add_vectors", WRITE, omega_vector_add_options, void)              \
    X(OMEGA_OP_GET_VECTOR, 15, "get_vector", READ, omega_vector_key, omega_vectors)                \
    X(OMEGA_OP_SEARCH_VECTORS, 16, "search_vectors", READ, omega_vector_search_options,            \
      omega_vectors)                                                                               \
    X(OMEGA_OP_DELETE_VECTOR, 17, "delete_vector", WRITE, omega_vector_delete_options, void)       \
    X(OMEGA_OP_EXECUTE_LOOP_CYCLE, 18, "execute_loop_cycle", LONG, omega_cycle_options,            \
      omega_cycle_output)                                                                          \
    X(OMEGA_OP_BACKUP, 19, "backup", LONG, omega_backup_options, void)                             \
    X(OMEGA_OP_CHECK, 20, "check", LONG, omega_check_options, omega_check_report)                  \
    X(OMEGA_OP_IMPORT, 21, "import", LONG, omega_import_options, omega_import_report)              \
    X(OMEGA_OP_EXPORT, 22, "export", LONG, omega_export_options, uint64_t)                         \
    X(OMEGA_OP_HEALTH_PROBE, 23, "health_probe", READ, void, omega_health_report)

typedef enum omega_op {
#define OMEGA_OP_ENUM(name, value, text, mode, options, result) name = (value),
    OMEGA_OP_ROWS(OMEGA_OP_ENUM)
#undef OMEGA_OP_ENUM
        OMEGA_OP_COUNT = 24
} omega_op;
OMEGA_API const char *omega_op_name(omega_op op);

/* Options and results of operations whose blocking form takes plain arguments. */
typedef struct omega_store_batch {
    uint32_t struct_size;
    uint32_t reserved;
    const omega_memory_input *memories;
    size_t count;
    omega_write_options write;
} omega_store_batch;
typedef struct omega_get_options {
    uint32_t struct_size;
    uint32_t reserved;
    omega_str id;  /* or */
    omega_str key; /* the caller's own (not of memory_history) */
    omega_scope scope;
} omega_get_options;
typedef struct omega_supersede_options {
    uint32_t struct_size;
    uint32_t reserved;
    omega_str old_id;
    omega_memory_input memory;
} omega_supersede_options;
typedef struct omega_embed_options {
    uint32_t struct_size;
    uint32_t dimension; /* 0: the embedder's own */
    omega_str text;
} omega_embed_options;
typedef struct omega_vector_key {
    uint32_t struct_size;
    uint32_t reserved;
    omega_str space, key;
} omega_vector_key;
typedef struct omega_cycle_options {
    uint32_t struct_size;
    omega_loop loop;
    omega_cycle_input input;
} omega_cycle_options;
typedef struct omega_backup_options {
    uint32_t struct_size;
    uint32_t reserved;
    const char *file;
    omega_progress progress; /* called on the working thread */
    void *context;
} omega_backup_options;
typedef struct omega_check_options {
    uint32_t struct_size;
    uint32_t reserved;
    void (*each)(void *context, const char *fault);
    omega_progress progress;
    void *context;
} omega_check_options;
typedef struct omega_ids {
    uint32_t struct_size;
    uint32_t reserved;
    size_t count;
    const omega_id *ids;
    char session[257]; /* of add_messages */
    char padding[7];
} omega_ids;

typedef struct omega_request {
    uint32_t struct_size;
    omega_op op;
    const void *options; /* of the type of the operation's row; copied with all that it points to,
                             but for receipts, callbacks and their context: those must live until
                             the completion. At most 32 MiB (OMEGA_ELIMIT) */
    int64_t deadline_ms; /* from now; 0: none. Passed before the work began: OMEGA_ETIMEDOUT */
    uint64_t reserved[4];
} omega_request;

typedef struct omega_completion {
    uint32_t struct_size;
    omega_op op;
    uint64_t ticket;
    void *user_data;
    omega_status status;
    uint32_t reserved;
    const char *error;   /* the message of a failure, "" else */
    const void *result;  /* NULL after a failure */
    uint64_t latency_us; /* submission to completion */
    void *owned;         /* what omega_completion_release frees */
    uint64_t reserved1[2];
} omega_completion;

typedef struct omega_cq omega_cq;

/* A queue for at most `capacity` (1..256) operations in flight. It must be freed before its
 * runtime. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_cq_new(omega_runtime *rt, uint32_t capacity,
                                                     omega_cq **out);
/* Waits for what is in flight, drops its completions. NULL is allowed. */
OMEGA_API void omega_cq_free(omega_cq *cq);
/* An eventfd that is readable while completions may be waiting, for any event loop. */
OMEGA_API int omega_cq_fd(omega_cq *cq);
/* *ticket (may be NULL) names the operation. Never blocks: OMEGA_EAGAIN when the queue's or the
 * runtime's bound (256) is reached. OMEGA_EINVAL, OMEGA_ELIMIT, OMEGA_ENOMEM, OMEGA_ESTATE. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_submit(omega_runtime *rt,
                                                     const omega_request *request, omega_cq *cq,
                                                     void *user_data, uint64_t *ticket);
/* The next completion into *out, whose struct_size the caller has set; waits at most timeout_ms
 * (0: not at all, < 0: for ever). OMEGA_ETIMEDOUT when none came; OMEGA_ECLOSED when nothing is in
 * flight and the runtime is stopped. */
OMEGA_API omega_status omega_cq_next(omega_cq *cq, int timeout_ms, omega_completion *out);
/* Runs `handler` on the caller's thread for each completion that waits now, at most `max`, and
 * releases it after; returns how many. */
OMEGA_API size_t omega_cq_dispatch(omega_cq *cq, size_t max,
                                   void (*handler)(void *context,
                                                   const omega_completion *completion),
                                   void *context);
OMEGA_API void omega_completion_release(omega_completion *completion);
/* Asks that the operation end early (one that waits, or long work; other work that has begun goes
 * on to its end): exactly one completion still comes, OMEGA_ECANCELLED or the
 * real result. OMEGA_ENOTFOUND when it is not in flight. */
OMEGA_API omega_status omega_op_cancel(omega_runtime *rt, uint64_t ticket);

#ifdef __cplusplus
}
#endif
#endif
