/* lookup.c -- one memory by id or key, and its history.
 *
 * A history is walked by `supersedes`: from the memory to its past versions, on to what it
 * corrected and that one's versions. Given a past version, it begins at the memory. A get counts as
 * an access, a history does not. */
#include "memory/memory_int.h"

enum { HISTORY_MAX = 10000 };

static omega_status not_found(struct om_uuid id)
{
    return om_fail(OMEGA_ENOTFOUND, "no memory '%s'", om_uuid_text(id).text);
}

/* What has expired is as good as gone, also before upkeep erases it. */
static bool is_over(const struct om_memory_row *row, int64_t now)
{
    return row->expires_at != OMEGA_TIME_UNSET && row->expires_at <= now;
}

/* The next link of a history into the list; *next is nil at the end. */
static omega_status add_link(struct om_reader *reader, struct om_uuid id, const omega_scope *scope,
                             omega_memories *results, struct om_uuid *next)
{
    struct om_memory_row row;
    memset(next, 0, sizeof *next);
    omega_status status = om_row_by_id(reader->conn, id, &row);
    if (status == OMEGA_OK && !om_row_visible(&row, scope, false)) {
        return not_found(id);
    }
    if (status == OMEGA_OK) {
        *next = row.supersedes;
        status = om_results_add(results, &row, NULL);
    }
    return status;
}

static omega_status add_history(struct om_reader *reader, struct om_uuid id,
                                const omega_scope *scope, omega_memories *results)
{
    struct om_memory_row row;
    omega_status status = om_row_by_id(reader->conn, id, &row);
    if (status == OMEGA_OK && !om_row_visible(&row, scope, false)) {
        return not_found(id);
    }
    if (status == OMEGA_OK && !om_uuid_is_nil(row.version_of)) {
        id = row.version_of;
    }
    for (size_t i = 0; status == OMEGA_OK && !om_uuid_is_nil(id) && i < HISTORY_MAX; i++) {
        status = add_link(reader, id, scope, results, &id);
        /* What it corrected may belong to another scope, or be forgotten: the history ends. */
        if (i > 0 && status == OMEGA_ENOTFOUND) {
            return OMEGA_OK;
        }
    }
    return status;
}

/* What a lookup asks for. */
struct lookup {
    struct om_uuid id;
    omega_str key; /* instead of the id */
    bool history;
    bool quiet; /* no access */
    const omega_scope *scope;
};

/* The most specific of the four owners that a scope sees. */
static omega_status find_key(struct om_reader *reader, omega_str key, const omega_scope *scope,
                             struct om_memory_row *row)
{
    const omega_str none = {NULL, 0};
    const omega_str owners[][2] = {
        {scope->user, scope->agent}, {scope->user, none}, {none, scope->agent}, {none, none}};
    omega_status status = OMEGA_ENOTFOUND;
    for (size_t i = 0; i < OM_COUNT_OF(owners) && status == OMEGA_ENOTFOUND; i++) {
        status = om_row_by_key(reader->conn, owners[i][0], owners[i][1], key, row);
    }
    return status;
}

static omega_status add_one(struct om_memory *memory, struct om_reader *reader,
                            const struct lookup *lookup, omega_memories *results)
{
    static const omega_scope shared;
    const omega_scope *scope = lookup->scope != NULL ? lookup->scope : &shared;
    struct om_memory_row row;
    bool by_key = om_str_given(lookup->key);
    int64_t now = om_wall_ms(memory->options.clock);
    omega_status status = by_key ? find_key(reader, lookup->key, scope, &row)
                                 : om_row_by_id(reader->conn, lookup->id, &row);
    if (status == OMEGA_OK && (!om_row_visible(&row, scope, false) || is_over(&row, now))) {
        return by_key ? om_fail(OMEGA_ENOTFOUND, "no memory with the key '%.*s'",
                                OM_STR_ARG(om_utf8_clip(lookup->key, 64)))
                      : not_found(lookup->id);
    }
    if (status == OMEGA_OK) {
        status = om_results_add(results, &row, NULL);
    }
    if (status == OMEGA_OK && !lookup->quiet) {
        unsigned ticket = om_catalog_enter(memory->catalog);
        uint32_t item;
        if (om_catalog_find(memory->catalog, row.row, &item)) {
            om_catalog_touch(memory->catalog, item, now);
        }
        om_catalog_leave(memory->catalog, ticket);
    }
    return status;
}

static omega_status look_up(struct om_memory *memory, const struct lookup *lookup,
                            omega_memories **out)
{
    struct om_reader reader = {0};
    omega_memories *results = NULL;
    omega_status status = om_check_scope(lookup->scope);
    if (status == OMEGA_OK) {
        status = om_results_new(memory, &results);
    }
    if (status == OMEGA_OK) {
        status = om_store_read(memory->store, OM_READ_TIMEOUT_MS, &reader);
    }
    if (status == OMEGA_OK) {
        status = lookup->history ? add_history(&reader, lookup->id, lookup->scope, results)
                                 : add_one(memory, &reader, lookup, results);
    }
    if (status == OMEGA_OK) {
        status = om_results_vectors(results, &reader);
    }
    om_store_read_end(&reader);
    if (status != OMEGA_OK) {
        om_memories_free(results);
        return status;
    }
    *out = results;
    return OMEGA_OK;
}

static omega_status look_up_id(struct om_memory *memory, const char *id, struct lookup *lookup,
                               omega_memories **out)
{
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "out is missing");
    }
    *out = NULL;
    omega_status status = om_check_id(id, &lookup->id);
    return status == OMEGA_OK ? look_up(memory, lookup, out) : status;
}

omega_status om_memory_get(struct om_memory *memory, const char *id, const omega_scope *scope,
                           omega_memories **out)
{
    struct lookup lookup = {.scope = scope};
    return look_up_id(memory, id, &lookup, out);
}

omega_status om_memory_history(struct om_memory *memory, const char *id, const omega_scope *scope,
                               omega_memories **out)
{
    struct lookup lookup = {.scope = scope, .history = true};
    return look_up_id(memory, id, &lookup, out);
}

static omega_status look_up_key(struct om_memory *memory, const struct lookup *lookup,
                                omega_memories **out)
{
    omega_str key = lookup->key;
    if (out == NULL) {
        return om_fail(OMEGA_EINVAL, "out is missing");
    }
    *out = NULL;
    if (key.len == 0 || key.ptr == NULL || key.len > OM_LIMIT_NAME || !om_utf8_valid(key)) {
        return om_fail(OMEGA_EINVAL, "key has %zu bytes; 1 to %d bytes of UTF-8 are allowed",
                       key.len, OM_LIMIT_NAME);
    }
    return look_up(memory, lookup, out);
}

omega_status om_memory_get_by_key(struct om_memory *memory, omega_str key, const omega_scope *scope,
                                  omega_memories **out)
{
    struct lookup lookup = {.scope = scope, .key = key};
    return look_up_key(memory, &lookup, out);
}

omega_status om_memory_peek(struct om_memory *memory, const char *id, omega_str key,
                            const omega_scope *scope, omega_memories **out)
{
    struct lookup lookup = {.scope = scope, .quiet = true};
    if (id != NULL) {
        return look_up_id(memory, id, &lookup, out);
    }
    lookup.key = key;
    return look_up_key(memory, &lookup, out);
}
