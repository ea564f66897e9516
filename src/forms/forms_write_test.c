/* forms_write_test.c -- what is written is JSON, holds every member, and reads back the same. */
#include "support/support.h"

#include <stdio.h>

#include "forms/forms.h"

struct writer {
    struct om_buf buf;
    struct om_json_out out;
};

static void writer_init(struct writer *writer)
{
    om_buf_init(&writer->buf, om_alloc_default(), 1 << 20);
    om_json_out_init(&writer->out, &writer->buf);
}

static void assert_written(struct writer *writer, const char *wanted)
{
    assert_int_equal(writer->buf.status, OMEGA_OK);
    assert_string_equal(writer->buf.ptr, wanted);
    om_buf_fini(&writer->buf);
}

static const omega_memory_vector vectors[] = {{{"default", 7}, 2, false}, {{"b", 1}, 3, true}};

static omega_memory sample(void)
{
    const omega_memory memory = {
        .struct_size = sizeof memory,
        .tier = OMEGA_TIER_EPISODIC,
        .id = {"01890000-0000-7000-8000-000000000001"},
        .supersedes = {"01890000-0000-7000-8000-000000000002"},
        .state = OMEGA_MEMORY_ARCHIVED,
        .actor = OMEGA_ACTOR_SYSTEM,
        .content = OM_STR("a \"b\"\n"),
        .key = OM_STR("k"),
        .type = OM_STR("note"),
        .role = OM_STR("user"),
        .name = OM_STR("Ann"),
        .language = OM_STR("en"),
        .metadata_json = OM_STR("{\"x\":1}"),
        .user = OM_STR("u"),
        .agent = OM_STR("g"),
        .session = OM_STR("s"),
        .source_kind = OM_STR("web"),
        .source_uri = OM_STR("http://x"),
        .importance = 0.5,
        .confidence = 1.0,
        .score = 0.75,
        .explain_json = OM_STR("{\"arm\":2}"),
        .position = 3,
        .occurred_at_ms = 1000,
        .valid_from_ms = OMEGA_TIME_UNSET,
        .valid_to_ms = 2000,
        .created_at_ms = 3000,
        .updated_at_ms = 4000,
        .believed_to_ms = OMEGA_TIME_UNSET,
        .expires_at_ms = 5000,
        .accessed_at_ms = OMEGA_TIME_UNSET,
        .version = 2,
        .access_count = 9,
        .stability_days = 1.5,
        .retrievability = 0.25,
        .pinned = true,
        .vectors = vectors,
        .vector_count = 2,
    };
    return memory;
}

static void test_memory(void **state)
{
    (void)state;
    struct writer writer;
    const omega_memory memory = sample();
    writer_init(&writer);
    om_form_memory(&writer.out, NULL, &memory, true);
    assert_written(
        &writer,
        "{\"id\":\"01890000-0000-7000-8000-000000000001\",\"key\":\"k\",\"tier\":\"episodic\","
        "\"type\":\"note\",\"state\":\"archived\",\"pinned\":true,\"role\":\"user\","
        "\"name\":\"Ann\",\"content\":\"a \\\"b\\\"\\n\",\"language\":\"en\",\"importance\":0.5,"
        "\"confidence\":1,\"metadata\":{\"x\":1},\"scope\":{\"user\":\"u\",\"agent\":\"g\","
        "\"session\":\"s\"},\"position\":3,\"source\":{\"kind\":\"web\",\"uri\":\"http://x\","
        "\"actor\":\"system\"},\"occurred_at\":\"1970-01-01T00:00:01.000Z\",\"valid_from\":null,"
        "\"valid_to\":\"1970-01-01T00:00:02.000Z\",\"created_at\":\"1970-01-01T00:00:03.000Z\","
        "\"updated_at\":\"1970-01-01T00:00:04.000Z\",\"believed_to\":null,"
        "\"expires_at\":\"1970-01-01T00:00:05.000Z\",\"accessed_at\":null,\"version\":2,"
        "\"supersedes\":\"01890000-0000-7000-8000-000000000002\",\"superseded_by\":null,"
        "\"vectors\":[{\"space\":\"default\",\"dimension\":2,\"status\":\"ready\"},"
        "{\"space\":\"b\",\"dimension\":3,\"status\":\"pending\"}],\"access_count\":9,"
        "\"stability_days\":1.5,\"retrievability\":0.25,\"score\":0.75,\"explain\":{\"arm\":2}}");
}

/* What is written is read: the fields of an input come back. */
static void test_reads_back(void **state)
{
    (void)state;
    struct writer writer;
    struct om_arena arena;
    struct om_json_doc *doc = NULL;
    omega_memory_input in;
    const omega_memory memory = sample();
    const float values[] = {0.1F, -3.5e-30F};
    writer_init(&writer);
    om_json_open(&writer.out, NULL, '{');
    om_form_memory_members(&writer.out, &memory, false);
    om_form_vector(&writer.out, OM_STR("mine"), values, 2);
    om_json_close(&writer.out, '}');
    om_arena_init(&arena, om_alloc_default(), 0);
    const struct om_form form = {&arena, ""};
    assert_ok(om_json_parse(om_alloc_default(), om_buf_str(&writer.buf), om_form_float_keys, &doc));
    assert_ok(om_form_memory_input(&form, om_json_root(doc), true, &in));
    assert_true(om_str_eq(in.content, memory.content) && om_str_eq(in.key, memory.key));
    assert_true(om_str_eq(in.metadata_json, memory.metadata_json));
    assert_string_equal(in.id.text, memory.id.text);
    assert_int_equal(in.tier, memory.tier);
    assert_int_equal(in.write.actor, memory.actor);
    assert_true(in.valid_from_ms == OMEGA_TIME_UNSET && in.valid_to_ms == 2000);
    assert_true(in.created_at_ms == 3000 && in.expires_at_ms == 5000 && in.position == 3);
    assert_true(om_str_eq_text(in.space, "mine") && in.dimension == 2);
    assert_memory_equal(in.embedding, values, sizeof values);
    om_json_free(doc);
    om_arena_fini(&arena);
    om_buf_fini(&writer.buf);
}

static void test_bare_memory(void **state)
{
    (void)state;
    struct writer writer;
    struct om_json_doc *doc = NULL;
    omega_memory memory = {.content = OM_STR("x"), .position = -1};
    memory.expires_at_ms = OMEGA_TIME_UNSET;
    writer_init(&writer);
    om_form_memory(&writer.out, NULL, &memory, false);
    assert_ok(om_json_parse(om_alloc_default(), om_buf_str(&writer.buf), NULL, &doc));
    static const char *const absent[] = {"key",      "type",       "role",  "name",   "language",
                                         "position", "expires_at", "score", "explain"};
    for (size_t i = 0; i < OM_COUNT_OF(absent); i++) {
        assert_null(om_json_get(om_json_root(doc), absent[i]));
    }
    om_json_free(doc);
    om_buf_fini(&writer.buf);
    assert_string_equal(om_form_state_name((omega_memory_state)9), "?");
    assert_string_equal(om_form_actor_name((omega_actor)-1), "?");
}

static void test_health(void **state)
{
    (void)state;
    struct writer writer;
    omega_health_report report = {.overall = OMEGA_DEGRADED, .subsystem_count = 1};
    (void)snprintf(report.subsystems[0].name, sizeof report.subsystems[0].name, "store");
    (void)snprintf(report.subsystems[0].reason, sizeof report.subsystems[0].reason, "slow");
    report.subsystems[0].status = OMEGA_DEGRADED;
    report.subsystems[0].latency_us = 2.5;
    writer_init(&writer);
    om_form_health(&writer.out, NULL, &report);
    assert_written(&writer, "{\"overall\":\"degraded\",\"subsystems\":{\"store\":{\"status\":"
                            "\"degraded\",\"since\":\"1970-01-01T00:00:00.000Z\",\"reason\":"
                            "\"slow\",\"latency_us\":2.5}}}");
}

static void test_loop(void **state)
{
    (void)state;
    struct writer writer;
    const omega_loop_info info = {.name = "reflexive",
                                  .interval_ms = 100,
                                  .next_due_ms = 1000,
                                  .last_start_ms = OMEGA_TIME_UNSET,
                                  .cycles = 4,
                                  .idle = 3,
                                  .enabled = true};
    writer_init(&writer);
    om_form_loop(&writer.out, NULL, &info);
    assert_written(&writer, "{\"name\":\"reflexive\",\"enabled\":true,\"running\":false,"
                            "\"interval_ms\":100,\"next_due\":\"1970-01-01T00:00:01.000Z\","
                            "\"last_start\":null,\"last_duration_us\":0,\"cycles\":4,"
                            "\"failures\":0,\"idle\":3}");
}

static void test_operation(void **state)
{
    (void)state;
    struct writer writer;
    const omega_operation_info info = {.state = OMEGA_OPERATION_FAILED,
                                       .id = {"i"},
                                       .name = "import",
                                       .phase = "importing",
                                       .subject = "x",
                                       .error = "no",
                                       .done = 1,
                                       .total = 2,
                                       .rate_per_s = 0.5};
    writer_init(&writer);
    om_form_operation(&writer.out, NULL, &info);
    assert_written(&writer, "{\"id\":\"i\",\"name\":\"import\",\"state\":\"failed\","
                            "\"phase\":\"importing\",\"subject\":\"x\",\"error\":\"no\","
                            "\"done\":1,\"total\":2,\"rate_per_s\":0.5,"
                            "\"started_at\":\"1970-01-01T00:00:00.000Z\","
                            "\"updated_at\":\"1970-01-01T00:00:00.000Z\"}");
}

static void test_deletion(void **state)
{
    (void)state;
    struct writer writer;
    const omega_deletion deletion = {.erased = true,
                                     .matched = 2,
                                     .deleted = 1,
                                     .rows = 3,
                                     .tombstones = 1,
                                     .overwritten_bytes = 7,
                                     .backup_count = 2,
                                     .backups = "/a\n/b"};
    writer_init(&writer);
    om_form_deletion(&writer.out, NULL, &deletion);
    assert_written(&writer, "{\"matched\":2,\"deleted\":1,\"rows\":3,\"tombstones\":1,"
                            "\"erased\":true,\"overwritten_bytes\":7,\"backup_count\":2,"
                            "\"backups\":[\"/a\",\"/b\"]}");
}

static omega_status sweep_step(void *context)
{
    struct writer writer;
    const omega_memory memory = sample();
    const float values[] = {1.0F};
    (void)context;
    writer_init(&writer);
    om_json_open(&writer.out, NULL, '{');
    om_form_memory_members(&writer.out, &memory, true);
    om_form_vector(&writer.out, OM_STR("default"), values, 1);
    om_json_close(&writer.out, '}');
    const omega_status status = writer.buf.status;
    om_buf_fini(&writer.buf);
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
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_bare_memory), cmocka_unit_test(test_health),
        cmocka_unit_test(test_loop),        cmocka_unit_test(test_operation),
        cmocka_unit_test(test_deletion),    cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
