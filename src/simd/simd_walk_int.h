/* simd_walk_int.h -- the walk along vectors, written once for all wide CPUs.
 *
 * A row's file includes this after it has defined, for its registers:
 *     KERNEL                     its target attribute
 *     WIDTH, STEP                floats in a register; floats of one step (4 registers)
 *     struct sums                4 accumulators, with sums_zero() and sums_total(&sums)
 *     dot_step, l2sq_step        (sums, x, y): adds STEP products or squares
 *     dot_rest, l2sq_rest        (sums, x, y, left): adds min(left, WIDTH), reading no more
 * and gets walk_dot, walk_l2sq, walk_dot_rows, walk_l2sq_rows.
 *
 * Four accumulators, because a fused multiply-add takes 4 cycles and needs two loads, of which two
 * start in each cycle: four chains keep the loads busy, more would gain nothing.
 * Rejected: two or four vectors side by side, which saves loading the query again. It gains a
 * little on cached data, but rows from memory then come as several streams, and the scan falls from
 * .93-.97 of the machine's read bandwidth to .80-.95 (AVX-512) and .70-.81 (AVX2), as measured by
 * bench/bench_scan.c. */
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

KERNEL static void walk_dot_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = walk_dot(query, rows->first + i * rows->stride, rows->dimension);
    }
}

KERNEL static void walk_l2sq_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = walk_l2sq(query, rows->first + i * rows->stride, rows->dimension);
    }
}

#endif
