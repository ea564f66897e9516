/* results.c -- lists of memories for callers.
 *
 * Everything that a list reaches lies in its arena: rows are copied out of the statements, entries
 * stand still while the list grows, one free gives all back. Lists hold the figures of the moment
 * they were made at (retrievability). */
#include "memory/memory_int.h"

struct entry {
    omega_memory memory; /* first: callers hold pointers to it */
    int64_t row;
};

struct omega_memories {
    struct om_memory *memory;
    struct om_arena arena;
    struct entry **entries;
    size_t count, capacity;
    int64_t now;
    const char *degraded; /* NULL: no */
    omega_str cursor;
};

enum { FIRST_ENTRIES = 16 };

omega_status om_results_new(struct om_memory *memory, omega_memories **out)
{
    struct om_alloc *alloc = memory->options.alloc;
    omega_memories *results = om_get0(alloc, 1, sizeof *results);
    *out = results;
    if (results == NULL) {
        return om_nomem();
    }
    results->memory = memory;
    results->now = om_wall_ms(memory->options.clock);
    om_arena_init(&results->arena, alloc, 0);
    return OMEGA_OK;
}

void om_memories_free(omega_memories *memories)
{
    if (memories == NULL) {
        return;
    }
    struct om_alloc *alloc = memories->arena.alloc;
    om_arena_fini(&memories->arena);
    om_put(alloc, memories);
}

struct om_arena *om_results_arena(omega_memories *results)
{
    return &results->arena;
}

static omega_status make_room(omega_memories *results)
{
    if (results->count < results->capacity) {
        return OMEGA_OK;
    }
    size_t capacity = OM_MAX(results->capacity * 2, (size_t)FIRST_ENTRIES);
    struct entry **entries = om_arena_get0(&results->arena, capacity, sizeof(struct entry *));
    if (entries == NULL) {
        return om_nomem();
    }
    if (results->count > 0) {
        memcpy(entries, results->entries, results->count * sizeof(struct entry *));
    }
    results->entries = entries;
    results->capacity = capacity;
    return OMEGA_OK;
}

static omega_id text_id(struct om_uuid id)
{
    omega_id none = {""};
    return om_uuid_is_nil(id) ? none : om_uuid_text(id);
}

int64_t om_row_last_use(const struct om_memory_row *row)
{
    int64_t last = OM_MAX(row->created_at, row->updated_at);
    last = OM_MAX(last, row->state_at);
    return OM_MAX(last, row->accessed_at); /* unset is the smallest */
}

static void show_row(omega_memory *out, const struct om_memory_row *row, int64_t now)
{
    *out = (omega_memory){
        .struct_size = (uint32_t)sizeof *out,
        .tier = row->tier,
        .id = text_id(row->id),
        .supersedes = text_id(row->supersedes),
        .superseded_by = text_id(row->superseded_by),
        .state = row->state,
        .actor = row->actor,
        .content = row->content,
        .key = row->key,
        .type = row->type,
        .role = row->role,
        .name = row->name,
        .language = row->language,
        .metadata_json = om_str_given(row->metadata) ? row->metadata : OM_STR("{}"),
        .user = row->user,
        .agent = row->agent,
        .session = row->session,
        .source_kind = row->source_kind,
        .source_uri = row->source_uri,
        .importance = row->importance,
        .confidence = row->confidence,
        .position = row->position,
        .occurred_at_ms = row->occurred_at,
        .valid_from_ms = row->valid_from,
        .valid_to_ms = row->valid_to,
        .created_at_ms = row->created_at,
        .updated_at_ms = row->updated_at,
        .believed_to_ms = row->believed_to,
        .expires_at_ms = row->expires_at,
        .accessed_at_ms = row->accessed_at,
        .version = row->version,
        .access_count = row->access_count,
        .stability_days = row->stability,
        .retrievability = om_retrievability(row->tier, row->stability, now - om_row_last_use(row)),
        .pinned = row->pinned,
    };
}

omega_status om_results_add(omega_memories *results, const struct om_memory_row *row,
                            omega_memory **entry)
{
    struct om_memory_row copy = *row;
    omega_status status = make_room(results);
    if (status == OMEGA_OK) {
        status = om_row_copy(&results->arena, &copy);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    struct entry *added = om_arena_get(&results->arena, sizeof *added);
    if (added == NULL) {
        return om_nomem();
    }
    show_row(&added->memory, &copy, results->now);
    added->row = row->row;
    results->entries[results->count++] = added;
    if (entry != NULL) {
        *entry = &added->memory;
    }
    return OMEGA_OK;
}

/* ---- Vectors --------------------------------------------------------------------------------- */

struct vector_look {
    omega_memories *results;
    struct om_reader *reader;
    const struct om_space *spaces[OM_LIMIT_SPACES];
    uint32_t count;
    float floats[OM_LIMIT_DIMENSION];
};

static omega_status add_vector(omega_memories *results, omega_memory_vector *vectors, size_t *count,
                               omega_memory_vector vector)
{
    vector.space = om_arena_str(&results->arena, vector.space);
    if (vector.space.ptr == NULL) {
        return om_nomem();
    }
    vectors[(*count)++] = vector;
    return OMEGA_OK;
}

static omega_status look_entry(struct vector_look *look, struct entry *entry)
{
    const struct om_embedder *embedder = look->results->memory->options.embedder;
    bool pending = embedder != NULL && !embedder->is_local;
    omega_memory_vector found[OM_ROW_VECTORS + 1];
    size_t count = 0;
    omega_status status = OMEGA_OK;
    for (uint32_t i = 0; i < look->count && count < OM_ROW_VECTORS; i++) {
        const struct om_space *space = look->spaces[i];
        omega_str name = omega_str_of(space->name);
        status = om_spaces_get(look->reader, space, entry->row, look->floats);
        if (status == OMEGA_OK) {
            status = add_vector(look->results, found, &count,
                                (omega_memory_vector){name, space->dimension, false});
            pending = pending && !om_str_eq_text(name, embedder->space);
        }
        if (status != OMEGA_OK && status != OMEGA_ENOTFOUND) {
            return status;
        }
    }
    if (pending) {
        status = add_vector(
            look->results, found, &count,
            (omega_memory_vector){omega_str_of(embedder->space), embedder->dimension, true});
        if (status != OMEGA_OK) {
            return status;
        }
    }
    omega_memory_vector *kept = om_arena_get0(&look->results->arena, count + 1, sizeof *kept);
    if (kept == NULL) {
        return om_nomem();
    }
    memcpy(kept, found, count * sizeof *kept);
    entry->memory.vectors = kept;
    entry->memory.vector_count = count;
    return OMEGA_OK;
}

omega_status om_results_vectors(omega_memories *results, struct om_reader *reader)
{
    struct om_spaces *spaces = results->memory->options.spaces;
    struct vector_look *look = om_get(results->arena.alloc, sizeof *look);
    if (look == NULL) {
        return om_nomem();
    }
    look->results = results;
    look->reader = reader;
    look->count = 0;
    for (uint32_t id = 1; id <= om_spaces_count(spaces); id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space != NULL && space->owner == OM_SPACE_MEMORIES) {
            look->spaces[look->count++] = space;
        }
    }
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < results->count && status == OMEGA_OK; i++) {
        status = look_entry(look, results->entries[i]);
    }
    om_put(results->arena.alloc, look);
    return status;
}

/* A memory has one vector of the caller's beside those of embedders; "default" goes first, should
 * there be a former embedder's. */
static const omega_memory_vector *own_vector(const omega_memories *memories,
                                             const omega_memory *memory)
{
    const struct om_embedder *embedder = memories->memory->options.embedder;
    const omega_memory_vector *found = NULL;
    for (size_t i = 0; i < memory->vector_count; i++) {
        const omega_memory_vector *vector = &memory->vectors[i];
        bool is_default = om_str_eq_text(vector->space, "default");
        bool is_embedders = embedder != NULL && om_str_eq_text(vector->space, embedder->space);
        if (!vector->pending && !is_embedders && (found == NULL || is_default)) {
            found = vector;
        }
    }
    return found;
}

omega_status om_memories_vector(const omega_memories *memories, size_t index, omega_str *space,
                                float *out, uint32_t *dimension)
{
    OM_ASSERT(index < memories->count);
    const struct entry *entry = memories->entries[index];
    const omega_memory_vector *vector = own_vector(memories, &entry->memory);
    struct om_reader reader = {0};
    if (vector == NULL) {
        return om_fail(OMEGA_ENOTFOUND, "memory %s has no vector of its caller",
                       entry->memory.id.text);
    }
    const struct om_space *found = om_spaces_find(memories->memory->options.spaces, vector->space);
    OM_ASSERT(found != NULL);
    omega_status status = om_store_read(memories->memory->store, OM_READ_TIMEOUT_MS, &reader);
    if (status == OMEGA_OK) {
        status = om_spaces_get(&reader, found, entry->row, out);
    }
    om_store_read_end(&reader);
    *space = vector->space;
    *dimension = found->dimension;
    return status;
}

/* ---- The rest -------------------------------------------------------------------------------- */

void om_results_degrade(omega_memories *results, const char *reason)
{
    results->degraded = reason;
}

omega_status om_results_set_cursor(omega_memories *results, omega_str cursor)
{
    results->cursor = om_arena_str(&results->arena, cursor);
    return results->cursor.ptr != NULL ? OMEGA_OK : om_nomem();
}

size_t om_memories_count(const omega_memories *memories)
{
    return memories->count;
}

const omega_memory *om_memories_at(const omega_memories *memories, size_t index)
{
    return index < memories->count ? &memories->entries[index]->memory : NULL;
}

bool om_memories_degraded(const omega_memories *memories, const char **reason)
{
    if (reason != NULL) {
        *reason = memories->degraded;
    }
    return memories->degraded != NULL;
}

omega_str om_memories_cursor(const omega_memories *memories)
{
    return memories->cursor;
}
