/* ops_test.c -- every row of the table: its schema, a small input, what does not fit, and the
 * result against that of the C contract. */
#include "support/support.h"

#include "ops/ops.h"
#include "support/runtime_house.h"

struct example {
    const char *name;
    const char *input; /* %I: the id of a stored memory, %D: the directory */
    const char *says;  /* stands in the result */
};

/* In this order: later rows use what earlier ones made. */
static const struct example examples[] = {
    {"store_memory", "{\"content\":\"Ann prefers tea\",\"tier\":\"semantic\",\"key\":\"ann\"}",
     "\"id\":"},
    {"store_memories",
     "{\"memories\":[{\"content\":\"Ben prefers coffee\"},{\"content\":\"Cleo plays chess\"}]}",
     "\"ids\":["},
    {"add_messages",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"hello "
     "there\"}],\"scope\":{\"user\":\"ann\"}}",
     "\"session\":"},
    {"recall_memories", "{\"query\":\"who prefers tea\",\"k\":2,\"explain\":true}", "\"score\":"},
    {"get_memory", "{\"id\":\"%I\"}", "known to all"},
    {"memory_history", "{\"id\":\"%I\"}", "\"memories\":["},
    {"list_memories", "{\"limit\":2,\"order\":\"newest\"}", "\"cursor\":"},
    {"count_memories", "{\"tiers\":[\"semantic\"]}", "\"count\":1"},
    {"embed", "{\"text\":\"green tea\",\"dimension\":4}", "\"embedding\":["},
    {"update_memory", "{\"id\":\"%I\",\"importance\":0.5}", "\"version\":"},
    {"supersede_memory", "{\"old_id\":\"%I\",\"memory\":{\"content\":\"a correction\"}}",
     "\"id\":"},
    {"delete_memory", "{\"id\":\"%I\"}", "\"deleted\":1"},
    {"delete_memories", "{\"type\":\"note\",\"dry_run\":true}", "\"matched\":"},
    {"add_vectors", "{\"space\":\"s\",\"points\":[{\"key\":\"p\",\"embedding\":[1,2,3]}]}",
     "\"count\":1"},
    {"get_vector", "{\"space\":\"s\",\"key\":\"p\"}", "\"embedding\":[1,2,3]"},
    {"search_vectors", "{\"space\":\"s\",\"embedding\":[1,2,3]}", "\"key\":\"p\""},
    {"delete_vector", "{\"space\":\"s\",\"key\":\"p\"}", "{}"},
    {"health_status", "{\"probe\":true}", "\"overall\":\"healthy\""},
    {"metrics", "{}", "\"total_memories\":"},
    {"events", "{\"limit\":3,\"types\":[\"MemoryStored\"]}", "\"type\":\"MemoryStored\""},
    {"loop_status", "{}", "\"retention\""},
    {"execute_loop_cycle", "{\"loop\":\"checkpoint\",\"context\":\"a test\"}", "\"cycle_id\":"},
    {"backup", "{\"file\":\"%D/backup\"}", "\"file\":"},
    {"check", "{}", "\"faults\":0"},
    {"export", "{\"path\":\"%D/export\"}", "\"count\":"},
    {"import", "{\"path\":\"%D/export\"}", "\"failed\":0"},
    {"operations", "{}", "\"backup\""},
    {"cancel_operation", NULL, NULL}, /* nothing runs here that could be cancelled */
};

struct world {
    struct hall hall;
    omega_id id;
};

static void world_open(struct world *world)
{
    hall_open(&world->hall);
    world->id = hall_say(&world->hall, "known to all");
}

/* The example's input with its placeholders filled in. */
static void fill(const struct world *world, const char *input, struct om_buf *out)
{
    om_buf_clear(out);
    for (const char *at = input; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'I') {
            om_buf_add_text(out, world->id.text);
            at++;
        } else if (at[0] == '%' && at[1] == 'D') {
            om_buf_add_text(out, world->hall.dir);
            at++;
        } else {
            om_buf_add_char(out, *at);
        }
    }
    assert_int_equal(out->status, OMEGA_OK);
}

static omega_status run(struct world *world, const char *name, const char *input, char **out)
{
    const struct om_op_request request = {.name = omega_str_of(name), .input = omega_str_of(input)};
    size_t len = 0;
    return om_ops_run(world->hall.rt, om_alloc_default(), &request, out, &len);
}

static const struct example *example_of(const char *name)
{
    for (size_t i = 0; i < OM_COUNT_OF(examples); i++) {
        if (strcmp(examples[i].name, name) == 0) {
            return &examples[i];
        }
    }
    return NULL;
}

/* ---- The table ------------------------------------------------------------------------------- */

static void test_every_row_has_an_example(void **state)
{
    (void)state;
    assert_int_equal(om_ops_count(), OM_COUNT_OF(examples));
    for (size_t i = 0; i < om_ops_count(); i++) {
        const struct om_op_row *row = om_ops_at(i);
        assert_non_null(example_of(row->name));
        assert_ptr_equal(om_ops_find(omega_str_of(row->name)), row);
        assert_true(strlen(row->summary) > 10);
    }
    assert_null(om_ops_at(om_ops_count()));
    assert_null(om_ops_find(OM_STR("no_such_thing")));
}

static void test_every_example_runs(void **state)
{
    (void)state;
    struct world world;
    struct om_buf input;
    world_open(&world);
    om_buf_init(&input, om_alloc_default(), 1 << 16);
    for (size_t i = 0; i < OM_COUNT_OF(examples); i++) {
        if (examples[i].input == NULL) {
            continue;
        }
        if (strstr(examples[i].input, "%I") != NULL) {
            char text[64]; /* a memory of its own: some rows take it away */
            snprintf(text, sizeof text, "known to all, number %zu", i);
            world.id = hall_say(&world.hall, text);
        }
        char *out = NULL;
        struct om_json_doc *doc = NULL;
        fill(&world, examples[i].input, &input);
        assert_ok(run(&world, examples[i].name, input.ptr, &out));
        assert_ok(om_json_parse(om_alloc_default(), omega_str_of(out), NULL, &doc));
        assert_int_equal(om_json_type_of(om_json_root(doc)), OM_JSON_OBJECT);
        if (strstr(out, examples[i].says) == NULL) {
            print_error("%s: %s\n", examples[i].name, out);
            fail();
        }
        om_json_free(doc);
        om_put(om_alloc_default(), out);
    }
    om_buf_fini(&input);
    hall_close(&world.hall);
}

static void test_every_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < om_ops_count(); i++) {
        const struct om_op_row *row = om_ops_at(i);
        struct om_buf buf;
        struct om_json_out out;
        struct om_json_doc *doc = NULL;
        size_t required = 0;
        om_buf_init(&buf, om_alloc_default(), 1 << 20);
        om_json_out_init(&out, &buf);
        om_ops_schema(row, &out, NULL);
        assert_ok(om_json_parse(om_alloc_default(), om_buf_str(&buf), NULL, &doc));
        const struct om_json *root = om_json_root(doc);
        const struct om_json *properties = om_json_get(root, "properties");
        assert_true(om_str_eq_text(om_json_str(om_json_get(root, "type")), "object"));
        assert_int_equal(om_json_type_of(om_json_get(root, "additionalProperties")), OM_JSON_BOOL);
        for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
            const struct om_json *one = om_json_get(properties, field->name);
            const omega_str type = om_json_str(om_json_get(one, "type"));
            assert_true(om_str_eq_text(type, "string") || om_str_eq_text(type, "number") ||
                        om_str_eq_text(type, "integer") || om_str_eq_text(type, "boolean") ||
                        om_str_eq_text(type, "object") || om_str_eq_text(type, "array"));
            if (om_str_eq_text(type, "array")) {
                assert_int_equal(om_json_type_of(om_json_get(one, "items")), OM_JSON_OBJECT);
            }
            assert_true(om_json_str(om_json_get(one, "description")).len > 0);
            required += field->required;
        }
        assert_int_equal(om_json_count(om_json_get(root, "required")), required);
        om_json_free(doc);
        om_buf_fini(&buf);
    }
}

/* ---- What does not fit ----------------------------------------------------------------------- */

/* The input with one member left out (value NULL) or put in. */
static void change(const char *input, const char *name, const char *value, struct om_buf *out)
{
    struct om_json_doc *doc = NULL;
    struct om_json_out json;
    const struct om_json *member = NULL;
    omega_str key;
    size_t at = 0;
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(input), NULL, &doc));
    om_buf_clear(out);
    om_json_out_init(&json, out);
    om_json_open(&json, NULL, '{');
    while (om_json_next(om_json_root(doc), &at, &key, &member)) {
        struct om_buf text;
        char key_text[64];
        if (om_str_eq_text(key, name)) {
            continue;
        }
        om_buf_init(&text, om_alloc_default(), 1 << 16);
        om_json_dump(member, &text);
        snprintf(key_text, sizeof key_text, "%.*s", OM_STR_ARG(key));
        om_json_put_raw(&json, key_text, om_buf_str(&text));
        om_buf_fini(&text);
    }
    if (value != NULL) {
        om_json_put_raw(&json, name, omega_str_of(value));
    }
    om_json_close(&json, '}');
    om_json_free(doc);
    assert_int_equal(out->status, OMEGA_OK);
}

static void expect_refused(struct world *world, const char *name, const struct om_buf *input,
                           const char *member)
{
    char *out = NULL;
    const omega_status status = run(world, name, input->ptr, &out);
    if (status != OMEGA_EINVAL || strstr(omega_error_message(), member) == NULL || out != NULL) {
        print_error("%s with %s: %s (%s)\n", name, input->ptr, omega_status_name(status),
                    status != OMEGA_OK ? omega_error_message() : "");
        fail();
    }
}

static void test_what_does_not_fit_is_named(void **state)
{
    (void)state;
    struct world world;
    struct om_buf good;
    struct om_buf input;
    world_open(&world);
    om_buf_init(&good, om_alloc_default(), 1 << 16);
    om_buf_init(&input, om_alloc_default(), 1 << 16);
    for (size_t i = 0; i < OM_COUNT_OF(examples); i++) {
        const struct om_op_row *row = om_ops_find(omega_str_of(examples[i].name));
        fill(&world, examples[i].input != NULL ? examples[i].input : "{\"id\":\"%I\"}", &good);
        change(good.ptr, "no_such_member", "1", &input);
        expect_refused(&world, row->name, &input, "no_such_member");
        for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
            const bool is_text = strcmp(field->type, "string") == 0;
            change(good.ptr, field->name, is_text ? "7" : "\"x\"", &input);
            expect_refused(&world, row->name, &input, field->name);
            if (field->required) {
                change(good.ptr, field->name, NULL, &input);
                expect_refused(&world, row->name, &input, field->name);
            }
        }
    }
    assert_int_equal(hall_count(&world.hall), 1); /* nothing changed */
    om_buf_fini(&good);
    om_buf_fini(&input);
    hall_close(&world.hall);
}

static void test_bad_values_inside(void **state)
{
    (void)state;
    static const struct {
        const char *name, *input, *says;
    } bad[] = {
        {"store_memory", "[1]", "object"},
        {"store_memory", "{\"content\":", "line 1"},
        {"store_memory", "{\"content\":\"x\",\"content\":\"y\"}", "content"},
        {"store_memory", "{\"content\":\"x\",\"importance\":1.5}", "importance"},
        {"store_memory", "{\"content\":\"x\",\"tier\":\"attic\"}", "attic"},
        {"store_memory", "{\"content\":\"\"}", "content"},
        {"store_memory", "{\"content\":\"x\",\"scope\":{\"usr\":\"a\"}}", "usr"},
        {"store_memory", "{\"content\":\"x\",\"durability\":\"none\"}", "durability"},
        {"store_memory", "{\"content\":\"x\",\"actor\":\"god\"}", "actor"},
        {"store_memories", "{\"memories\":[]}", "memories"},
        {"store_memories", "{\"memories\":[{\"content\":\"a\"},{\"content\":3}]}", "memories[1]"},
        {"add_messages", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"x\":1}]}", "x"},
        {"add_messages", "{\"messages\":[{\"role\":\"user\"}]}", "message 0"},
        {"recall_memories", "{\"query\":\"x\",\"k\":0}", "'k'"},
        {"recall_memories", "{\"query\":\"x\",\"k\":10001}", "'k'"},
        {"recall_memories", "{\"query\":\"x\",\"k\":2.5}", "'k'"},
        {"recall_memories", "{\"query\":\"x\",\"filter\":{\"$near\":1}}", "$near"},
        {"recall_memories", "{\"query\":\"x\",\"as_of\":\"yesterday\"}", "as_of"},
        {"recall_memories", "{\"query\":\"x\",\"include\":[\"all\"]}", "include"},
        {"recall_memories", "{\"query\":\"x\",\"tiers\":[\"attic\"]}", "attic"},
        {"recall_memories", "{\"embedding\":[]}", "embedding"},
        {"get_memory", "{}", "either"},
        {"get_memory", "{\"id\":\"a\",\"key\":\"b\"}", "either"},
        {"get_memory", "{\"id\":\"not an id\"}", "not an id"},
        {"list_memories", "{\"order\":\"random\"}", "order"},
        {"update_memory", "{\"id\":\"x\",\"state\":\"gone\"}", "state"},
        {"add_vectors", "{\"space\":\"s\",\"points\":[{\"key\":\"a\"}]}", "points[0]"},
        {"add_vectors",
         "{\"space\":\"s\",\"points\":[{\"key\":\"a\",\"embedding\":[1]},"
         "{\"key\":\"b\",\"embedding\":[1,2]}]}",
         "points[1]"},
        {"add_vectors", "{\"space\":\"s\",\"points\":[{\"key\":\"a\",\"embedding\":[1],\"z\":0}]}",
         "z"},
        {"add_vectors", "{\"space\":\"s\",\"points\":[],\"metric\":\"x\"}", "points"},
        {"events", "{\"after\":\"seventeen\"}", "after"},
        {"events", "{\"types\":[\"MemoryLost\"]}", "MemoryLost"},
        {"execute_loop_cycle", "{\"loop\":\"spiral\"}", "spiral"},
        {"import", "{\"path\":\"x\",\"format\":\"csv\"}", "format"},
    };
    struct world world;
    world_open(&world);
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        struct om_buf input;
        om_buf_init(&input, om_alloc_default(), 1 << 16);
        om_buf_add_text(&input, bad[i].input);
        expect_refused(&world, bad[i].name, &input, bad[i].says);
        om_buf_fini(&input);
    }
    char *out = NULL;
    assert_status(run(&world, "no_such_operation", "{}", &out), OMEGA_ENOTFOUND);
    assert_error_says("no_such_operation");
    assert_int_equal(hall_count(&world.hall), 1);
    hall_close(&world.hall);
}

/* ---- Against the contract -------------------------------------------------------------------- */

static struct om_json_doc *result_of(struct world *world, const char *name, const char *input)
{
    struct om_json_doc *doc = NULL;
    char *out = NULL;
    assert_ok(run(world, name, input, &out));
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(out), NULL, &doc));
    om_put(om_alloc_default(), out);
    return doc;
}

static void expect_same(const struct om_json *list, const omega_memories *memories)
{
    assert_int_equal(om_json_count(list), omega_memories_count(memories));
    for (size_t i = 0; i < omega_memories_count(memories); i++) {
        const omega_memory *memory = omega_memories_at(memories, i);
        const struct om_json *one = om_json_at(list, i);
        assert_true(om_str_eq_text(om_json_str(om_json_get(one, "id")), memory->id.text));
        assert_true(om_str_eq(om_json_str(om_json_get(one, "content")), memory->content));
        assert_true(
            om_str_eq_text(om_json_str(om_json_get(one, "tier")), omega_tier_name(memory->tier)));
        const struct om_json *score = om_json_get(one, "score");
        assert_true(score == NULL || om_json_number(score) == memory->score);
    }
}

static void test_results_are_those_of_the_contract(void **state)
{
    (void)state;
    struct world world;
    omega_memories *memories = NULL;
    char text[64];
    world_open(&world);
    omega_runtime *rt = world.hall.rt;
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "cup number %d of %s tea", i, i % 2 == 0 ? "green" : "black");
        hall_say(&world.hall, text);
    }
    struct om_json_doc *doc =
        result_of(&world, "recall_memories", "{\"query\":\"green tea\",\"k\":7}");
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.query = omega_str_of("green tea");
    recall.k = 7;
    assert_ok(omega_memory_recall(rt, &recall, &memories));
    assert_int_equal(omega_memories_count(memories), 7);
    expect_same(om_json_get(om_json_root(doc), "memories"), memories);
    assert_int_equal(om_json_type_of(om_json_get(om_json_root(doc), "degraded")), OM_JSON_BOOL);
    om_json_free(doc);
    omega_memories_free(memories);

    doc = result_of(&world, "list_memories", "{\"limit\":5,\"order\":\"newest\"}");
    omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
    list.limit = 5;
    list.order = OMEGA_ORDER_CREATED_DESC;
    assert_ok(omega_memory_list(rt, &list, &memories));
    expect_same(om_json_get(om_json_root(doc), "memories"), memories);
    assert_true(om_str_eq(om_json_str(om_json_get(om_json_root(doc), "cursor")),
                          omega_memories_cursor(memories)));
    om_json_free(doc);
    omega_memories_free(memories);

    float values[8];
    size_t count = 0;
    static const char *const float_keys[] = {"embedding", NULL};
    char *out = NULL;
    assert_ok(omega_embed(rt, omega_str_of("green tea"), values, 8));
    assert_ok(run(&world, "embed", "{\"text\":\"green tea\",\"dimension\":8}", &out));
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(out), float_keys, &doc));
    const float *got = om_json_floats(om_json_get(om_json_root(doc), "embedding"), &count);
    assert_int_equal(count, 8);
    assert_memory_equal(got, values, sizeof values);
    om_json_free(doc);
    om_put(om_alloc_default(), out);
    hall_close(&world.hall);
}

static void test_a_key_is_updated_and_an_op_repeated(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    const char *input = "{\"content\":\"told once\",\"op_id\":"
                        "\"0190a1b2-0000-7000-8000-000000000001\",\"durability\":\"process\"}";
    struct om_json_doc *first = result_of(&world, "store_memory", input);
    struct om_json_doc *second = result_of(&world, "store_memory", input);
    assert_true(om_str_eq(om_json_str(om_json_get(om_json_root(first), "id")),
                          om_json_str(om_json_get(om_json_root(second), "id"))));
    assert_false(om_json_bool(om_json_get(om_json_root(first), "repeated")));
    assert_true(om_json_bool(om_json_get(om_json_root(second), "repeated")));
    assert_int_equal(hall_count(&world.hall), 2);
    om_json_free(first);
    om_json_free(second);
    hall_close(&world.hall);
}

/* ---- Memory runs out ------------------------------------------------------------------------- */

static omega_status recall_once(void *context)
{
    struct world *world = context;
    char *out = NULL;
    const omega_status status =
        run(world, "recall_memories", "{\"query\":\"known\",\"explain\":true,\"filter\":{\"a\":1}}",
            &out);
    om_put(om_alloc_default(), out);
    return status;
}

static omega_status list_once(void *context)
{
    struct world *world = context;
    char *out = NULL;
    const omega_status status = run(world, "list_memories", "{\"tiers\":[\"episodic\"]}", &out);
    om_put(om_alloc_default(), out);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    om_test_oom_sweep(recall_once, &world);
    om_test_oom_sweep(list_once, &world);
    hall_close(&world.hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_has_an_example),
        cmocka_unit_test(test_every_example_runs),
        cmocka_unit_test(test_every_schema),
        cmocka_unit_test(test_what_does_not_fit_is_named),
        cmocka_unit_test(test_bad_values_inside),
        cmocka_unit_test(test_results_are_those_of_the_contract),
        cmocka_unit_test(test_a_key_is_updated_and_an_op_repeated),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
