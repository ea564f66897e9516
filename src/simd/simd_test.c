/* Every row that this CPU runs, against exact sums. */
#include "support/support.h"

#include <sys/mman.h>
#include <unistd.h>

#include "simd/simd.h"

enum { SCRATCH_BYTES = OM_SIMD_CHECK_FLOATS * sizeof(float) };

/* Scratch that ends at a page nobody may read: a kernel that reads beyond a vector dies. */
struct guarded {
    char *pages;
    size_t size;
    float *scratch;
};

static int guarded_setup(void **state)
{
    static struct guarded g;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t body = (SCRATCH_BYTES + page - 1) / page * page;
    g.size = body + page;
    g.pages = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(g.pages, MAP_FAILED);
    assert_int_equal(mprotect(g.pages + body, page, PROT_NONE), 0);
    g.scratch = (float *)(void *)(g.pages + body - SCRATCH_BYTES);
    *state = &g;
    return 0;
}

static int guarded_teardown(void **state)
{
    struct guarded *g = *state;
    return munmap(g->pages, g->size);
}

static void check_row(const struct om_simd *row, size_t dimension, float *scratch)
{
    const char *why = om_simd_check(row, dimension, 7919 * dimension + 1, scratch);
    if (why != NULL) {
        fail_msg("row %s, dimension %zu: %s", row->name, dimension, why);
    }
}

static void test_each_row_at_each_small_dimension(void **state)
{
    struct guarded *g = *state;
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        for (size_t dimension = 1; dimension <= 160; dimension++) {
            check_row(row, dimension, g->scratch);
        }
    }
}

static void test_each_row_at_large_dimensions(void **state)
{
    static const size_t dimensions[] = {255,  256,  257,  383,  384,  511,  767,  768,  769, 1000,
                                        1023, 1024, 1536, 2047, 3072, 4095, 4097, 8191, 8192};
    struct guarded *g = *state;
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        for (size_t j = 0; j < sizeof(dimensions) / sizeof(dimensions[0]); j++) {
            check_row(row, dimensions[j], g->scratch);
        }
    }
}

/* A row that is wrong in one respect each, so that the check itself is known to bite. */
static float dot_short(const float *a, const float *b, size_t dimension)
{
    return om_simd_available(0)->dot(a, b, dimension > 1 ? dimension - 1 : dimension);
}

static float l2sq_biased(const float *a, const float *b, size_t dimension)
{
    return om_simd_available(0)->l2sq(a, b, dimension) * 1.00001f;
}

static double norm_in_f32(const float *a, size_t dimension)
{
    return (double)(float)om_simd_available(0)->norm(a, dimension);
}

static void dot_rows_swapped(const float *query, const struct om_simd_rows *rows, float *out)
{
    om_simd_available(0)->dot_rows(query, rows, out);
    if (rows->count > 1) {
        float kept = out[0];
        out[0] = out[1];
        out[1] = kept;
    }
}

static void test_check_finds_broken_rows(void **state)
{
    struct guarded *g = *state;
    struct om_simd broken = *om_simd_available(0);
    broken.dot = dot_short;
    assert_string_equal(om_simd_check(&broken, 768, 1, g->scratch),
                        "dot is beyond its error bound");
    broken = *om_simd_available(0);
    broken.l2sq = l2sq_biased;
    assert_string_equal(om_simd_check(&broken, 64, 1, g->scratch),
                        "l2sq is beyond its error bound");
    broken = *om_simd_available(0);
    broken.norm = norm_in_f32;
    assert_string_equal(om_simd_check(&broken, 64, 1, g->scratch),
                        "norm differs from the exact length");
    broken = *om_simd_available(0);
    broken.dot_rows = dot_rows_swapped;
    assert_string_equal(om_simd_check(&broken, 64, 1, g->scratch), "dot_rows differs from dot");
}

static void test_norm_keeps_its_range(void **state)
{
    (void)state;
    const float huge[3] = {3e38f, 3e38f, 3e38f};
    const float tiny[3] = {1e-45f, 0, 0};
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        assert_true(row->norm(huge, 3) > 5.19e38 && row->norm(huge, 3) < 5.2e38);
        assert_true(row->norm(tiny, 3) == (double)tiny[0]);
    }
}

static void test_no_rows_write_nothing(void **state)
{
    (void)state;
    const float query[4] = {1, 2, 3, 4};
    const struct om_simd_rows none = {.first = query, .stride = 4, .count = 0, .dimension = 4};
    const struct om_simd *row;
    for (size_t i = 0; (row = om_simd_available(i)) != NULL; i++) {
        float out = 42;
        row->dot_rows(query, &none, &out);
        row->l2sq_rows(query, &none, &out);
        assert_true(out == 42);
    }
}

static void test_force_changes_the_row_and_refuses_unknown(void **state)
{
    (void)state;
    const struct om_simd *best = om_simd_available(0);
    assert_ptr_equal(om_simd_kernels(), best);
    assert_false(om_simd_force("mmx"));
    assert_ptr_equal(om_simd_kernels(), best);
    assert_true(om_simd_force("scalar"));
    assert_string_equal(om_simd_row(), "scalar");
    assert_true(om_simd_force(NULL));
    assert_ptr_equal(om_simd_kernels(), best);
#if defined(__x86_64__)
    assert_false(om_simd_force("neon"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_at_each_small_dimension),
        cmocka_unit_test(test_each_row_at_large_dimensions),
        cmocka_unit_test(test_check_finds_broken_rows),
        cmocka_unit_test(test_norm_keeps_its_range),
        cmocka_unit_test(test_no_rows_write_nothing),
        cmocka_unit_test(test_force_changes_the_row_and_refuses_unknown),
    };
    return cmocka_run_group_tests(tests, guarded_setup, guarded_teardown);
}
