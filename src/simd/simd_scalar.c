/* simd_scalar.c -- the row for any CPU, and the exact sums that all rows are measured against.
 *
 * The f32 kernels keep 8 partial sums: without them each addition waits for the one before, and
 * rounding errors grow with the dimension instead of an eighth of it. No fused multiply-add is
 * asked for: a CPU without one would call a library function. */
#include "simd/simd.h"

#include <math.h>

#include "simd/simd_rows_int.h"

enum { LANES = 8 };

OM_SIMD_INLINE float sum_lanes(const float *s)
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Not inlined: the batch forms must run the very same instructions. */
__attribute__((noinline)) static float scalar_dot(const float *a, const float *b, size_t dimension)
{
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= dimension; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (size_t lane = 0; i + lane < dimension; lane++) {
        sums[lane] += a[i + lane] * b[i + lane];
    }
    return sum_lanes(sums);
}

__attribute__((noinline)) static float scalar_l2sq(const float *a, const float *b, size_t dimension)
{
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= dimension; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            float difference = a[i + lane] - b[i + lane];
            sums[lane] += difference * difference;
        }
    }
    for (size_t lane = 0; i + lane < dimension; lane++) {
        float difference = a[i + lane] - b[i + lane];
        sums[lane] += difference * difference;
    }
    return sum_lanes(sums);
}

static double scalar_norm(const float *a, size_t dimension)
{
    return sqrt(om_simd_dot_exact(a, a, dimension));
}

static void scalar_dot_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = scalar_dot(query, rows->first + i * rows->stride, rows->dimension);
    }
}

static void scalar_l2sq_rows(const float *query, const struct om_simd_rows *rows, float *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = scalar_l2sq(query, rows->first + i * rows->stride, rows->dimension);
    }
}

const struct om_simd om_simd_scalar = {
    .name = "scalar",
    .dot = scalar_dot,
    .l2sq = scalar_l2sq,
    .norm = scalar_norm,
    .dot_rows = scalar_dot_rows,
    .l2sq_rows = scalar_l2sq_rows,
};

double om_simd_dot_exact(const float *a, const float *b, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

double om_simd_l2sq_exact(const float *a, const float *b, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}
