/* points.h -- vectors that callers bring without a memory: add, get, search, delete by key.
 *
 * A point is {space, key, vector, metadata}. Keys are unique in a space; adding a known key
 * replaces. Threads: any; writes go through the store's records. */
#ifndef OM_POINTS_H
#define OM_POINTS_H

#include "agentdb/spaces.h"
#include "omega/vectors.h"

extern const struct om_schema om_points_schema;

struct om_points;

OMEGA_MUST_CHECK omega_status om_points_new(struct om_alloc *alloc, struct om_spaces *spaces,
                                            struct om_points **out);
void om_points_free(struct om_points *points);
/* Its record kinds, to give to the store before it opens. */
const struct om_record_kind *const *om_points_kinds(struct om_points *points, size_t *count);
/* Fills the working sets from the store. */
OMEGA_MUST_CHECK omega_status om_points_load(struct om_points *points, struct om_store *store);

/* As omega_vector_add / get / search / delete of omega/vectors.h; `op_id` nil makes a new one. */
struct om_point_context {
    struct om_store *store;
    struct om_uuid_source *ids;
    const struct om_clock *clock;
    enum om_durability durability; /* of writes that do not choose */
};
OMEGA_MUST_CHECK omega_status om_points_add(struct om_points *points,
                                            const struct om_point_context *context,
                                            const omega_vector_add_options *options);
OMEGA_MUST_CHECK omega_status om_points_delete(struct om_points *points,
                                               const struct om_point_context *context,
                                               const omega_vector_delete_options *options);
OMEGA_MUST_CHECK omega_status om_points_get(struct om_points *points, struct om_store *store,
                                            omega_str space, omega_str key, omega_vectors **out);
/* Gives freed slots back once no reader can see them: for the scheduler, any thread. */
void om_points_reclaim(struct om_points *points, struct om_store *store);
OMEGA_MUST_CHECK omega_status om_points_search(struct om_points *points, struct om_store *store,
                                               const omega_vector_search_options *options,
                                               omega_vectors **out);

/* Results (omega_vectors), also for embeddings: `om_point_list_one` copies one vector into a
 * list. */
size_t om_point_list_count(const omega_vectors *list);
const omega_vector *om_point_list_at(const omega_vectors *list,
                                     size_t index); /* NULL: past the end */
void om_point_list_free(omega_vectors *list);       /* NULL is allowed */
OMEGA_MUST_CHECK omega_status om_point_list_one(struct om_alloc *alloc, omega_str key,
                                                const float *values, uint32_t dimension,
                                                omega_vectors **out);

#endif
