/* input_check_test.c -- bad input: each is refused with a sentence that names it, nothing changes.
 * */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

#include "support/memory_house.h"

static char big[(2 << 20) + 1]; /* 2 MiB of text */
static float vector[8193];

struct bad_input {
    const char *says;
    void (*spoil)(omega_memory_input *input);
};

#define SPOIL(name, code)                                                                          \
    static void spoil_##name(omega_memory_input *in)                                               \
    {                                                                                              \
        code;                                                                                      \
    }
static omega_str of_size(size_t size)
{
    return (omega_str){big, size};
}
static void set_vector(omega_memory_input *in, uint32_t dimension)
{
    for (uint32_t i = 0; i < dimension; i++) {
        vector[i] = 0.5F;
    }
    in->embedding = vector;
    in->dimension = dimension;
}
static void set_metadata(omega_memory_input *in, const char *json)
{
    in->metadata_json = omega_str_of(json);
}
static void set_id(omega_memory_input *in, const char *text)
{
    memset(in->id.text, 'x', sizeof in->id.text);
    memcpy(in->id.text, text, strlen(text));
}

SPOIL(size, in->struct_size = 0)
SPOIL(empty, in->content = OM_STR(""))
SPOIL(none, in->content = ((omega_str){NULL, 0}))
SPOIL(blank, in->content = OM_STR(" \t\r\n\xE3\x80\x80\xC2\xA0"))
SPOIL(huge, in->content = of_size(2 << 20))
SPOIL(over, in->content = of_size(OM_LIMIT_CONTENT + 1))
SPOIL(utf8, in->content = OM_STR("a\xFF"))
SPOIL(overlong, in->content = OM_STR("\xC0\xAF"))
SPOIL(surrogate, in->content = OM_STR("\xED\xA0\x80"))
SPOIL(pointer, in->content = ((omega_str){NULL, 3}))
SPOIL(tier, in->tier = (omega_tier)12)
SPOIL(tier_low, in->tier = (omega_tier)-1)
SPOIL(importance, in->importance = 1.5)
SPOIL(importance_low, in->importance = -0.01)
SPOIL(importance_inf, in->importance = (double)INFINITY)
SPOIL(confidence, in->confidence = 2)
SPOIL(user, in->scope.user = of_size(257))
SPOIL(agent, in->scope.agent = OM_STR("a\nb"))
SPOIL(session, in->scope.session = OM_STR("\xFF"))
SPOIL(key, in->key = of_size(257))
SPOIL(type, in->type = of_size(257))
SPOIL(role, in->role = of_size(257))
SPOIL(name, in->name = of_size(257))
SPOIL(uri, in->source_uri = of_size(2049))
SPOIL(nan, set_vector(in, 3); vector[1] = NAN)
SPOIL(infinite, set_vector(in, 3); vector[2] = INFINITY)
SPOIL(zero_dimension, set_vector(in, 3); in->dimension = 0)
SPOIL(wide, set_vector(in, 8193))
SPOIL(no_floats, in->dimension = 3)
SPOIL(dimension, set_vector(in, 4))
SPOIL(embedder_space, set_vector(in, 768); in->space = OM_STR(OM_BUILTIN_SPACE))
SPOIL(array, set_metadata(in, "[1]"))
SPOIL(broken, set_metadata(in, "{\"a\":"))
SPOIL(twice, set_metadata(in, "{\"a\":1,\"a\":2}"))
SPOIL(big_metadata, in->metadata_json = of_size(300000))
SPOIL(occurred, in->occurred_at_ms = INT64_MAX)
SPOIL(expires, in->expires_at_ms = INT64_MIN + 1)
SPOIL(valid, in->valid_from_ms = 2; in->valid_to_ms = 1)
SPOIL(position, in->position = -2)
SPOIL(id, set_id(in, "not an id"))
SPOIL(op_id, in->write.op_id = OM_STR("1234"))
SPOIL(durability, in->write.durability = (omega_durability)3)
SPOIL(actor, in->write.actor = (omega_actor)3)
SPOIL(override, in->override_tombstone = true)

static const struct bad_input bad_inputs[] = {
    {"struct_size", spoil_size},
    {"content is empty", spoil_empty},
    {"content is empty", spoil_none},
    {"content is empty", spoil_blank},
    {"content has 2097152 bytes; at most 1048576", spoil_huge},
    {"content has 1048577 bytes", spoil_over},
    {"content is not valid UTF-8", spoil_utf8},
    {"content is not valid UTF-8", spoil_overlong},
    {"content is not valid UTF-8", spoil_surrogate},
    {"content", spoil_pointer},
    {"tier is 12; 0 (immediate) to 11 (cosmic)", spoil_tier},
    {"tier is -1", spoil_tier_low},
    {"importance is 1.5; 0 to 1", spoil_importance},
    {"importance is -0.01", spoil_importance_low},
    {"importance is inf", spoil_importance_inf},
    {"confidence is 2", spoil_confidence},
    {"scope.user has 257 bytes; at most 256", spoil_user},
    {"scope.agent holds a control character", spoil_agent},
    {"scope.session is not valid UTF-8", spoil_session},
    {"key has 257", spoil_key},
    {"type has 257", spoil_type},
    {"role has 257", spoil_role},
    {"name has 257", spoil_name},
    {"source_uri has 2049 bytes; at most 2048", spoil_uri},
    {"value 1 of the vector is not finite", spoil_nan},
    {"value 2 of the vector is not finite", spoil_infinite},
    {"dimension is 0", spoil_zero_dimension},
    {"dimension is 8193; 1 to 8192", spoil_wide},
    {"dimension is 3 but there is no embedding", spoil_no_floats},
    {"'default' has 3 dimensions, the vector has 4", spoil_dimension},
    {"filled by the embedder", spoil_embedder_space},
    {"metadata_json is not a JSON object", spoil_array},
    {"metadata_json: ", spoil_broken},
    {"metadata_json: ", spoil_twice},
    {"metadata_json has 300000", spoil_big_metadata},
    {"occurred_at_ms", spoil_occurred},
    {"expires_at_ms", spoil_expires},
    {"valid_to_ms 1 is before valid_from_ms 2", spoil_valid},
    {"position is -2", spoil_position},
    {"id: ", spoil_id},
    {"write.op_id: ", spoil_op_id},
    {"write.durability is 3", spoil_durability},
    {"write.actor is 3", spoil_actor},
    {"override_tombstone", spoil_override},
};

static void test_bad_inputs(void **state)
{
    (void)state;
    struct house house;
    house_init(&house);
    house.options.dimension = 3;
    house_start(&house);
    memset(big, 'a', sizeof big - 1);
    for (size_t i = 0; i < OM_COUNT_OF(bad_inputs); i++) {
        omega_memory_input in = house_input("good", NULL);
        omega_id id = {"untouched"};
        bad_inputs[i].spoil(&in);
        if (om_memory_store(house.memory, &in, &id) != OMEGA_EINVAL) {
            fail_msg("case %zu (%s) was not refused", i, bad_inputs[i].says);
        }
        assert_error_says(bad_inputs[i].says);
        assert_string_equal(id.text, "untouched");
    }
    assert_int_equal(house_count(&house, NULL, 0), 0);
    assert_int_equal(om_store_commit_seq(house.store), 0);
    assert_status(om_memory_store(house.memory, NULL, NULL), OMEGA_EINVAL);
    /* The same, at the edge of what is allowed. */
    omega_memory_input in = house_input("x", NULL);
    in.content = of_size(OM_LIMIT_CONTENT);
    in.key = of_size(256);
    in.importance = 1.0;
    in.confidence = 0.0;
    set_vector(&in, 3);
    (void)house_store(&house, &in);
    house_close(&house);
}

static void test_bad_updates(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    omega_id id = house_say(&house, "good", NULL);
    static const struct {
        const char *says;
        int field;
    } cases[] = {{"struct_size", 0}, {"pinned is 2", 1},      {"state is 1", 2},
                 {"tier is 99", 3},  {"importance is -1", 4}, {"content is empty", 5},
                 {"id", 6},          {"id is missing", 7},    {"dimension is 9", 8},
                 {"metadata", 9}};
    for (size_t i = 0; i < OM_COUNT_OF(cases); i++) {
        omega_update_options up = omega_update_options_default();
        up.id = id.text;
        up.struct_size = cases[i].field == 0 ? 4 : up.struct_size;
        up.pinned = cases[i].field == 1 ? 2 : -1;
        up.state = cases[i].field == 2 ? OMEGA_MEMORY_SUPERSEDED : -1;
        up.tier = cases[i].field == 3 ? (omega_tier)99 : OMEGA_TIER_UNSET;
        up.importance = cases[i].field == 4 ? -1.0 : OMEGA_UNSET;
        up.content = cases[i].field == 5 ? OM_STR(" ") : (omega_str){NULL, 0};
        up.id = cases[i].field == 6 ? "x" : cases[i].field == 7 ? NULL : up.id;
        up.dimension = cases[i].field == 8 ? 9 : 0;
        up.metadata_json = cases[i].field == 9 ? OM_STR("3") : (omega_str){NULL, 0};
        assert_status(om_memory_update(house.memory, &up, NULL), OMEGA_EINVAL);
        assert_error_says(cases[i].says);
    }
    omega_memories *got = house_get(&house, id, NULL);
    assert_int_equal(om_memories_at(got, 0)->version, 1);
    om_memories_free(got);
    house_close(&house);
}

static void test_bad_lists(void **state)
{
    (void)state;
    struct house house;
    house_open(&house);
    const omega_tier tiers[1] = {(omega_tier)77};
    omega_memories *got = (omega_memories *)&house;
    static const char *const says[] = {"struct_size", "limit is 1001", "include is 4",
                                       "order is 3",  "scope.session", "tiers[0] is 77",
                                       "cursor",      "scope.user",    "$what"};
    for (size_t i = 0; i < OM_COUNT_OF(says); i++) {
        omega_list_options list = omega_list_options_default();
        list.struct_size = i == 0 ? 1 : list.struct_size;
        list.limit = i == 1 ? 1001 : 0;
        list.include = i == 2 ? 4 : 0;
        list.order = i == 3 ? (omega_order)3 : i == 4 ? OMEGA_ORDER_POSITION : OMEGA_ORDER_CREATED;
        list.tiers = i == 5 ? tiers : NULL;
        list.tier_count = i == 5 ? 1 : 0;
        list.cursor = i == 6 ? OM_STR("1.2.3") : (omega_str){NULL, 0};
        list.scope.user = i == 7 ? OM_STR("\x01") : (omega_str){NULL, 0};
        list.filter_json = i == 8 ? OM_STR("{\"a\":{\"$what\":1}}") : (omega_str){NULL, 0};
        assert_status(om_memory_list(house.memory, &list, &got), OMEGA_EINVAL);
        assert_error_says(says[i]);
        assert_null(got);
    }
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_inputs),
        cmocka_unit_test(test_bad_updates),
        cmocka_unit_test(test_bad_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
