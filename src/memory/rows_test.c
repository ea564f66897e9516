/* rows_test.c -- rows and record bodies that are damaged, and the visibility rule. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory/record_int.h"
#include "memory/rows_check_int.h"
#include "support/memory_house.h"

/* ---- The visibility rule --------------------------------------------------------------------- */

/* Written from the sentence in omega/base.h, case by case. */
static void test_visibility(void **state)
{
    (void)state;
    static const struct {
        const char *user, *agent, *session;
        omega_tier tier;
        bool session_only, visible;
    } cases[] = {
        {NULL, NULL, NULL, OMEGA_TIER_SEMANTIC, false, true},
        {"ann", NULL, NULL, OMEGA_TIER_SEMANTIC, false, true},
        {"bob", NULL, NULL, OMEGA_TIER_SEMANTIC, false, false},
        {NULL, "helper", NULL, OMEGA_TIER_SEMANTIC, false, true},
        {NULL, "other", NULL, OMEGA_TIER_SEMANTIC, false, false},
        {"ann", "helper", NULL, OMEGA_TIER_COSMIC, false, true},
        {"ann", "other", NULL, OMEGA_TIER_COSMIC, false, false},
        {"ann", NULL, "s1", OMEGA_TIER_SESSION, false, true},
        {"ann", NULL, "s2", OMEGA_TIER_SESSION, false, false},
        {"ann", NULL, "s2", OMEGA_TIER_IMMEDIATE, false, false},
        {"ann", NULL, "s2", OMEGA_TIER_SHORT_TERM, false, false},
        {"ann", NULL, "s2", OMEGA_TIER_EPISODIC, false, true},
        {"ann", NULL, NULL, OMEGA_TIER_SESSION, false, true},
        {"ann", NULL, "s1", OMEGA_TIER_EPISODIC, true, true},
        {"ann", NULL, "s2", OMEGA_TIER_EPISODIC, true, false},
        {"ann", NULL, NULL, OMEGA_TIER_EPISODIC, true, false},
    };
    const omega_scope eyes = {OM_STR("ann"), OM_STR("helper"), OM_STR("s1")};
    for (size_t i = 0; i < OM_COUNT_OF(cases); i++) {
        struct om_memory_row row = {.user = omega_str_of(cases[i].user),
                                    .agent = omega_str_of(cases[i].agent),
                                    .session = omega_str_of(cases[i].session),
                                    .tier = cases[i].tier};
        if (om_row_visible(&row, &eyes, cases[i].session_only) != cases[i].visible) {
            fail_msg("case %zu", i);
        }
    }
    struct om_memory_row anns = {.user = OM_STR("ann"), .tier = OMEGA_TIER_SEMANTIC};
    assert_false(om_row_visible(&anns, NULL, false)); /* no user sees the shared root, not all */
}

/* ---- Damage ---------------------------------------------------------------------------------- */

/* Finds the content in the database file and flips one bit of it. */
static void flip_bit(struct house *house, const char *text)
{
    char path[OM_PATH_SIZE];
    struct om_buf file;
    assert_ok(om_os_join(path, house->dir, "omega.db"));
    om_buf_init(&file, om_alloc_default(), 64 << 20);
    assert_ok(om_os_read_file(path, 64 << 20, &file));
    char *at = memmem(file.ptr, file.len, text, strlen(text));
    assert_non_null(at);
    while (at != NULL) {
        at[3] = (char)(at[3] ^ 1);
        at = memmem(at + 1, file.len - (size_t)(at + 1 - file.ptr), text, strlen(text));
    }
    assert_ok(om_os_write_file(path, file.ptr, file.len));
    om_buf_fini(&file);
}

static unsigned faults;
static void count_fault(void *context, const char *fault)
{
    (void)context;
    (void)fault;
    faults++;
}

static void test_a_flipped_bit_is_found(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_memories *got = NULL;
    (void)house_say(&house, "what stands before", "ann");
    omega_id id = house_say(&house, "Quizzaciously damaged", "ann");
    (void)house_say(&house, "what stands after", "ann");
    house_stop(&house);
    flip_bit(&house, "Quizzaciously");
    om_log_set_level(OM_LOG_OFF);
    house_start(&house);
    omega_scope scope = house_scope("ann");
    assert_status(om_memory_get(house.memory, id.text, &scope, &got), OMEGA_ECORRUPT);
    assert_error_says(id.text);
    omega_list_options list = omega_list_options_default();
    list.scope = scope;
    assert_ok(om_memory_list(house.memory, &list, &got)); /* the others go on */
    assert_int_equal(om_memories_count(got), 2);
    const char *reason = NULL;
    assert_true(om_memories_degraded(got, &reason));
    assert_non_null(strstr(reason, "damaged"));
    om_memories_free(got);
    struct om_check check = {.each = count_fault};
    faults = 0;
    assert_ok(om_store_check(house.store, &check));
    assert_true(faults > 0 && check.faults == faults);
    om_log_set_level(OM_LOG_WARN);
    house_close(&house);
}

/* ---- Record bodies --------------------------------------------------------------------------- */

static void make_item(struct house *house, struct om_draft *draft, struct om_item *item)
{
    static const float vector[3] = {1.0F, 2.0F, 3.0F};
    omega_memory_input in = house_input("packed and unpacked", "ann");
    in.embedding = vector;
    in.dimension = 3;
    in.key = OM_STR("k");
    in.metadata_json = OM_STR("{\"a\":1}");
    in.valid_from_ms = -5;
    in.importance = 0.75;
    assert_ok(om_draft_init(draft, house->memory, OM_MEMORY_KIND_STORE, NULL));
    assert_ok(om_item_init(item, draft, &in));
}

static void test_an_item_round_trips(void **state)
{
    (void)state;
    struct house house;
    struct om_draft draft;
    struct om_item item, back;
    struct om_unpack in;
    house_open(&house);
    make_item(&house, &draft, &item);
    size_t from = draft.body.len;
    om_item_pack(&draft, &item);
    om_unpack_init(&in, draft.body.ptr + from, draft.body.len - from);
    om_item_unpack(&in, &back);
    assert_ok(om_unpack_finish(&in, "item"));
    assert_str(back.input.content, "packed and unpacked");
    assert_str(back.input.key, "k");
    assert_str(back.input.metadata_json, "{\"a\":1}");
    assert_true(back.input.importance == 0.75 && omega_is_unset(back.input.confidence));
    assert_true(back.input.valid_from_ms == -5 && back.input.valid_to_ms == OMEGA_TIME_UNSET);
    assert_int_equal(back.input.tier, OMEGA_TIER_UNSET);
    assert_true(om_uuid_eq(back.id, item.id) && om_uuid_eq(back.version_id, item.version_id));
    assert_memory_equal(back.digest, item.digest, OM_DIGEST_SIZE);
    assert_int_equal(back.given.dimension, 3);
    assert_memory_equal(back.given.floats, item.given.floats, 3 * sizeof(float));
    assert_int_equal(back.text.dimension, 768);
    assert_memory_equal(back.text.floats, item.text.floats, 768 * sizeof(float));
    /* Cut anywhere, it is refused, and never read past its end. */
    for (size_t size = 0; size < draft.body.len - from; size += 7) {
        char *cut = malloc(size + 1);
        memcpy(cut, draft.body.ptr + from, size);
        om_unpack_init(&in, cut, size);
        om_item_unpack(&in, &back);
        assert_status(om_unpack_finish(&in, "item"), OMEGA_ECORRUPT);
        free(cut);
    }
    om_draft_fini(&draft);
    house_close(&house);
}

/* Records of every kind with random damage: refused or applied, never a crash, and the store stays
 * whole. */
static void test_damaged_records(void **state)
{
    (void)state;
    struct house house;
    struct om_draft draft;
    struct om_item item;
    struct om_rng rng;
    house_open(&house);
    om_rng_seed(&rng, 11);
    omega_id id = house_say(&house, "what stands", "ann");
    make_item(&house, &draft, &item);
    om_pack_u64(&draft.body, 1);
    om_item_pack(&draft, &item);
    for (int i = 0; i < 600; i++) {
        struct om_write write = {.record = {.op_id = om_uuid_new(&house.ids)}};
        size_t size = (size_t)om_rng_below(&rng, OM_MIN(draft.body.len, (size_t)400)) + 1;
        char *body = malloc(size);
        memcpy(body, draft.body.ptr, size);
        if (i % 2 == 0) { /* a good head, and then whatever comes */
            for (size_t at = 2; at < size; at++) {
                body[at] = (char)om_rng_u64(&rng);
            }
        } else {
            body[om_rng_below(&rng, size)] = (char)om_rng_u64(&rng);
        }
        om_buf_init(&write.result, &house.alloc, 1 << 20);
        write.record.kind = house.memory->kind_list[i % OM_MEMORY_KIND_COUNT];
        write.record.at_ms = house_start_ms;
        write.record.actor = OM_STR("model");
        write.record.body = (omega_str){body, size};
        write.record.durability = OM_DURABILITY_PROCESS;
        (void)om_store_commit(house.store, &write, 1);
        om_buf_fini(&write.result);
        free(body);
    }
    om_draft_fini(&draft);
    om_memories_free(house_get(&house, id, "ann"));
    house_check(&house);
    house_reopen(&house);
    house_check(&house);
    house_close(&house);
}

static void test_newer_form(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    static const char body[] = {2, 0, 0};
    struct om_write write = {.record = {.op_id = om_uuid_new(&house.ids)}};
    om_buf_init(&write.result, &house.alloc, 1 << 20);
    write.record.kind = house.memory->kind_list[OM_MEMORY_KIND_STORE];
    write.record.actor = OM_STR("model");
    write.record.body = (omega_str){body, sizeof body};
    assert_status(om_store_commit(house.store, &write, 1), OMEGA_EFORMAT);
    om_buf_fini(&write.result);
    house_close(&house);
}

/* A log of operations applied to two empty stores gives the same rows. */
static omega_status dump_row(void *context, const struct om_memory_row *row, bool damaged)
{
    struct om_hasher *hasher = context;
    assert_false(damaged);
    om_hasher_add(hasher, &row->row, sizeof row->row);
    om_hasher_add(hasher, row->id.bytes, sizeof row->id.bytes);
    om_hasher_add(hasher, row->supersedes.bytes, sizeof row->supersedes.bytes);
    om_hasher_add(hasher, row->content.ptr, row->content.len);
    om_hasher_add(hasher, &row->state, sizeof row->state);
    om_hasher_add(hasher, &row->version, sizeof row->version);
    om_hasher_add(hasher, &row->updated_at, sizeof row->updated_at);
    om_hasher_add(hasher, row->digest, sizeof row->digest);
    om_hasher_add(hasher, &row->access_count, sizeof row->access_count);
    return OMEGA_OK;
}

static uint64_t dump(struct house *house)
{
    struct om_reader reader;
    struct om_hasher hasher;
    om_hasher_init(&hasher, 0);
    assert_ok(om_store_read(house->store, 1000, &reader));
    assert_ok(om_row_each(reader.conn, dump_row, &hasher));
    om_store_read_end(&reader);
    return om_hasher_result(&hasher);
}

static bool apply_again(void *context, uint64_t seq, const struct om_record *record)
{
    struct house *target = context;
    struct om_write write = {.record = *record};
    (void)seq;
    for (size_t i = 0; i < OM_MEMORY_KIND_COUNT; i++) {
        if (strcmp(target->memory->kinds[i].name, record->kind->name) == 0) {
            write.record.kind = target->memory->kind_list[i];
        }
    }
    om_buf_init(&write.result, &target->alloc, 16 << 20);
    assert_ok(om_store_commit(target->store, &write, 1));
    om_buf_fini(&write.result);
    return true;
}

static void live(struct house *house)
{
    omega_memory_input in = house_input("tea", "ann");
    omega_id id, other;
    omega_id ids[2];
    in.key = OM_STR("drink");
    id = house_store(house, &in);
    in.content = OM_STR("coffee");
    (void)house_store(house, &in);
    omega_memory_input fix = house_input("water", "ann");
    assert_ok(om_memory_supersede(house->memory, id.text, &fix, &other));
    omega_message said[2] = {{.role = OM_STR("user"), .content = OM_STR("hi")},
                             {.role = OM_STR("user"), .content = OM_STR("ho")}};
    said[0].occurred_at_ms = said[1].occurred_at_ms = OMEGA_TIME_UNSET;
    omega_messages_options messages = {.struct_size = (uint32_t)sizeof messages,
                                       .scope = house_scope("ann"),
                                       .messages = said,
                                       .count = 2};
    assert_ok(om_memory_add_messages(house->memory, &messages, ids, NULL));
    om_memories_free(house_get(house, other, "ann"));
    assert_ok(om_memory_flush_access(house->memory));
    house_wait(house, INT64_C(40) * 86400000);
    (void)house_say(house, "much later", "bob");
    assert_ok(om_memory_retain(house->memory, NULL, NULL, NULL));
}

static void test_the_log_replays(void **state)
{
    (void)state;
    struct house source, target;
    struct om_reader reader;
    house_init(&source);
    source.keep_operations = true;
    house_start(&source);
    live(&source);
    house_open(&target);
    assert_ok(om_store_read(source.store, 1000, &reader));
    assert_ok(om_store_operations(&reader, 0, apply_again, &target));
    om_store_read_end(&reader);
    assert_true(dump(&source) == dump(&target));
    assert_int_equal(om_store_commit_seq(source.store), om_store_commit_seq(target.store));
    house_check(&target);
    house_close(&target);
    house_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visibility),          cmocka_unit_test(test_a_flipped_bit_is_found),
        cmocka_unit_test(test_an_item_round_trips), cmocka_unit_test(test_damaged_records),
        cmocka_unit_test(test_newer_form),          cmocka_unit_test(test_the_log_replays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
