/* memory.c -- the handle: making it, filling it from the store, figures.
 *
 * Everything in memory is derived. Opening reads every row once, in row order, into the catalogue
 * and the words index, then every vector of each space, in row order, into its working set; so the
 * load is two sequential reads of the database. A damaged row or vector is left out, logged with
 * its number and counted; it never stops the load.
 *
 * Rejected: loading rows and their vectors together (a point lookup in the vectors for each
 * row). */
#include "memory/memory_int.h"

enum { LOAD_WAIT_MS = 10000, PROGRESS_EVERY = 1024 };

omega_status om_memory_new(const struct om_memory_options *options, struct om_memory **out)
{
    struct om_memory *memory = om_get0(options->alloc, 1, sizeof *memory);
    *out = NULL;
    if (memory == NULL) {
        return om_nomem();
    }
    memory->options = *options;
    om_memory_bind_kinds(memory);
    om_spaces_fix(options->spaces, "default", options->dimension);
    omega_status status = om_publisher_new(options->alloc, &memory->publisher);
    if (status == OMEGA_OK) {
        status = om_catalog_new(options->alloc, &memory->catalog);
    }
    if (status == OMEGA_OK) {
        status = om_words_new(options->alloc, &memory->words);
    }
    if (status != OMEGA_OK) {
        om_memory_free(memory);
        return status;
    }
    *out = memory;
    return OMEGA_OK;
}

void om_memory_free(struct om_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    om_words_free(memory->words);
    om_catalog_free(memory->catalog);
    om_publisher_free(memory->options.alloc, memory->publisher);
    om_put(memory->options.alloc, memory);
}

const struct om_record_kind *const *om_memory_kinds(struct om_memory *memory, size_t *count)
{
    *count = OM_MEMORY_KIND_COUNT;
    return memory->kind_list;
}

/* ---- Loading -------------------------------------------------------------------------------- */

struct loading {
    struct om_memory *memory;
    uint64_t seq;
    struct om_arena arena;
    const struct om_space *space;
    om_progress progress;
    void *context;
    uint64_t done;
    uint64_t damaged;
};

static omega_status count_one(struct loading *loading)
{
    loading->done += 1;
    if (loading->progress != NULL && loading->done % PROGRESS_EVERY == 0 &&
        !loading->progress(loading->context, loading->done, 0)) {
        return om_fail(OMEGA_ECANCELLED, "loading the memories was cancelled");
    }
    return OMEGA_OK;
}

static omega_status load_row(void *context, const struct om_memory_row *row, bool damaged)
{
    struct loading *loading = context;
    struct om_publication publication = {.what = OM_PUBLISH_ADD, .row = row->row};
    if (damaged) {
        loading->damaged += 1;
        om_log(OM_LOG_ERROR, "memory", "%s; it is left out", om_error_last()->message);
        return count_one(loading);
    }
    om_arena_reset(&loading->arena);
    omega_status status = om_row_text(&loading->arena, row, &publication.text);
    if (status == OMEGA_OK) {
        publication.values = *row;
        status = om_memory_admit(loading->memory, loading->seq, &publication);
    }
    return status != OMEGA_OK ? status : count_one(loading);
}

static omega_status load_vector(void *context, int64_t row, const float *values)
{
    struct loading *loading = context;
    struct om_memory *memory = loading->memory;
    uint32_t item = 0;
    if (values == NULL) {
        loading->damaged += 1;
        om_log(OM_LOG_ERROR, "memory",
               "the vector of row %lld in space '%s' is damaged: its "
               "checksum does not fit; it is left out",
               (long long)row, loading->space->name);
        return count_one(loading);
    }
    if (!om_catalog_find(memory->catalog, row, &item)) {
        return count_one(loading); /* its row is damaged, or gone in an interrupted erasure */
    }
    omega_status status = om_spaces_add(
        loading->space, item, om_catalog_entry(memory->catalog, item)->root, loading->seq, values);
    if (status == OMEGA_EINVAL) { /* not finite: the checksum fits, but nobody can search it */
        loading->damaged += 1;
        om_log(OM_LOG_ERROR, "memory", "row %lld: %s; its vector is left out", (long long)row,
               om_error_last()->message);
        status = OMEGA_OK;
    }
    return status != OMEGA_OK ? status : count_one(loading);
}

static omega_status load_spaces(struct loading *loading, struct om_reader *reader)
{
    struct om_spaces *spaces = loading->memory->options.spaces;
    omega_status status = om_spaces_load(spaces, reader);
    for (uint32_t id = 1; id <= om_spaces_count(spaces) && status == OMEGA_OK; id++) {
        loading->space = om_spaces_at(spaces, id);
        if (loading->space != NULL && loading->space->owner == OM_SPACE_MEMORIES) {
            status = om_spaces_scan(spaces, reader, loading->space, load_vector, loading);
        }
    }
    return status;
}

omega_status om_memory_load(struct om_memory *memory, struct om_store *store, om_progress progress,
                            void *context)
{
    struct om_reader reader = {0};
    struct loading loading = {.memory = memory, .progress = progress, .context = context};
    omega_status status = om_store_read(store, LOAD_WAIT_MS, &reader);
    if (status != OMEGA_OK) {
        return status;
    }
    memory->store = store;
    loading.seq = reader.seq;
    om_arena_init(&loading.arena, memory->options.alloc, 0);
    status = om_row_each(reader.conn, load_row, &loading);
    if (status == OMEGA_OK) {
        status = load_spaces(&loading, &reader);
    }
    om_arena_fini(&loading.arena);
    om_store_read_end(&reader);
    atomic_store(&memory->damaged, loading.damaged);
    return status;
}

/* ---- Figures -------------------------------------------------------------------------------- */

void om_memory_stats(struct om_memory *memory, struct om_memory_stats *out)
{
    struct om_catalog_usage catalog;
    struct om_words_usage words;
    struct om_spaces *spaces = memory->options.spaces;
    om_catalog_usage(memory->catalog, &catalog);
    om_words_usage(memory->words, &words);
    memset(out, 0, sizeof *out);
    out->total = catalog.active;
    memcpy(out->by_tier, catalog.by_tier, sizeof out->by_tier);
    out->archived = catalog.archived;
    out->superseded = catalog.superseded;
    out->damaged = atomic_load(&memory->damaged);
    out->words_bytes = words.bytes;
    out->catalog_bytes = catalog.bytes;
    for (uint32_t id = 1; id <= om_spaces_count(spaces); id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space != NULL && space->owner == OM_SPACE_MEMORIES) {
            struct om_vectors_usage vectors;
            om_vectors_memory(space->vectors, &vectors);
            out->vector_bytes += vectors.bytes;
        }
    }
}

void om_memory_disable_index(struct om_memory *memory, bool disabled)
{
    atomic_store(&memory->index_disabled, disabled);
}
