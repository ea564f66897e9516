/* vectors.c -- the working set of a space: its life, what the publisher does, its figures.
 *
 * The database holds the truth; this is a copy that is scanned. Slots and their visibility are
 * described in vectors_int.h, their storage in vectors_slots.c, scores in vectors_score.c, the scan
 * in vectors_search.c.
 *
 * Removed slots wait on two lists, linked through `next`: `retired[0]` since the last grace period,
 * `retired[1]` before it. A grace period that has passed erases the second and ages the first.
 *
 * Invariants (om_vectors_validate): an item's cell names its newest slot until that is erased;
 * every used slot is live or on a list; free slots and the padding between vectors are zero. */
#include "agentdb/vectors.h"

#include <math.h>

#include "agentdb/vectors_int.h"

static unsigned choose_slots_log2(uint32_t stride)
{
    unsigned log2 = 0;
    while ((2u << log2) <= OM_VECTORS_CHUNK_SLOTS &&
           ((size_t)2 << log2) * stride * sizeof(float) <= OM_VECTORS_CHUNK_BYTES) {
        log2++;
    }
    return log2;
}

omega_status om_vectors_new(const struct om_vectors_options *options, struct om_vectors **out)
{
    *out = NULL;
    if (options->dimension < 1 || options->dimension > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "space '%s' of dimension %u; allowed is 1..%d", options->name,
                       options->dimension, OM_LIMIT_DIMENSION);
    }
    size_t align = _Alignof(struct om_vectors);
    char *block = om_get0(options->alloc, 1, sizeof(struct om_vectors) + align - 1);
    if (block == NULL) {
        return om_nomem();
    }
    size_t lead = (align - (uintptr_t)block % align) % align;
    struct om_vectors *v = (struct om_vectors *)(void *)(block + lead);
    v->block = block;
    v->alloc = options->alloc;
    v->pool = options->pool;
    v->dimension = options->dimension;
    v->stride = (options->dimension + 15u) / 16u * 16u;
    v->metric = options->metric;
    v->slots_log2 = choose_slots_log2(v->stride);
    atomic_store_explicit(&v->bytes, sizeof *v, memory_order_relaxed);
    om_grace_init(&v->grace);
    v->name = om_get_text(v->alloc, omega_str_of(options->name));
    if (v->name == NULL) {
        om_vectors_free(v);
        return om_nomem();
    }
    *out = v;
    return OMEGA_OK;
}

void om_vectors_free(struct om_vectors *v)
{
    if (v == NULL) {
        return;
    }
    om_vectors_slots_fini(v);
    om_put(v->alloc, v->name);
    om_put(v->alloc, v->block);
}

/* ---- The publisher ------------------------------------------------------------------------- */

static omega_status check_finite(const struct om_vectors *v, const void *floats)
{
    const char *bytes = floats;
    for (size_t i = 0; i < v->dimension; i++) {
        float value;
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        if (!isfinite(value)) {
            return om_fail(OMEGA_EINVAL, "a vector for space '%s' has %s at index %zu", v->name,
                           isnan(value) ? "NaN" : "an infinity", i);
        }
    }
    return OMEGA_OK;
}

omega_status om_vectors_check(const struct om_vectors *v, const float *values, size_t dimension)
{
    if (dimension != v->dimension) {
        return om_fail(OMEGA_EINVAL, "a vector of dimension %zu for space '%s' of dimension %u",
                       dimension, v->name, v->dimension);
    }
    return check_finite(v, values);
}

omega_status om_vectors_reserve(struct om_vectors *v, const uint32_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        _Atomic uint32_t *cell;
        omega_status status = om_vectors_make_cell(v, items[i], &cell);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return om_vectors_make_room(v, count);
}

/* Ends the slot's visibility and lets it wait for its erasure. */
static void retire(struct om_vectors *v, uint32_t slot, uint64_t seq)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t place = om_vectors_place(v, slot);
    /* Release: pairs with om_vectors_visible. */
    atomic_store_explicit(&chunk->removed[place], seq, memory_order_release);
    chunk->next[place] = v->retired[0];
    v->retired[0] = slot + 1;
    atomic_fetch_sub_explicit(&v->live, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&v->waiting, 1, memory_order_relaxed);
}

static bool is_live(const struct om_vectors *v, uint32_t slot)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    return atomic_load_explicit(&chunk->removed[om_vectors_place(v, slot)], memory_order_relaxed) ==
           OM_VECTORS_NEVER;
}

/* Writes a taken slot, in the order that vectors_int.h wants. */
static void fill_slot(struct om_vectors *v, uint32_t slot, uint32_t item, const void *floats)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t place = om_vectors_place(v, slot);
    float *values = om_vectors_at(v, chunk, place);
    atomic_store_explicit(&chunk->added[place], OM_VECTORS_NEVER, memory_order_relaxed);
    atomic_store_explicit(&chunk->item[place], item, memory_order_relaxed);
    memcpy(values, floats, v->dimension * sizeof(float));
    chunk->scale[place] = om_vectors_scale(v, values);
}

static void publish_slot(struct om_vectors *v, uint32_t slot, uint64_t seq)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t place = om_vectors_place(v, slot);
    /* Release, twice: pairs with om_vectors_visible. */
    atomic_store_explicit(&chunk->removed[place], OM_VECTORS_NEVER, memory_order_release);
    atomic_store_explicit(&chunk->added[place], seq, memory_order_release);
    atomic_fetch_add_explicit(&v->live, 1, memory_order_relaxed);
}

omega_status om_vectors_add(struct om_vectors *v, uint32_t item, uint32_t root, uint64_t seq,
                            const void *floats)
{
    OM_ASSERT(seq < OM_VECTORS_NEVER);
    omega_status status = check_finite(v, floats);
    if (status != OMEGA_OK) {
        return status;
    }
    _Atomic uint32_t *cell;
    status = om_vectors_make_cell(v, item, &cell);
    if (status != OMEGA_OK) {
        return status;
    }
    uint32_t slot;
    status = om_vectors_take(v, &slot);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t older = atomic_load_explicit(cell, memory_order_relaxed);
    fill_slot(v, slot, item, floats);
    chunk->root[om_vectors_place(v, slot)] = root;
    atomic_store_explicit(&chunk->older[om_vectors_place(v, slot)], older, memory_order_relaxed);
    if (older != 0 && is_live(v, older - 1)) {
        retire(v, older - 1, seq);
    }
    publish_slot(v, slot, seq);
    /* Release: the cell leads to a written slot. */
    atomic_store_explicit(cell, slot + 1, memory_order_release);
    return OMEGA_OK;
}

bool om_vectors_remove(struct om_vectors *v, uint32_t item, uint64_t seq)
{
    _Atomic uint32_t *cell = om_vectors_cell(v, item);
    uint32_t link = cell == NULL ? 0 : atomic_load_explicit(cell, memory_order_relaxed);
    if (link == 0 || !is_live(v, link - 1)) {
        return false;
    }
    /* The cell stays until the erasure: older snapshots still find the slot by it. */
    retire(v, link - 1, seq);
    return true;
}

static void erase_slot(struct om_vectors *v, uint32_t slot)
{
    struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t item =
        atomic_load_explicit(&chunk->item[om_vectors_place(v, slot)], memory_order_relaxed);
    _Atomic uint32_t *cell = om_vectors_cell(v, item);
    if (atomic_load_explicit(cell, memory_order_relaxed) == slot + 1) {
        atomic_store_explicit(cell, 0, memory_order_relaxed);
    }
    om_vectors_erase(v, slot);
    atomic_fetch_sub_explicit(&v->waiting, 1, memory_order_relaxed);
}

size_t om_vectors_reclaim(struct om_vectors *v)
{
    if ((v->retired[0] != 0 || v->retired[1] != 0) && om_grace_try(&v->grace)) {
        for (uint32_t link = v->retired[1]; link != 0;) {
            uint32_t slot = link - 1;
            link = om_vectors_chunk(v, slot)->next[om_vectors_place(v, slot)];
            erase_slot(v, slot);
        }
        v->retired[1] = v->retired[0];
        v->retired[0] = 0;
    }
    return atomic_load_explicit(&v->waiting, memory_order_relaxed);
}

/* ---- Readers --------------------------------------------------------------------------------- */

unsigned om_vectors_enter(struct om_vectors *v)
{
    return om_grace_enter(&v->grace);
}

void om_vectors_leave(struct om_vectors *v, unsigned ticket)
{
    om_grace_leave(&v->grace, ticket);
}

omega_status om_vectors_query(const struct om_vectors *v, const float *values, size_t dimension,
                              uint64_t snapshot, struct om_vectors_query *out)
{
    omega_status status = om_vectors_check(v, values, dimension);
    if (status == OMEGA_OK) {
        *out = (struct om_vectors_query){values, snapshot, om_vectors_scale(v, values)};
    }
    return status;
}

/* ---- Figures and hooks ----------------------------------------------------------------------- */

uint32_t om_vectors_dimension(const struct om_vectors *v)
{
    return v->dimension;
}

enum om_metric om_vectors_metric(const struct om_vectors *v)
{
    return v->metric;
}

void om_vectors_memory(const struct om_vectors *v, struct om_vectors_usage *out)
{
    out->live = atomic_load_explicit(&v->live, memory_order_relaxed);
    out->waiting = atomic_load_explicit(&v->waiting, memory_order_relaxed);
    out->bytes = atomic_load_explicit(&v->bytes, memory_order_relaxed);
}
