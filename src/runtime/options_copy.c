/* options_copy.c -- deep copies of an operation's options, by a table of where their pointers are.
 *
 * A submitted operation outlives the call that submitted it, so everything its options point to is
 * copied into the operation's arena. Each options struct lists its pointer fields once; the rest of
 * it is copied as bytes. Pointers for results or callbacks (receipt, progress, context) are the
 * caller's and stay as they are. */
#include "runtime/runtime_int.h"

enum field_kind {
    FIELD_STR,     /* omega_str */
    FIELD_TEXT,    /* const char * */
    FIELD_FLOATS,  /* const float * with a uint32_t count */
    FIELD_TIERS,   /* const omega_tier * with a size_t count */
    FIELD_TEXTS,   /* const char *const * with a size_t count */
    FIELD_NESTED,  /* a struct inside */
    FIELD_POINTER, /* const struct * to one, may be NULL */
    FIELD_ARRAY    /* const struct * to a size_t count of them */
};

struct shape;

struct field {
    enum field_kind kind;
    size_t offset;
    size_t count_offset;
    const struct shape *shape; /* of what is nested or pointed to */
};

struct shape {
    size_t size;
    const struct field *fields;
    size_t field_count;
};

#define STR(type, name)                                                                            \
    {                                                                                              \
        FIELD_STR, offsetof(type, name), 0, NULL                                                   \
    }
#define TEXT(type, name)                                                                           \
    {                                                                                              \
        FIELD_TEXT, offsetof(type, name), 0, NULL                                                  \
    }
#define FLOATS(type, name, count)                                                                  \
    {                                                                                              \
        FIELD_FLOATS, offsetof(type, name), offsetof(type, count), NULL                            \
    }
#define TIERS(type, name, count)                                                                   \
    {                                                                                              \
        FIELD_TIERS, offsetof(type, name), offsetof(type, count), NULL                             \
    }
#define TEXTS(type, name, count)                                                                   \
    {                                                                                              \
        FIELD_TEXTS, offsetof(type, name), offsetof(type, count), NULL                             \
    }
#define NESTED(type, name, shape)                                                                  \
    {                                                                                              \
        FIELD_NESTED, offsetof(type, name), 0, &(shape)                                            \
    }
#define POINTER(type, name, shape)                                                                 \
    {                                                                                              \
        FIELD_POINTER, offsetof(type, name), 0, &(shape)                                           \
    }
#define ARRAY(type, name, count, shape)                                                            \
    {                                                                                              \
        FIELD_ARRAY, offsetof(type, name), offsetof(type, count), &(shape)                         \
    }
#define SCOPE(type) STR(type, scope.user), STR(type, scope.agent), STR(type, scope.session)
#define SHAPE(type, fields)                                                                        \
    {                                                                                              \
        sizeof(type), fields, OM_COUNT_OF(fields)                                                  \
    }

static const struct field input_fields[] = {
    STR(omega_memory_input, content),
    STR(omega_memory_input, space),
    STR(omega_memory_input, key),
    STR(omega_memory_input, type),
    STR(omega_memory_input, role),
    STR(omega_memory_input, name),
    STR(omega_memory_input, language),
    STR(omega_memory_input, metadata_json),
    STR(omega_memory_input, source_kind),
    STR(omega_memory_input, source_uri),
    STR(omega_memory_input, write.op_id),
    SCOPE(omega_memory_input),
    FLOATS(omega_memory_input, embedding, dimension),
};
static const struct shape input_shape = SHAPE(omega_memory_input, input_fields);

static const struct field batch_fields[] = {
    ARRAY(omega_store_batch, memories, count, input_shape),
    STR(omega_store_batch, write.op_id),
};
static const struct field message_fields[] = {
    STR(omega_message, role),          STR(omega_message, name), STR(omega_message, content),
    STR(omega_message, metadata_json), STR(omega_message, key),
};
static const struct shape message_shape = SHAPE(omega_message, message_fields);
static const struct field messages_fields[] = {
    SCOPE(omega_messages_options),
    ARRAY(omega_messages_options, messages, count, message_shape),
    STR(omega_messages_options, write.op_id),
};
static const struct field get_fields[] = {STR(omega_get_options, id), STR(omega_get_options, key),
                                          SCOPE(omega_get_options)};
static const struct field update_fields[] = {
    TEXT(omega_update_options, id),         SCOPE(omega_update_options),
    STR(omega_update_options, content),     FLOATS(omega_update_options, embedding, dimension),
    STR(omega_update_options, space),       STR(omega_update_options, type),
    STR(omega_update_options, name),        STR(omega_update_options, metadata_json),
    STR(omega_update_options, write.op_id),
};
static const struct field supersede_fields[] = {
    STR(omega_supersede_options, old_id),
    NESTED(omega_supersede_options, memory, input_shape),
};
static const struct field list_fields[] = {
    SCOPE(omega_list_options),       TIERS(omega_list_options, tiers, tier_count),
    STR(omega_list_options, type),   STR(omega_list_options, filter_json),
    STR(omega_list_options, cursor),
};
static const struct shape list_shape = SHAPE(omega_list_options, list_fields);
static const struct field delete_fields[] = {
    TEXT(omega_delete_options, id),
    SCOPE(omega_delete_options),
    POINTER(omega_delete_options, where, list_shape),
    STR(omega_delete_options, write.op_id),
};
static const struct field recall_fields[] = {
    STR(omega_recall_options, query), FLOATS(omega_recall_options, embedding, dimension),
    STR(omega_recall_options, space), TIERS(omega_recall_options, tiers, tier_count),
    SCOPE(omega_recall_options),      STR(omega_recall_options, filter_json),
};
static const struct field embed_fields[] = {STR(omega_embed_options, text)};
static const struct field point_fields[] = {STR(omega_point, key), STR(omega_point, metadata_json)};
static const struct shape point_shape = SHAPE(omega_point, point_fields);
static const struct field add_fields[] = {
    STR(omega_vector_add_options, space),
    ARRAY(omega_vector_add_options, points, count, point_shape),
    STR(omega_vector_add_options, write.op_id),
};
static const struct field key_fields[] = {STR(omega_vector_key, space), STR(omega_vector_key, key)};
static const struct field search_fields[] = {
    STR(omega_vector_search_options, space),
    FLOATS(omega_vector_search_options, query, dimension),
};
static const struct field remove_fields[] = {
    STR(omega_vector_delete_options, space),
    STR(omega_vector_delete_options, key),
    STR(omega_vector_delete_options, write.op_id),
};
static const struct field cycle_fields[] = {
    STR(omega_cycle_options, input.data),
    STR(omega_cycle_options, input.context),
    TEXTS(omega_cycle_options, input.objectives, input.objective_count),
};
static const struct field backup_fields[] = {TEXT(omega_backup_options, file)};
static const struct field import_fields[] = {TEXT(omega_import_options, path),
                                             SCOPE(omega_import_options)};
static const struct field export_fields[] = {TEXT(omega_export_options, path),
                                             POINTER(omega_export_options, where, list_shape)};

static const struct shape shapes[OMEGA_OP_COUNT] = {
    [OMEGA_OP_STORE_MEMORY] = SHAPE(omega_memory_input, input_fields),
    [OMEGA_OP_STORE_MEMORIES] = SHAPE(omega_store_batch, batch_fields),
    [OMEGA_OP_ADD_MESSAGES] = SHAPE(omega_messages_options, messages_fields),
    [OMEGA_OP_GET_MEMORY] = SHAPE(omega_get_options, get_fields),
    [OMEGA_OP_UPDATE_MEMORY] = SHAPE(omega_update_options, update_fields),
    [OMEGA_OP_SUPERSEDE_MEMORY] = SHAPE(omega_supersede_options, supersede_fields),
    [OMEGA_OP_DELETE_MEMORY] = SHAPE(omega_delete_options, delete_fields),
    [OMEGA_OP_DELETE_MEMORIES] = SHAPE(omega_delete_options, delete_fields),
    [OMEGA_OP_LIST_MEMORIES] = SHAPE(omega_list_options, list_fields),
    [OMEGA_OP_COUNT_MEMORIES] = SHAPE(omega_list_options, list_fields),
    [OMEGA_OP_MEMORY_HISTORY] = SHAPE(omega_get_options, get_fields),
    [OMEGA_OP_RECALL_MEMORIES] = SHAPE(omega_recall_options, recall_fields),
    [OMEGA_OP_EMBED] = SHAPE(omega_embed_options, embed_fields),
    [OMEGA_OP_ADD_VECTORS] = SHAPE(omega_vector_add_options, add_fields),
    [OMEGA_OP_GET_VECTOR] = SHAPE(omega_vector_key, key_fields),
    [OMEGA_OP_SEARCH_VECTORS] = SHAPE(omega_vector_search_options, search_fields),
    [OMEGA_OP_DELETE_VECTOR] = SHAPE(omega_vector_delete_options, remove_fields),
    [OMEGA_OP_EXECUTE_LOOP_CYCLE] = SHAPE(omega_cycle_options, cycle_fields),
    [OMEGA_OP_BACKUP] = SHAPE(omega_backup_options, backup_fields),
    [OMEGA_OP_CHECK] = {sizeof(omega_check_options), NULL, 0},
    [OMEGA_OP_IMPORT] = SHAPE(omega_import_options, import_fields),
    [OMEGA_OP_EXPORT] = SHAPE(omega_export_options, export_fields),
};

size_t om_options_size(omega_op op)
{
    return (unsigned)op < OMEGA_OP_COUNT ? shapes[op].size : 0;
}

/* ---- Copying -------------------------------------------------------------------------------- */

static omega_status copy_fields(struct om_arena *arena, const struct shape *shape, char *copy);

/* Why `size` more bytes were not to be had. */
static omega_status refused(const struct om_arena *arena, size_t size)
{
    if (size > arena->ceiling || arena->total > arena->ceiling - size) {
        return om_fail(OMEGA_ELIMIT,
                       "the options hold more than %zu bytes: the bound of one "
                       "submitted operation",
                       arena->ceiling);
    }
    return om_nomem();
}

static omega_status copy_str(struct om_arena *arena, void *at)
{
    omega_str *str = (omega_str *)at;
    if (str->ptr == NULL) {
        return OMEGA_OK;
    }
    const char *copy = str->len < arena->ceiling ? om_arena_text(arena, *str) : NULL;
    if (copy == NULL) {
        return refused(arena, str->len);
    }
    str->ptr = copy;
    return OMEGA_OK;
}

static omega_status copy_text(struct om_arena *arena, void *at)
{
    const char **text = (const char **)at;
    omega_str str = omega_str_of(*text);
    const omega_status status = copy_str(arena, &str);
    *text = str.ptr;
    return status;
}

/* Moves `count` elements behind the pointer at `at` into the arena; NULL stays NULL. *copy is where
 * they are now. */
static omega_status copy_block(struct om_arena *arena, void *at, size_t count, size_t size,
                               void **copy)
{
    void *old = NULL;
    *copy = NULL;
    memcpy(&old, at, sizeof old);
    if (old == NULL || count == 0) {
        return OMEGA_OK;
    }
    if (count > arena->ceiling / size) {
        return refused(arena, arena->ceiling + 1);
    }
    *copy = om_arena_get(arena, count * size);
    if (*copy == NULL) {
        return refused(arena, count * size);
    }
    memcpy(*copy, old, count * size);
    memcpy(at, copy, sizeof *copy);
    return OMEGA_OK;
}

static omega_status copy_array(struct om_arena *arena, const struct shape *shape, void *at,
                               size_t count)
{
    void *copy = NULL;
    omega_status status = copy_block(arena, at, count, shape->size, &copy);
    for (size_t i = 0; status == OMEGA_OK && copy != NULL && i < count; i++) {
        status = copy_fields(arena, shape, (char *)copy + i * shape->size);
    }
    return status;
}

static omega_status copy_texts(struct om_arena *arena, void *at, size_t count)
{
    void *copy = NULL;
    omega_status status = copy_block(arena, at, count, sizeof(const char *), &copy);
    for (size_t i = 0; status == OMEGA_OK && copy != NULL && i < count; i++) {
        status = copy_text(arena, (char *)copy + i * sizeof(const char *));
    }
    return status;
}

static size_t count_at(const struct field *field, const char *copy)
{
    uint32_t small = 0;
    size_t count = 0;
    if (field->kind == FIELD_FLOATS) {
        memcpy(&small, copy + field->count_offset, sizeof small);
        return small;
    }
    memcpy(&count, copy + field->count_offset, sizeof count);
    return count;
}

static omega_status copy_field(struct om_arena *arena, const struct field *field, char *copy)
{
    void *at = copy + field->offset;
    void *moved = NULL;
    switch (field->kind) {
    case FIELD_STR:
        return copy_str(arena, at);
    case FIELD_TEXT:
        return copy_text(arena, at);
    case FIELD_FLOATS:
        return copy_block(arena, at, count_at(field, copy), sizeof(float), &moved);
    case FIELD_TIERS:
        return copy_block(arena, at, count_at(field, copy), sizeof(omega_tier), &moved);
    case FIELD_TEXTS:
        return copy_texts(arena, at, count_at(field, copy));
    case FIELD_NESTED:
        return copy_fields(arena, field->shape, (char *)at);
    case FIELD_POINTER:
        return copy_array(arena, field->shape, at, 1);
    case FIELD_ARRAY:
        return copy_array(arena, field->shape, at, count_at(field, copy));
    }
    return OMEGA_OK;
}

static omega_status copy_fields(struct om_arena *arena, const struct shape *shape, char *copy)
{
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < shape->field_count && status == OMEGA_OK; i++) {
        status = copy_field(arena, &shape->fields[i], copy);
    }
    return status;
}

/* The points of add_vectors share one dimension that stands outside of them. */
static omega_status copy_point_values(struct om_arena *arena, omega_vector_add_options *copy)
{
    omega_status status = OMEGA_OK;
    omega_point *points = NULL;
    void *moved = NULL;
    memcpy(&points, &copy->points, sizeof points);
    for (size_t i = 0; status == OMEGA_OK && points != NULL && i < copy->count; i++) {
        void *at = &points[i].values;
        status = copy_block(arena, at, copy->dimension, sizeof(float), &moved);
    }
    return status;
}

omega_status om_options_copy(struct om_arena *arena, omega_op op, const void *options, void **out)
{
    const struct shape *shape = &shapes[op];
    *out = NULL;
    if (shape->size == 0) {
        return OMEGA_OK;
    }
    char *copy = (char *)om_arena_get(arena, shape->size);
    if (copy == NULL) {
        return om_nomem();
    }
    memcpy(copy, options, shape->size);
    omega_status status = copy_fields(arena, shape, copy);
    if (status == OMEGA_OK && op == OMEGA_OP_ADD_VECTORS) {
        status = copy_point_values(arena, (omega_vector_add_options *)(void *)copy);
    }
    if (status == OMEGA_OK) {
        *out = copy;
    }
    return status;
}
