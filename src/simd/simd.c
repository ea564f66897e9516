/* simd.c -- which row of kernels this CPU gets.
 *
 * A table of {row, does this CPU run it}, best first. The choice is a pure function of the CPU, so
 * it needs no lock: threads that race at the first call store the same pointer. The rows are static
 * const, so the pointer's target is always complete and relaxed order is enough.
 *
 * Kernels are compiled for their CPU by a target attribute in their own file. Rejected: -march per
 * file (the compiler may then use AVX-512 in any inline function of a shared header, and the linker
 * may keep that copy for all callers) and IFUNC (not everywhere, and unforceable in a test). */
#include "simd/simd.h"

#include <stdatomic.h>
#include <string.h>

#include "simd/simd_rows_int.h"

static bool runs_always(void)
{
    return true;
}

#if defined(__x86_64__)
/* The builtins also ask the operating system (XGETBV) whether it saves the wide registers. */
static bool runs_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static const struct candidate {
    const struct om_simd *row;
    bool (*runs)(void);
} candidates[] = {
#if defined(__x86_64__)
    {&om_simd_avx512, runs_avx512},
    {&om_simd_avx2, runs_avx2},
#endif
#if defined(__aarch64__)
    {&om_simd_neon, runs_always},
#endif
    {&om_simd_scalar, runs_always},
};

enum { CANDIDATE_COUNT = sizeof(candidates) / sizeof(candidates[0]) };

static _Atomic(const struct om_simd *) in_force;

const struct om_simd *om_simd_available(size_t index)
{
    for (size_t i = 0; i < CANDIDATE_COUNT; i++) {
        if (candidates[i].runs() && index-- == 0) {
            return candidates[i].row;
        }
    }
    return NULL;
}

const struct om_simd *om_simd_kernels(void)
{
    const struct om_simd *row = atomic_load_explicit(&in_force, memory_order_relaxed);
    if (row == NULL) {
        row = om_simd_available(0);
        atomic_store_explicit(&in_force, row, memory_order_relaxed);
    }
    return row;
}

const char *om_simd_row(void)
{
    return om_simd_kernels()->name;
}

bool om_simd_force(const char *name)
{
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        if (name == NULL || strcmp(row->name, name) == 0) {
            atomic_store_explicit(&in_force, row, memory_order_relaxed);
            return true;
        }
    }
    return false;
}
