/* simd_main.c -- the kernel rows of a foreign CPU, proven under an emulator.
 *
 * A plain program, because cmocka is not there for the foreign CPU:
 *     aarch64-linux-gnu-gcc -O2 -static -Isrc tests/arm/simd_main.c src/simd/simd*.c -lm
 * (without simd_test.c), run by qemu-aarch64. Ends with 0 when every row agrees with the exact
 * sums, and prints one line for each row. */
#include <stdio.h>

#include "simd/simd.h"

static float scratch[OM_SIMD_CHECK_FLOATS];

static int check_row(const struct om_simd *row)
{
    size_t checked = 0;
    for (size_t dimension = 1; dimension <= 8192; dimension += dimension < 160 ? 1 : 997) {
        const char *why = om_simd_check(row, dimension, 7919 * dimension + 1, scratch);
        if (why != NULL) {
            printf("%s: dimension %zu: %s\n", row->name, dimension, why);
            return 1;
        }
        checked++;
    }
    printf("%s: %zu dimensions agree with the exact sums\n", row->name, checked);
    return 0;
}

int main(void)
{
    int failed = 0;
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        failed |= check_row(row);
    }
#if defined(__aarch64__)
    if (om_simd_available(1) == NULL) {
        printf("the neon row is missing\n");
        return 1;
    }
#endif
    return failed;
}
