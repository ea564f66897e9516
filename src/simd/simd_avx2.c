/* simd_avx2.c -- 8 floats at a time, with fused multiply-add.
 *
 * The rest of a vector is read under a mask that slides over a small table; what is masked out can
 * neither fault nor count. */
#include "simd/simd.h"

#include "simd/simd_rows_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define KERNEL __attribute__((target("avx2,fma")))

enum { WIDTH = 8, STEP = 4 * WIDTH };

struct sums {
    __m256 a, b, c, d;
};

KERNEL OM_SIMD_INLINE struct sums sums_zero(void)
{
    struct sums s = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                     _mm256_setzero_ps()};
    return s;
}

KERNEL OM_SIMD_INLINE float sums_total(const struct sums *s)
{
    __m256 eight = _mm256_add_ps(_mm256_add_ps(s->a, s->b), _mm256_add_ps(s->c, s->d));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

KERNEL OM_SIMD_INLINE __m256i mask_of(size_t left)
{
    static const int32_t table[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};
    size_t start = left >= WIDTH ? 0 : WIDTH - left;
    return _mm256_loadu_si256((const __m256i *)(const void *)(table + start));
}

KERNEL OM_SIMD_INLINE void dot_step(struct sums *s, const float *x, const float *y)
{
    s->a = _mm256_fmadd_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(y), s->a);
    s->b = _mm256_fmadd_ps(_mm256_loadu_ps(x + 8), _mm256_loadu_ps(y + 8), s->b);
    s->c = _mm256_fmadd_ps(_mm256_loadu_ps(x + 16), _mm256_loadu_ps(y + 16), s->c);
    s->d = _mm256_fmadd_ps(_mm256_loadu_ps(x + 24), _mm256_loadu_ps(y + 24), s->d);
}

KERNEL OM_SIMD_INLINE void dot_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    __m256i m = mask_of(left);
    s->a = _mm256_fmadd_ps(_mm256_maskload_ps(x, m), _mm256_maskload_ps(y, m), s->a);
}

KERNEL OM_SIMD_INLINE __m256 square_add(__m256 x, __m256 y, __m256 sum)
{
    __m256 difference = _mm256_sub_ps(x, y);
    return _mm256_fmadd_ps(difference, difference, sum);
}

KERNEL OM_SIMD_INLINE void l2sq_step(struct sums *s, const float *x, const float *y)
{
    s->a = square_add(_mm256_loadu_ps(x), _mm256_loadu_ps(y), s->a);
    s->b = square_add(_mm256_loadu_ps(x + 8), _mm256_loadu_ps(y + 8), s->b);
    s->c = square_add(_mm256_loadu_ps(x + 16), _mm256_loadu_ps(y + 16), s->c);
    s->d = square_add(_mm256_loadu_ps(x + 24), _mm256_loadu_ps(y + 24), s->d);
}

KERNEL OM_SIMD_INLINE void l2sq_rest(struct sums *s, const float *x, const float *y, size_t left)
{
    __m256i m = mask_of(left);
    s->a = square_add(_mm256_maskload_ps(x, m), _mm256_maskload_ps(y, m), s->a);
}

#include "simd/simd_walk_int.h"

KERNEL static double avx2_norm(const float *a, size_t dimension)
{
    __m256d low = _mm256_setzero_pd();
    __m256d high = _mm256_setzero_pd();
    for (size_t i = 0; i < dimension; i += WIDTH) {
        __m256 x = _mm256_maskload_ps(a + i, mask_of(dimension - i));
        __m256d x_low = _mm256_cvtps_pd(_mm256_castps256_ps128(x));
        __m256d x_high = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
        low = _mm256_fmadd_pd(x_low, x_low, low);
        high = _mm256_fmadd_pd(x_high, x_high, high);
    }
    __m256d four = _mm256_add_pd(low, high);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return __builtin_sqrt(_mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two))));
}

const struct om_simd om_simd_avx2 = {
    .name = "avx2",
    .dot = walk_dot,
    .l2sq = walk_l2sq,
    .norm = avx2_norm,
    .dot_rows = walk_dot_rows,
    .l2sq_rows = walk_l2sq_rows,
};

#endif
