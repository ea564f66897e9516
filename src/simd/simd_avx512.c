/* simd_avx512.c -- 16 floats at a time.
 *
 * The rest of a vector is read under a mask; what is masked out can neither fault nor count. Only
 * AVX-512's common core (F, DQ, BW, VL) is used, so every AVX-512 server CPU runs this row. */
#include "simd/simd.h"

#include "simd/simd_rows_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNEL __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))

enum { WIDTH = 16, STEP = 4 * WIDTH };

struct sums {
    __m512 a, b, c, d;
};

KERNEL OM_SIMD_INLINE struct sums sums_zero(void)
{
    struct sums s = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                     _mm512_setzero_ps()};
    return s;
}

KERNEL OM_SIMD_INLINE float sums_total(const struct sums *s)
{
    return _mm512_reduce_add_ps(
        _mm512_add_ps(_mm512_add_ps(s->a, s->b), _mm512_add_ps(s->c, s->d)));
}

KERNEL OM_SIMD_INLINE __mmask16 mask_of(size_t left)
{
    unsigned mask = left >= WIDTH ? 0xffffu : (1u << left) - 1u;
    return (__mmask16)mask;
}

KERNEL OM_SIMD_INLINE void dot_step(struct sums *s, const float *x, const float *y)
{
    s->a = _mm512_fmadd_ps(_mm512_loadu_ps(x), _mm512_loadu_ps(y), s->a);
    s->b = _mm512_fmadd_ps(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(y + 16), s->b);
    s->c = _mm512_fmadd_ps(_mm512_loadu_ps(x + 32), _mm512_loadu_ps(y + 32), s->c);
    s->d = _mm512_fmadd_ps(_mm512_loadu_ps(x + 48), _mm512_loadu_ps(y + 48), s->d);
}

KERNEL OM_SIMD_INLINE void dot_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    __mmask16 m = mask_of(left);
    s->a = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, x), _mm512_maskz_loadu_ps(m, y), s->a);
}

KERNEL OM_SIMD_INLINE __m512 square_add(__m512 x, __m512 y, __m512 sum)
{
    __m512 difference = _mm512_sub_ps(x, y);
    return _mm512_fmadd_ps(difference, difference, sum);
}

KERNEL OM_SIMD_INLINE void l2sq_step(struct sums *s, const float *x, const float *y)
{
    s->a = square_add(_mm512_loadu_ps(x), _mm512_loadu_ps(y), s->a);
    s->b = square_add(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(y + 16), s->b);
    s->c = square_add(_mm512_loadu_ps(x + 32), _mm512_loadu_ps(y + 32), s->c);
    s->d = square_add(_mm512_loadu_ps(x + 48), _mm512_loadu_ps(y + 48), s->d);
}

KERNEL OM_SIMD_INLINE void l2sq_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    __mmask16 m = mask_of(left);
    s->a = square_add(_mm512_maskz_loadu_ps(m, x), _mm512_maskz_loadu_ps(m, y), s->a);
}

#include "simd/simd_walk_int.h"

KERNEL static double avx512_norm(const float *a, size_t dimension)
{
    __m512d low = _mm512_setzero_pd();
    __m512d high = _mm512_setzero_pd();
    for (size_t i = 0; i < dimension; i += WIDTH) {
        __m512 x = _mm512_maskz_loadu_ps(mask_of(dimension - i), a + i);
        __m512d x_low = _mm512_cvtps_pd(_mm512_castps512_ps256(x));
        __m512d x_high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
        low = _mm512_fmadd_pd(x_low, x_low, low);
        high = _mm512_fmadd_pd(x_high, x_high, high);
    }
    return __builtin_sqrt(_mm512_reduce_add_pd(_mm512_add_pd(low, high)));
}

const struct om_simd om_simd_avx512 = {
    .name = "avx512",
    .dot = walk_dot,
    .l2sq = walk_l2sq,
    .norm = avx512_norm,
    .dot_rows = walk_dot_rows,
    .l2sq_rows = walk_l2sq_rows,
};

#endif
