/* hits_int.h -- the best k of a stream of scored items.
 *
 * Better is a higher score, then a smaller item. That order is total over distinct items, so the
 * best k do not depend on the order in which they are offered.
 * Memory: `hits` is the caller's, of `capacity`. Threads: one at a time. */
#ifndef OM_HITS_INT_H
#define OM_HITS_INT_H

#include "agentdb/vectors.h"

struct om_hits {
    struct om_vector_hit *hits; /* a heap, the worst first */
    size_t count;
    size_t capacity; /* k, at least 1 */
};

void om_hits_init(struct om_hits *heap, struct om_vector_hit *hits, size_t capacity);
/* Keeps the hit if it is among the best so far. Scores are never NaN. */
void om_hits_offer(struct om_hits *heap, struct om_vector_hit hit);
/* Orders hits[0 .. count - 1] best first; the heap is then over. */
void om_hits_sort(struct om_hits *heap);

#endif
