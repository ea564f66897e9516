/* spaces.h -- named vector spaces: their registry, their rows in the store, their working sets.
 *
 * A space has a name, one dimension, one metric, and belongs to memories or to points, never both.
 * The vector of row R in space S is one checksummed row `S << 40 | R` of the table `vectors`.
 * Threads: ensure/put/drop inside a record's apply; the rest any. */
#ifndef OM_SPACES_H
#define OM_SPACES_H

#include "agentdb/vectors.h"
#include "store/store.h"

extern const struct om_schema om_agentdb_schema;

struct om_spaces;

/* Kinds of this folder in the change feed: the vector of a row in a space was written, or went. */
enum { OM_CHANGE_VECTOR_PUT = 16, OM_CHANGE_VECTOR_GONE = 17 };

enum om_space_owner { OM_SPACE_MEMORIES, OM_SPACE_POINTS };

struct om_space {
    uint32_t id; /* 1.. */
    enum om_space_owner owner;
    enum om_metric metric; /* of vectors.h */
    uint32_t dimension;
    const char *name;           /* owned by the registry */
    struct om_vectors *vectors; /* the working set */
    struct om_space_room *room; /* of spaces.c */
};

OMEGA_MUST_CHECK omega_status om_spaces_new(struct om_alloc *alloc, struct om_scan_pool *pool,
                                            struct om_spaces **out);
void om_spaces_free(struct om_spaces *spaces);
/* Reads the registry at open. */
OMEGA_MUST_CHECK omega_status om_spaces_load(struct om_spaces *spaces, struct om_reader *reader);
/* Calls `each` with every vector of a space in row order; `values` is borrowed for the call. A row
 * whose checksum is wrong gives values NULL. */
OMEGA_MUST_CHECK omega_status om_spaces_scan(
    struct om_spaces *spaces, struct om_reader *reader, const struct om_space *space,
    omega_status (*each)(void *context, int64_t row, const float *values), void *context);

/* NULL when there is none. Pointers stay valid for the registry's life. */
const struct om_space *om_spaces_find(struct om_spaces *spaces, omega_str name);
const struct om_space *om_spaces_at(struct om_spaces *spaces, uint32_t id);
uint32_t om_spaces_count(struct om_spaces *spaces); /* ids run 1..count */

/* Fixes the dimension of a space that need not be there yet (the name is borrowed, one at most; 0:
 * its first vector fixes it). Before the first use. */
void om_spaces_fix(struct om_spaces *spaces, const char *name, uint32_t dimension);
/* Checks a caller's vector before it is queued: finite, of the space's dimension. OMEGA_EINVAL
 * naming space and both dimensions, or the index of a NaN or infinity; OMEGA_ECONFLICT for a space
 * of the other owner. */
OMEGA_MUST_CHECK omega_status om_spaces_check(struct om_spaces *spaces, omega_str name,
                                              enum om_space_owner owner, const float *values,
                                              uint32_t dimension);

/* In apply: finds the space or makes it (visible to others after the commit; gone with a failed
 * record). `wanted` gives owner, metric, dimension and name. The same misfits as above, checked
 * again under the writer; OMEGA_ELIMIT (OM_LIMIT_SPACES). */
OMEGA_MUST_CHECK omega_status om_spaces_ensure(struct om_spaces *spaces, struct om_txn *txn,
                                               const struct om_space *wanted,
                                               const struct om_space **out);
/* In apply: the space of an id (1..OM_LIMIT_SPACES) as the writer knows it, also one that this
 * batch has made; NULL. */
const struct om_space *om_spaces_in_apply(struct om_spaces *spaces, uint32_t id);
/* Writes the row's vector, instead of the one before. row < 2^40. */
OMEGA_MUST_CHECK omega_status om_spaces_put(struct om_txn *txn, const struct om_space *space,
                                            int64_t row, const void *floats /* unaligned */);
/* Removes the memory row's vectors in every space of memories; *removed (may be NULL) counts
 * them. */
OMEGA_MUST_CHECK omega_status om_spaces_drop(struct om_spaces *spaces, struct om_txn *txn,
                                             int64_t row, uint64_t *removed);
/* Removes the row's vector in one space; *removed is 0 or 1. */
OMEGA_MUST_CHECK omega_status om_spaces_remove(struct om_txn *txn, const struct om_space *space,
                                               int64_t row, uint64_t *removed);
/* The stored floats, checked; OMEGA_ENOTFOUND, OMEGA_ECORRUPT. `out` holds `dimension`. */
OMEGA_MUST_CHECK omega_status om_spaces_get(struct om_reader *reader, const struct om_space *space,
                                            int64_t row, float *out);

/* The working set. In apply: makes room, so that adding this item in the publish step cannot fail;
 * rooms of one batch add up. `space` may be new (of om_spaces_ensure). */
OMEGA_MUST_CHECK omega_status om_spaces_reserve(const struct om_space *space, uint32_t item);
/* In the publish step, and at load: om_vectors_add. */
OMEGA_MUST_CHECK omega_status om_spaces_add(const struct om_space *space, uint32_t item,
                                            uint32_t root, uint64_t seq, const void *floats);

#endif
