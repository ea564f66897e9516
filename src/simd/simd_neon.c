/* simd_neon.c -- 4 floats at a time, on every 64-bit ARM.
 *
 * The last 1..3 floats of a vector are copied into a zeroed register's worth: NEON has no masked
 * load. */
#include "simd/simd.h"

#include "simd/simd_rows_int.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define KERNEL /* NEON is part of the base architecture */

enum { WIDTH = 4, STEP = 4 * WIDTH };

struct sums {
    float32x4_t a, b, c, d;
};

OM_SIMD_INLINE struct sums sums_zero(void)
{
    struct sums s = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    return s;
}

OM_SIMD_INLINE float sums_total(const struct sums *s)
{
    return vaddvq_f32(vaddq_f32(vaddq_f32(s->a, s->b), vaddq_f32(s->c, s->d)));
}

OM_SIMD_INLINE float32x4_t load_rest(const float *x, size_t left)
{
    if (left >= WIDTH) {
        return vld1q_f32(x);
    }
    float copy[WIDTH] = {0};
    for (size_t i = 0; i < left; i++) {
        copy[i] = x[i];
    }
    return vld1q_f32(copy);
}

OM_SIMD_INLINE void dot_step(struct sums *s, const float *x, const float *y)
{
    s->a = vfmaq_f32(s->a, vld1q_f32(x), vld1q_f32(y));
    s->b = vfmaq_f32(s->b, vld1q_f32(x + 4), vld1q_f32(y + 4));
    s->c = vfmaq_f32(s->c, vld1q_f32(x + 8), vld1q_f32(y + 8));
    s->d = vfmaq_f32(s->d, vld1q_f32(x + 12), vld1q_f32(y + 12));
}

OM_SIMD_INLINE void dot_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    s->a = vfmaq_f32(s->a, load_rest(x, left), load_rest(y, left));
}

OM_SIMD_INLINE float32x4_t square_add(float32x4_t x, float32x4_t y, float32x4_t sum)
{
    float32x4_t difference = vsubq_f32(x, y);
    return vfmaq_f32(sum, difference, difference);
}

OM_SIMD_INLINE void l2sq_step(struct sums *s, const float *x, const float *y)
{
    s->a = square_add(vld1q_f32(x), vld1q_f32(y), s->a);
    s->b = square_add(vld1q_f32(x + 4), vld1q_f32(y + 4), s->b);
    s->c = square_add(vld1q_f32(x + 8), vld1q_f32(y + 8), s->c);
    s->d = square_add(vld1q_f32(x + 12), vld1q_f32(y + 12), s->d);
}

OM_SIMD_INLINE void l2sq_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    s->a = square_add(load_rest(x, left), load_rest(y, left), s->a);
}

#include "simd/simd_walk_int.h"

static double neon_norm(const float *a, size_t dimension)
{
    float64x2_t low = vdupq_n_f64(0);
    float64x2_t high = vdupq_n_f64(0);
    for (size_t i = 0; i < dimension; i += WIDTH) {
        float32x4_t x = load_rest(a + i, dimension - i);
        float64x2_t x_low = vcvt_f64_f32(vget_low_f32(x));
        float64x2_t x_high = vcvt_high_f64_f32(x);
        low = vfmaq_f64(low, x_low, x_low);
        high = vfmaq_f64(high, x_high, x_high);
    }
    return __builtin_sqrt(vaddvq_f64(vaddq_f64(low, high)));
}

const struct om_simd om_simd_neon = {
    .name = "neon",
    .dot = walk_dot,
    .l2sq = walk_l2sq,
    .norm = neon_norm,
    .dot_rows = walk_dot_rows,
    .l2sq_rows = walk_l2sq_rows,
};

#endif
