/* vectors.h -- named vector spaces for callers who bring vectors and their own ids.
 *
 * A space is made by the first vector added to it, which fixes its dimension; its metric is fixed
 * then too. Spaces never mix. A point replaces the one with the same key.
 * Threads, memory, states: as memory.h. Since 0.1. */
#ifndef OMEGA_VECTORS_H
#define OMEGA_VECTORS_H

#include "omega/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum omega_metric {
    OMEGA_METRIC_COSINE, /* score 1 .. -1: cosine similarity; a zero vector scores 0 */
    OMEGA_METRIC_DOT,    /* score: inner product */
    OMEGA_METRIC_L2      /* score: minus the squared Euclidean distance */
} omega_metric;

typedef struct omega_point {
    omega_str key;           /* <= 256 bytes */
    const float *values;     /* `dimension` finite floats */
    omega_str metadata_json; /* a JSON object, <= 64 KiB; not given: none */
} omega_point;

typedef struct omega_vector_add_options {
    uint32_t struct_size;
    omega_metric metric; /* of a new space */
    omega_str space;     /* required, <= 256 bytes */
    const omega_point *points;
    size_t count;       /* 1..10,000 */
    uint32_t dimension; /* 1..8,192, of every point */
    uint32_t reserved;
    omega_write_options write;
} omega_vector_add_options;

typedef struct omega_vector_delete_options {
    uint32_t struct_size;
    uint32_t reserved;
    omega_str space;
    omega_str key;
    omega_write_options write;
} omega_vector_delete_options;

typedef struct omega_vector_search_options {
    uint32_t struct_size;
    uint32_t k; /* 1..10,000 */
    omega_str space;
    const float *query;
    uint32_t dimension;
    bool with_values; /* also return the vectors */
    char reserved[3];
} omega_vector_search_options;

typedef struct omega_vector {
    uint32_t struct_size;
    uint32_t dimension;
    omega_str key;
    omega_str metadata_json; /* "{}" when none */
    double score;            /* of a search */
    const float *values;     /* NULL unless asked for */
} omega_vector;

typedef struct omega_vectors omega_vectors;
OMEGA_API size_t omega_vectors_count(const omega_vectors *vectors);
OMEGA_API const omega_vector *omega_vectors_at(const omega_vectors *vectors, size_t index);
OMEGA_API void omega_vectors_free(omega_vectors *vectors);

/* All or nothing. OMEGA_EINVAL (dimension misfit, NaN or infinity: names the point),
 * OMEGA_ECONFLICT (a space of memories, another metric), OMEGA_ELIMIT (over 16 MiB together,
 * metadata over its bound). */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_vector_add(omega_runtime *rt,
                                                         const omega_vector_add_options *options);
/* The point with its values. OMEGA_ENOTFOUND. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_vector_get(omega_runtime *rt, omega_str space,
                                                         omega_str key, omega_vectors **out);
/* The k best by the space's metric, exact, best first; equal scores, older first. OMEGA_ENOTFOUND
 * without such a space. Damaged points are passed over. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_vector_search(
    omega_runtime *rt, const omega_vector_search_options *options, omega_vectors **out);
OMEGA_API OMEGA_MUST_CHECK omega_status
omega_vector_delete(omega_runtime *rt, const omega_vector_delete_options *options);

#ifdef __cplusplus
}
#endif
#endif
