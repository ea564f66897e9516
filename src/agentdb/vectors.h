/* vectors.h -- the exact working set of one vector space, in memory.
 *
 * Promises: a search is exact: it returns min(k, visible) hits, best score first, equal scores in
 *           ascending item order (older first), the same for any number of threads. A slot is
 *           visible at a snapshot when it was added, and not removed, at or before it.
 * Threads:  one publisher at a time (add, remove, reserve, reclaim: the owner serialises them);
 *           any number of readers beside it, without locks.
 * Memory:   slots stand in chunks that never move; a freed slot is overwritten with zeros when no
 *           reader can see it any more and is then used again; pages of an empty chunk go back.
 *
 * A reader enters before it takes its snapshot and leaves when it is done:
 *
 *     unsigned ticket = om_vectors_enter(v);
 *     status = om_vectors_query(v, values, dimension, om_store_commit_seq(store), &query);
 *     count = om_vectors_search(v, &query, &filter, k, hits);
 *     om_vectors_leave(v, ticket);
 *
 * Scores rise with likeness: cosine similarity -1..1 (0 when either vector is zero), inner product,
 * or minus the squared Euclidean distance. They are always finite, and the same bits from a search
 * as from om_vectors_score. */
#ifndef OM_VECTORS_H
#define OM_VECTORS_H

#include "agentdb/item_filter.h"
#include "agentdb/scan_pool.h"

/* Values as omega_metric. */
enum om_metric { OM_METRIC_COSINE, OM_METRIC_DOT, OM_METRIC_L2 };

struct om_vectors;

struct om_vectors_options {
    struct om_alloc *alloc;
    struct om_scan_pool *pool; /* borrowed; NULL: a search uses its own thread only */
    const char *name;          /* of the space, for messages; copied */
    uint32_t dimension;        /* 1..OM_LIMIT_DIMENSION */
    enum om_metric metric;
};

/* OMEGA_EINVAL (dimension), OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_vectors_new(const struct om_vectors_options *options,
                                             struct om_vectors **out);
void om_vectors_free(struct om_vectors *v); /* no reader inside; NULL is allowed */

/* ---- The publisher ------------------------------------------------------------------------- */

/* Would these values be taken? OMEGA_EINVAL naming the space and both dimensions, or the index of a
 * NaN or infinity. Any thread. */
OMEGA_MUST_CHECK omega_status om_vectors_check(const struct om_vectors *v, const float *values,
                                               size_t dimension);

/* Makes room, so that adding these items next cannot fail for memory (a publish step comes after
 * the commit and cannot refuse). OMEGA_ENOMEM, OMEGA_ELIMIT (slots of a space). */
OMEGA_MUST_CHECK omega_status om_vectors_reserve(struct om_vectors *v, const uint32_t *items,
                                                 size_t count);

/* Puts the item's vector (v's dimension; `floats` need no alignment) under a scope root, visible
 * from `seq` on. An item that has a vector gets the new one at `seq`: every snapshot sees exactly
 * one of them. seq < UINT64_MAX. OMEGA_EINVAL (NaN or infinity), OMEGA_ENOMEM, OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_vectors_add(struct om_vectors *v, uint32_t item, uint32_t root,
                                             uint64_t seq, const void *floats);
/* Invisible from `seq` on; false when the item has no vector. Never fails otherwise. */
bool om_vectors_remove(struct om_vectors *v, uint32_t item, uint64_t seq);

/* Moves removed slots towards reuse: each call whose grace period has passed (om_grace_try) erases
 * what was removed before the call before it. Call it between publications, when every sequence
 * given to remove so far is published as a snapshot, at least twice after the last removal that
 * shall be erased. Returns the slots that still wait. */
size_t om_vectors_reclaim(struct om_vectors *v);

/* ---- Readers --------------------------------------------------------------------------------- */

/* All calls below are made between these two. What a reader's snapshot shows stays there until it
 * leaves, if it entered before it took the snapshot. Nesting is fine. */
unsigned om_vectors_enter(struct om_vectors *v);
void om_vectors_leave(struct om_vectors *v, unsigned ticket);

/* A checked query at a snapshot; `values` are borrowed as long as it is used. */
struct om_vectors_query {
    const float *values;
    uint64_t snapshot;
    float scale; /* cosine: see vectors_score.c */
};
/* OMEGA_EINVAL as om_vectors_check. */
OMEGA_MUST_CHECK omega_status om_vectors_query(const struct om_vectors *v, const float *values,
                                               size_t dimension, uint64_t snapshot,
                                               struct om_vectors_query *out);

struct om_vector_hit {
    uint32_t item;
    float score;
};

/* The best k of what is visible and passes (filter NULL: all), k in 1..OM_LIMIT_K, into hits[k].
 * Returns their number. Large scans share the pool; memory that is out only costs that help. */
size_t om_vectors_search(const struct om_vectors *v, const struct om_vectors_query *query,
                         const struct om_item_filter *filter, size_t k, struct om_vector_hit *hits);

/* One item's score; false when it has no vector at the snapshot. */
bool om_vectors_score(const struct om_vectors *v, const struct om_vectors_query *query,
                      uint32_t item, float *score);
/* Copies the item's vector as it was given; false when it has none at the snapshot. `out` holds
 * v's dimension. */
bool om_vectors_get(const struct om_vectors *v, uint32_t item, uint64_t snapshot, float *out);

/* ---- Figures and hooks ----------------------------------------------------------------------- */

uint32_t om_vectors_dimension(const struct om_vectors *v);
enum om_metric om_vectors_metric(const struct om_vectors *v);

/* Any thread. `bytes` counts what has been touched, tables included; `live` is what the newest
 * snapshot sees; `waiting` is removed and not yet erased. */
struct om_vectors_usage {
    uint64_t live;
    uint64_t waiting;
    uint64_t bytes;
};
void om_vectors_memory(const struct om_vectors *v, struct om_vectors_usage *out);

/* Walks everything: table and slots agree, lists are whole, free slots are zero. NULL, or what is
 * wrong (static text). Publisher's side. */
const char *om_vectors_validate(const struct om_vectors *v);

#endif
