/* vectors_validate.c -- does everything in a working set agree?
 *
 * A walk over all of it, for tests and for `omega check`. It believes nothing: every list is
 * bounded by what it could hold. */
#include "agentdb/vectors_int.h"

struct tally {
    uint64_t live;
    uint64_t used;
};

static bool is_zero(const float *values, size_t count)
{
    static const float zero;
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&values[i], &zero, sizeof zero) != 0) {
            return false;
        }
    }
    return true;
}

static const char *validate_free(const struct om_vectors *v, const struct om_vector_chunk *chunk)
{
    uint32_t count = 0;
    for (uint32_t link = chunk->free_head; link != 0; link = chunk->next[link - 1]) {
        if (link > chunk->fresh || ++count > chunk->fresh) {
            return "a free list leaves its chunk or runs in a circle";
        }
        if (!is_zero(om_vectors_at(v, chunk, link - 1), v->stride)) {
            return "a free slot still holds a vector";
        }
    }
    return count + chunk->used == chunk->fresh ? NULL : "a chunk lost count of its slots";
}

static const char *validate_live(const struct om_vectors *v, uint32_t slot)
{
    const struct om_vector_chunk *chunk = om_vectors_chunk(v, slot);
    uint32_t place = om_vectors_place(v, slot);
    const _Atomic uint32_t *cell = om_vectors_cell(v, atomic_load(&chunk->item[place]));
    if (cell == NULL || atomic_load(cell) != slot + 1) {
        return "the table does not lead to a live slot";
    }
    if (atomic_load(&chunk->added[place]) == OM_VECTORS_NEVER) {
        return "a live slot was never published";
    }
    const float *values = om_vectors_at(v, chunk, place);
    if (!is_zero(values + v->dimension, v->stride - v->dimension)) {
        return "the padding behind a vector is not zero";
    }
    float scale = om_vectors_scale(v, values);
    return memcmp(&scale, &chunk->scale[place], sizeof scale) == 0
               ? NULL
               : "a vector and its scale do not belong together";
}

static const char *validate_chunk(const struct om_vectors *v, uint32_t index, struct tally *tally)
{
    const struct om_vector_chunk *chunk = om_vectors_chunk_at(v, index);
    if (chunk->vectors == NULL) {
        return chunk->used == 0 && chunk->fresh == 0 ? NULL : "used slots have no pages";
    }
    const char *why = validate_free(v, chunk);
    for (uint32_t place = 0; why == NULL && place < 1u << v->slots_log2; place++) {
        if (atomic_load(&chunk->removed[place]) == OM_VECTORS_NEVER) {
            tally->live++;
            why = place >= chunk->fresh ? "an unused slot is visible"
                                        : validate_live(v, index << v->slots_log2 | place);
        }
    }
    tally->used += chunk->used;
    return why;
}

static const char *validate_retired(const struct om_vectors *v)
{
    uint64_t waiting = atomic_load(&v->waiting);
    uint64_t count = 0;
    for (unsigned list = 0; list < 2; list++) {
        for (uint32_t link = v->retired[list]; link != 0;) {
            const struct om_vector_chunk *chunk = om_vectors_chunk(v, link - 1);
            uint32_t place = om_vectors_place(v, link - 1);
            if (++count > waiting) {
                return "more slots wait than are counted";
            }
            if (atomic_load(&chunk->removed[place]) == OM_VECTORS_NEVER) {
                return "a live slot waits for erasure";
            }
            link = chunk->next[place];
        }
    }
    return count == waiting ? NULL : "fewer slots wait than are counted";
}

const char *om_vectors_validate(const struct om_vectors *v)
{
    struct tally tally = {0};
    uint32_t chunk_count = atomic_load(&v->chunk_count);
    const char *why = validate_retired(v);
    for (uint32_t index = 0; why == NULL && index < chunk_count; index++) {
        why = validate_chunk(v, index, &tally);
    }
    if (why == NULL && tally.live != atomic_load(&v->live)) {
        why = "live slots are not as many as counted";
    }
    if (why == NULL && tally.used != tally.live + atomic_load(&v->waiting)) {
        why = "a used slot is neither live nor waiting";
    }
    return why;
}
