/* simd_check.c -- a row of kernels against exact sums.
 *
 * Two kinds of proof. Small integers: every partial sum is an integer below 2^24, so each f32
 * operation is exact and the result must be *equal* in any order of summation; a lost, doubled or
 * misplaced element shows at once. Everything else: the result must lie within the bound of
 * floating-point summation. With u = 2^-24 and a longest chain of h roundings, the error of a sum
 * of terms t_i is at most h u / (1 - h u) * sum |t_i| (Higham, Accuracy and Stability, 4.2), plus
 * 2^-149 for each operation whose result is denormal. A row adds at least 8 lanes side by side, so
 * h <= dimension / 8 + 8 for the rests and the final additions, + 3 for difference and square.
 *
 * It needs neither cmocka nor an allocator, so it runs as a plain program under an emulator, and in
 * the field, on the CPU that matters. */
#include "simd/simd.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum kind { KIND_INTEGERS, KIND_RANDOM, KIND_DENORMALS, KIND_ZEROS, KIND_MIXED, KIND_COUNT };

struct subject {
    const struct om_simd *row;
    const float *query;
    struct om_simd_rows rows;
    enum kind kind;
};

static uint64_t next_random(uint64_t *state) /* splitmix64 (Steele et al. 2014) */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static float next_value(uint64_t *state, enum kind kind)
{
    uint64_t bits = next_random(state);
    float unit = (float)(bits >> 40) * 0x1p-23f - 1.0f; /* [-1, 1) */
    switch (kind) {
    case KIND_INTEGERS:
        return (float)(int)(bits % 23) - 11.0f; /* differences <= 22: 8192 * 22^2 < 2^24 */
    case KIND_RANDOM:
        return unit;
    case KIND_DENORMALS:
        return unit * 0x1p-126f;
    case KIND_MIXED: /* squares stay finite, small ones vanish */
        return ldexpf(unit, (int)(bits % 110) - 60);
    case KIND_ZEROS:
    case KIND_COUNT:
        break;
    }
    return 0.0f;
}

static void fill(float *out, size_t count, uint64_t *state, enum kind kind)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = next_value(state, kind);
    }
}

/* `terms` is the exact sum of the absolute values of what was added. */
static bool is_near(float got, double exact, double terms, const struct subject *s)
{
    if (s->kind == KIND_INTEGERS || s->kind == KIND_ZEROS) {
        return (double)got == exact;
    }
    double hu = ((double)s->rows.dimension / 8 + 11) * 0x1p-24;
    double bound = hu / (1 - hu) * terms + 2.0 * (double)s->rows.dimension * 0x1p-149;
    return fabs((double)got - exact) <= bound;
}

static double dot_terms(const float *a, const float *b, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += fabs((double)a[i] * (double)b[i]);
    }
    return sum;
}

static const char *check_norm(const struct subject *s)
{
    double exact = sqrt(om_simd_dot_exact(s->query, s->query, s->rows.dimension));
    double got = s->row->norm(s->query, s->rows.dimension);
    double bound = exact * ((double)s->rows.dimension + 4) * DBL_EPSILON;
    return fabs(got - exact) <= bound ? NULL : "norm differs from the exact length";
}

static const char *check_singles(const struct subject *s)
{
    size_t dimension = s->rows.dimension;
    for (size_t i = 0; i < s->rows.count; i++) {
        const float *row = s->rows.first + i * s->rows.stride;
        double dot = om_simd_dot_exact(s->query, row, dimension);
        double l2sq = om_simd_l2sq_exact(s->query, row, dimension);
        if (!is_near(s->row->dot(s->query, row, dimension), dot,
                     dot_terms(s->query, row, dimension), s)) {
            return "dot is beyond its error bound";
        }
        if (!is_near(s->row->l2sq(s->query, row, dimension), l2sq, l2sq, s)) {
            return "l2sq is beyond its error bound";
        }
    }
    return NULL;
}

static const char *check_batches(const struct subject *s)
{
    float dots[OM_SIMD_CHECK_ROWS];
    float l2sqs[OM_SIMD_CHECK_ROWS];
    s->row->dot_rows(s->query, &s->rows, dots);
    s->row->l2sq_rows(s->query, &s->rows, l2sqs);
    for (size_t i = 0; i < s->rows.count; i++) {
        const float *row = s->rows.first + i * s->rows.stride;
        float dot = s->row->dot(s->query, row, s->rows.dimension);
        float l2sq = s->row->l2sq(s->query, row, s->rows.dimension);
        if (memcmp(&dots[i], &dot, sizeof(dot)) != 0) {
            return "dot_rows differs from dot";
        }
        if (memcmp(&l2sqs[i], &l2sq, sizeof(l2sq)) != 0) {
            return "l2sq_rows differs from l2sq";
        }
    }
    return NULL;
}

static const char *check_subject(const struct subject *s)
{
    const char *why = check_norm(s);
    if (why == NULL) {
        why = check_singles(s);
    }
    if (why == NULL) {
        why = check_batches(s);
    }
    return why;
}

const char *om_simd_check(const struct om_simd *row, size_t dimension, uint64_t seed,
                          float *scratch)
{
    uint64_t state = seed;
    float *end = scratch + OM_SIMD_CHECK_FLOATS;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (size_t gap = 0; gap < 16; gap += 1 + next_random(&state) % 5) {
            struct subject s = {.row = row, .kind = (enum kind)kind};
            s.rows.dimension = dimension;
            s.rows.stride = dimension + gap;
            s.rows.count = 1 + (size_t)(next_random(&state) % OM_SIMD_CHECK_ROWS);
            /* The last row ends where scratch ends; the query stands before, then swap roles. */
            float *first = end - dimension - (s.rows.count - 1) * s.rows.stride;
            float *query = first - dimension - gap;
            fill(query, (size_t)(end - query), &state, s.kind);
            s.rows.first = first;
            s.query = query;
            const char *why = check_subject(&s);
            if (why == NULL && s.rows.count == 1) {
                s.query = first;
                s.rows.first = query;
                why = check_subject(&s);
            }
            if (why != NULL) {
                return why;
            }
        }
    }
    return NULL;
}
