/* contract_memory.c -- the blocking calls of omega/memory.h and omega/vectors.h: each is its row of
 * the operations table, run on the caller's thread. */
#include "runtime/runtime_int.h"

static omega_status require_out(const void *out, const char *what)
{
    return out != NULL ? OMEGA_OK : om_fail(OMEGA_EINVAL, "the place for %s is NULL", what);
}

static omega_scope scope_of(const omega_scope *scope)
{
    return scope != NULL ? *scope : (omega_scope){{NULL, 0}, {NULL, 0}, {NULL, 0}};
}

/* Operations that hand over a handle: *out is NULL unless they succeed. */
static omega_status operate_handle(omega_runtime *rt, omega_op op, const void *options, void **out)
{
    const omega_status status = require_out(out, "the result");
    if (status != OMEGA_OK) {
        return status;
    }
    *out = NULL;
    return om_operate(rt, op, options, out);
}

static omega_status operate_memories(omega_runtime *rt, omega_op op, const void *options,
                                     omega_memories **out)
{
    return operate_handle(rt, op, options, (void **)out);
}

omega_status omega_memory_store(omega_runtime *rt, const omega_memory_input *memory, omega_id *out)
{
    const omega_status status = require_out(out, "the id");
    return status == OMEGA_OK ? om_operate(rt, OMEGA_OP_STORE_MEMORY, memory, out) : status;
}

omega_status omega_memory_store_batch(omega_runtime *rt, const omega_memory_input *memories,
                                      size_t count, const omega_write_options *write, omega_id *out)
{
    const omega_store_batch batch = {
        .struct_size = sizeof batch,
        .memories = memories,
        .count = count,
        .write = write != NULL ? *write : (omega_write_options){.op_id = {NULL, 0}},
    };
    struct om_id_list ids = {.ids = out};
    const omega_status status = require_out(out, "the ids");
    return status == OMEGA_OK ? om_operate(rt, OMEGA_OP_STORE_MEMORIES, &batch, &ids) : status;
}

omega_status omega_messages_add(omega_runtime *rt, const omega_messages_options *options,
                                omega_id *out, char *session)
{
    struct om_id_list ids = {.ids = out, .session = session};
    const omega_status status = require_out(out, "the ids");
    return status == OMEGA_OK ? om_operate(rt, OMEGA_OP_ADD_MESSAGES, options, &ids) : status;
}

omega_status omega_memory_get(omega_runtime *rt, const char *id, const omega_scope *scope,
                              omega_memories **out)
{
    const omega_get_options get = {
        .struct_size = sizeof get, .id = omega_str_of(id), .scope = scope_of(scope)};
    return operate_memories(rt, OMEGA_OP_GET_MEMORY, &get, out);
}

omega_status omega_memory_get_by_key(omega_runtime *rt, omega_str key, const omega_scope *scope,
                                     omega_memories **out)
{
    const omega_get_options get = {.struct_size = sizeof get, .key = key, .scope = scope_of(scope)};
    if (!om_str_given(key)) {
        if (out != NULL) {
            *out = NULL;
        }
        return om_fail(OMEGA_EINVAL, "a key is needed");
    }
    return operate_memories(rt, OMEGA_OP_GET_MEMORY, &get, out);
}

omega_status omega_memory_history(omega_runtime *rt, const char *id, const omega_scope *scope,
                                  omega_memories **out)
{
    const omega_get_options get = {
        .struct_size = sizeof get, .id = omega_str_of(id), .scope = scope_of(scope)};
    return operate_memories(rt, OMEGA_OP_MEMORY_HISTORY, &get, out);
}

omega_status omega_memory_list(omega_runtime *rt, const omega_list_options *options,
                               omega_memories **out)
{
    return operate_memories(rt, OMEGA_OP_LIST_MEMORIES, options, out);
}

omega_status omega_memory_count(omega_runtime *rt, const omega_list_options *options, uint64_t *out)
{
    const omega_status status = require_out(out, "the count");
    return status == OMEGA_OK ? om_operate(rt, OMEGA_OP_COUNT_MEMORIES, options, out) : status;
}

omega_status omega_memory_recall(omega_runtime *rt, const omega_recall_options *options,
                                 omega_memories **out)
{
    return operate_memories(rt, OMEGA_OP_RECALL_MEMORIES, options, out);
}

omega_status omega_memory_update(omega_runtime *rt, const omega_update_options *options,
                                 uint64_t *version)
{
    uint64_t unwanted = 0;
    return om_operate(rt, OMEGA_OP_UPDATE_MEMORY, options, version != NULL ? version : &unwanted);
}

omega_status omega_memory_supersede(omega_runtime *rt, const char *old_id,
                                    const omega_memory_input *memory, omega_id *out)
{
    omega_supersede_options supersede = {.struct_size = sizeof supersede,
                                         .old_id = omega_str_of(old_id)};
    omega_status status = require_out(out, "the id");
    if (status == OMEGA_OK) {
        status = om_options_check_size(OMEGA_OP_STORE_MEMORY, memory);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    supersede.memory = *memory;
    return om_operate(rt, OMEGA_OP_SUPERSEDE_MEMORY, &supersede, out);
}

static omega_status operate_delete(omega_runtime *rt, omega_op op,
                                   const omega_delete_options *options, omega_deletion *out)
{
    omega_deletion deletion = {.struct_size = sizeof deletion};
    const omega_status status = om_operate(rt, op, options, &deletion);
    if (status == OMEGA_OK && out != NULL) {
        const uint32_t size = out->struct_size;
        memcpy(out, &deletion, OM_MIN((size_t)size, sizeof deletion));
        out->struct_size = size;
    }
    return status;
}

omega_status omega_memory_delete(omega_runtime *rt, const omega_delete_options *options,
                                 omega_deletion *out)
{
    return operate_delete(rt, OMEGA_OP_DELETE_MEMORY, options, out);
}

omega_status omega_memory_delete_where(omega_runtime *rt, const omega_delete_options *options,
                                       omega_deletion *out)
{
    return operate_delete(rt, OMEGA_OP_DELETE_MEMORIES, options, out);
}

/* ---- Lists: the names of the contract over memory's own ------------------------------------- */

size_t omega_memories_count(const omega_memories *memories)
{
    return memories != NULL ? om_memories_count(memories) : 0;
}

const omega_memory *omega_memories_at(const omega_memories *memories, size_t index)
{
    return memories != NULL ? om_memories_at(memories, index) : NULL;
}

bool omega_memories_degraded(const omega_memories *memories, const char **reason)
{
    return memories != NULL && om_memories_degraded(memories, reason);
}

omega_str omega_memories_cursor(const omega_memories *memories)
{
    return memories != NULL ? om_memories_cursor(memories) : (omega_str){NULL, 0};
}

void omega_memories_free(omega_memories *memories)
{
    om_memories_free(memories);
}

const char *omega_memory_state_name(omega_memory_state state)
{
    static const char *const names[] = {"active", "superseded", "archived"};
    return (unsigned)state < OM_COUNT_OF(names) ? names[state] : "?";
}

/* ---- Vectors -------------------------------------------------------------------------------- */

omega_status omega_vector_add(omega_runtime *rt, const omega_vector_add_options *options)
{
    return om_operate(rt, OMEGA_OP_ADD_VECTORS, options, NULL);
}

omega_status omega_vector_get(omega_runtime *rt, omega_str space, omega_str key,
                              omega_vectors **out)
{
    const omega_vector_key get = {.struct_size = sizeof get, .space = space, .key = key};
    return operate_handle(rt, OMEGA_OP_GET_VECTOR, &get, (void **)out);
}

omega_status omega_vector_search(omega_runtime *rt, const omega_vector_search_options *options,
                                 omega_vectors **out)
{
    return operate_handle(rt, OMEGA_OP_SEARCH_VECTORS, options, (void **)out);
}

omega_status omega_vector_delete(omega_runtime *rt, const omega_vector_delete_options *options)
{
    return om_operate(rt, OMEGA_OP_DELETE_VECTOR, options, NULL);
}

size_t omega_vectors_count(const omega_vectors *vectors)
{
    return vectors != NULL ? om_point_list_count(vectors) : 0;
}

const omega_vector *omega_vectors_at(const omega_vectors *vectors, size_t index)
{
    return vectors != NULL ? om_point_list_at(vectors, index) : NULL;
}

void omega_vectors_free(omega_vectors *vectors)
{
    om_point_list_free(vectors);
}

/* ---- Embedding ------------------------------------------------------------------------------ */

/* Into the embedder's own dimension, or hashed into any other by the same features. */
static omega_status embed_text(omega_runtime *rt, omega_str text, float *out, uint32_t dimension)
{
    if (text.len > OM_LIMIT_CONTENT || !om_utf8_valid(text)) {
        return om_fail(OMEGA_EINVAL, "the text must be UTF-8 of at most %d bytes",
                       (int)OM_LIMIT_CONTENT);
    }
    if (dimension == rt->embedder.dimension) {
        return rt->embedder.embed(rt->embedder.context, text, out);
    }
    if (dimension < 1 || dimension > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "dimension is %u: 1 to %d is allowed", dimension,
                       (int)OM_LIMIT_DIMENSION);
    }
    return om_text_features_in(&rt->stemmers, text, dimension, out);
}

omega_status om_embed(omega_runtime *rt, const omega_embed_options *options, omega_vectors **out)
{
    const uint32_t dimension = options->dimension > 0 ? options->dimension : rt->embedder.dimension;
    if (dimension > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "dimension is %u: 1 to %d is allowed", dimension,
                       (int)OM_LIMIT_DIMENSION);
    }
    float *values = (float *)om_get(&rt->alloc, dimension * sizeof *values);
    if (values == NULL) {
        return om_nomem();
    }
    omega_status status = embed_text(rt, options->text, values, dimension);
    if (status == OMEGA_OK) {
        status = om_point_list_one(&rt->alloc, OM_STR(""), values, dimension, out);
    }
    om_put(&rt->alloc, values);
    return status;
}

omega_status omega_embed(omega_runtime *rt, omega_str text, float *out, uint32_t dimension)
{
    omega_status status = require_out(out, "the vector");
    if (status == OMEGA_OK) {
        status = om_gate_enter(rt, OM_OP_READ, "embed");
    }
    if (status != OMEGA_OK) {
        return status;
    }
    const int64_t start = om_mono_ns(rt->clock);
    status = embed_text(rt, text, out, dimension);
    om_figures_operation(rt, OMEGA_OP_EMBED, status, om_mono_ns(rt->clock) - start);
    om_gate_leave(rt, OM_OP_READ);
    return status;
}
