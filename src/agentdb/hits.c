/* hits.c -- the best k of a stream: a binary heap with the worst kept hit on top.
 *
 * Most offers of a scan lose against the top and cost one comparison; the k ln(n / k) that win cost
 * a sift. Sorting is the second half of heapsort (Floyd 1964): the worst goes to the end of the
 * shrinking heap, which leaves the best in front, in place. */
#include "agentdb/hits_int.h"

static bool is_worse(struct om_vector_hit a, struct om_vector_hit b)
{
    return a.score < b.score || (!(b.score < a.score) && a.item > b.item);
}

void om_hits_init(struct om_hits *heap, struct om_vector_hit *hits, size_t capacity)
{
    OM_ASSERT(capacity > 0);
    heap->hits = hits;
    heap->count = 0;
    heap->capacity = capacity;
}

/* Puts `hit` into the hole `at`, moving it down to where both children are better. */
static void sift_down(struct om_hits *heap, size_t at, struct om_vector_hit hit)
{
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && is_worse(heap->hits[child + 1], heap->hits[child])) {
            child++;
        }
        if (!is_worse(heap->hits[child], hit)) {
            break;
        }
        heap->hits[at] = heap->hits[child];
    }
    heap->hits[at] = hit;
}

static void sift_up(struct om_hits *heap, size_t at, struct om_vector_hit hit)
{
    while (at > 0 && is_worse(hit, heap->hits[(at - 1) / 2])) {
        heap->hits[at] = heap->hits[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->hits[at] = hit;
}

void om_hits_offer(struct om_hits *heap, struct om_vector_hit hit)
{
    if (heap->count < heap->capacity) {
        sift_up(heap, heap->count++, hit);
    } else if (is_worse(heap->hits[0], hit)) {
        sift_down(heap, 0, hit);
    }
}

void om_hits_sort(struct om_hits *heap)
{
    size_t count = heap->count;
    while (heap->count > 1) {
        struct om_vector_hit last = heap->hits[--heap->count];
        heap->hits[heap->count] = heap->hits[0];
        sift_down(heap, 0, last);
    }
    heap->count = count;
}
