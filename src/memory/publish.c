/* publish.c -- from rows to what is searched: catalogue, words, spaces.
 *
 * Announcing (in apply) prepares everything that can be prepared: the item, the entry with its
 * names and packed metadata, room for the vectors. Publishing (behind the commit) then only links.
 * What cannot be prepared is the words' postings; if memory is out there, the row is remembered,
 * the index is *behind*, recall answers from the rows, and upkeep (om_memory_reclaim) adds what is
 * missing from the store until it is whole again.
 *
 * The row's item is looked up when it is published, not when it is announced: records of one batch
 * are all applied before the first of them is published.
 *
 * Rejected: reading the row back from the store at publishing (the text is still at hand), and
 * refusing the write when the words index is out of memory (it is already durable then).
 *
 * Locks: `mutex` (rank of the index) keeps publishing, announcing and upkeep apart; the words' and
 * spaces' publisher sides are called under it. */
#include "memory/memory_int.h"

enum { MISSING_MAX = 1024, REPAIR_WAIT_MS = 100 };

struct om_publisher {
    struct om_mutex mutex;
    uint64_t published_seq;       /* highest that was published, perhaps not yet in force */
    int64_t missing[MISSING_MAX]; /* rows that the index lacks */
    size_t missing_count;
    bool overflowed; /* there are more: only the next open repairs */
};

omega_status om_publisher_new(struct om_alloc *alloc, struct om_publisher **out)
{
    *out = om_get0(alloc, 1, sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    om_mutex_init(&(*out)->mutex, OM_RANK_INDEX);
    return OMEGA_OK;
}

void om_publisher_free(struct om_alloc *alloc, struct om_publisher *publisher)
{
    if (publisher != NULL) {
        om_mutex_fini(&publisher->mutex);
        om_put(alloc, publisher);
    }
}

omega_status om_row_text(struct om_arena *arena, const struct om_memory_row *row, omega_str *out)
{
    if (row->name.len == 0 && row->role.len == 0) {
        *out = row->content;
        return OMEGA_OK;
    }
    const omega_str parts[] = {row->name, row->role, row->content};
    char *text = om_arena_get(arena, row->name.len + row->role.len + row->content.len + 3);
    size_t len = 0;
    if (text == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < OM_COUNT_OF(parts); i++) {
        if (parts[i].len > 0) { /* bytes, not a format: a text may hold a zero byte */
            memcpy(text + len, parts[i].ptr, parts[i].len);
            len += parts[i].len;
            text[len++] = ' ';
        }
    }
    *out = (omega_str){text, len - 1};
    return OMEGA_OK;
}

/* ---- Linking -------------------------------------------------------------------------------- */

static void fall_behind(struct om_memory *memory, int64_t row)
{
    struct om_publisher *publisher = memory->publisher;
    om_log(OM_LOG_ERROR, "memory", "row %lld is not searchable yet: %s", (long long)row,
           om_error_last()->message);
    if (publisher->missing_count < MISSING_MAX) {
        publisher->missing[publisher->missing_count++] = row;
    } else {
        publisher->overflowed = true;
    }
    /* Before commit_seq moves: a recall that sees this sequence sees this too. */
    atomic_store(&memory->behind, true);
}

static void remove_item(struct om_memory *memory, uint32_t item, uint64_t seq)
{
    struct om_spaces *spaces = memory->options.spaces;
    for (uint32_t id = 1; id <= om_spaces_count(spaces); id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space != NULL && space->owner == OM_SPACE_MEMORIES) {
            (void)om_vectors_remove(space->vectors, item, seq);
        }
    }
    (void)om_words_remove(memory->words, item, seq);
    om_catalog_remove(memory->catalog, item, seq);
}

static omega_status link_item(struct om_memory *memory, uint64_t seq,
                              const struct om_publication *publication)
{
    uint32_t item = publication->item;
    uint32_t root = om_catalog_entry(memory->catalog, item)->root;
    omega_status status = om_words_add(memory->words, item, root, seq, publication->text);
    for (unsigned i = 0; i < publication->vector_count && status == OMEGA_OK; i++) {
        status = om_spaces_add(publication->vectors[i].space, item, root, seq,
                               publication->vectors[i].floats);
    }
    return status;
}

static omega_status add_row(struct om_memory *memory, uint64_t seq,
                            const struct om_publication *publication)
{
    uint32_t older = 0;
    if (om_catalog_find(memory->catalog, publication->row, &older)) {
        remove_item(memory, older, seq);
    }
    om_catalog_add(memory->catalog, publication->item, seq);
    return link_item(memory, seq, publication);
}

static void publish(void *context, uint64_t seq, void *data)
{
    struct om_memory *memory = context;
    const struct om_publication *publication = data;
    uint32_t item = 0;
    om_mutex_lock(&memory->publisher->mutex);
    switch (publication->what) {
    case OM_PUBLISH_ADD:
        if (add_row(memory, seq, publication) != OMEGA_OK) {
            fall_behind(memory, publication->row);
        }
        break;
    case OM_PUBLISH_REMOVE:
        if (om_catalog_find(memory->catalog, publication->row, &item)) {
            remove_item(memory, item, seq);
        }
        break;
    case OM_PUBLISH_CHANGE:
        if (om_catalog_find(memory->catalog, publication->row, &item)) {
            om_catalog_change(memory->catalog, item, seq, &publication->values);
        }
        break;
    }
    memory->publisher->published_seq = seq;
    om_mutex_unlock(&memory->publisher->mutex);
}

/* ---- Preparing ------------------------------------------------------------------------------ */

static omega_status prepare_add(struct om_memory *memory, struct om_publication *publication)
{
    publication->values.row = publication->row;
    omega_status status =
        om_catalog_prepare(memory->catalog, &publication->values, &publication->item);
    for (unsigned i = 0; i < publication->vector_count && status == OMEGA_OK; i++) {
        status = om_spaces_reserve(publication->vectors[i].space, publication->item);
    }
    return status;
}

omega_status om_memory_announce(struct om_memory *memory, struct om_txn *txn,
                                struct om_publication *publication)
{
    omega_status status = OMEGA_OK;
    if (publication->what == OM_PUBLISH_ADD) {
        om_mutex_lock(&memory->publisher->mutex);
        status = prepare_add(memory, publication);
        om_mutex_unlock(&memory->publisher->mutex);
    }
    return status != OMEGA_OK ? status : om_txn_on_commit(txn, publish, memory, publication);
}

omega_status om_memory_admit(struct om_memory *memory, uint64_t seq,
                             struct om_publication *publication)
{
    om_mutex_lock(&memory->publisher->mutex);
    omega_status status = prepare_add(memory, publication);
    if (status == OMEGA_OK) {
        status = add_row(memory, seq, publication);
    }
    om_mutex_unlock(&memory->publisher->mutex);
    return status;
}

/* ---- Upkeep --------------------------------------------------------------------------------- */

/* Adds the row's words and vectors as they stand in the store; a row that is gone needs nothing. */
static omega_status repair_row(struct om_memory *memory, struct om_reader *reader,
                               struct om_arena *arena, int64_t number)
{
    struct om_memory_row row;
    uint32_t item = 0;
    struct om_publication publication = {.what = OM_PUBLISH_ADD, .row = number};
    omega_status status = om_row_by_number(reader->conn, number, &row);
    if (status == OMEGA_ENOTFOUND || status == OMEGA_ECORRUPT ||
        !om_catalog_find(memory->catalog, number, &item)) {
        return OMEGA_OK;
    }
    if (status == OMEGA_OK) {
        status = om_row_text(arena, &row, &publication.text);
    }
    struct om_entry *entry = om_catalog_entry(memory->catalog, item);
    uint64_t seq = atomic_load_explicit(&entry->added, memory_order_relaxed) - 1;
    if (status == OMEGA_OK) {
        status = om_words_add(memory->words, item, entry->root, seq, publication.text);
    }
    struct om_spaces *spaces = memory->options.spaces;
    for (uint32_t id = 1; id <= om_spaces_count(spaces) && status == OMEGA_OK; id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space == NULL || space->owner != OM_SPACE_MEMORIES) {
            continue;
        }
        float *floats = om_arena_get(arena, space->dimension * sizeof *floats);
        status = floats != NULL ? om_spaces_get(reader, space, number, floats) : om_nomem();
        if (status == OMEGA_OK) {
            status = om_spaces_add(space, item, entry->root, seq, floats);
        } else if (status == OMEGA_ENOTFOUND || status == OMEGA_ECORRUPT) {
            status = OMEGA_OK;
        }
    }
    return status;
}

/* Tries what is missing once more; what fails again stays. */
static void repair(struct om_memory *memory, struct om_reader *reader)
{
    struct om_publisher *publisher = memory->publisher;
    struct om_arena arena;
    size_t left = 0;
    if (publisher->overflowed) {
        return;
    }
    om_arena_init(&arena, memory->options.alloc, 0);
    for (size_t i = 0; i < publisher->missing_count; i++) {
        if (repair_row(memory, reader, &arena, publisher->missing[i]) != OMEGA_OK) {
            publisher->missing[left++] = publisher->missing[i];
        }
        om_arena_reset(&arena);
    }
    publisher->missing_count = left;
    om_arena_fini(&arena);
    if (left == 0) {
        om_log(OM_LOG_INFO, "memory", "the index is whole again");
        atomic_store(&memory->behind, false);
    }
}

static size_t reclaim_once(struct om_memory *memory)
{
    struct om_spaces *spaces = memory->options.spaces;
    size_t waiting = om_catalog_reclaim(memory->catalog) + om_words_reclaim(memory->words);
    for (uint32_t id = 1; id <= om_spaces_count(spaces); id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space != NULL && space->owner == OM_SPACE_MEMORIES) {
            waiting += om_vectors_reclaim(space->vectors);
        }
    }
    return waiting;
}

static void reclaim_locked(struct om_memory *memory)
{
    enum { ROUNDS = 64 };
    size_t waiting = SIZE_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        size_t now = reclaim_once(memory);
        if (now == 0 || (now >= waiting && round > 2)) {
            break;
        }
        waiting = now;
    }
}

void om_memory_reclaim(struct om_memory *memory)
{
    struct om_reader reader = {0};
    if (memory->store == NULL) {
        return;
    }
    /* The reader's lock ranks below ours, so it is taken first. */
    bool repairs = atomic_load(&memory->behind) &&
                   om_store_read(memory->store, REPAIR_WAIT_MS, &reader) == OMEGA_OK;
    om_mutex_lock(&memory->publisher->mutex);
    /* Between the steps of a batch, readers still need what its first steps have removed. */
    if (om_store_commit_seq(memory->store) >= memory->publisher->published_seq) {
        reclaim_locked(memory);
    }
    if (repairs) {
        repair(memory, &reader);
    }
    om_mutex_unlock(&memory->publisher->mutex);
    om_store_read_end(&reader);
}
