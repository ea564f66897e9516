/* simd_rows_int.h -- the rows that simd.c chooses from; a row exists where its CPU family does. */
#ifndef OM_SIMD_ROWS_INT_H
#define OM_SIMD_ROWS_INT_H

#include "simd/simd.h"

#if defined(__x86_64__)
extern const struct om_simd om_simd_avx512;
extern const struct om_simd om_simd_avx2;
#endif
#if defined(__aarch64__)
extern const struct om_simd om_simd_neon;
#endif
extern const struct om_simd om_simd_scalar;

/* Every kernel that is inlined into another of its file: also at -Og, where a vector passed between
 * functions would go through memory. */
#define OM_SIMD_INLINE static inline __attribute__((always_inline))

#endif
