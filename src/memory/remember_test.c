/* remember_test.c -- storing: one, many, by key, again, as a correction, as messages. */
#include "support/support.h"

#include <stdio.h>

#include "support/memory_house.h"

static void test_only_content(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "Ann prefers tea", NULL);
    for (int pass = 0; pass < 2; pass++) {
        omega_memories *got = house_get(&house, id, NULL);
        const omega_memory *m = om_memories_at(got, 0);
        assert_string_equal(m->id.text, id.text);
        assert_str(m->content, "Ann prefers tea");
        assert_str(m->type, "note");
        assert_str(m->metadata_json, "{}");
        assert_int_equal(m->tier, OMEGA_TIER_EPISODIC);
        assert_int_equal(m->state, OMEGA_MEMORY_ACTIVE);
        assert_int_equal(m->version, 1);
        assert_int_equal(m->position, -1);
        assert_true(m->confidence == 1.0 && m->importance == 1.0);
        assert_true(m->created_at_ms == house_start_ms && m->occurred_at_ms == house_start_ms);
        assert_true(m->valid_from_ms == OMEGA_TIME_UNSET && m->believed_to_ms == OMEGA_TIME_UNSET);
        assert_true(m->retrievability == 1.0);
        assert_int_equal(m->vector_count, 1);
        assert_str(m->vectors[0].space, OM_BUILTIN_SPACE);
        assert_int_equal(m->vectors[0].dimension, 768);
        assert_false(m->vectors[0].pending);
        om_memories_free(got);
        house_reopen(&house);
    }
    assert_int_equal(house.event_counts[OMEGA_EVENT_MEMORY_STORED], 1);
    assert_string_equal(house.last_event_id.text, id.text);
    house_check(&house);
    house_close(&house);
}

static void test_every_field_comes_back(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    const float vector[3] = {1.0F, -2.0F, 0.5F};
    omega_memory_input in = house_input("Bob's label", "bob");
    in.tier = OMEGA_TIER_SEMANTIC;
    in.embedding = vector;
    in.dimension = 3;
    in.importance = 0.25;
    in.confidence = 0.5;
    in.scope.agent = OM_STR("helper");
    in.scope.session = OM_STR("s1");
    in.key = OM_STR("k");
    in.type = OM_STR("fact");
    in.role = OM_STR("user");
    in.name = OM_STR("Bob");
    in.language = OM_STR("en-GB");
    in.metadata_json = OM_STR(" { \"b\" : 1, \"a\" : [true, null] } ");
    in.source_kind = OM_STR("chat");
    in.source_uri = OM_STR("file:///x");
    in.occurred_at_ms = 1000;
    in.valid_from_ms = 500;
    in.valid_to_ms = 2000;
    in.expires_at_ms = house_start_ms + 1;
    in.created_at_ms = 1500;
    in.position = 7;
    in.pinned = true;
    in.id = (omega_id){"01890000-0000-7000-8000-000000000001"};
    in.write.actor = OMEGA_ACTOR_HUMAN;
    omega_receipt receipt;
    in.write.receipt = &receipt;
    omega_id id = house_store(&house, &in);
    assert_string_equal(id.text, in.id.text);
    assert_true(receipt.seq > 0 && !receipt.repeated);
    assert_int_equal(receipt.reached, OMEGA_DURABILITY_PROCESS);
    omega_scope scope = {in.scope.user, in.scope.agent, {NULL, 0}};
    omega_memories *got = NULL;
    assert_ok(om_memory_get_by_key(house.memory, in.key, &scope, &got));
    const omega_memory *m = om_memories_at(got, 0);
    assert_str(m->user, "bob");
    assert_str(m->agent, "helper");
    assert_str(m->session, "s1");
    assert_str(m->type, "fact");
    assert_str(m->role, "user");
    assert_str(m->name, "Bob");
    assert_str(m->language, "en-GB");
    assert_str(m->metadata_json, "{\"a\":[true,null],\"b\":1}");
    assert_str(m->source_kind, "chat");
    assert_str(m->source_uri, "file:///x");
    assert_true(m->importance == 0.25 && m->confidence == 0.5 && m->pinned);
    assert_true(m->occurred_at_ms == 1000 && m->valid_from_ms == 500 && m->valid_to_ms == 2000);
    assert_true(m->created_at_ms == 1500 && m->updated_at_ms == 1500 && m->position == 7);
    assert_int_equal(m->actor, OMEGA_ACTOR_HUMAN);
    assert_int_equal(m->tier, OMEGA_TIER_SEMANTIC);
    assert_int_equal(m->vector_count, 2);
    om_memories_free(got);
    house_check(&house);
    house_close(&house);
}

static void test_novelty_is_importance(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_memories *got;
    omega_id ids[4];
    omega_memory_input same[2] = {house_input("the kettle is in the kitchen", "ann"),
                                  house_input("the kettle is in the kitchen", "ann")};
    ids[0] = house_say(&house, "the kettle is in the kitchen", "ann");
    ids[1] = house_say(&house, "the kettle is in the kitchen", "ann");
    ids[2] = house_say(&house, "the kettle is in the kitchen", "bob");
    ids[3] = house_say(&house, "quarterly revenue grew twofold", "ann");
    const char *users[] = {"ann", "ann", "bob", "ann"};
    double importance[4];
    for (int i = 0; i < 4; i++) {
        got = house_get(&house, ids[i], users[i]);
        importance[i] = om_memories_at(got, 0)->importance;
        om_memories_free(got);
    }
    assert_true(importance[0] == 1.0 && importance[2] == 1.0); /* nothing else in their root */
    assert_true(importance[1] > 0.049 && importance[1] < 0.051);
    assert_true(importance[3] > 0.5);
    /* Inside one batch, too. */
    same[0].scope.user = same[1].scope.user = OM_STR("cyd");
    assert_ok(om_memory_store_batch(house.memory, same, 2, NULL, ids));
    got = house_get(&house, ids[1], "cyd");
    assert_true(om_memories_at(got, 0)->importance < 0.051);
    om_memories_free(got);
    house_close(&house);
}

static void test_key_is_an_upsert(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_memory_input in = house_input("v one", "ann");
    in.key = OM_STR("topic");
    omega_id first = house_store(&house, &in);
    house_wait(&house, 1000);
    /* The same again changes nothing. */
    omega_id again = house_store(&house, &in);
    assert_string_equal(first.text, again.text);
    omega_memories *got = house_get(&house, first, "ann");
    assert_int_equal(om_memories_at(got, 0)->version, 1);
    om_memories_free(got);
    in.content = OM_STR("v two");
    again = house_store(&house, &in);
    assert_string_equal(first.text, again.text);
    got = house_get(&house, first, "ann");
    assert_int_equal(om_memories_at(got, 0)->version, 2);
    assert_str(om_memories_at(got, 0)->content, "v two");
    assert_true(om_memories_at(got, 0)->created_at_ms == house_start_ms);
    assert_true(om_memories_at(got, 0)->updated_at_ms == house_start_ms + 1000);
    om_memories_free(got);
    assert_int_equal(house_count(&house, "ann", 0), 1);
    assert_int_equal(house_count(&house, "ann", OMEGA_INCLUDE_SUPERSEDED), 2);
    /* Another user's key is another key. */
    in.scope.user = OM_STR("bob");
    again = house_store(&house, &in);
    assert_string_not_equal(first.text, again.text);
    house_check(&house);
    house_close(&house);
}

static void test_key_twice_in_one_batch(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    const float vector[2] = {1.0F, 0.0F};
    omega_memory_input in[3] = {house_input("one", NULL), house_input("two", NULL),
                                house_input("two", NULL)};
    omega_id ids[3];
    for (int i = 0; i < 3; i++) {
        in[i].key = OM_STR("same");
        in[i].embedding = vector;
        in[i].dimension = 2;
    }
    assert_ok(om_memory_store_batch(house.memory, in, 3, NULL, ids));
    assert_string_equal(ids[0].text, ids[1].text);
    omega_memories *got = house_get(&house, ids[0], NULL);
    assert_int_equal(om_memories_at(got, 0)->version, 2);
    assert_int_equal(om_memories_at(got, 0)->vector_count, 2);
    om_memories_free(got);
    house_check(&house);
    house_reopen(&house);
    house_check(&house);
    house_close(&house);
}

static void test_op_id_is_once(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_receipt receipt;
    omega_memory_input in = house_input("once", "ann");
    in.write.op_id = OM_STR("01890000-0000-7000-8000-0000000000aa");
    in.write.receipt = &receipt;
    omega_id first = house_store(&house, &in);
    uint64_t seq = receipt.seq;
    house_wait(&house, 5000);
    omega_id again = house_store(&house, &in);
    assert_string_equal(first.text, again.text);
    assert_true(receipt.repeated && receipt.seq == seq);
    assert_int_equal(house_count(&house, "ann", 0), 1);
    in.content = OM_STR("otherwise");
    assert_status(om_memory_store(house.memory, &in, &again), OMEGA_ECONFLICT);
    /* Forgotten: the operation no longer knows what it stored. */
    omega_delete_options del = omega_delete_options_default();
    del.id = first.text;
    del.scope = house_scope("ann");
    assert_ok(om_memory_delete(house.memory, &del, NULL));
    in.content = OM_STR("once");
    assert_status(om_memory_store(house.memory, &in, &again), OMEGA_ENOTFOUND);
    house_close(&house);
}

static void test_own_id(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id;
    omega_memory_input in = house_input("mine", NULL);
    in.id = (omega_id){"01890000-0000-7000-8000-0000000000bb"};
    (void)house_store(&house, &in);
    (void)house_store(&house, &in);
    assert_int_equal(house_count(&house, NULL, 0), 1);
    in.content = OM_STR("not mine");
    assert_status(om_memory_store(house.memory, &in, &id), OMEGA_ECONFLICT);
    assert_error_says(in.id.text);
    house_close(&house);
}

static void test_batch_is_all_or_nothing(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    enum { MANY = 300 };
    static omega_memory_input in[MANY];
    static omega_id ids[MANY];
    static char texts[MANY][32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "fact number %d", i);
        in[i] = house_input(texts[i], "ann");
    }
    assert_ok(om_memory_store_batch(house.memory, in, MANY, NULL, ids));
    assert_int_equal(house_count(&house, "ann", 0), MANY);
    in[7].importance = 1.5;
    assert_status(om_memory_store_batch(house.memory, in, MANY, NULL, ids), OMEGA_EINVAL);
    assert_error_says("memory 7: importance is 1.5");
    assert_int_equal(house_count(&house, "ann", 0), MANY);
    /* A refusal inside the record, too: the last one meets a tombstone. */
    omega_delete_options del = omega_delete_options_default();
    del.id = ids[MANY - 1].text;
    del.scope = house_scope("ann");
    assert_ok(om_memory_delete(house.memory, &del, NULL));
    in[7].importance = 0.5;
    assert_status(om_memory_store_batch(house.memory, in, MANY, NULL, ids), OMEGA_EREJECTED);
    assert_error_says("memory 299");
    assert_int_equal(house_count(&house, "ann", 0), MANY - 1);
    assert_status(om_memory_store_batch(house.memory, in, 0, NULL, ids), OMEGA_EINVAL);
    assert_status(om_memory_store_batch(house.memory, in, 10001, NULL, ids), OMEGA_EINVAL);
    house_check(&house);
    house_close(&house);
}

static void test_supersede(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id old = house_say(&house, "Ann lives in Oslo", "ann");
    house_wait(&house, 1000);
    omega_memory_input in = house_input("Ann lives in Bergen", "ann");
    omega_id id;
    assert_ok(om_memory_supersede(house.memory, old.text, &in, &id));
    omega_memories *got = house_get(&house, old, "ann");
    const omega_memory *m = om_memories_at(got, 0);
    assert_int_equal(m->state, OMEGA_MEMORY_SUPERSEDED);
    assert_true(m->valid_to_ms == house_start_ms + 1000 &&
                m->believed_to_ms == house_start_ms + 1000);
    assert_string_equal(m->superseded_by.text, id.text);
    om_memories_free(got);
    got = house_get(&house, id, "ann");
    assert_string_equal(om_memories_at(got, 0)->supersedes.text, old.text);
    om_memories_free(got);
    omega_memories *history = NULL;
    omega_scope scope = house_scope("ann");
    assert_ok(om_memory_history(house.memory, id.text, &scope, &history));
    assert_int_equal(om_memories_count(history), 2);
    assert_str(om_memories_at(history, 1)->content, "Ann lives in Oslo");
    om_memories_free(history);
    /* The wrong fact is not learned again, in whatever letters; by a human it is. */
    omega_memory_input wrong = house_input("ANN  lives in \xE2\x80\x8BOslo", "ann");
    omega_id ignored;
    assert_status(om_memory_store(house.memory, &wrong, &ignored), OMEGA_EREJECTED);
    assert_error_says("tombstone");
    wrong.override_tombstone = true;
    assert_status(om_memory_store(house.memory, &wrong, &ignored), OMEGA_EINVAL);
    wrong.write.actor = OMEGA_ACTOR_HUMAN;
    assert_ok(om_memory_store(house.memory, &wrong, &ignored));
    wrong.override_tombstone = false;
    wrong.scope.user = OM_STR("bob"); /* control: another root */
    assert_ok(om_memory_store(house.memory, &wrong, &ignored));
    /* Once is enough, and a foreign eye sees nothing to correct. */
    assert_status(om_memory_supersede(house.memory, old.text, &in, &id), OMEGA_ECONFLICT);
    in.scope.user = OM_STR("bob");
    assert_status(om_memory_supersede(house.memory, id.text, &in, &ignored), OMEGA_ENOTFOUND);
    house_check(&house);
    house_close(&house);
}

static omega_messages_options messages_of(const omega_message *messages, size_t count,
                                          const char *user)
{
    omega_messages_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    options.scope = house_scope(user);
    options.messages = messages;
    options.count = count;
    return options;
}

static omega_message message_of(const char *role, const char *content)
{
    omega_message message;
    memset(&message, 0, sizeof message);
    message.role = omega_str_of(role);
    message.content = omega_str_of(content);
    message.occurred_at_ms = OMEGA_TIME_UNSET;
    return message;
}

static void test_messages_and_sessions(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    char first[257], second[257];
    omega_id ids[2];
    omega_message said[2] = {message_of("user", "hello there"),
                             message_of("assistant", "good morning")};
    omega_messages_options options = messages_of(said, 2, "ann");
    assert_ok(om_memory_add_messages(house.memory, &options, ids, first));
    assert_true(strlen(first) > 0);
    house_wait(&house, INT64_C(1800) * 1000); /* exactly the gap: still the same session */
    said[0].content = OM_STR("how are you");
    said[1].content = OM_STR("well");
    assert_ok(om_memory_add_messages(house.memory, &options, ids, second));
    assert_string_equal(first, second);
    omega_list_options list = omega_list_options_default();
    list.scope = house_scope("ann");
    list.scope.session = omega_str_of(first);
    list.order = OMEGA_ORDER_POSITION;
    omega_memories *got = NULL;
    assert_ok(om_memory_list(house.memory, &list, &got));
    assert_int_equal(om_memories_count(got), 4);
    for (size_t i = 0; i < 4; i++) {
        const omega_memory *m = om_memories_at(got, i);
        assert_int_equal(m->position, i);
        assert_int_equal(m->tier, OMEGA_TIER_SESSION);
        assert_str(m->role, i % 2 == 0 ? "user" : "assistant");
    }
    om_memories_free(got);
    /* Out of the session they are not seen. */
    assert_int_equal(house_count(&house, "ann", 0), 0);
    house_wait(&house, INT64_C(1800) * 1000 + 1);
    assert_ok(om_memory_add_messages(house.memory, &options, ids, second));
    assert_string_not_equal(first, second);
    /* Another agent has a session of its own; a named one is taken as it is. */
    options.scope.agent = OM_STR("other");
    assert_ok(om_memory_add_messages(house.memory, &options, ids, first));
    assert_string_not_equal(first, second);
    options.scope.session = OM_STR("mine");
    assert_ok(om_memory_add_messages(house.memory, &options, ids, first));
    assert_string_equal(first, "mine");
    house_check(&house);
    house_close(&house);
}

static void test_messages_come_once(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id ids[3], again[3];
    char session[257];
    omega_message said[3] = {message_of("user", "first"), message_of("user", "second"),
                             message_of("user", "third")};
    said[0].key = OM_STR("m1");
    said[1].key = OM_STR("m2");
    omega_messages_options options = messages_of(said, 2, "ann");
    options.scope.session = OM_STR("s");
    options.write.op_id = OM_STR("01890000-0000-7000-8000-0000000000cc");
    assert_ok(om_memory_add_messages(house.memory, &options, ids, session));
    assert_ok(om_memory_add_messages(house.memory, &options, again, session));
    assert_memory_equal(ids, again, 2 * sizeof *ids);
    assert_string_equal(session, "s");
    /* The same messages and one more, as clients send whole transcripts again. */
    options.count = 3;
    options.write.op_id = (omega_str){NULL, 0};
    assert_ok(om_memory_add_messages(house.memory, &options, again, NULL));
    assert_memory_equal(ids, again, 2 * sizeof *ids);
    omega_memories *got = NULL;
    omega_scope scope = {OM_STR("ann"), {NULL, 0}, OM_STR("s")};
    assert_ok(om_memory_get(house.memory, again[2].text, &scope, &got));
    assert_int_equal(om_memories_at(got, 0)->position, 2);
    om_memories_free(got);
    said[1].role = (omega_str){NULL, 0};
    assert_status(om_memory_add_messages(house.memory, &options, again, NULL), OMEGA_EINVAL);
    assert_error_says("message 1: role");
    house_close(&house);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

static omega_id kept_id;

static void prepare(struct house *house, void *context)
{
    (void)context;
    omega_memory_input in = house_input("what stands already", "ann");
    in.key = OM_STR("key");
    kept_id = house_store(house, &in);
}

static omega_status verb_store(struct house *house, void *context)
{
    const float vector[2] = {1.0F, 2.0F};
    omega_memory_input in = house_input("a new memory", "ann");
    omega_id id;
    (void)context;
    in.metadata_json = OM_STR("{\"n\":1}");
    in.embedding = vector;
    in.dimension = 2;
    return om_memory_store(house->memory, &in, &id);
}

static omega_status verb_upsert(struct house *house, void *context)
{
    omega_memory_input in = house_input("a changed memory", "ann");
    omega_id id;
    (void)context;
    in.key = OM_STR("key");
    return om_memory_store(house->memory, &in, &id);
}

static omega_status verb_messages(struct house *house, void *context)
{
    omega_id ids[2];
    omega_message said[2] = {message_of("user", "hello"), message_of("assistant", "yes")};
    omega_messages_options options = messages_of(said, 2, "ann");
    (void)context;
    return om_memory_add_messages(house->memory, &options, ids, NULL);
}

static omega_status verb_supersede(struct house *house, void *context)
{
    omega_id id;
    omega_memory_input in = house_input("a correction", "ann");
    (void)context;
    return om_memory_supersede(house->memory, kept_id.text, &in, &id);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    house_sweep("store", &(struct house_trial){prepare, verb_store, NULL});
    house_sweep("upsert", &(struct house_trial){prepare, verb_upsert, NULL});
    house_sweep("messages", &(struct house_trial){prepare, verb_messages, NULL});
    house_sweep("supersede", &(struct house_trial){prepare, verb_supersede, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_content),
        cmocka_unit_test(test_every_field_comes_back),
        cmocka_unit_test(test_novelty_is_importance),
        cmocka_unit_test(test_key_is_an_upsert),
        cmocka_unit_test(test_key_twice_in_one_batch),
        cmocka_unit_test(test_op_id_is_once),
        cmocka_unit_test(test_own_id),
        cmocka_unit_test(test_batch_is_all_or_nothing),
        cmocka_unit_test(test_supersede),
        cmocka_unit_test(test_messages_and_sessions),
        cmocka_unit_test(test_messages_come_once),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
