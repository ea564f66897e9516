/* forms_read_test.c -- memories and scopes read from JSON: every member, every wrong type. */
#include "support/support.h"

#include <stdio.h>

#include "forms/forms.h"

struct reader {
    struct om_arena arena;
    struct om_json_doc *doc;
    omega_memory_input input;
};

static omega_status read_input(struct reader *reader, const char *text, const char *where,
                               bool lenient)
{
    om_arena_init(&reader->arena, om_alloc_default(), 0);
    reader->doc = NULL;
    omega_status status =
        om_json_parse(om_alloc_default(), omega_str_of(text), om_form_float_keys, &reader->doc);
    const struct om_form form = {&reader->arena, where};
    if (status == OMEGA_OK) {
        status = om_form_memory_input(&form, om_json_root(reader->doc), lenient, &reader->input);
    }
    return status;
}

static void reader_fini(struct reader *reader)
{
    om_json_free(reader->doc);
    om_arena_fini(&reader->arena);
}

#define assert_text(got, wanted) assert_true(om_str_eq_text((got), (wanted)))

static const char full[] =
    "{\"content\":\"c\",\"tier\":\"Semantic\",\"embedding\":[1,-0.5],\"space\":\"mine\","
    "\"importance\":0.25,\"confidence\":1,\"scope\":{\"user\":\"u\",\"agent\":\"a\","
    "\"session\":\"s\"},\"key\":\"k\",\"type\":\"fact\",\"role\":\"user\",\"name\":\"n\","
    "\"language\":\"en\",\"metadata\":{\"b\":[1],\"a\":null},\"source\":{\"kind\":\"web\","
    "\"uri\":\"http://x\",\"actor\":\"human\"},\"occurred_at\":\"1970-01-01T00:00:01Z\","
    "\"valid_from\":\"1970-01-01T00:00:02Z\",\"valid_to\":\"1970-01-01T00:00:03Z\","
    "\"expires_at\":\"1970-01-01T00:00:04+00:00\",\"position\":7,\"pinned\":true,"
    "\"id\":\"01890000-0000-7000-8000-00000000ABCD\",\"created_at\":\"1970-01-01\","
    "\"override_tombstone\":true}";

static void test_every_member(void **state)
{
    (void)state;
    struct reader reader;
    assert_ok(read_input(&reader, full, "", false));
    const omega_memory_input *in = &reader.input;
    assert_int_equal(in->struct_size, sizeof *in);
    assert_text(in->content, "c");
    assert_int_equal(in->tier, OMEGA_TIER_SEMANTIC);
    assert_int_equal(in->dimension, 2);
    assert_true(in->embedding[0] == 1.0F && in->embedding[1] == -0.5F);
    assert_text(in->space, "mine");
    assert_true(in->importance == 0.25 && in->confidence == 1.0);
    assert_text(in->scope.user, "u");
    assert_text(in->scope.agent, "a");
    assert_text(in->scope.session, "s");
    assert_text(in->key, "k");
    assert_text(in->type, "fact");
    assert_text(in->role, "user");
    assert_text(in->name, "n");
    assert_text(in->language, "en");
    assert_text(in->metadata_json, "{\"a\":null,\"b\":[1]}");
    assert_text(in->source_kind, "web");
    assert_text(in->source_uri, "http://x");
    assert_int_equal(in->write.actor, OMEGA_ACTOR_HUMAN);
    assert_true(in->occurred_at_ms == 1000 && in->valid_from_ms == 2000 &&
                in->valid_to_ms == 3000 && in->expires_at_ms == 4000 && in->created_at_ms == 0);
    assert_int_equal(in->position, 7);
    assert_true(in->pinned && in->override_tombstone);
    assert_string_equal(in->id.text, "01890000-0000-7000-8000-00000000abcd");
    reader_fini(&reader);
}

static void test_nothing_given(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "{\"content\":null,\"tier\":null,\"embedding\":null,\"scope\":null,\"id\":null,"
              "\"source\":null,\"metadata\":null,\"position\":null,\"importance\":null}"};
    for (size_t i = 0; i < OM_COUNT_OF(texts); i++) {
        struct reader reader;
        assert_ok(read_input(&reader, texts[i], "", false));
        const omega_memory_input *in = &reader.input;
        assert_int_equal(in->tier, OMEGA_TIER_UNSET);
        assert_null(in->embedding);
        assert_null(in->content.ptr);
        assert_true(omega_is_unset(in->importance) && omega_is_unset(in->confidence));
        assert_true(in->created_at_ms == OMEGA_TIME_UNSET && in->position == -1);
        assert_string_equal(in->id.text, "");
        reader_fini(&reader);
    }
}

static void test_base64(void **state)
{
    (void)state;
    struct reader reader;
    assert_ok(read_input(&reader, "{\"embedding_b64\":\"AACAPwAAAMA=\"}", "", false));
    assert_int_equal(reader.input.dimension, 2);
    assert_true(reader.input.embedding[0] == 1.0F && reader.input.embedding[1] == -2.0F);
    reader_fini(&reader);
}

struct wrong {
    const char *text;
    const char *says;
};

static void test_wrong(void **state)
{
    (void)state;
    static const struct wrong rows[] = {
        {"[]", "memories[3] must be an object"},
        {"{\"content\":1}", "memories[3].content must be a string"},
        {"{\"importance\":\"1\"}", "memories[3].importance must be a number"},
        {"{\"pinned\":1}", "memories[3].pinned must be true or false"},
        {"{\"position\":1.5}", "memories[3].position must be a whole number"},
        {"{\"tier\":3}", "memories[3].tier must be a tier's name"},
        {"{\"tier\":\"attic\"}", "memories[3].tier: "},
        {"{\"occurred_at\":1}", "memories[3].occurred_at must be a time"},
        {"{\"occurred_at\":\"noon\"}", "memories[3].occurred_at: "},
        {"{\"scope\":[]}", "memories[3].scope must be an object"},
        {"{\"scope\":{\"users\":\"x\"}}", "memories[3].scope has no member 'users'; the nearest "
                                          "is 'user'"},
        {"{\"scope\":{\"user\":1}}", "memories[3].scope.user must be a string"},
        {"{\"source\":{\"actor\":\"cat\"}}", "memories[3].source.actor must be model, human or"},
        {"{\"metadata\":[]}", "memories[3].metadata must be an object"},
        {"{\"embedding\":[1,\"x\"]}", "memories[3].embedding must be an array of numbers"},
        {"{\"embedding\":[]}", "memories[3].embedding has 0 numbers; 1 to 8192"},
        {"{\"embedding_b64\":\"AAA\"}", "memories[3].embedding_b64: "},
        {"{\"embedding_b64\":\"AAAAAAA=\"}", "four bytes each"},
        {"{\"embedding_b64\":\"\"}", "has 0 numbers"},
        {"{\"embedding\":[1],\"embedding_b64\":\"AACAPw==\"}", "are both given"},
        {"{\"id\":\"x\"}", "memories[3].id: "},
        {"{\"importnace\":1}", "has no member 'importnace'; the nearest is 'importance'"},
        {"{\"score\":1}", "has no member 'score'"},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        struct reader reader;
        assert_status(read_input(&reader, rows[i].text, "memories[3].", false), OMEGA_EINVAL);
        assert_error_says(rows[i].says);
        reader_fini(&reader);
    }
}

static void test_lenient(void **state)
{
    (void)state;
    struct reader reader;
    assert_ok(read_input(
        &reader, "{\"score\":1,\"state\":\"active\",\"vectors\":[],\"op_id\":\"x\"}", "", true));
    reader_fini(&reader);
    assert_status(read_input(&reader, "{\"text\":\"x\"}", "", true), OMEGA_EINVAL);
    reader_fini(&reader);
}

static void test_long_names(void **state)
{
    (void)state;
    struct reader reader;
    char text[4096] = "{\"";
    memset(text + 2, 'x', 3000);
    memcpy(text + 3002, "\":1}", 5);
    assert_status(read_input(&reader, text, "", false), OMEGA_EINVAL);
    reader_fini(&reader);
    assert_status(read_input(&reader, "{\"\":1}", "", false), OMEGA_EINVAL);
    reader_fini(&reader);
}

static omega_status sweep_step(void *context)
{
    struct reader reader;
    (void)context;
    const omega_status status = read_input(
        &reader, "{\"metadata\":{\"a\":1},\"embedding_b64\":\"AACAPw==\",\"content\":\"c\"}", "",
        false);
    reader_fini(&reader);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(sweep_step, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member),  cmocka_unit_test(test_nothing_given),
        cmocka_unit_test(test_base64),        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_lenient),       cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
