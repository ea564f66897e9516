/* simd_walk_int.h -- the walk along vectors, written once for all wide CPUs.
 *
 * A row's file includes this after it has defined, for its registers:
 *     KERNEL                     its target attribute
 *     WIDTH, STEP                floats in a register; floats of one step (4 registers)
 *     struct sums                4 accumulators, with sums_zero() and sums_total(&sums)
 *     dot_step, l2sq_step        (sums, x, y): adds STEP products or squares
 *     dot_rest, l2sq_rest        (sums, x, y, left): adds min(left, WIDTH), reading no more than that
 * and gets walk_dot, walk_l2sq, walk_dot_rows, walk_l2sq_rows.
 *
 * Four accumulators a row, because a fused multiply-add takes 4 cycles and two start in each: one
 * vector keeps 4 chains busy; the pair that the batch forms score keeps 8, and loads its query once
 * for both. A vector's sums never mix with its neighbour's, so pairing changes no bit.
 * Rejected: four vectors at a time with 2 accumulators each: no gain once they come from memory, and
 * the single form would be slower or would sum in another order. */
#ifndef OM_SIMD_WALK_INT_H
#define OM_SIMD_WALK_INT_H

#include "simd/simd_rows_int.h"

KERNEL static float walk_dot(const float *a, const float *b, size_t dimension)
{
    struct sums s = sums_zero();
    size_t i = 0;
    for (; i + STEP <= dimension; i += STEP) {
        dot_step(&s, a + i, b + i);
    }
    for (; i < dimension; i += WIDTH) {
        dot_rest(&s, a + i, b + i, dimension - i);
    }
    return sums_total(&s);
}

KERNEL static float walk_l2sq(const float *a, const float *b, size_t dimension)
{
    struct sums s = sums_zero();
    size_t i = 0;
    for (; i + STEP <= dimension; i += STEP) {
        l2sq_step(&s, a + i, b + i);
    }
    for (; i < dimension; i += WIDTH) {
        l2sq_rest(&s, a + i, b + i, dimension - i);
    }
    return sums_total(&s);
}

KERNEL OM_SIMD_INLINE void dot_pair(const float *query, const float *row,
                                    const struct om_simd_rows *rows, float *out)
{
    struct sums first = sums_zero();
    struct sums second = sums_zero();
    const float *next = row + rows->stride;
    size_t i = 0;
    for (; i + STEP <= rows->dimension; i += STEP) {
        dot_step(&first, query + i, row + i);
        dot_step(&second, query + i, next + i);
    }
    for (; i < rows->dimension; i += WIDTH) {
        dot_rest(&first, query + i, row + i, rows->dimension - i);
        dot_rest(&second, query + i, next + i, rows->dimension - i);
    }
    out[0] = sums_total(&first);
    out[1] = sums_total(&second);
}

KERNEL OM_SIMD_INLINE void l2sq_pair(const float *query, const float *row,
                                     const struct om_simd_rows *rows, float *out)
{
    struct sums first = sums_zero();
    struct sums second = sums_zero();
    const float *next = row + rows->stride;
    size_t i = 0;
    for (; i + STEP <= rows->dimension; i += STEP) {
        l2sq_step(&first, query + i, row + i);
        l2sq_step(&second, query + i, next + i);
    }
    for (; i < rows->dimension; i += WIDTH) {
        l2sq_rest(&first, query + i, row + i, rows->dimension - i);
        l2sq_rest(&second, query + i, next + i, rows->dimension - i);
    }
    out[0] = sums_total(&first);
    out[1] = sums_total(&second);
}

KERNEL static void walk_dot_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    size_t i = 0;
    for (; i + 2 <= rows->count; i += 2) {
        dot_pair(query, rows->first + i * rows->stride, rows, out + i);
    }
    if (i < rows->count) {
        out[i] = walk_dot(query, rows->first + i * rows->stride, rows->dimension);
    }
}

KERNEL static void walk_l2sq_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    size_t i = 0;
    for (; i + 2 <= rows->count; i += 2) {
        l2sq_pair(query, rows->first + i * rows->stride, rows, out + i);
    }
    if (i < rows->count) {
        out[i] = walk_l2sq(query, rows->first + i * rows->stride, rows->dimension);
    }
}

#endif
