/* operations.c -- the one table of operations, and the way every call takes through it.
 *
 * A row says how an operation is done: its mode (what the gate asks for and where it may run), what
 * its options and its result are, the function that does it. The blocking calls of the contract
 * (contract_*.c) run a row on the caller's thread; omega_submit (submit.c) runs it on a worker. */
#include "runtime/runtime_int.h"

static omega_status do_noop(omega_runtime *rt, const void *options, void *result)
{
    (void)rt;
    (void)options;
    (void)result;
    return OMEGA_OK;
}

static omega_status do_store(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_store(rt->memory, (const omega_memory_input *)options, (omega_id *)result);
}

static omega_status do_store_batch(omega_runtime *rt, const void *options, void *result)
{
    const omega_store_batch *batch = (const omega_store_batch *)options;
    struct om_id_list *ids = (struct om_id_list *)result;
    return om_memory_store_batch(rt->memory, batch->memories, batch->count, &batch->write,
                                 ids->ids);
}

static omega_status do_add_messages(omega_runtime *rt, const void *options, void *result)
{
    struct om_id_list *ids = (struct om_id_list *)result;
    return om_memory_add_messages(rt->memory, (const omega_messages_options *)options, ids->ids,
                                  ids->session);
}

/* Ids travel as terminated text; one that is too long is no id. */
static omega_status id_text(omega_str id, char out[37])
{
    if (id.len != 36) {
        return om_fail(OMEGA_EINVAL, "'%.*s' is not an id: a UUID of 36 characters is expected",
                       OM_STR_ARG(om_utf8_clip(id, 64)));
    }
    memcpy(out, id.ptr, 36);
    out[36] = '\0';
    return OMEGA_OK;
}

static omega_status do_get(omega_runtime *rt, const void *options, void *result)
{
    const omega_get_options *get = (const omega_get_options *)options;
    char id[37];
    if (om_str_given(get->key)) {
        return om_memory_get_by_key(rt->memory, get->key, &get->scope, (omega_memories **)result);
    }
    const omega_status status = id_text(get->id, id);
    return status == OMEGA_OK
               ? om_memory_get(rt->memory, id, &get->scope, (omega_memories **)result)
               : status;
}

static omega_status do_history(omega_runtime *rt, const void *options, void *result)
{
    const omega_get_options *get = (const omega_get_options *)options;
    char id[37];
    const omega_status status = id_text(get->id, id);
    return status == OMEGA_OK
               ? om_memory_history(rt->memory, id, &get->scope, (omega_memories **)result)
               : status;
}

static omega_status do_update(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_update(rt->memory, (const omega_update_options *)options, (uint64_t *)result);
}

static omega_status do_supersede(omega_runtime *rt, const void *options, void *result)
{
    const omega_supersede_options *supersede = (const omega_supersede_options *)options;
    char id[37];
    const omega_status status = id_text(supersede->old_id, id);
    return status == OMEGA_OK
               ? om_memory_supersede(rt->memory, id, &supersede->memory, (omega_id *)result)
               : status;
}

static omega_status do_delete(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_delete(rt->memory, (const omega_delete_options *)options,
                            (omega_deletion *)result);
}

static omega_status do_delete_where(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_delete_where(rt->memory, (const omega_delete_options *)options,
                                  (omega_deletion *)result);
}

static omega_status do_list(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_list(rt->memory, (const omega_list_options *)options,
                          (omega_memories **)result);
}

static omega_status do_count(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_count(rt->memory, (const omega_list_options *)options, (uint64_t *)result);
}

static omega_status do_recall(omega_runtime *rt, const void *options, void *result)
{
    return om_memory_recall(rt->memory, (const omega_recall_options *)options,
                            (omega_memories **)result);
}

static omega_status do_embed(omega_runtime *rt, const void *options, void *result)
{
    return om_embed(rt, (const omega_embed_options *)options, (omega_vectors **)result);
}

static struct om_point_context point_context(omega_runtime *rt)
{
    return (struct om_point_context){.store = rt->store,
                                     .ids = &rt->ids,
                                     .clock = rt->clock,
                                     .durability = (enum om_durability)rt->config.store_durability};
}

static omega_status do_add_vectors(omega_runtime *rt, const void *options, void *result)
{
    const struct om_point_context context = point_context(rt);
    (void)result;
    return om_points_add(rt->points, &context, (const omega_vector_add_options *)options);
}

static omega_status do_get_vector(omega_runtime *rt, const void *options, void *result)
{
    const omega_vector_key *key = (const omega_vector_key *)options;
    return om_points_get(rt->points, rt->store, key->space, key->key, (omega_vectors **)result);
}

static omega_status do_search_vectors(omega_runtime *rt, const void *options, void *result)
{
    return om_points_search(rt->points, rt->store, (const omega_vector_search_options *)options,
                            (omega_vectors **)result);
}

static omega_status do_delete_vector(omega_runtime *rt, const void *options, void *result)
{
    const struct om_point_context context = point_context(rt);
    (void)result;
    return om_points_delete(rt->points, &context, (const omega_vector_delete_options *)options);
}

static omega_status do_cycle(omega_runtime *rt, const void *options, void *result)
{
    const omega_cycle_options *cycle = (const omega_cycle_options *)options;
    return om_cycle_execute(rt, cycle->loop, &cycle->input, NULL, (omega_cycle_output **)result);
}

static omega_status do_probe(omega_runtime *rt, const void *options, void *result)
{
    (void)options;
    om_health_check_all(rt->health);
    om_vitals_report(rt, (omega_health_report *)result);
    return OMEGA_OK;
}

static void release_memories(void *handle)
{
    om_memories_free((omega_memories *)handle);
}

static void release_vectors(void *handle)
{
    omega_vectors_free((omega_vectors *)handle);
}

static void release_cycle(void *handle)
{
    omega_cycle_output_free((omega_cycle_output *)handle);
}

/* The rows of async.h's table, in its order. */
#define ROW(op, text, mode, result, execute)                                                       \
    [op] = {text, mode, sizeof(result), false, execute, NULL}
#define BARE(op, text, mode, execute) [op] = {text, mode, 0, false, execute, NULL}
#define HANDLE(op, text, mode, execute, release)                                                   \
    [op] = {text, mode, sizeof(void *), true, execute, release}

static const struct om_operation rows[OMEGA_OP_COUNT] = {
    BARE(OMEGA_OP_NOOP, "noop", OM_OP_INLINE, do_noop),
    ROW(OMEGA_OP_STORE_MEMORY, "store_memory", OM_OP_WRITE, omega_id, do_store),
    ROW(OMEGA_OP_STORE_MEMORIES, "store_memories", OM_OP_WRITE, struct om_id_list, do_store_batch),
    ROW(OMEGA_OP_ADD_MESSAGES, "add_messages", OM_OP_WRITE, struct om_id_list, do_add_messages),
    HANDLE(OMEGA_OP_GET_MEMORY, "get_memory", OM_OP_READ, do_get, release_memories),
    ROW(OMEGA_OP_UPDATE_MEMORY, "update_memory", OM_OP_WRITE, uint64_t, do_update),
    ROW(OMEGA_OP_SUPERSEDE_MEMORY, "supersede_memory", OM_OP_WRITE, omega_id, do_supersede),
    ROW(OMEGA_OP_DELETE_MEMORY, "delete_memory", OM_OP_WRITE, omega_deletion, do_delete),
    ROW(OMEGA_OP_DELETE_MEMORIES, "delete_memories", OM_OP_WRITE, omega_deletion, do_delete_where),
    HANDLE(OMEGA_OP_LIST_MEMORIES, "list_memories", OM_OP_READ, do_list, release_memories),
    ROW(OMEGA_OP_COUNT_MEMORIES, "count_memories", OM_OP_READ, uint64_t, do_count),
    HANDLE(OMEGA_OP_MEMORY_HISTORY, "memory_history", OM_OP_READ, do_history, release_memories),
    HANDLE(OMEGA_OP_RECALL_MEMORIES, "recall_memories", OM_OP_READ, do_recall, release_memories),
    HANDLE(OMEGA_OP_EMBED, "embed", OM_OP_READ, do_embed, release_vectors),
    BARE(OMEGA_OP_ADD_VECTORS, "add_vectors", OM_OP_WRITE, do_add_vectors),
    HANDLE(OMEGA_OP_GET_VECTOR, "get_vector", OM_OP_READ, do_get_vector, release_vectors),
    HANDLE(OMEGA_OP_SEARCH_VECTORS, "search_vectors", OM_OP_READ, do_search_vectors,
           release_vectors),
    BARE(OMEGA_OP_DELETE_VECTOR, "delete_vector", OM_OP_WRITE, do_delete_vector),
    HANDLE(OMEGA_OP_EXECUTE_LOOP_CYCLE, "execute_loop_cycle", OM_OP_LONG, do_cycle, release_cycle),
    BARE(OMEGA_OP_BACKUP, "backup", OM_OP_LONG, om_do_backup),
    ROW(OMEGA_OP_CHECK, "check", OM_OP_LONG, omega_check_report, om_do_check),
    ROW(OMEGA_OP_IMPORT, "import", OM_OP_LONG, omega_import_report, om_do_import),
    ROW(OMEGA_OP_EXPORT, "export", OM_OP_LONG, uint64_t, om_do_export),
    ROW(OMEGA_OP_HEALTH_PROBE, "health_probe", OM_OP_READ, omega_health_report, do_probe),
};

const struct om_operation *om_operation_at(omega_op op)
{
    return (unsigned)op < OMEGA_OP_COUNT ? &rows[op] : NULL;
}

const char *omega_op_name(omega_op op)
{
    const struct om_operation *row = om_operation_at(op);
    return row != NULL ? row->name : "?";
}

/* Every options struct begins with its size; this library's first version is the least known. */
omega_status om_options_check_size(omega_op op, const void *options)
{
    const size_t wanted = om_options_size(op);
    uint32_t given = 0;
    if (wanted == 0) {
        return OMEGA_OK;
    }
    if (options == NULL) {
        return om_fail(OMEGA_EINVAL, "%s needs options", omega_op_name(op));
    }
    memcpy(&given, options, sizeof given);
    if (given < wanted) {
        return om_fail(OMEGA_EINVAL,
                       "the options of %s were not initialised: struct_size is %u, "
                       "at least %zu is expected",
                       omega_op_name(op), given, wanted);
    }
    return OMEGA_OK;
}

omega_status om_operate(omega_runtime *rt, omega_op op, const void *options, void *result)
{
    const struct om_operation *row = &rows[op];
    omega_status status = om_gate_enter(rt, row->mode, row->name);
    if (status != OMEGA_OK) {
        return status;
    }
    const int64_t start = om_mono_ns(rt->clock);
    status = om_options_check_size(op, options);
    if (status == OMEGA_OK) {
        status = row->execute(rt, options, result);
    }
    om_figures_operation(rt, op, status, om_mono_ns(rt->clock) - start);
    om_gate_leave(rt, row->mode);
    return status;
}
