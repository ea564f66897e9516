/* probe.c -- is the memory healthy? Asked by doing what a recall does, on one stored row.
 *
 * A row that stands is taken from the catalogue (another one each time), read from the store and
 * verified; its entry must agree with it; its vector in the working set must be the stored one, bit
 * for bit; and its own words must find it. Costs some 50 us whatever the size of the store.
 * Rejected: a whole search by the row's vector (it reads every vector there is). */
#include "memory/memory_int.h"

enum { PROBE_WAIT_MS = 100, LOOK = 1024 /* items to look at for one that stands */ };

struct probe {
    struct om_memory *memory;
    struct om_reader reader;
    struct om_arena arena;
    struct om_memory_row row;
    uint32_t item;
    char *reason;
    size_t size;
};

static omega_health say(const struct probe *probe, omega_health health, const char *text)
{
    if (probe->size > 0) {
        omega_str clipped = om_utf8_clip(omega_str_of(text), probe->size - 1);
        memcpy(probe->reason, clipped.ptr, clipped.len);
        probe->reason[clipped.len] = '\0';
    }
    return health;
}

/* The next standing item behind a place that moves on with every probe. */
static bool choose_item(struct probe *probe)
{
    struct om_memory *memory = probe->memory;
    uint32_t limit = om_catalog_limit(memory->catalog);
    uint32_t from = atomic_fetch_add(&memory->probe_at, 1);
    for (uint32_t i = 0; i < OM_MIN(limit, (uint32_t)LOOK); i++) {
        probe->item = (from + i) % limit;
        if (om_entry_stands(om_catalog_entry(memory->catalog, probe->item), probe->reader.seq)) {
            atomic_store(&memory->probe_at, probe->item + 1);
            return true;
        }
    }
    return false;
}

/* False when the row changed while we looked: nothing can be said then. */
static bool still_stands(const struct probe *probe)
{
    const struct om_entry *entry = om_catalog_entry(probe->memory->catalog, probe->item);
    return om_entry_stands(entry, om_store_commit_seq(probe->memory->store));
}

static omega_health probe_vectors(struct probe *probe)
{
    struct om_spaces *spaces = probe->memory->options.spaces;
    for (uint32_t id = 1; id <= om_spaces_count(spaces); id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space == NULL || space->owner != OM_SPACE_MEMORIES) {
            continue;
        }
        size_t size = space->dimension * sizeof(float);
        float *stored = om_arena_get(&probe->arena, size);
        float *held = om_arena_get(&probe->arena, size);
        if (stored == NULL || held == NULL) {
            return say(probe, OMEGA_DEGRADED, "out of memory");
        }
        omega_status status = om_spaces_get(&probe->reader, space, probe->row.row, stored);
        unsigned ticket = om_vectors_enter(space->vectors);
        bool has = om_vectors_get(space->vectors, probe->item, probe->reader.seq, held);
        om_vectors_leave(space->vectors, ticket);
        if (status == OMEGA_ECORRUPT) {
            return say(probe, OMEGA_DEGRADED, om_error_last()->message);
        }
        if (has != (status == OMEGA_OK) || (has && memcmp(stored, held, size) != 0)) {
            return still_stands(probe)
                       ? say(probe, OMEGA_UNHEALTHY, "a vector of the index is not the stored one")
                       : OMEGA_HEALTHY;
        }
    }
    return OMEGA_HEALTHY;
}

static omega_health probe_words(struct probe *probe)
{
    enum { QUERY_BYTES = 256 };
    struct om_memory *memory = probe->memory;
    uint32_t root = om_catalog_entry(memory->catalog, probe->item)->root;
    struct om_item_filter filter = {.roots = &root, .root_count = 1};
    struct om_words_query *query = NULL;
    omega_str text;
    if (om_row_text(&probe->arena, &probe->row, &text) != OMEGA_OK) {
        return say(probe, OMEGA_DEGRADED, "out of memory");
    }
    bool is_cut = text.len > QUERY_BYTES; /* perhaps inside its only word */
    text = om_utf8_clip(text, QUERY_BYTES);
    omega_status status = om_words_parse(memory->words, text, &filter, &probe->arena, &query);
    if (status != OMEGA_OK) {
        return say(probe, OMEGA_DEGRADED, om_error_last()->message);
    }
    uint32_t *counts = om_arena_get(&probe->arena, (query->term_count + 1) * sizeof *counts);
    struct om_words_match match = {.counts = counts};
    if (counts == NULL) {
        return say(probe, OMEGA_DEGRADED, "out of memory");
    }
    bool found = om_words_match(memory->words, query, probe->reader.seq, probe->item, &match) &&
                 (query->term_count == 0 || match.score > 0 || is_cut);
    return found || !still_stands(probe)
               ? OMEGA_HEALTHY
               : say(probe, OMEGA_UNHEALTHY, "a stored text is not found by its own words");
}

static omega_health probe_item(struct probe *probe)
{
    struct om_memory *memory = probe->memory;
    const struct om_entry *entry = om_catalog_entry(memory->catalog, probe->item);
    omega_status status = om_row_by_number(probe->reader.conn, entry->row, &probe->row);
    if (status == OMEGA_ENOTFOUND) {
        return still_stands(probe)
                   ? say(probe, OMEGA_UNHEALTHY, "the index has a memory that the store lacks")
                   : OMEGA_HEALTHY;
    }
    if (status != OMEGA_OK) {
        return say(probe, OMEGA_DEGRADED, om_error_last()->message);
    }
    if (entry->created_at != probe->row.created_at) {
        return say(probe, OMEGA_UNHEALTHY, "the catalogue disagrees with the store");
    }
    omega_health health = probe_words(probe);
    return health == OMEGA_HEALTHY ? probe_vectors(probe) : health;
}

static omega_health probe_figures(struct probe *probe)
{
    struct om_memory *memory = probe->memory;
    if (atomic_load(&memory->index_disabled)) {
        return say(probe, OMEGA_UNHEALTHY, "the index is off: recall answers from the rows");
    }
    if (atomic_load(&memory->behind)) {
        return say(probe, OMEGA_UNHEALTHY, "the index is behind: recall answers from the rows");
    }
    if (atomic_load(&memory->damaged) > 0) {
        return say(probe, OMEGA_DEGRADED,
                   "damaged rows were left out at the start: see the log, run 'omega check'");
    }
    return OMEGA_HEALTHY;
}

omega_health om_memory_probe(struct om_memory *memory, char *reason, size_t size)
{
    struct probe probe = {.memory = memory, .reason = reason, .size = size};
    omega_health health = say(&probe, OMEGA_HEALTHY, "");
    if (memory->store == NULL) {
        return say(&probe, OMEGA_UNHEALTHY, "the memory is not loaded");
    }
    om_arena_init(&probe.arena, memory->options.alloc, 0);
    unsigned in_catalog = om_catalog_enter(memory->catalog);
    unsigned in_words = om_words_enter(memory->words);
    if (om_store_read(memory->store, PROBE_WAIT_MS, &probe.reader) != OMEGA_OK) {
        health = say(&probe, OMEGA_DEGRADED, om_error_last()->message);
    } else if (choose_item(&probe)) {
        health = probe_item(&probe);
    }
    om_words_leave(memory->words, in_words);
    om_catalog_leave(memory->catalog, in_catalog);
    om_store_read_end(&probe.reader);
    om_arena_fini(&probe.arena);
    return health == OMEGA_UNHEALTHY ? health : OM_MAX(health, probe_figures(&probe));
}
