/* vectors_search.c -- the exact top k of what a snapshot and a filter show.
 *
 * Slots are looked at in blocks of 64. A block first becomes a 64-bit mask of what is visible and
 * passes, which reads the small arrays only; the mask's runs of neighbours are then scored by the
 * batch kernels straight from the chunk. Workers take shares of 256 slots from one counter and keep
 * a heap each; the heaps are merged at the end. The order of hits is total, so neither the shares
 * nor the number of workers can be seen in the result.
 *
 * A scan under 12 MiB (4,096 vectors of 768 floats, 0.4 ms at 30 GB/s) stays on its own thread:
 * waking a helper takes about a fifth of that, and the caller's wake-up call is not free either.
 *
 * Rejected: a shared threshold between the heaps (saves a few sifts, adds a contended line). */
#include "agentdb/hits_int.h"
#include "agentdb/vectors_int.h"

enum { BLOCK = 64, SHARE = 256 };
#define PARALLEL_BYTES ((size_t)12 << 20)

struct scan {
    const struct om_vectors *v;
    const struct om_vectors_query *query;
    const struct om_item_filter *filter;
    uint32_t slot_count;
    _Atomic uint32_t next;  /* the first slot of the next share */
    struct om_hits own;     /* of worker 0, in the caller's hits */
    struct om_hits *others; /* of workers 1.., NULL when alone */
};

static bool passes_roots(const struct om_item_filter *filter, uint32_t root)
{
    for (size_t i = 0; i < filter->root_count; i++) {
        if (filter->roots[i] == root) {
            return true;
        }
    }
    return filter->root_count == 0;
}

static bool passes(const struct om_item_filter *filter, const struct om_vector_chunk *chunk,
                   uint32_t place)
{
    return passes_roots(filter, chunk->root[place]) &&
           (filter->pass == NULL ||
            filter->pass(filter->context,
                         atomic_load_explicit(&chunk->item[place], memory_order_relaxed)));
}

/* Bit i: slot place + i is to be scored. */
static uint64_t mask_of_block(const struct scan *scan, const struct om_vector_chunk *chunk,
                              uint32_t place)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < BLOCK; i++) {
        bool visible = om_vectors_visible(chunk, place + i, scan->query->snapshot);
        mask |= (uint64_t)visible << i;
    }
    if (scan->filter == NULL) {
        return mask;
    }
    for (uint64_t left = mask; left != 0; left &= left - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(left);
        if (!passes(scan->filter, chunk, place + bit)) {
            mask &= ~(UINT64_C(1) << bit);
        }
    }
    return mask;
}

static void scan_block(const struct scan *scan, const struct om_vector_chunk *chunk, uint32_t place,
                       struct om_hits *heap)
{
    float scores[BLOCK];
    uint64_t mask = mask_of_block(scan, chunk, place);
    while (mask != 0) {
        unsigned first = (unsigned)__builtin_ctzll(mask);
        uint64_t after = ~(mask >> first);
        unsigned count = after == 0 ? BLOCK : (unsigned)__builtin_ctzll(after);
        const struct om_vector_run run = {chunk, place + first, count};
        om_vectors_score_run(scan->v, scan->query, &run, scores);
        for (unsigned i = 0; i < count; i++) {
            uint32_t item =
                atomic_load_explicit(&chunk->item[place + first + i], memory_order_relaxed);
            om_hits_offer(heap, (struct om_vector_hit){item, scores[i]});
        }
        mask = first + count == BLOCK ? 0 : mask >> (first + count) << (first + count);
    }
}

static void scan_shares(void *context, unsigned worker)
{
    struct scan *scan = context;
    struct om_hits *heap = worker == 0 ? &scan->own : &scan->others[worker - 1];
    for (;;) {
        /* Relaxed: only the number matters; the pool's mutex orders what the workers wrote. */
        uint32_t slot = atomic_fetch_add_explicit(&scan->next, SHARE, memory_order_relaxed);
        if (slot >= scan->slot_count) {
            return;
        }
        const struct om_vector_chunk *chunk = om_vectors_chunk(scan->v, slot);
        uint32_t place = om_vectors_place(scan->v, slot);
        for (uint32_t end = place + SHARE; place < end; place += BLOCK) {
            scan_block(scan, chunk, place, heap);
        }
    }
}

/* Heaps for the helpers, in one block; NULL when they are not worth it or memory is out. */
static struct om_hits *helper_heaps(const struct om_vectors *v, uint32_t slot_count, size_t k)
{
    unsigned helpers = om_scan_pool_workers(v->pool) - 1;
    if (helpers == 0 || (size_t)slot_count * v->stride * sizeof(float) < PARALLEL_BYTES) {
        return NULL;
    }
    size_t each = sizeof(struct om_hits) + k * sizeof(struct om_vector_hit);
    struct om_hits *heaps = om_get(v->alloc, helpers * each);
    if (heaps == NULL) {
        return NULL;
    }
    struct om_vector_hit *hits = (struct om_vector_hit *)(void *)(heaps + helpers);
    for (unsigned i = 0; i < helpers; i++) {
        om_hits_init(&heaps[i], hits + i * k, k);
    }
    return heaps;
}

static void scan_together(struct scan *scan)
{
    const struct om_vectors *v = scan->v;
    om_scan_pool_run(v->pool, scan_shares, scan);
    for (unsigned i = 0; i + 1 < om_scan_pool_workers(v->pool); i++) {
        for (size_t j = 0; j < scan->others[i].count; j++) {
            om_hits_offer(&scan->own, scan->others[i].hits[j]);
        }
    }
}

size_t om_vectors_search(const struct om_vectors *v, const struct om_vectors_query *query,
                         const struct om_item_filter *filter, size_t k, struct om_vector_hit *hits)
{
    OM_ASSERT(k >= 1 && k <= OM_LIMIT_K);
    OM_ASSERT(filter == NULL || filter->root_count <= OM_ITEM_FILTER_ROOTS);
    /* Acquire: the counted chunks are there. */
    uint32_t chunk_count = atomic_load_explicit(&v->chunk_count, memory_order_acquire);
    struct scan scan = {.v = v, .query = query, .filter = filter};
    scan.slot_count = chunk_count << v->slots_log2;
    om_hits_init(&scan.own, hits, k);
    scan.others = helper_heaps(v, scan.slot_count, k);
    if (scan.others != NULL) {
        scan_together(&scan);
    } else {
        scan_shares(&scan, 0);
    }
    om_put(v->alloc, scan.others);
    om_hits_sort(&scan.own);
    return scan.own.count;
}

bool om_vectors_score(const struct om_vectors *v, const struct om_vectors_query *query,
                      uint32_t item, float *score)
{
    uint32_t slot;
    if (!om_vectors_find(v, item, query->snapshot, &slot)) {
        return false;
    }
    const struct om_vector_run run = {om_vectors_chunk(v, slot), om_vectors_place(v, slot), 1};
    om_vectors_score_run(v, query, &run, score);
    return true;
}

bool om_vectors_get(const struct om_vectors *v, uint32_t item, uint64_t snapshot, float *out)
{
    uint32_t slot;
    if (!om_vectors_find(v, item, snapshot, &slot)) {
        return false;
    }
    memcpy(out, om_vectors_at(v, om_vectors_chunk(v, slot), om_vectors_place(v, slot)),
           v->dimension * sizeof(float));
    return true;
}
