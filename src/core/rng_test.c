/* rng_test.c -- the published sequence, fair draws, ids that ascend whatever the clock does. */
#include "support/support.h"

#include <stdlib.h>

#include "core/rng.h"
#include "core/str.h"

/* xoshiro256** from the state {1, 2, 3, 4}: the first outputs of the authors' C code. */
static void test_reference_sequence(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240),
                                      UINT64_C(1216172134540287360)};
    struct om_rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < OM_COUNT_OF(wanted); i++) {
        assert_true(om_rng_u64(&rng) == wanted[i]);
    }
    /* splitmix64 from 0 begins like this (Steele, Lea & Flood 2014). */
    om_rng_seed(&rng, 0);
    assert_true(rng.state[0] == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(rng.state[1] == UINT64_C(0x6E789E6AA1B965F4));
}

static void test_seeds(void **state)
{
    (void)state;
    struct om_rng a, b;
    om_rng_seed(&a, 42);
    om_rng_seed(&b, 42);
    assert_true(om_rng_u64(&a) == om_rng_u64(&b));
    om_rng_seed(&b, 43);
    assert_true(om_rng_u64(&a) != om_rng_u64(&b));
    om_rng_seed_system(&a);
    om_rng_seed_system(&b);
    assert_true(om_rng_u64(&a) != om_rng_u64(&b));
}

static void test_draws_are_fair(void **state)
{
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    struct om_rng rng;
    unsigned counts[BOUND] = {0};
    double sum = 0;
    om_rng_seed(&rng, 1);
    for (int i = 0; i < DRAWS; i++) {
        counts[om_rng_below(&rng, BOUND)]++;
        double unit = om_rng_unit(&rng);
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
    }
    for (int i = 0; i < BOUND; i++) {
        assert_in_range(counts[i], 9600, 10400); /* 4 standard deviations are 370 */
    }
    assert_true(sum > DRAWS * 0.495 && sum < DRAWS * 0.505);
    for (int i = 0; i < 1000; i++) {
        assert_true(om_rng_below(&rng, 1) == 0);
    }
    /* Without rejection every third value below 3 * 2^62 would come twice as often. */
    unsigned thirds[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        thirds[om_rng_below(&rng, UINT64_C(3) << 62) % 3]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(thirds[i], DRAWS / 3 - 600, DRAWS / 3 + 600);
    }
}

static int64_t unsteady_wall(void *context)
{
    return *(int64_t *)context;
}

static int compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct om_uuid));
}

static int64_t ms_of(struct om_uuid uuid)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | uuid.bytes[i];
    }
    return ms;
}

static void test_ids_ascend_when_the_clock_steps_back(void **state)
{
    (void)state;
    int64_t wall = 1785585600000;
    struct om_clock clock = {unsteady_wall, unsteady_wall, &wall};
    struct om_uuid_source source;
    struct om_rng rng;
    om_rng_seed(&rng, 5);
    om_uuid_source_init(&source, &clock, 1);
    struct om_uuid last = om_uuid_new(&source);
    assert_true(ms_of(last) == wall);
    for (int i = 0; i < 200000; i++) {
        struct om_uuid next = om_uuid_new(&source);
        assert_true(compare_uuids(&last, &next) < 0);
        assert_int_equal(next.bytes[6] >> 4, 7);
        assert_int_equal(next.bytes[8] >> 6, 2);
        last = next;
        /* Forward a little, sometimes back an hour. */
        wall += om_rng_below(&rng, 100) == 0 ? -3600000 : (int64_t)om_rng_below(&rng, 40);
    }
    wall = -5;
    struct om_uuid early = om_uuid_new(&source);
    assert_true(compare_uuids(&last, &early) < 0);
    wall = INT64_MAX;
    struct om_uuid late = om_uuid_new(&source);
    assert_true(compare_uuids(&early, &late) < 0);
    assert_true(ms_of(late) == (INT64_C(1) << 48) - 1);
    om_uuid_source_fini(&source);
    om_uuid_source_fini(NULL);
}

/* A frozen clock: the counter is spent, then the millisecond moves by hand. */
static void test_a_spent_counter(void **state)
{
    (void)state;
    int64_t wall = 1000;
    struct om_clock clock = {unsteady_wall, unsteady_wall, &wall};
    struct om_uuid_source source;
    om_uuid_source_init(&source, &clock, 7);
    struct om_uuid last = om_uuid_new(&source);
    source.counter = (1U << 26) - 3;
    for (int i = 0; i < 10; i++) {
        struct om_uuid next = om_uuid_new(&source);
        assert_true(i == 0 || compare_uuids(&last, &next) < 0);
        last = next;
    }
    assert_true(ms_of(last) == 1001);
    om_uuid_source_fini(&source);
}

enum { THREADS = 4, IDS = 20000 };

struct maker {
    struct om_uuid_source *source;
    struct om_uuid ids[IDS];
};

static void make_ids(void *context)
{
    struct maker *maker = context;
    for (int i = 0; i < IDS; i++) {
        maker->ids[i] = om_uuid_new(maker->source);
    }
}

static void test_threads_share_a_source(void **state)
{
    (void)state;
    struct om_uuid_source source;
    struct om_thread threads[THREADS];
    struct maker *makers = calloc(THREADS, sizeof *makers);
    assert_non_null(makers);
    om_uuid_source_init(&source, om_clock_system(), 0);
    for (int i = 0; i < THREADS; i++) {
        makers[i].source = &source;
        assert_ok(om_thread_start(&threads[i], "ids", make_ids, &makers[i]));
    }
    struct om_uuid *all = calloc((size_t)THREADS * IDS, sizeof *all);
    assert_non_null(all);
    for (size_t i = 0; i < THREADS; i++) {
        om_thread_join(&threads[i]);
        for (size_t j = 1; j < IDS; j++) {
            assert_true(compare_uuids(&makers[i].ids[j - 1], &makers[i].ids[j]) < 0);
        }
        memcpy(all + i * IDS, makers[i].ids, sizeof makers[i].ids);
    }
    qsort(all, (size_t)THREADS * IDS, sizeof *all, compare_uuids);
    for (size_t i = 1; i < (size_t)THREADS * IDS; i++) {
        assert_true(compare_uuids(&all[i - 1], &all[i]) != 0);
    }
    free(all);
    free(makers);
    om_uuid_source_fini(&source);
}

static void test_text_and_back(void **state)
{
    (void)state;
    struct om_uuid uuid, again;
    assert_ok(om_uuid_parse(OM_STR("01890A5D-ac96-774b-bcce-b302099a8057"), &uuid));
    assert_int_equal(uuid.bytes[0], 1);
    assert_int_equal(uuid.bytes[15], 0x57);
    assert_string_equal(om_uuid_text(uuid).text, "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_false(om_uuid_is_nil(uuid));
    assert_ok(om_uuid_parse(OM_STR("00000000-0000-0000-0000-000000000000"), &again));
    assert_true(om_uuid_is_nil(again));
    assert_false(om_uuid_eq(uuid, again));
    static const char *const bad[] = {"",
                                      "01890a5d-ac96-774b-bcce-b302099a805",
                                      "01890a5d-ac96-774b-bcce-b302099a80571",
                                      "01890a5dxac96-774b-bcce-b302099a8057",
                                      "01890a5d-ac96-774b-bcce-b302099a805g",
                                      "01890a5d-ac96-774b-bcceb-302099a8057",
                                      "{1890a5d-ac96-774b-bcce-b302099a805}"};
    again = uuid;
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        assert_status(om_uuid_parse(omega_str_of(bad[i]), &again), OMEGA_EINVAL);
        assert_error_says("36 characters");
    }
    assert_true(om_uuid_eq(again, uuid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_sequence),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_draws_are_fair),
        cmocka_unit_test(test_ids_ascend_when_the_clock_steps_back),
        cmocka_unit_test(test_a_spent_counter),
        cmocka_unit_test(test_threads_share_a_source),
        cmocka_unit_test(test_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
