/* catalog_test.c -- entries, names and what each snapshot sees of them; and an index that fell
 * behind. */
#include "support/support.h"

#include <stdio.h>

#include "memory/intern_int.h"
#include "memory/memory_int.h"
#include "support/memory_house.h"

static struct om_memory_row row_of(int64_t number, const char *user)
{
    struct om_memory_row row;
    memset(&row, 0, sizeof row);
    row.row = number;
    row.tier = OMEGA_TIER_EPISODIC;
    row.type = OM_STR("note");
    row.user = omega_str_of(user);
    row.metadata = OM_STR("{\"a\":1}");
    row.accessed_at = OMEGA_TIME_UNSET;
    return row;
}

static uint32_t add(struct om_catalog *catalog, int64_t number, const char *user, uint64_t seq)
{
    struct om_memory_row row = row_of(number, user);
    uint32_t item = 0;
    assert_ok(om_catalog_prepare(catalog, &row, &item));
    om_catalog_add(catalog, item, seq);
    return item;
}

/* ---- Names ---------------------------------------------------------------------------------- */

static void test_names(void **state)
{
    struct om_names names;
    uint32_t ann = 0, again = 0, found = 0;
    (void)state;
    assert_ok(om_names_init(&names, om_alloc_default()));
    assert_ok(om_names_take(&names, OM_STR("ann"), &ann));
    assert_ok(om_names_take(&names, OM_STR("ann"), &again));
    assert_int_equal(ann, again);
    assert_true(om_names_find(&names, (omega_str){NULL, 0}, &found));
    assert_int_equal(found, 0);
    om_names_drop(&names, ann);
    assert_true(om_names_find(&names, OM_STR("ann"), &found));
    om_names_drop(&names, ann);
    /* No longer found, yet a reader who holds the number still reads the text. */
    assert_false(om_names_find(&names, OM_STR("ann"), &found));
    assert_str(om_names_text(&names, ann), "ann");
    assert_ok(om_names_take(&names, OM_STR("ann"), &again));
    assert_int_not_equal(ann, again);
    om_names_age(&names);
    assert_str(om_names_text(&names, ann), "ann");
    om_names_age(&names);
    assert_ok(om_names_take(&names, OM_STR("bob"), &found));
    assert_int_equal(found, ann); /* its number is used again */
    uint64_t bytes = om_names_bytes(&names);
    for (int i = 0; i < 1000; i++) { /* names that come and go leave nothing */
        char text[32];
        (void)snprintf(text, sizeof text, "session %d", i);
        assert_ok(om_names_take(&names, omega_str_of(text), &found));
        om_names_drop(&names, found);
        om_names_age(&names);
    }
    om_names_age(&names);
    om_names_age(&names);
    assert_int_equal(om_names_bytes(&names), bytes);
    om_names_fini(&names);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static void test_snapshots(void **state)
{
    struct om_catalog *catalog = NULL;
    struct om_memory_row row = row_of(1, "ann");
    (void)state;
    assert_ok(om_catalog_new(om_alloc_default(), &catalog));
    uint32_t item = add(catalog, 1, "ann", 5);
    struct om_entry *entry = om_catalog_entry(catalog, item);
    assert_false(om_entry_stands(entry, 4));
    assert_true(om_entry_stands(entry, 5));
    row.state = OMEGA_MEMORY_SUPERSEDED;
    om_catalog_change(catalog, item, 8, &row);
    assert_int_equal(om_entry_state(entry, 7), OMEGA_MEMORY_ACTIVE);
    assert_int_equal(om_entry_state(entry, 8), OMEGA_MEMORY_SUPERSEDED);
    unsigned ticket = om_catalog_enter(catalog);
    om_catalog_remove(catalog, item, 10);
    assert_true(om_entry_stands(entry, 9));
    assert_false(om_entry_stands(entry, 10));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(om_catalog_reclaim(catalog), 1);
    }
    assert_str(om_catalog_name_text(catalog, entry->user), "ann");
    om_catalog_leave(catalog, ticket);
    (void)om_catalog_reclaim(catalog);
    assert_int_equal(om_catalog_reclaim(catalog), 0);
    assert_false(om_entry_stands(entry, 9));
    om_name_id name;
    assert_false(om_catalog_find_name(catalog, OM_STR("ann"), &name));
    assert_true(om_catalog_find_root(catalog, (omega_str){NULL, 0}, (omega_str){NULL, 0}, &name));
    assert_null(om_catalog_validate(catalog));
    om_catalog_free(catalog);
}

static void test_usage(void **state)
{
    struct om_catalog *catalog = NULL;
    struct om_catalog_usage usage;
    (void)state;
    assert_ok(om_catalog_new(om_alloc_default(), &catalog));
    for (int64_t i = 1; i <= 10000; i++) {
        (void)add(catalog, i, i % 2 == 0 ? "ann" : "bob", (uint64_t)i);
    }
    om_catalog_usage(catalog, &usage);
    assert_int_equal(usage.active, 10000);
    assert_int_equal(usage.by_tier[OMEGA_TIER_EPISODIC], 10000);
    assert_true(usage.bytes / 10000 <= 300);
    struct om_memory_row row = row_of(7, "bob");
    uint32_t item = 0;
    row.state = OMEGA_MEMORY_ARCHIVED;
    row.tier = OMEGA_TIER_SEMANTIC;
    assert_true(om_catalog_find(catalog, 7, &item));
    om_catalog_change(catalog, item, 20000, &row);
    assert_true(om_catalog_find(catalog, 8, &item));
    om_catalog_remove(catalog, item, 20001);
    assert_false(om_catalog_find(catalog, 8, &item));
    om_catalog_usage(catalog, &usage);
    assert_int_equal(usage.active, 9998);
    assert_int_equal(usage.archived, 1);
    assert_null(om_catalog_validate(catalog));
    om_catalog_free(catalog);
}

static void test_touch(void **state)
{
    struct om_catalog *catalog = NULL;
    (void)state;
    assert_ok(om_catalog_new(om_alloc_default(), &catalog));
    uint32_t item = add(catalog, 1, NULL, 1);
    const struct om_entry *entry = om_catalog_entry(catalog, item);
    om_catalog_touch(catalog, item, 500);
    om_catalog_touch(catalog, item, 400); /* the clock stepped back: the later stamp stays */
    assert_int_equal(atomic_load(&entry->accessed_at), 500);
    assert_int_equal(atomic_load(&entry->access_count), 2);
    assert_int_equal(atomic_load(&entry->access_pending), 2);
    om_catalog_free(catalog);
}

static omega_status fill(void *context)
{
    struct om_catalog *catalog = NULL;
    (void)context;
    omega_status status = om_catalog_new(om_alloc_default(), &catalog);
    for (int64_t i = 1; i <= 3 && status == OMEGA_OK; i++) {
        struct om_memory_row row = row_of(i, "ann");
        uint32_t item = 0;
        status = om_catalog_prepare(catalog, &row, &item);
        if (status == OMEGA_OK) {
            om_catalog_add(catalog, item, (uint64_t)i);
        }
    }
    assert_true(catalog == NULL || om_catalog_validate(catalog) == NULL);
    om_catalog_free(catalog);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(fill, NULL) > 5);
}

/* ---- An index that fell behind --------------------------------------------------------------- */

static size_t found_count(struct house *house, bool *degraded)
{
    omega_memories *found = NULL;
    omega_recall_options options = omega_recall_options_default();
    options.query = OM_STR("tea");
    assert_ok(om_memory_recall(house->memory, &options, &found));
    size_t count = om_memories_count(found);
    *degraded = om_memories_degraded(found, NULL);
    om_memories_free(found);
    return count;
}

/* Stores with allocation `nth` failing. A write that is durable is recalled whatever the index
 * lacks, and upkeep makes the index whole. Returns whether one was made to fail. */
static bool store_with_failure(uint64_t nth, unsigned *behind)
{
    struct house house;
    omega_id id;
    bool degraded = false;
    char reason[96];
    house_open(&house);
    (void)house_say(&house, "green tea", NULL);
    omega_memory_input input = house_input("black tea with lemon", NULL);
    om_test_fail_alloc(nth, false);
    omega_status status = om_memory_store(house.memory, &input, &id);
    bool failed = om_test_alloc_failed();
    om_test_fail_alloc(0, false);
    bool is_behind = atomic_load(&house.memory->behind);
    assert_int_equal(found_count(&house, &degraded), status == OMEGA_OK ? 2 : 1);
    assert_int_equal(degraded, is_behind);
    if (is_behind) {
        *behind += 1;
        assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_UNHEALTHY);
        om_memory_reclaim(house.memory);
        assert_false(atomic_load(&house.memory->behind));
        assert_int_equal(found_count(&house, &degraded), 2);
        assert_false(degraded);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(om_memory_probe(house.memory, reason, sizeof reason), OMEGA_HEALTHY);
        }
        assert_null(om_words_validate(house.memory->words));
    }
    house_close(&house);
    return failed;
}

static void test_falls_behind_and_recovers(void **state)
{
    unsigned behind = 0;
    uint64_t nth = 1;
    (void)state;
    om_log_set_level(OM_LOG_OFF);
    while (store_with_failure(nth, &behind)) {
        nth++;
    }
    om_log_set_level(OM_LOG_WARN);
    print_message("%llu failures, %u of them behind the commit\n", (unsigned long long)(nth - 1),
                  behind);
    assert_true(behind > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_usage),         cmocka_unit_test(test_touch),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_falls_behind_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
