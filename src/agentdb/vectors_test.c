/* The working set of a space: what is taken and refused, scores, visibility, erasure, memory. The
 * random comparison with a model stands in vectors_model_test.c, threads in
 * vectors_stress_test.c. */
#include "support/support.h"

#include <float.h>
#include <math.h>

#include "agentdb/vectors.h"
#include "simd/simd.h"

static struct om_vectors *make_set(uint32_t dimension, enum om_metric metric)
{
    const struct om_vectors_options options = {
        .alloc = om_alloc_default(), .name = "notes", .dimension = dimension, .metric = metric};
    struct om_vectors *v;
    assert_ok(om_vectors_new(&options, &v));
    return v;
}

static size_t search(struct om_vectors *v, const float *values, uint64_t snapshot,
                     struct om_vector_hit hits[], size_t k)
{
    struct om_vectors_query query;
    unsigned ticket = om_vectors_enter(v);
    assert_ok(om_vectors_query(v, values, om_vectors_dimension(v), snapshot, &query));
    size_t count = om_vectors_search(v, &query, NULL, k, hits);
    om_vectors_leave(v, ticket);
    return count;
}

static float score_of(struct om_vectors *v, uint32_t item, const float *values)
{
    struct om_vectors_query query;
    float score = NAN;
    unsigned ticket = om_vectors_enter(v);
    assert_ok(om_vectors_query(v, values, om_vectors_dimension(v), UINT64_MAX - 1, &query));
    assert_true(om_vectors_score(v, &query, item, &score));
    om_vectors_leave(v, ticket);
    return score;
}

static struct om_vectors_usage usage_of(const struct om_vectors *v)
{
    struct om_vectors_usage usage;
    om_vectors_memory(v, &usage);
    return usage;
}

static void assert_valid(const struct om_vectors *v)
{
    const char *why = om_vectors_validate(v);
    if (why != NULL) {
        fail_msg("%s", why);
    }
}

static void test_finds_the_nearest_by_each_metric(void **state)
{
    (void)state;
    const float rows[3][2] = {{3, 0}, {1, 1}, {0, 2}};
    const float query[2] = {1, 0.5f};
    const float wanted[3][3] = {
        [OM_METRIC_COSINE] = {0.8944272f, 0.9486833f, 0.4472136f},
        [OM_METRIC_DOT] = {3, 1.5f, 1},
        [OM_METRIC_L2] = {-4.25f, -0.25f, -3.25f},
    };
    const uint32_t best[3] = {[OM_METRIC_COSINE] = 1, [OM_METRIC_DOT] = 0, [OM_METRIC_L2] = 1};
    for (int metric = 0; metric < 3; metric++) {
        struct om_vectors *v = make_set(2, (enum om_metric)metric);
        assert_int_equal(om_vectors_metric(v), metric);
        for (uint32_t item = 0; item < 3; item++) {
            assert_ok(om_vectors_add(v, item, 1, 1, rows[item]));
        }
        for (uint32_t item = 0; item < 3; item++) {
            assert_true(fabsf(score_of(v, item, query) - wanted[metric][item]) < 1e-6f);
        }
        struct om_vector_hit hits[10];
        assert_int_equal(search(v, query, 1, hits, 10), 3);
        assert_int_equal(hits[0].item, best[metric]);
        assert_valid(v);
        om_vectors_free(v);
    }
}

static void test_equal_scores_come_older_first(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(3, OM_METRIC_COSINE);
    const float same[3] = {1, 2, 3};
    const uint32_t items[] = {90, 3, 2000000, 17, 0};
    const uint32_t wanted[] = {0, 3, 17, 90, 2000000};
    for (size_t i = 0; i < 5; i++) {
        assert_ok(om_vectors_add(v, items[i], 1, 1, same));
    }
    struct om_vector_hit hits[5];
    for (size_t k = 1; k <= 5; k++) {
        assert_int_equal(search(v, same, 1, hits, k), k);
        for (size_t i = 0; i < k; i++) {
            assert_int_equal(hits[i].item, wanted[i]);
        }
    }
    om_vectors_free(v);
}

static void test_filter_by_root_and_item(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(1, OM_METRIC_DOT);
    for (uint32_t item = 0; item < 300; item++) {
        float value = (float)item;
        assert_ok(om_vectors_add(v, item, item % 7, 1, &value));
    }
    const uint32_t roots[] = {2, 5};
    const struct om_item_filter filter = {.roots = roots, .root_count = 2};
    const float one = 1;
    struct om_vectors_query query;
    struct om_vector_hit hits[300];
    unsigned ticket = om_vectors_enter(v);
    assert_ok(om_vectors_query(v, &one, 1, 1, &query));
    assert_int_equal(om_vectors_search(v, &query, &filter, 300, hits), 86);
    om_vectors_leave(v, ticket);
    for (size_t i = 0; i < 86; i++) {
        assert_true(hits[i].item % 7 == 2 || hits[i].item % 7 == 5);
        assert_true(i == 0 || hits[i].item < hits[i - 1].item);
    }
    om_vectors_free(v);
}

static void test_each_snapshot_sees_its_own_time(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(1, OM_METRIC_DOT);
    const float values[] = {10, 20};
    const float one = 1;
    struct om_vector_hit hit;
    unsigned ticket = om_vectors_enter(v);
    assert_ok(om_vectors_add(v, 4, 1, 5, &values[0]));
    assert_ok(om_vectors_add(v, 4, 1, 8, &values[1]));
    assert_true(om_vectors_remove(v, 4, 11));
    assert_false(om_vectors_remove(v, 4, 12));
    const float wanted[] = {0, 0, 0, 0, 0, 10, 10, 10, 20, 20, 20, 0, 0};
    for (uint64_t s = 0; s < OM_COUNT_OF(wanted); s++) {
        float value = 0;
        size_t count = wanted[s] > 0;
        assert_int_equal(search(v, &one, s, &hit, 1), count);
        assert_int_equal(om_vectors_get(v, 4, s, &value), count);
        assert_true(value == wanted[s]);
        assert_true(count == 0 || hit.score == wanted[s]);
    }
    om_vectors_leave(v, ticket);
    assert_valid(v);
    om_vectors_free(v);
}

static void test_a_vector_comes_back_as_it_was_given(void **state)
{
    (void)state;
    const uint32_t dimensions[] = {1, 15, 16, 17, 768, 8192};
    for (size_t i = 0; i < OM_COUNT_OF(dimensions); i++) {
        uint32_t dimension = dimensions[i];
        struct om_vectors *v = make_set(dimension, OM_METRIC_COSINE);
        /* One byte off: inputs need no alignment. */
        char given[8192 * sizeof(float) + 1];
        float got[8192];
        for (uint32_t j = 0; j < dimension; j++) {
            float value = (float)j * 0.7f - 3.0f;
            memcpy(given + 1 + j * sizeof value, &value, sizeof value);
        }
        assert_ok(om_vectors_add(v, 7, 1, 1, given + 1));
        unsigned ticket = om_vectors_enter(v);
        assert_true(om_vectors_get(v, 7, 1, got));
        assert_false(om_vectors_get(v, 8, 1, got));
        om_vectors_leave(v, ticket);
        assert_memory_equal(got, given + 1, dimension * sizeof(float));
        assert_valid(v);
        om_vectors_free(v);
    }
}

static void test_bad_vectors_are_refused_by_name(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(3, OM_METRIC_COSINE);
    struct om_vectors_query query;
    float values[3] = {1, NAN, 1};
    assert_status(om_vectors_add(v, 0, 1, 1, values), OMEGA_EINVAL);
    assert_error_says("'notes' has NaN at index 1");
    values[1] = 1;
    values[2] = -INFINITY;
    assert_status(om_vectors_check(v, values, 3), OMEGA_EINVAL);
    assert_error_says("an infinity at index 2");
    assert_status(om_vectors_query(v, values, 3, 1, &query), OMEGA_EINVAL);
    assert_status(om_vectors_check(v, values, 4), OMEGA_EINVAL);
    assert_error_says("dimension 4 for space 'notes' of dimension 3");
    assert_int_equal(usage_of(v).live, 0);
    assert_false(om_vectors_remove(v, 0, 1));
    assert_false(om_vectors_remove(v, UINT32_MAX, 1));
    assert_valid(v);
    om_vectors_free(v);
}

static void test_bad_dimensions_are_refused(void **state)
{
    (void)state;
    const uint32_t dimensions[] = {0, 8193, UINT32_MAX};
    for (size_t i = 0; i < OM_COUNT_OF(dimensions); i++) {
        const struct om_vectors_options options = {
            .alloc = om_alloc_default(), .name = "notes", .dimension = dimensions[i]};
        struct om_vectors *v;
        assert_status(om_vectors_new(&options, &v), OMEGA_EINVAL);
        assert_error_says("allowed is 1..8192");
        assert_null(v);
    }
    om_vectors_free(NULL);
}

static void test_cosine_at_the_ends_of_the_range(void **state)
{
    (void)state;
    const float rows[][2] = {{0, 0},
                             {1e-45f, 0},
                             {3e-42f, 4e-42f},
                             {3e38f, 3e38f},
                             {1e-15f, -1e-15f},
                             {-2e15f, 2e15f},
                             {3e-20f, 4e-20f},
                             {1, 0}};
    const float queries[][2] = {{1, 0}, {1e-44f, 1e-44f}, {3e38f, -3e38f}, {0, 0}, {5, 5}};
    struct om_vectors *v = make_set(2, OM_METRIC_COSINE);
    for (uint32_t i = 0; i < OM_COUNT_OF(rows); i++) {
        assert_ok(om_vectors_add(v, i, 1, 1, rows[i]));
    }
    for (uint32_t i = 0; i < OM_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < OM_COUNT_OF(queries); j++) {
            double a = hypot((double)rows[i][0], (double)rows[i][1]);
            double b = hypot((double)queries[j][0], (double)queries[j][1]);
            double dot = om_simd_dot_exact(rows[i], queries[j], 2);
            double wanted = a > 0 && b > 0 ? dot / a / b : 0;
            assert_true(fabs((double)score_of(v, i, queries[j]) - wanted) < 1e-6);
        }
    }
    assert_valid(v);
    om_vectors_free(v);
}

static void test_overflowing_scores_stay_finite(void **state)
{
    (void)state;
    const float rows[2][2] = {{3e38f, 3e38f}, {3e38f, -3e38f}};
    struct om_vectors *dot = make_set(2, OM_METRIC_DOT);
    struct om_vectors *l2 = make_set(2, OM_METRIC_L2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_ok(om_vectors_add(dot, i, 1, 1, rows[i]));
        assert_ok(om_vectors_add(l2, i, 1, 1, rows[i]));
    }
    assert_true(score_of(dot, 0, rows[0]) == FLT_MAX);
    assert_true(score_of(dot, 1, rows[0]) == 0); /* inf - inf in f32 */
    assert_true(score_of(l2, 1, rows[0]) == -FLT_MAX);
    assert_true(score_of(l2, 0, rows[0]) == 0);
    assert_false(signbit(score_of(l2, 0, rows[0])));
    om_vectors_free(dot);
    om_vectors_free(l2);
}

static void test_erasure_waits_for_readers_and_zeroes(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(64, OM_METRIC_L2);
    float values[64];
    float got[64];
    for (int i = 0; i < 64; i++) {
        values[i] = (float)(i + 1);
    }
    assert_ok(om_vectors_add(v, 1, 1, 1, values));
    assert_ok(om_vectors_add(v, 2, 1, 1, values));
    unsigned ticket = om_vectors_enter(v);
    assert_true(om_vectors_remove(v, 1, 2));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(om_vectors_reclaim(v), 1);
    }
    assert_true(om_vectors_get(v, 1, 1, got));
    assert_memory_equal(got, values, sizeof got);
    om_vectors_leave(v, ticket);
    for (int i = 0; i < 3 && om_vectors_reclaim(v) > 0; i++) {
    }
    assert_int_equal(usage_of(v).waiting, 0);
    assert_int_equal(usage_of(v).live, 1);
    ticket = om_vectors_enter(v);
    assert_false(om_vectors_get(v, 1, 1, got));
    om_vectors_leave(v, ticket);
    assert_valid(v); /* says so if the free slot is not zero */
    om_vectors_free(v);
}

static void test_slots_are_used_again(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(100, OM_METRIC_COSINE);
    float values[100];
    for (int i = 0; i < 100; i++) {
        values[i] = (float)i;
    }
    uint64_t seq = 1;
    for (uint32_t item = 0; item < 50; item++) {
        assert_ok(om_vectors_add(v, item, 1, seq++, values));
    }
    uint64_t bytes = 0;
    for (uint32_t round = 0; round < 1000; round++) {
        assert_true(om_vectors_remove(v, round % 50, seq));
        assert_ok(om_vectors_add(v, round % 50, 1, seq++, values));
        (void)om_vectors_reclaim(v);
        if (round == 10) {
            bytes = usage_of(v).bytes;
        }
        assert_true(round < 10 || usage_of(v).bytes == bytes);
    }
    assert_int_equal(usage_of(v).live, 50);
    assert_valid(v);
    om_vectors_free(v);
}

static void test_deletes_give_memory_back(void **state)
{
    (void)state;
    enum { DIMENSION = 8192, ITEMS = 1200 };
    static float values[DIMENSION] = {1, 2, 3};
    struct om_vectors *v = make_set(DIMENSION, OM_METRIC_DOT);
    for (uint32_t item = 0; item < ITEMS; item++) {
        assert_ok(om_vectors_add(v, item, 1, 1, values));
    }
    assert_true(usage_of(v).bytes > (uint64_t)ITEMS * DIMENSION * sizeof(float));
    for (uint32_t item = 0; item < ITEMS; item++) {
        assert_true(om_vectors_remove(v, item, 2));
    }
    while (om_vectors_reclaim(v) > 0) {
    }
    assert_true(usage_of(v).bytes < 200000);
    assert_valid(v);
    struct om_vector_hit hit;
    assert_int_equal(search(v, values, 2, &hit, 1), 0);
    assert_ok(om_vectors_add(v, 7, 1, 3, values));
    assert_int_equal(search(v, values, 3, &hit, 1), 1);
    assert_int_equal(hit.item, 7);
    assert_valid(v);
    om_vectors_free(v);
}

static void test_what_is_reserved_cannot_fail(void **state)
{
    (void)state;
    struct om_vectors *v = make_set(4, OM_METRIC_COSINE);
    const float values[4] = {1, 2, 3, 4};
    uint32_t items[5000];
    for (uint32_t i = 0; i < 5000; i++) {
        items[i] = i * 700001u;
    }
    assert_ok(om_vectors_reserve(v, items, 5000));
    om_test_fail_alloc(1, true);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_ok(om_vectors_add(v, items[i], 1, 1, values));
    }
    om_test_fail_alloc(0, false);
    assert_int_equal(usage_of(v).live, 5000);
    assert_valid(v);
    om_vectors_free(v);
}

static omega_status whole_life(void *context)
{
    (void)context;
    const struct om_vectors_options options = {.alloc = om_alloc_default(),
                                               .name = "notes",
                                               .dimension = 8192,
                                               .metric = OM_METRIC_COSINE};
    static float values[8192] = {3, 4};
    struct om_vectors *v;
    omega_status status = om_vectors_new(&options, &v);
    /* Far apart, and more than a chunk: every table grows. */
    for (uint32_t i = 0; status == OMEGA_OK && i < 600; i++) {
        status = om_vectors_add(v, i % 3 * 3000000u + i, 1, 1, values);
    }
    struct om_vector_hit hits[3];
    if (v != NULL) {
        assert_valid(v);
        struct om_vectors_usage usage = usage_of(v);
        assert_int_equal(search(v, values, 1, hits, 3), OM_MIN(3, usage.live));
    }
    om_vectors_free(v);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(whole_life, NULL) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_nearest_by_each_metric),
        cmocka_unit_test(test_equal_scores_come_older_first),
        cmocka_unit_test(test_filter_by_root_and_item),
        cmocka_unit_test(test_each_snapshot_sees_its_own_time),
        cmocka_unit_test(test_a_vector_comes_back_as_it_was_given),
        cmocka_unit_test(test_bad_vectors_are_refused_by_name),
        cmocka_unit_test(test_bad_dimensions_are_refused),
        cmocka_unit_test(test_cosine_at_the_ends_of_the_range),
        cmocka_unit_test(test_overflowing_scores_stay_finite),
        cmocka_unit_test(test_erasure_waits_for_readers_and_zeroes),
        cmocka_unit_test(test_slots_are_used_again),
        cmocka_unit_test(test_deletes_give_memory_back),
        cmocka_unit_test(test_what_is_reserved_cannot_fail),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
