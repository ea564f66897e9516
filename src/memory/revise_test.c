/* revise_test.c -- changing memories: versions, what stays in place, conflicts, history. */
#include "support/support.h"

#include "support/memory_house.h"

static omega_update_options update_of(omega_id *id, const char *user)
{
    omega_update_options options = omega_update_options_default();
    options.id = id->text;
    options.scope = house_scope(user);
    return options;
}

static void test_content_makes_a_version(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "tea", "ann");
    house_wait(&house, 1000);
    uint64_t version = 0;
    omega_update_options up = update_of(&id, "ann");
    up.content = OM_STR("coffee");
    up.importance = 0.3;
    assert_ok(om_memory_update(house.memory, &up, &version));
    assert_int_equal(version, 2);
    omega_memories *history = NULL;
    assert_ok(om_memory_history(house.memory, id.text, &up.scope, &history));
    assert_int_equal(om_memories_count(history), 2);
    const omega_memory *now = om_memories_at(history, 0);
    const omega_memory *past = om_memories_at(history, 1);
    assert_string_equal(now->id.text, id.text);
    assert_str(now->content, "coffee");
    assert_true(now->importance == 0.3);
    assert_true(now->updated_at_ms == house_start_ms + 1000);
    assert_int_equal(now->vector_count, 1);
    assert_string_equal(now->supersedes.text, past->id.text);
    assert_str(past->content, "tea");
    assert_int_equal(past->state, OMEGA_MEMORY_SUPERSEDED);
    assert_true(past->updated_at_ms == house_start_ms &&
                past->believed_to_ms == house_start_ms + 1000);
    assert_string_equal(past->superseded_by.text, id.text);
    assert_int_equal(past->version, 1);
    assert_int_equal(past->vector_count, 1);
    /* By the past version's id, too; and it cannot be changed. */
    omega_id past_id = past->id;
    om_memories_free(history);
    assert_ok(om_memory_history(house.memory, past_id.text, &up.scope, &history));
    assert_int_equal(om_memories_count(history), 2);
    om_memories_free(history);
    up.id = past_id.text;
    up.content = OM_STR("history rewritten");
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_ECONFLICT);
    assert_error_says(id.text);
    house_check(&house);
    house_reopen(&house);
    house_check(&house);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), 2);
    house_close(&house);
}

static void test_keeping_is_in_place(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "tea", "ann");
    house_wait(&house, 1000);
    uint64_t version = 0;
    omega_update_options up = update_of(&id, "ann");
    up.tier = OMEGA_TIER_SEMANTIC;
    up.pinned = 1;
    up.importance = 0.9;
    up.confidence = 0.8;
    up.state = OMEGA_MEMORY_ARCHIVED;
    up.expires_at_ms = house_start_ms + 99999;
    assert_ok(om_memory_update(house.memory, &up, &version));
    assert_int_equal(version, 2);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), 0);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_ARCHIVED), 1);
    assert_int_equal(house.event_counts[OMEGA_EVENT_MEMORY_ARCHIVED], 1);
    omega_memories *got = house_get(&house, id, "ann");
    const omega_memory *m = om_memories_at(got, 0);
    assert_true(m->tier == OMEGA_TIER_SEMANTIC && m->pinned && m->importance == 0.9);
    assert_true(m->confidence == 0.8 && m->state == OMEGA_MEMORY_ARCHIVED);
    assert_true(m->expires_at_ms == house_start_ms + 99999);
    assert_true(m->updated_at_ms == house_start_ms); /* what it says is believed since then */
    assert_true(m->stability_days == 30.0);
    om_memories_free(got);
    /* The same once more is no change. */
    assert_ok(om_memory_update(house.memory, &up, &version));
    assert_int_equal(version, 2);
    assert_int_equal(house.event_counts[OMEGA_EVENT_MEMORY_UPDATED], 0);
    house_check(&house);
    house_close(&house);
}

static void test_each_saying_field(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    const float one[2] = {1.0F, 0.0F};
    const float two[2] = {0.0F, 1.0F};
    omega_memory_input in = house_input("text", "ann");
    in.embedding = one;
    in.dimension = 2;
    omega_id id = house_store(&house, &in);
    for (uint64_t field = 0; field < 6; field++) {
        uint64_t version = 0;
        omega_update_options up = update_of(&id, "ann");
        up.metadata_json = field == 0 ? OM_STR("{\"a\":1}") : (omega_str){NULL, 0};
        up.name = field == 1 ? OM_STR("Ann") : (omega_str){NULL, 0};
        up.type = field == 2 ? OM_STR("fact") : (omega_str){NULL, 0};
        up.valid_from_ms = field == 3 ? 5 : OMEGA_TIME_UNSET;
        up.valid_to_ms = field == 4 ? 6 : OMEGA_TIME_UNSET;
        up.embedding = field == 5 ? two : NULL;
        up.dimension = field == 5 ? 2 : 0;
        for (int pass = 0; pass < 2; pass++) { /* the second changes nothing */
            assert_ok(om_memory_update(house.memory, &up, &version));
            assert_int_equal(version, field + 2);
        }
        assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), field + 2);
    }
    omega_memories *got = house_get(&house, id, "ann");
    assert_int_equal(om_memories_at(got, 0)->vector_count, 2); /* not given stays */
    om_memories_free(got);
    omega_update_options up = update_of(&id, "ann");
    up.metadata_json = OM_STR("{}");
    assert_ok(om_memory_update(house.memory, &up, NULL));
    got = house_get(&house, id, "ann");
    assert_str(om_memories_at(got, 0)->metadata_json, "{}");
    om_memories_free(got);
    house_check(&house);
    house_close(&house);
}

static void test_conflicts_and_eyes(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "tea", "ann");
    omega_update_options up = update_of(&id, "ann");
    up.content = OM_STR("coffee");
    up.if_version = 2;
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_ECONFLICT);
    assert_error_says("has version 1, not 2");
    up.if_version = 1;
    up.scope = house_scope("bob");
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_ENOTFOUND);
    up.scope = house_scope(NULL);
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_ENOTFOUND);
    up.scope = house_scope("ann");
    assert_ok(om_memory_update(house.memory, &up, NULL));
    up.id = "01890000-0000-7000-8000-000000000000";
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_ENOTFOUND);
    /* What was forgotten comes back by an update no more than by a store. */
    omega_id bad = house_say(&house, "a secret", "ann");
    omega_delete_options del = omega_delete_options_default();
    del.id = bad.text;
    del.scope = house_scope("ann");
    assert_ok(om_memory_delete(house.memory, &del, NULL));
    up = update_of(&id, "ann");
    up.content = OM_STR("A Secret!");
    assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_EREJECTED);
    house_check(&house);
    house_close(&house);
}

static void test_op_id_of_an_update(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "tea", "ann");
    uint64_t version = 0;
    omega_update_options up = update_of(&id, "ann");
    up.content = OM_STR("coffee");
    up.write.op_id = OM_STR("01890000-0000-7000-8000-0000000000dd");
    up.if_version = 1;
    assert_ok(om_memory_update(house.memory, &up, &version));
    version = 0;
    assert_ok(om_memory_update(house.memory, &up, &version));
    assert_int_equal(version, 2);
    up.content = OM_STR("milk");
    assert_status(om_memory_update(house.memory, &up, &version), OMEGA_ECONFLICT);
    house_close(&house);
}

static omega_id kept_id;

static void prepare(struct house *house, void *context)
{
    const float vector[2] = {1.0F, 2.0F};
    omega_memory_input in = house_input("what stands already", "ann");
    (void)context;
    in.embedding = vector;
    in.dimension = 2;
    kept_id = house_store(house, &in);
}

static omega_status verb_version(struct house *house, void *context)
{
    omega_update_options up = update_of(&kept_id, "ann");
    (void)context;
    up.content = OM_STR("something else");
    up.metadata_json = OM_STR("{\"a\":1}");
    return om_memory_update(house->memory, &up, NULL);
}

static omega_status verb_in_place(struct house *house, void *context)
{
    omega_update_options up = update_of(&kept_id, "ann");
    (void)context;
    up.importance = 0.125;
    return om_memory_update(house->memory, &up, NULL);
}

static omega_status verb_history(struct house *house, void *context)
{
    omega_memories *got = NULL;
    omega_scope scope = house_scope("ann");
    (void)context;
    omega_status status = om_memory_history(house->memory, kept_id.text, &scope, &got);
    assert_true((got != NULL) == (status == OMEGA_OK));
    om_memories_free(got);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    house_sweep("update", &(struct house_trial){prepare, verb_version, NULL});
    house_sweep("update in place", &(struct house_trial){prepare, verb_in_place, NULL});
    house_sweep("history", &(struct house_trial){prepare, verb_history, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_makes_a_version), cmocka_unit_test(test_keeping_is_in_place),
        cmocka_unit_test(test_each_saying_field),       cmocka_unit_test(test_conflicts_and_eyes),
        cmocka_unit_test(test_op_id_of_an_update),      cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
