/* alloc_test.c -- counting, hooks, running out. */
#include "support/support.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/str.h"

struct tally {
    size_t allocated, reallocated, released;
};

static void *tally_allocate(void *context, size_t size)
{
    ((struct tally *)context)->allocated++;
    return malloc(size);
}

static void *tally_reallocate(void *context, void *ptr, size_t size)
{
    ((struct tally *)context)->reallocated++;
    return realloc(ptr, size);
}

static void tally_release(void *context, void *ptr)
{
    ((struct tally *)context)->released++;
    free(ptr);
}

static void test_counts(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    char *a = om_get(&alloc, 100);
    int *b = om_get0(&alloc, 50, sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal((uintptr_t)a % 16, 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(b[i], 0);
    }
    assert_int_equal(alloc.live_count, 2);
    assert_int_equal(alloc.live_bytes, 300);
    memset(a, 7, 100);
    a = om_resize(&alloc, a, 5000);
    assert_int_equal(a[99], 7);
    assert_int_equal(alloc.live_bytes, 5200);
    a = om_resize(&alloc, a, 10);
    assert_int_equal(a[9], 7);
    assert_int_equal(alloc.live_bytes, 210);
    om_put(&alloc, a);
    om_put(&alloc, b);
    om_put(&alloc, NULL);
    assert_int_equal(alloc.live_count, 0);
    assert_int_equal(alloc.live_bytes, 0);
}

static void test_edges(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    char *one = om_get(&alloc, 0);
    assert_non_null(one);
    one[0] = 'x';
    assert_int_equal(alloc.live_bytes, 1);
    char *none = om_get0(&alloc, 0, 8);
    assert_non_null(none);
    char *grown = om_resize(&alloc, NULL, 8);
    assert_non_null(grown);
    assert_null(om_get(&alloc, SIZE_MAX));
    assert_null(om_get(&alloc, (size_t)PTRDIFF_MAX));
    assert_null(om_get0(&alloc, SIZE_MAX / 2, 3));
    assert_null(om_resize(&alloc, grown, SIZE_MAX - 3));
    char *text = om_get_text(&alloc, (omega_str){"abcdef", 3});
    assert_string_equal(text, "abc");
    char *empty = om_get_text(&alloc, (omega_str){NULL, 0});
    assert_string_equal(empty, "");
    assert_null(om_get_text(&alloc, (omega_str){"", SIZE_MAX}));
    om_put(&alloc, one);
    om_put(&alloc, none);
    om_put(&alloc, grown);
    om_put(&alloc, text);
    om_put(&alloc, empty);
    assert_int_equal(alloc.live_count, 0);
}

static void test_hooks_are_used(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct om_alloc_hooks hooks = {tally_allocate, tally_reallocate, tally_release, &tally};
    struct om_alloc alloc;
    om_alloc_init(&alloc, &hooks);
    void *ptr = om_get(&alloc, 1);
    ptr = om_resize(&alloc, ptr, 2);
    om_put(&alloc, ptr);
    assert_int_equal(tally.allocated, 1);
    assert_int_equal(tally.reallocated, 1);
    assert_int_equal(tally.released, 1);
}

static void test_out_of_memory_leaves_the_old(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    om_test_fail_alloc(1, false);
    assert_null(om_get(&alloc, 8));
    assert_true(om_test_alloc_failed());
    char *ptr = om_get(&alloc, 8);
    assert_non_null(ptr);
    memcpy(ptr, "content", 8);
    om_test_fail_alloc(1, true);
    assert_null(om_resize(&alloc, ptr, 800));
    assert_null(om_get0(&alloc, 1, 1));
    assert_null(om_get_text(&alloc, OM_STR("x")));
    om_test_fail_alloc(0, false);
    assert_string_equal(ptr, "content");
    assert_int_equal(alloc.live_count, 1);
    assert_int_equal(alloc.live_bytes, 8);
    om_put(&alloc, ptr);
    assert_status(om_nomem(), OMEGA_ENOMEM);
}

static omega_status three_blocks(void *context)
{
    struct om_alloc *alloc = context;
    omega_status status = OMEGA_OK;
    void *blocks[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3 && status == OMEGA_OK; i++) {
        blocks[i] = om_get(alloc, 10);
        status = blocks[i] != NULL ? OMEGA_OK : om_nomem();
    }
    for (int i = 0; i < 3; i++) {
        om_put(alloc, blocks[i]);
    }
    return status;
}

static void test_the_sweep_counts(void **state)
{
    (void)state;
    assert_int_equal(om_test_oom_sweep(three_blocks, om_alloc_default()), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_hooks_are_used),
        cmocka_unit_test(test_out_of_memory_leaves_the_old),
        cmocka_unit_test(test_the_sweep_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
