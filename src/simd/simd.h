/* simd.h -- distance kernels, one row of them for each kind of CPU. The facade of simd/.
 *
 * Promises: every row computes the same quantities for any dimension 1..8192 and any alignment, and
 *           never reads beyond its inputs. Sums run in a fixed order: a batch form gives, bit for
 *           bit, what its single form gives, so a score does not depend on how a scan was cut.
 *           Different rows may differ in the last bits; om_simd_check knows how much.
 * Threads:  any. The row is chosen once, at the first call; om_simd_force is for tests and benches.
 * Memory:   nothing here allocates, and nothing links beyond libc and libm.
 *
 *     const struct om_simd *simd = om_simd_kernels();
 *     float dot = simd->dot(a, b, 768); */
#ifndef OM_SIMD_H
#define OM_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` vectors of `dimension` floats, one every `stride` floats (stride >= dimension). */
struct om_simd_rows {
    const float *first;
    size_t stride;
    size_t count;
    size_t dimension;
};

/* f32 inputs, summed in f32 unless said. Finite inputs whose products overflow f32 give an infinity
 * or NaN; om_simd_dot_exact and om_simd_l2sq_exact are for those. */
struct om_simd {
    const char *name; /* "avx512", "avx2", "neon", "scalar" */
    float (*dot)(const float *a, const float *b, size_t dimension);
    float (*l2sq)(const float *a, const float *b, size_t dimension); /* squared distance */
    /* Euclidean length, summed in double: neither overflows nor underflows for finite floats. */
    double (*norm)(const float *a, size_t dimension);
    /* One query against each row; out[i] for rows.first + i * stride. */
    void (*dot_rows)(const float *query, const struct om_simd_rows *rows, float *out);
    void (*l2sq_rows)(const float *query, const struct om_simd_rows *rows, float *out);
};

/* The row in force: the best this CPU runs, unless a test forced another. */
const struct om_simd *om_simd_kernels(void);
/* Its name. */
const char *om_simd_row(void);
/* Puts another row in force; NULL goes back to the CPU's best. False, and nothing changes, when the
 * name is unknown or this CPU does not run it. */
bool om_simd_force(const char *name);
/* The rows this CPU runs, best first, "scalar" last; NULL from `index` = their count on. */
const struct om_simd *om_simd_available(size_t index);

/* Slow and exact to double precision: the oracle, and the way out when f32 overflows. */
double om_simd_dot_exact(const float *a, const float *b, size_t dimension);
double om_simd_l2sq_exact(const float *a, const float *b, size_t dimension);

/* Proves one row at one dimension against the exact sums: small integers (must be equal), random
 * values (within the bound of floating-point summation), denormals, zeros, mixed magnitudes; single
 * and batch forms, varied strides and misalignments. `scratch` holds OM_SIMD_CHECK_FLOATS; inputs
 * are laid against its end, so that a guard page there catches a read beyond. Returns NULL, or what
 * failed (static text). Needs no test framework: a plain main runs it on an emulated CPU. */
enum { OM_SIMD_CHECK_ROWS = 7, OM_SIMD_CHECK_FLOATS = (OM_SIMD_CHECK_ROWS + 1) * (8192 + 16) };
const char *om_simd_check(const struct om_simd *row, size_t dimension, uint64_t seed,
                          float *scratch);

#endif
