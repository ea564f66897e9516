/* listing_test.c -- pages, orders, all roots, sessions; memory that is out. The contents of lists
 * over random histories are memory_model_test.c's. */
#include "support/support.h"

#include <stdio.h>

#include "support/memory_house.h"

static omega_memories *list_of(struct house *house, const omega_list_options *options)
{
    omega_memories *got = NULL;
    assert_ok(om_memory_list(house->memory, options, &got));
    return got;
}

/* What is added or removed between two pages neither repeats nor hides another. */
static void test_pages_while_things_change(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id ids[30];
    char text[30][24];
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text[i], sizeof text[i], "entry %02d", i);
        ids[i] = house_say(&house, text[i], "ann");
        house_wait(&house, 10);
    }
    omega_list_options list = omega_list_options_default();
    list.scope = house_scope("ann");
    list.limit = 10;
    omega_memories *page = list_of(&house, &list);
    assert_int_equal(om_memories_count(page), 10);
    char cursor[80];
    (void)snprintf(cursor, sizeof cursor, "%.*s", OM_STR_ARG(om_memories_cursor(page)));
    om_memories_free(page);
    omega_delete_options del = omega_delete_options_default();
    del.scope = house_scope("ann");
    static const int gone[] = {2, 9, 15};
    for (size_t i = 0; i < OM_COUNT_OF(gone); i++) {
        del.id = ids[gone[i]].text;
        assert_ok(om_memory_delete(house.memory, &del, NULL));
    }
    (void)house_say(&house, "entry 30", "ann");
    list.cursor = omega_str_of(cursor);
    list.limit = 1000;
    page = list_of(&house, &list);
    assert_int_equal(om_memories_count(page), 20); /* 10..29 without 15, and the new one */
    assert_str(om_memories_at(page, 0)->content, "entry 10");
    assert_str(om_memories_at(page, 5)->content, "entry 16");
    assert_str(om_memories_at(page, 19)->content, "entry 30");
    assert_null(om_memories_at(page, 20));
    assert_int_equal(om_memories_cursor(page).len, 0);
    om_memories_free(page);
    list.order = OMEGA_ORDER_CREATED_DESC; /* a cursor belongs to its order */
    assert_status(om_memory_list(house.memory, &list, &page), OMEGA_EINVAL);
    house_close(&house);
}

static void test_all_roots(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    (void)house_say(&house, "ann's", "ann");
    (void)house_say(&house, "bob's", "bob");
    (void)house_say(&house, "everyone's", NULL);
    omega_memory_input in = house_input("in a session", "cyd");
    in.tier = OMEGA_TIER_SESSION;
    in.scope.session = OM_STR("s");
    (void)house_store(&house, &in);
    omega_list_options list = omega_list_options_default();
    list.all_roots = true;
    for (int order = OMEGA_ORDER_CREATED; order <= OMEGA_ORDER_CREATED_DESC; order++) {
        list.order = (omega_order)order;
        omega_memories *got = list_of(&house, &list);
        assert_int_equal(om_memories_count(got), 4);
        om_memories_free(got);
    }
    list.order = OMEGA_ORDER_POSITION;
    list.scope.session = OM_STR("s");
    omega_memories *got = list_of(&house, &list);
    assert_int_equal(om_memories_count(got), 1);
    om_memories_free(got);
    list.all_roots = false; /* control: a foreign session stays closed */
    got = list_of(&house, &list);
    assert_int_equal(om_memories_count(got), 0);
    om_memories_free(got);
    assert_int_equal(house_count(&house, "ann", 0), 2);
    assert_int_equal(house_count(&house, NULL, 0), 1);
    house_close(&house);
}

static void test_tiers_types_filters(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    static const omega_tier both[2] = {OMEGA_TIER_SEMANTIC, OMEGA_TIER_COSMIC};
    for (int i = 0; i < 12; i++) {
        char text[24];
        omega_memory_input in = house_input(NULL, NULL);
        (void)snprintf(text, sizeof text, "entry %d", i);
        in.content = omega_str_of(text);
        in.tier = (omega_tier)i;
        in.type = i % 2 == 0 ? OM_STR("even") : OM_STR("odd");
        in.metadata_json = i < 5 ? OM_STR("{\"n\":1}") : OM_STR("{\"n\":9}");
        (void)house_store(&house, &in);
    }
    uint64_t count;
    omega_list_options list = omega_list_options_default();
    list.tiers = both;
    list.tier_count = 2;
    assert_ok(om_memory_count(house.memory, &list, &count));
    assert_int_equal(count, 2);
    list = omega_list_options_default();
    list.type = OM_STR("odd");
    assert_ok(om_memory_count(house.memory, &list, &count));
    assert_int_equal(count, 6);
    list.filter_json = OM_STR("{\"n\":{\"$gt\":3}}");
    assert_ok(om_memory_count(house.memory, &list, &count));
    assert_int_equal(count, 4); /* 5 7 9 11 */
    omega_memories *got = list_of(&house, &list);
    assert_int_equal(om_memories_count(got), 4);
    om_memories_free(got);
    house_close(&house);
}

static void test_get_by_key_has_eyes(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_memories *got = NULL;
    omega_memory_input in = house_input("of ann", "ann");
    in.key = OM_STR("k");
    (void)house_store(&house, &in);
    in = house_input("of all", NULL);
    in.key = OM_STR("k");
    (void)house_store(&house, &in);
    omega_scope ann = house_scope("ann"), bob = house_scope("bob");
    assert_ok(om_memory_get_by_key(house.memory, OM_STR("k"), &ann, &got));
    assert_str(om_memories_at(got, 0)->content, "of ann");
    om_memories_free(got);
    assert_ok(om_memory_get_by_key(house.memory, OM_STR("k"), NULL, &got));
    assert_str(om_memories_at(got, 0)->content, "of all");
    om_memories_free(got);
    assert_ok(om_memory_get_by_key(house.memory, OM_STR("k"), &bob, &got)); /* the shared one */
    assert_str(om_memories_at(got, 0)->content, "of all");
    om_memories_free(got);
    in.key = OM_STR("anns");
    in.scope.user = OM_STR("ann");
    (void)house_store(&house, &in);
    assert_status(om_memory_get_by_key(house.memory, in.key, &bob, &got), OMEGA_ENOTFOUND);
    assert_null(got);
    assert_status(om_memory_get_by_key(house.memory, OM_STR(""), &ann, &got), OMEGA_EINVAL);
    assert_status(om_memory_get(house.memory, "nonsense", &ann, &got), OMEGA_EINVAL);
    assert_status(om_memory_get(house.memory, NULL, &ann, &got), OMEGA_EINVAL);
    assert_status(om_memory_history(house.memory, "nonsense", &ann, &got), OMEGA_EINVAL);
    house_close(&house);
}

static omega_id kept_id;

static void prepare(struct house *house, void *context)
{
    (void)context;
    omega_memory_input in = house_input("what stands already", "ann");
    in.key = OM_STR("key");
    in.metadata_json = OM_STR("{\"a\":1}");
    kept_id = house_store(house, &in);
    (void)house_say(house, "another", "ann");
}

static omega_status verb_list(struct house *house, void *context)
{
    omega_memories *got = NULL;
    omega_list_options list = omega_list_options_default();
    (void)context;
    list.scope = house_scope("ann");
    list.filter_json = OM_STR("{\"a\":1}");
    omega_status status = om_memory_list(house->memory, &list, &got);
    assert_true((got != NULL) == (status == OMEGA_OK));
    om_memories_free(got);
    return status;
}

static omega_status verb_count(struct house *house, void *context)
{
    uint64_t count = 0;
    omega_list_options list = omega_list_options_default();
    (void)context;
    list.scope = house_scope("ann");
    list.filter_json = OM_STR("{\"a\":1}");
    omega_status status = om_memory_count(house->memory, &list, &count);
    assert_int_equal(count, status == OMEGA_OK ? 1 : 0);
    return status;
}

static omega_status verb_get(struct house *house, void *context)
{
    omega_memories *got = NULL;
    omega_scope scope = house_scope("ann");
    (void)context;
    omega_status status = om_memory_get(house->memory, kept_id.text, &scope, &got);
    om_memories_free(got);
    return status;
}

static omega_status verb_get_by_key(struct house *house, void *context)
{
    omega_memories *got = NULL;
    omega_scope scope = house_scope("ann");
    (void)context;
    omega_status status = om_memory_get_by_key(house->memory, OM_STR("key"), &scope, &got);
    om_memories_free(got);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    house_sweep("list", &(struct house_trial){prepare, verb_list, NULL});
    house_sweep("count", &(struct house_trial){prepare, verb_count, NULL});
    house_sweep("get", &(struct house_trial){prepare, verb_get, NULL});
    house_sweep("get by key", &(struct house_trial){prepare, verb_get_by_key, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_while_things_change),
        cmocka_unit_test(test_all_roots),
        cmocka_unit_test(test_tiers_types_filters),
        cmocka_unit_test(test_get_by_key_has_eyes),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
