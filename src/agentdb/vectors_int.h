/* vectors_int.h -- how the working set of a space stands in memory; shared by vectors*.c.
 *
 * A slot holds one vector. Slots are numbered; `slots_log2` of a number's low bits are its place in
 * its chunk. A chunk has its small arrays (one for each field, so that a filter touches little
 * memory) in one block, and its vectors in pages of their own, `stride` floats apart.
 *
 * Visibility. A slot is visible at snapshot s when removed > s and added <= s, read *in that
 * order*. Zeroed arrays are invisible. The life of a slot, as the publisher writes it:
 *     use      added = NEVER; item, root, scale, vector, older; removed = NEVER (release);
 *              added = seq (release)
 *     remove   removed = seq (release); onto the list `retired`
 *     erase    after two grace periods: vector = 0; onto the chunk's list of free slots
 *     use      ...
 * A reader that was inside before the removal was published holds back the erasure. A later one has
 * a snapshot >= removed: if it reads the old `removed` the slot is invisible; if it reads the new
 * NEVER it has acquired the store of `added` before it, so it reads NEVER or the new sequence,
 * which makes the slot invisible or completely written. So `removed` must be read first. */
#ifndef OM_VECTORS_INT_H
#define OM_VECTORS_INT_H

#include "agentdb/vectors.h"
#include "simd/simd.h"

#define OM_VECTORS_NEVER UINT64_MAX

enum {
    OM_VECTORS_CHUNK_BYTES = 16 << 20, /* at most, of vectors in a chunk */
    OM_VECTORS_CHUNK_SLOTS = 4096,     /* at most, a power of two */
    OM_VECTORS_SLOTS_MAX = 1 << 27,    /* of a space */
    OM_VECTORS_PAGE = 1024,            /* items of a page of the table */
    OM_SPINE_SEGMENTS = 23             /* enough for 2^32 items in pages */
};

/* An array of pointers that grows without moving: segment n has 2^n cells, so readers need no lock
 * and nothing is retired. One writer. */
struct om_spine_cell {
    _Atomic(void *) value;
};
struct om_spine {
    _Atomic(struct om_spine_cell *) segments[OM_SPINE_SEGMENTS];
};

/* NULL for what was never set. */
static inline void *om_spine_get(const struct om_spine *spine, size_t index)
{
    unsigned segment = 63u - (unsigned)__builtin_clzll((uint64_t)index + 1);
    /* Acquire, twice: what is pointed to was written before the pointer. */
    struct om_spine_cell *cells =
        atomic_load_explicit(&spine->segments[segment], memory_order_acquire);
    if (cells == NULL) {
        return NULL;
    }
    return atomic_load_explicit(&cells[index + 1 - ((size_t)1 << segment)].value,
                                memory_order_acquire);
}

struct om_vector_chunk {
    float *vectors;     /* NULL while every slot is free */
    uint32_t used;      /* slots that are not free: live or waiting */
    uint32_t fresh;     /* slots from here on were not used since the pages were mapped */
    uint32_t free_head; /* place + 1 of the first free slot below `fresh`, 0: none */
    _Atomic uint64_t *removed;
    _Atomic uint64_t *added;
    _Atomic uint32_t *item;  /* atomic: om_vectors_find reads it of a slot that may be in reuse */
    _Atomic uint32_t *older; /* slot + 1 of the item's vector before this one, 0: none */
    uint32_t *root;
    uint32_t *next; /* publisher's: slot + 1 on `retired`, place + 1 on a free list */
    float *scale;   /* cosine: see vectors_score.c */
};

struct om_vectors {
    void *block; /* what this structure was aligned in */
    struct om_alloc *alloc;
    struct om_scan_pool *pool;
    char *name;
    uint32_t dimension;
    uint32_t stride; /* floats between vectors: whole cache lines */
    enum om_metric metric;
    unsigned slots_log2; /* slots of a chunk */
    struct om_spine chunks;
    struct om_spine table; /* pages of slot + 1 by item, 0: none */
    _Atomic uint32_t chunk_count;
    uint32_t hint;       /* no chunk below has a free slot */
    uint32_t retired[2]; /* slot + 1: removed since the last grace period; before it */
    _Atomic uint64_t live;
    _Atomic uint64_t waiting;
    _Atomic uint64_t bytes;
    struct om_grace grace;
};

/* By its own number: below chunk_count there is always one. */
static inline struct om_vector_chunk *om_vectors_chunk_at(const struct om_vectors *v,
                                                          uint32_t index)
{
    struct om_vector_chunk *chunk = om_spine_get(&v->chunks, index);
    OM_ASSERT(chunk != NULL);
    return chunk;
}

static inline struct om_vector_chunk *om_vectors_chunk(const struct om_vectors *v, uint32_t slot)
{
    return om_vectors_chunk_at(v, slot >> v->slots_log2);
}

static inline uint32_t om_vectors_place(const struct om_vectors *v, uint32_t slot)
{
    return slot & ((1u << v->slots_log2) - 1);
}

static inline float *om_vectors_at(const struct om_vectors *v, const struct om_vector_chunk *chunk,
                                   uint32_t place)
{
    return chunk->vectors + (size_t)place * v->stride;
}

static inline bool om_vectors_visible(const struct om_vector_chunk *chunk, uint32_t place,
                                      uint64_t snapshot)
{
    /* Acquire, in this order: see above. */
    return atomic_load_explicit(&chunk->removed[place], memory_order_acquire) > snapshot &&
           atomic_load_explicit(&chunk->added[place], memory_order_acquire) <= snapshot;
}

/* ---- vectors_slots.c: where slots come from and go to --------------------------------------- */

/* A free slot with its pages, counted as used. OMEGA_ENOMEM, OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_vectors_take(struct om_vectors *v, uint32_t *slot);
/* Room for `count` takes that cannot fail. */
OMEGA_MUST_CHECK omega_status om_vectors_make_room(struct om_vectors *v, size_t count);
/* Zeroes the slot's vector and frees the slot; the pages of an empty chunk go back. */
void om_vectors_erase(struct om_vectors *v, uint32_t slot);
/* The item's cell in the table; NULL when its page is not there. */
_Atomic uint32_t *om_vectors_cell(const struct om_vectors *v, uint32_t item);
/* The same, making the page. OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_vectors_make_cell(struct om_vectors *v, uint32_t item,
                                                   _Atomic uint32_t **out);
/* The item's slot at a snapshot; false when there is none. */
bool om_vectors_find(const struct om_vectors *v, uint32_t item, uint64_t snapshot, uint32_t *slot);
void om_vectors_slots_fini(struct om_vectors *v);

/* ---- vectors_score.c: from kernels to scores ------------------------------------------------- */

/* The factor kept beside a vector, and in a query (cosine; 0 for the other metrics). */
float om_vectors_scale(const struct om_vectors *v, const float *values);
/* Neighbouring slots, all visible. */
struct om_vector_run {
    const struct om_vector_chunk *chunk;
    uint32_t place; /* of the first */
    uint32_t count;
};
/* The scores of a run, into out[count]. */
void om_vectors_score_run(const struct om_vectors *v, const struct om_vectors_query *query,
                          const struct om_vector_run *run, float *out);

#endif
