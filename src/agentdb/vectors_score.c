/* vectors_score.c -- from kernels to scores.
 *
 * Cosine keeps 1 / |v| beside each vector as `scale` and multiplies: the vector stays as it was
 * given, and a scan costs one dot product and two multiplications. A scale of 0 marks the zero
 * vector, whose score is 0. A vector shorter than 1e-15 or longer than 1e15 gets OUT_OF_RANGE: its
 * products could underflow or overflow f32, so it is scored in double precision, one at a time.
 * Inside the range |a . b| <= 1e30 and all partial sums are finite.
 *
 * Inner product and distance take whatever f32 gives, unless that is not finite; then the sum is
 * done in double precision and cut to the largest float. So a score is never NaN, and scores are
 * totally ordered. Which way is taken depends on the two vectors only: every thread, every cut of a
 * scan and om_vectors_score give the same bits. */
#include <float.h>
#include <math.h>

#include "agentdb/vectors_int.h"
#include "omega/vectors.h"

_Static_assert((int)OM_METRIC_COSINE == (int)OMEGA_METRIC_COSINE &&
                   (int)OM_METRIC_DOT == (int)OMEGA_METRIC_DOT &&
                   (int)OM_METRIC_L2 == (int)OMEGA_METRIC_L2,
               "metrics have the public values");

#define SCALE_OUT_OF_RANGE (-1.0f)

float om_vectors_scale(const struct om_vectors *v, const float *values)
{
    if (v->metric != OM_METRIC_COSINE) {
        return 0;
    }
    double norm = om_simd_kernels()->norm(values, v->dimension);
    if (norm <= 0) {
        return 0;
    }
    return norm < 1e-15 || norm > 1e15 ? SCALE_OUT_OF_RANGE : (float)(1 / norm);
}

static float cut(double score, double limit)
{
    return (float)(score > limit ? limit : score < -limit ? -limit : score);
}

static float cosine_exact(const struct om_vectors *v, const float *a, const float *b)
{
    double lengths =
        om_simd_kernels()->norm(a, v->dimension) * om_simd_kernels()->norm(b, v->dimension);
    return cut(om_simd_dot_exact(a, b, v->dimension) / lengths, 1);
}

/* A run whose kernel has filled `out`, to be turned into scores in place. */
struct raw {
    const struct om_vectors *v;
    const struct om_vectors_query *query;
    const float *first;
    const float *scales;
    uint32_t count;
};

static const float *raw_values(const struct raw *raw, uint32_t i)
{
    return raw->first + (size_t)i * raw->v->stride;
}

static void finish_cosine(const struct raw *raw, float *out)
{
    float query_scale = raw->query->scale;
    for (uint32_t i = 0; i < raw->count; i++) {
        float scale = raw->scales[i];
        if (scale > 0 && query_scale > 0) {
            float score = out[i] * query_scale * scale;
            out[i] = score > 1 ? 1 : score < -1 ? -1 : score;
        } else if (scale < 0 || query_scale < 0) {
            bool has_zero = !(scale < 0 || scale > 0) || !(query_scale < 0 || query_scale > 0);
            const float *values = raw_values(raw, i);
            out[i] = has_zero ? 0 : cosine_exact(raw->v, raw->query->values, values);
        } else {
            out[i] = 0;
        }
    }
}

static void finish_dot(const struct raw *raw, float *out)
{
    for (uint32_t i = 0; i < raw->count; i++) {
        if (!isfinite(out[i])) {
            const float *values = raw_values(raw, i);
            out[i] = cut(om_simd_dot_exact(raw->query->values, values, raw->v->dimension),
                         (double)FLT_MAX);
        }
    }
}

static void finish_l2(const struct raw *raw, float *out)
{
    for (uint32_t i = 0; i < raw->count; i++) {
        if (!isfinite(out[i])) {
            const float *values = raw_values(raw, i);
            out[i] = cut(om_simd_l2sq_exact(raw->query->values, values, raw->v->dimension),
                         (double)FLT_MAX);
        }
        out[i] = 0 - out[i]; /* not -out[i]: equal vectors score 0, not -0 */
    }
}

void om_vectors_score_run(const struct om_vectors *v, const struct om_vectors_query *query,
                          const struct om_vector_run *run, float *out)
{
    const float *first = om_vectors_at(v, run->chunk, run->place);
    struct raw raw = {v, query, first, run->chunk->scale + run->place, run->count};
    struct om_simd_rows rows = {first, v->stride, run->count, v->dimension};
    switch (v->metric) {
    case OM_METRIC_COSINE:
        om_simd_kernels()->dot_rows(query->values, &rows, out);
        finish_cosine(&raw, out);
        break;
    case OM_METRIC_DOT:
        om_simd_kernels()->dot_rows(query->values, &rows, out);
        finish_dot(&raw, out);
        break;
    case OM_METRIC_L2:
        om_simd_kernels()->l2sq_rows(query->values, &rows, out);
        finish_l2(&raw, out);
        break;
    }
}
