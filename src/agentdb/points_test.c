/* points_test.c -- callers' points: every call against a plain table, spaces, damage, misuse. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agentdb/agentdb.h"

enum { DIMENSION = 6, KEYS = 40 };

struct home {
    char dir[256];
    struct om_alloc alloc;
    struct om_fake_clock clock;
    struct om_uuid_source ids;
    struct om_spaces *spaces;
    struct om_points *points;
    struct om_store *store;
    struct om_point_context context;
};

static void home_start(struct home *home)
{
    static const struct om_schema *const schemas[] = {&om_agentdb_schema, &om_points_schema};
    size_t count = 0;
    assert_ok(om_spaces_new(&home->alloc, NULL, &home->spaces));
    assert_ok(om_points_new(&home->alloc, home->spaces, &home->points));
    struct om_store_options options = {.alloc = &home->alloc,
                                       .clock = &home->clock.clock,
                                       .dir = home->dir,
                                       .schemas = schemas,
                                       .schema_count = OM_COUNT_OF(schemas)};
    options.kinds = om_points_kinds(home->points, &count);
    options.kind_count = count;
    assert_ok(om_store_open(&options, &home->store));
    assert_ok(om_points_load(home->points, home->store));
    home->context = (struct om_point_context){home->store, &home->ids, &home->clock.clock,
                                              OM_DURABILITY_DEFAULT};
}

static void home_stop(struct home *home)
{
    om_store_close(home->store);
    om_points_free(home->points);
    om_spaces_free(home->spaces);
}

static void home_open(struct home *home)
{
    memset(home, 0, sizeof *home);
    om_test_dir(home->dir, sizeof home->dir);
    om_alloc_init(&home->alloc, NULL);
    om_fake_clock_init(&home->clock, 1000);
    om_uuid_source_init(&home->ids, &home->clock.clock, 9);
    home_start(home);
}

static void home_close(struct home *home)
{
    home_stop(home);
    om_uuid_source_fini(&home->ids);
    om_test_dir_remove(home->dir);
    assert_int_equal(atomic_load(&home->alloc.live_count), 0);
}

static omega_vector_add_options adding(const omega_point *points, size_t count)
{
    omega_vector_add_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.space = OM_STR("things");
    options.points = points;
    options.count = count;
    options.dimension = DIMENSION;
    options.write.durability = OMEGA_DURABILITY_PROCESS;
    return options;
}

static omega_status add_one(struct home *home, const char *key, const float *values,
                            const char *metadata)
{
    omega_point point = {omega_str_of(key), values, omega_str_of(metadata)};
    omega_vector_add_options options = adding(&point, 1);
    return om_points_add(home->points, &home->context, &options);
}

static omega_status delete_one(struct home *home, const char *key)
{
    omega_vector_delete_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.space = OM_STR("things");
    options.key = omega_str_of(key);
    options.write.durability = OMEGA_DURABILITY_PROCESS;
    return om_points_delete(home->points, &home->context, &options);
}

static omega_vector_search_options searching(const float *query, unsigned k)
{
    omega_vector_search_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.space = OM_STR("things");
    options.query = query;
    options.dimension = DIMENSION;
    options.k = k;
    options.with_values = true;
    return options;
}

/* ---- Against a table ------------------------------------------------------------------------- */

struct known {
    bool there;
    float values[DIMENSION];
    int n;
    double score;
};

static struct known table[KEYS];

static double cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < DIMENSION; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static int compare_known(const void *left, const void *right)
{
    const struct known *a = *(const struct known *const *)left;
    const struct known *b = *(const struct known *const *)right;
    return (a->score < b->score) - (a->score > b->score);
}

static void check_search(struct home *home, const float *query)
{
    const struct known *wanted[KEYS];
    size_t count = 0;
    omega_vectors *found = NULL;
    omega_vector_search_options options = searching(query, 7);
    for (int i = 0; i < KEYS; i++) {
        if (table[i].there) {
            table[i].score = cosine(query, table[i].values);
            wanted[count++] = &table[i];
        }
    }
    qsort(wanted, count, sizeof wanted[0], compare_known);
    assert_ok(om_points_search(home->points, home->store, &options, &found));
    assert_int_equal(om_point_list_count(found), OM_MIN(count, (size_t)7));
    for (size_t i = 0; i < om_point_list_count(found); i++) {
        const omega_vector *got = om_point_list_at(found, i);
        char key[16];
        char metadata[32];
        (void)snprintf(key, sizeof key, "k%d", (int)(wanted[i] - table));
        (void)snprintf(metadata, sizeof metadata, "{\"n\":%d}", wanted[i]->n);
        assert_true(fabs(got->score - wanted[i]->score) < 1e-5);
        assert_true(om_str_eq_text(got->key, key));
        assert_true(om_str_eq_text(got->metadata_json, metadata));
        assert_memory_equal(got->values, wanted[i]->values, sizeof wanted[i]->values);
    }
    om_point_list_free(found);
}

static void random_values(struct om_rng *rng, float *out)
{
    for (int i = 0; i < DIMENSION; i++) {
        out[i] = (float)(om_rng_unit(rng) * 2 - 1);
    }
}

static void random_calls(struct home *home, struct om_rng *rng, int calls)
{
    for (int i = 0; i < calls; i++) {
        char key[16];
        char metadata[32];
        int n = (int)om_rng_below(rng, KEYS);
        float query[DIMENSION];
        (void)snprintf(key, sizeof key, "k%d", n);
        (void)snprintf(metadata, sizeof metadata, "{ \"n\" : %d }", i);
        if (om_rng_below(rng, 3) > 0) {
            random_values(rng, table[n].values);
            table[n].there = true;
            table[n].n = i;
            assert_ok(add_one(home, key, table[n].values, metadata));
        } else {
            assert_status(delete_one(home, key), table[n].there ? OMEGA_OK : OMEGA_ENOTFOUND);
            table[n].there = false;
        }
        random_values(rng, query);
        check_search(home, query);
        if (i % 10 == 0) {
            om_points_reclaim(home->points, home->store);
        }
    }
}

static void test_against_table(void **state)
{
    struct home home;
    struct om_rng rng;
    (void)state;
    memset(table, 0, sizeof table);
    om_rng_seed(&rng, 4);
    home_open(&home);
    float first[DIMENSION] = {1};
    assert_ok(add_one(&home, "k0", first, "{\"n\":0}"));
    table[0] = (struct known){.there = true, .values = {1}};
    random_calls(&home, &rng, 300);
    home_stop(&home);
    home_start(&home);
    random_calls(&home, &rng, 100);
    home_close(&home);
}

static void test_get_and_ties(void **state)
{
    struct home home;
    omega_vectors *got = NULL;
    float values[DIMENSION] = {0, 1};
    omega_vector_search_options options = searching(values, 3);
    (void)state;
    home_open(&home);
    assert_ok(add_one(&home, "old", values, NULL));
    assert_ok(add_one(&home, "gone", values, NULL));
    assert_ok(add_one(&home, "new", values, NULL));
    assert_ok(delete_one(&home, "gone"));
    for (int i = 0; i < 3; i++) {
        om_points_reclaim(home.points, home.store);
    }
    assert_ok(add_one(&home, "newest", values, NULL)); /* takes the free slot, yet is younger */
    assert_ok(om_points_search(home.points, home.store, &options, &got));
    assert_true(om_str_eq_text(om_point_list_at(got, 0)->key, "old"));
    assert_true(om_str_eq_text(om_point_list_at(got, 1)->key, "new"));
    assert_true(om_str_eq_text(om_point_list_at(got, 2)->key, "newest"));
    assert_null(om_point_list_at(got, 3));
    om_point_list_free(got);
    assert_ok(om_points_get(home.points, home.store, OM_STR("things"), OM_STR("old"), &got));
    assert_memory_equal(om_point_list_at(got, 0)->values, values, sizeof values);
    assert_true(om_str_eq_text(om_point_list_at(got, 0)->metadata_json, "{}"));
    om_point_list_free(got);
    assert_status(om_points_get(home.points, home.store, OM_STR("things"), OM_STR("gone"), &got),
                  OMEGA_ENOTFOUND);
    assert_null(got);
    struct om_check check = {.rows = 0};
    assert_ok(om_store_check(home.store, &check));
    assert_int_equal(check.faults, 0);
    home_close(&home);
}

/* ---- Refused --------------------------------------------------------------------------------- */

static void test_misuse(void **state)
{
    struct home home;
    float good[DIMENSION] = {1};
    float bad[DIMENSION] = {1, NAN};
    omega_vectors *got = NULL;
    (void)state;
    home_open(&home);
    omega_vector_search_options search = searching(good, 1);
    assert_status(om_points_search(home.points, home.store, &search, &got), OMEGA_ENOTFOUND);
    assert_error_says("no vector space 'things'");
    assert_status(add_one(&home, "", good, NULL), OMEGA_EINVAL);
    assert_status(add_one(&home, "a", bad, NULL), OMEGA_EINVAL);
    assert_error_says("points[0]: space 'things': value 1 of the vector is not finite");
    assert_status(add_one(&home, "a", good, "[1]"), OMEGA_EINVAL);
    assert_status(add_one(&home, "a", NULL, NULL), OMEGA_EINVAL);
    assert_null(om_spaces_find(home.spaces, OM_STR("things"))); /* nothing was made */
    /* All or nothing: the second of two is refused. */
    omega_point two[] = {{OM_STR("a"), good, {NULL, 0}}, {OM_STR("b"), bad, {NULL, 0}}};
    omega_vector_add_options options = adding(two, 2);
    assert_status(om_points_add(home.points, &home.context, &options), OMEGA_EINVAL);
    assert_error_says("points[1]");
    assert_status(om_points_search(home.points, home.store, &search, &got), OMEGA_ENOTFOUND);
    assert_ok(add_one(&home, "a", good, NULL));
    options = adding(two, 1);
    options.metric = OMEGA_METRIC_L2;
    assert_status(om_points_add(home.points, &home.context, &options), OMEGA_ECONFLICT);
    assert_error_says("has the metric cosine, not l2");
    options = adding(two, 1);
    options.dimension = DIMENSION - 1;
    assert_status(om_points_add(home.points, &home.context, &options), OMEGA_EINVAL);
    search.k = 0;
    assert_status(om_points_search(home.points, home.store, &search, &got), OMEGA_EINVAL);
    search = searching(good, 1);
    search.dimension = 2;
    assert_status(om_points_search(home.points, home.store, &search, &got), OMEGA_EINVAL);
    home_close(&home);
}

static void test_repeated_operation(void **state)
{
    struct home home;
    float values[DIMENSION] = {1};
    omega_receipt receipt;
    (void)state;
    home_open(&home);
    omega_point point = {OM_STR("a"), values, {NULL, 0}};
    omega_vector_add_options options = adding(&point, 1);
    options.write.op_id = OM_STR("01890a5d-ac96-774b-bcce-b302099a8057");
    options.write.receipt = &receipt;
    assert_ok(om_points_add(home.points, &home.context, &options));
    assert_false(receipt.repeated);
    assert_ok(om_points_add(home.points, &home.context, &options));
    assert_true(receipt.repeated);
    point.key = OM_STR("b");
    assert_status(om_points_add(home.points, &home.context, &options), OMEGA_ECONFLICT);
    home_close(&home);
}

/* A write that does not choose is as durable as the settings say. */
static void test_durability(void **state)
{
    struct home home;
    float values[DIMENSION] = {1};
    omega_receipt receipt;
    (void)state;
    home_open(&home);
    omega_point point = {OM_STR("a"), values, {NULL, 0}};
    omega_vector_add_options options = adding(&point, 1);
    options.write.receipt = &receipt;
    home.context.durability = OM_DURABILITY_PROCESS;
    assert_ok(om_points_add(home.points, &home.context, &options));
    assert_int_equal(receipt.reached, OMEGA_DURABILITY_PROCESS);
    options.write.durability = OMEGA_DURABILITY_DISK;
    assert_ok(om_points_add(home.points, &home.context, &options));
    assert_int_equal(receipt.reached, OMEGA_DURABILITY_DISK);
    home_close(&home);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

static bool try_all(uint64_t nth)
{
    struct home home;
    float values[DIMENSION] = {1, 2};
    omega_vectors *got = NULL;
    omega_vector_search_options search = searching(values, 2);
    home_open(&home);
    om_test_fail_alloc(nth, false);
    omega_status status = add_one(&home, "a", values, "{\"n\":1}");
    if (status == OMEGA_OK) {
        status = om_points_search(home.points, home.store, &search, &got);
    }
    om_point_list_free(got);
    if (status == OMEGA_OK) {
        status = delete_one(&home, "a");
    }
    bool failed = om_test_alloc_failed();
    om_test_fail_alloc(0, false);
    assert_true(status == OMEGA_OK || (failed && status == OMEGA_ENOMEM));
    assert_ok(add_one(&home, "b", values, NULL)); /* nothing is broken */
    home_close(&home);
    return failed;
}

static void test_out_of_memory(void **state)
{
    uint64_t swept = 0;
    (void)state;
    while (try_all(swept + 1)) {
        swept++;
    }
    print_message("points: %llu allocations made to fail\n", (unsigned long long)swept);
    assert_true(swept > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_table), cmocka_unit_test(test_get_and_ties),
        cmocka_unit_test(test_misuse),        cmocka_unit_test(test_repeated_operation),
        cmocka_unit_test(test_durability),    cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
