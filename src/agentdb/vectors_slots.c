/* vectors_slots.c -- where slots come from and go to: chunks, their pages, the table of items.
 *
 * A chunk's small arrays are made with the chunk and stay; its vectors are pages that are mapped
 * when the first slot is used and unmapped when the last is free, so deletes give memory back
 * without moving anything. The lowest chunk with room is filled first, which lets high chunks run
 * empty. Rejected: one growing array (readers would have to follow its move) and moving slots down
 * to compact (an item's slot would change under readers; the gain is the partly used chunks).
 *
 * Invariants: used counts the slots of a chunk that are not free; slots below `fresh` are used or
 * on the free list; pages are there exactly while used > 0, or room was made for a take. */
#include "agentdb/vectors_int.h"

static uint32_t slots_of_chunk(const struct om_vectors *v)
{
    return 1u << v->slots_log2;
}

static size_t size_of_vectors(const struct om_vectors *v)
{
    return (size_t)slots_of_chunk(v) * v->stride * sizeof(float);
}

static void count_bytes(struct om_vectors *v, size_t more, size_t less)
{
    /* Relaxed: a figure for reports. */
    atomic_fetch_add_explicit(&v->bytes, more - less, memory_order_relaxed);
}

static omega_status spine_set(struct om_vectors *v, struct om_spine *spine, size_t index,
                              void *value)
{
    unsigned segment = 63u - (unsigned)__builtin_clzll((uint64_t)index + 1);
    size_t cell_count = (size_t)1 << segment;
    struct om_spine_cell *cells =
        atomic_load_explicit(&spine->segments[segment], memory_order_relaxed);
    if (cells == NULL) {
        cells = om_get0(v->alloc, cell_count, sizeof *cells);
        if (cells == NULL) {
            return om_nomem();
        }
        count_bytes(v, cell_count * sizeof *cells, 0);
        atomic_store_explicit(&spine->segments[segment], cells, memory_order_release);
    }
    /* Release: a reader that finds the pointer finds what it points to. */
    atomic_store_explicit(&cells[index + 1 - cell_count].value, value, memory_order_release);
    return OMEGA_OK;
}

static void spine_fini(struct om_vectors *v, struct om_spine *spine)
{
    for (unsigned segment = 0; segment < OM_SPINE_SEGMENTS; segment++) {
        struct om_spine_cell *cells =
            atomic_load_explicit(&spine->segments[segment], memory_order_relaxed);
        for (size_t i = 0; cells != NULL && i < (size_t)1 << segment; i++) {
            om_put(v->alloc, atomic_load_explicit(&cells[i].value, memory_order_relaxed));
        }
        om_put(v->alloc, cells);
    }
}

/* The next `size` bytes of a block. */
static void *carve(char **at, size_t size)
{
    void *part = *at;
    *at += size;
    return part;
}

/* The chunk and its arrays in one block, 64-bit arrays first. */
static struct om_vector_chunk *make_chunk(struct om_vectors *v)
{
    size_t slots = slots_of_chunk(v);
    size_t each = 2 * sizeof(uint64_t) + 4 * sizeof(uint32_t) + sizeof(float);
    size_t size = sizeof(struct om_vector_chunk) + slots * each;
    struct om_vector_chunk *chunk = om_get0(v->alloc, 1, size);
    if (chunk == NULL) {
        return NULL;
    }
    char *at = (char *)(chunk + 1);
    chunk->removed = carve(&at, slots * sizeof *chunk->removed);
    chunk->added = carve(&at, slots * sizeof *chunk->added);
    chunk->item = carve(&at, slots * sizeof *chunk->item);
    chunk->older = carve(&at, slots * sizeof *chunk->older);
    chunk->root = carve(&at, slots * sizeof *chunk->root);
    chunk->next = carve(&at, slots * sizeof *chunk->next);
    chunk->scale = carve(&at, slots * sizeof *chunk->scale);
    OM_ASSERT(at == (char *)chunk + size);
    count_bytes(v, size, 0);
    return chunk;
}

static omega_status append_chunk(struct om_vectors *v)
{
    uint32_t index = atomic_load_explicit(&v->chunk_count, memory_order_relaxed);
    if ((uint64_t)(index + 1) << v->slots_log2 > OM_VECTORS_SLOTS_MAX) {
        return om_fail(OMEGA_ELIMIT, "space '%s' is full: %d vectors", v->name,
                       OM_VECTORS_SLOTS_MAX);
    }
    struct om_vector_chunk *chunk = make_chunk(v);
    if (chunk == NULL) {
        return om_nomem();
    }
    omega_status status = spine_set(v, &v->chunks, index, chunk);
    if (status != OMEGA_OK) {
        om_put(v->alloc, chunk);
        return status;
    }
    /* Release: whoever counts the chunk finds it. */
    atomic_store_explicit(&v->chunk_count, index + 1, memory_order_release);
    return OMEGA_OK;
}

static omega_status map_vectors(struct om_vectors *v, struct om_vector_chunk *chunk)
{
    if (chunk->vectors != NULL) {
        return OMEGA_OK;
    }
    void *pages;
    omega_status status = om_os_pages(size_of_vectors(v), &pages);
    if (status == OMEGA_OK) {
        chunk->vectors = pages;
        chunk->fresh = 0;
        chunk->free_head = 0;
    }
    return status;
}

static void unmap_vectors(struct om_vectors *v, struct om_vector_chunk *chunk)
{
    om_os_pages_free(chunk->vectors, size_of_vectors(v));
    count_bytes(v, 0, (size_t)chunk->fresh * v->stride * sizeof(float));
    chunk->vectors = NULL;
    chunk->fresh = 0;
    chunk->free_head = 0;
}

omega_status om_vectors_make_room(struct om_vectors *v, size_t count)
{
    size_t room = 0;
    for (uint32_t index = v->hint; room < count; index++) {
        omega_status status = OMEGA_OK;
        if (index == atomic_load_explicit(&v->chunk_count, memory_order_relaxed)) {
            status = append_chunk(v);
        }
        if (status != OMEGA_OK) {
            return status;
        }
        struct om_vector_chunk *chunk = om_vectors_chunk_at(v, index);
        status = map_vectors(v, chunk);
        if (status != OMEGA_OK) {
            return status;
        }
        room += slots_of_chunk(v) - chunk->used;
    }
    return OMEGA_OK;
}

static uint32_t take_place(struct om_vectors *v, struct om_vector_chunk *chunk)
{
    chunk->used++;
    if (chunk->free_head != 0) {
        uint32_t place = chunk->free_head - 1;
        chunk->free_head = chunk->next[place];
        return place;
    }
    count_bytes(v, v->stride * sizeof(float), 0);
    return chunk->fresh++;
}

omega_status om_vectors_take(struct om_vectors *v, uint32_t *slot)
{
    omega_status status = om_vectors_make_room(v, 1);
    if (status != OMEGA_OK) {
        return status;
    }
    for (;; v->hint++) {
        struct om_vector_chunk *chunk = om_vectors_chunk_at(v, v->hint);
        if (chunk->used < slots_of_chunk(v)) {
            *slot = v->hint << v->slots_log2 | take_place(v, chunk);
            return OMEGA_OK;
        }
    }
}

void om_vectors_erase(struct om_vectors *v, uint32_t slot)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t place = om_vectors_place(v, slot);
    memset(om_vectors_at(v, chunk, place), 0, v->stride * sizeof(float));
    chunk->scale[place] = 0;
    chunk->next[place] = chunk->free_head;
    chunk->free_head = place + 1;
    OM_ASSERT(chunk->used > 0);
    chunk->used--;
    if (chunk->used == 0) {
        unmap_vectors(v, chunk);
    }
    v->hint = OM_MIN(v->hint, slot >> v->slots_log2);
}

_Atomic uint32_t *om_vectors_cell(const struct om_vectors *v, uint32_t item)
{
    _Atomic uint32_t *page = om_spine_get(&v->table, item / OM_VECTORS_PAGE);
    return page == NULL ? NULL : &page[item % OM_VECTORS_PAGE];
}

omega_status om_vectors_make_cell(struct om_vectors *v, uint32_t item, _Atomic uint32_t **out)
{
    *out = om_vectors_cell(v, item);
    if (*out != NULL) {
        return OMEGA_OK;
    }
    _Atomic uint32_t *page = om_get0(v->alloc, OM_VECTORS_PAGE, sizeof *page);
    if (page == NULL) {
        return om_nomem();
    }
    omega_status status = spine_set(v, &v->table, item / OM_VECTORS_PAGE, page);
    if (status != OMEGA_OK) {
        om_put(v->alloc, page);
        return status;
    }
    count_bytes(v, OM_VECTORS_PAGE * sizeof *page, 0);
    *out = &page[item % OM_VECTORS_PAGE];
    return OMEGA_OK;
}

/* Follows the item's vectors from the newest to the one that the snapshot shows. A slot on the way
 * may have been given to another item, or to a newer vector of this one, after the reader learned
 * its number; then it has another item, or it is not removed by the time the newer vector came
 * (`bound`), and the reader's snapshot is too new to see what stood there before. */
bool om_vectors_find(const struct om_vectors *v, uint32_t item, uint64_t snapshot, uint32_t *slot)
{
    _Atomic uint32_t *cell = om_vectors_cell(v, item);
    uint32_t link = cell == NULL ? 0 : atomic_load_explicit(cell, memory_order_acquire);
    uint64_t bound = OM_VECTORS_NEVER;
    while (link != 0) {
        struct om_vector_chunk *chunk = om_vectors_chunk(v, link - 1);
        uint32_t place = om_vectors_place(v, link - 1);
        /* Acquire, removed first: vectors_int.h. */
        uint64_t removed = atomic_load_explicit(&chunk->removed[place], memory_order_acquire);
        uint64_t added = atomic_load_explicit(&chunk->added[place], memory_order_acquire);
        if (removed <= snapshot || removed > bound ||
            atomic_load_explicit(&chunk->item[place], memory_order_relaxed) != item) {
            return false;
        }
        if (added <= snapshot) {
            *slot = link - 1;
            return true;
        }
        bound = added;
        link = atomic_load_explicit(&chunk->older[place], memory_order_acquire);
    }
    return false;
}

void om_vectors_slots_fini(struct om_vectors *v)
{
    uint32_t chunk_count = atomic_load_explicit(&v->chunk_count, memory_order_relaxed);
    for (uint32_t index = 0; index < chunk_count; index++) {
        struct om_vector_chunk *chunk = om_vectors_chunk_at(v, index);
        om_os_pages_free(chunk->vectors, size_of_vectors(v));
    }
    spine_fini(v, &v->chunks);
    spine_fini(v, &v->table);
}
