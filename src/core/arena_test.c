/* arena_test.c -- bump allocation, reuse, ceiling. */
#include "support/support.h"

#include "core/arena.h"
#include "core/rng.h"
#include "core/str.h"

/* Blocks of random sizes, each filled with its number: none may touch another. */
static void test_blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct om_arena arena;
    struct om_rng rng;
    unsigned char *blocks[COUNT];
    size_t sizes[COUNT];
    om_rng_seed(&rng, 1);
    om_arena_init(&arena, om_alloc_default(), 0);
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = (size_t)om_rng_below(&rng, i % 50 == 0 ? 100000 : 300);
        blocks[i] = om_arena_get(&arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 0xFF), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(blocks[i][j], i & 0xFF);
        }
    }
    om_arena_fini(&arena);
}

static void use(struct om_arena *arena)
{
    for (int i = 0; i < 40; i++) {
        assert_non_null(om_arena_get(arena, 64));
    }
}

static void test_reuse_stops_allocating(void **state)
{
    (void)state;
    struct om_arena arena;
    size_t live = om_alloc_default()->live_count;
    om_arena_init(&arena, om_alloc_default(), 0);
    use(&arena);
    assert_non_null(om_arena_get(&arena, 1 << 21));
    om_arena_reset(&arena);
    assert_int_equal(om_alloc_default()->live_count, live + 1);
    assert_int_equal(arena.total, 4096);
    om_test_fail_alloc(1, true);
    for (int round = 0; round < 10; round++) {
        use(&arena);
        om_arena_reset(&arena);
    }
    assert_false(om_test_alloc_failed());
    om_test_fail_alloc(0, false);
    om_arena_fini(&arena);
    om_arena_fini(&arena);
    om_arena_fini(NULL);
    assert_int_equal(om_alloc_default()->live_count, live);
}

static void test_texts(void **state)
{
    (void)state;
    struct om_arena arena;
    om_arena_init(&arena, om_alloc_default(), 0);
    assert_string_equal(om_arena_text(&arena, (omega_str){"hello there", 5}), "hello");
    omega_str copy = om_arena_str(&arena, OM_STR("abc"));
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.ptr, "abc");
    assert_string_equal(om_arena_text(&arena, (omega_str){NULL, 0}), "");
    assert_string_equal(om_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    unsigned char *zeros = om_arena_get0(&arena, 10, 10);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zeros[i], 0);
    }
    om_arena_fini(&arena);
}

static void test_ceiling(void **state)
{
    (void)state;
    struct om_arena arena;
    om_arena_init(&arena, om_alloc_default(), 10000);
    size_t got = 0;
    while (om_arena_get(&arena, 160) != NULL) {
        got += 160;
        assert_true(got <= 10000);
    }
    assert_true(got >= 9000);
    assert_true(arena.total <= 10000);
    om_arena_reset(&arena);
    assert_null(om_arena_get(&arena, 10001));
    om_arena_fini(&arena);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    struct om_arena arena;
    om_arena_init(&arena, om_alloc_default(), 0);
    assert_null(om_arena_get(&arena, SIZE_MAX));
    assert_null(om_arena_get(&arena, SIZE_MAX - 8));
    assert_null(om_arena_get0(&arena, SIZE_MAX / 2, 4));
    assert_null(om_arena_text(&arena, (omega_str){"", SIZE_MAX}));
    om_arena_fini(&arena);
}

static omega_status fill(void *context)
{
    (void)context;
    struct om_arena arena;
    omega_status status = OMEGA_OK;
    om_arena_init(&arena, om_alloc_default(), 0);
    for (int i = 0; i < 100 && status == OMEGA_OK; i++) {
        bool ok = om_arena_get(&arena, 500) != NULL && om_arena_printf(&arena, "%d", i) != NULL;
        status = ok ? OMEGA_OK : om_nomem();
    }
    om_arena_fini(&arena);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_in_range(om_test_oom_sweep(fill, NULL), 3, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_do_not_overlap),
        cmocka_unit_test(test_reuse_stops_allocating),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
