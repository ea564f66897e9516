/* export_test.c -- memories out, and in again: lines with vectors, Markdown with edits. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/memory_house.h"
#include "transfer/transfer.h"

struct port {
    struct house house;
    char dir[256];
    unsigned stop_after, steps;
};

static void port_open(struct port *port)
{
    memset(port, 0, sizeof *port);
    house_open(&port->house);
    om_test_dir(port->dir, sizeof port->dir);
}

static void port_close(struct port *port)
{
    house_check(&port->house);
    om_test_dir_remove(port->dir);
    house_close(&port->house);
}

static void place(const struct port *port, const char *name, char out[4096])
{
    (void)snprintf(out, 4096, "%s/%s", port->dir, name);
}

static bool note_step(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct port *port = context;
    (void)phase;
    assert_true(done <= total);
    port->steps++;
    return port->stop_after == 0 || port->steps < port->stop_after;
}

static omega_status export_with(struct port *port, const char *name, omega_export_options options,
                                uint64_t *count)
{
    const struct om_transfer transfer = {.memory = port->house.memory,
                                         .alloc = &port->house.alloc,
                                         .progress = note_step,
                                         .context = port};
    char path[4096];
    place(port, name, path);
    options.struct_size = sizeof options;
    options.path = path;
    port->steps = 0;
    return om_transfer_export(&transfer, &options, count);
}

static uint64_t export_lines(struct port *port, const char *name)
{
    uint64_t count = 0;
    assert_ok(export_with(port, name, (omega_export_options){.vectors = true}, &count));
    return count;
}

static void import_from(struct port *port, const struct port *from, const char *name,
                        omega_import_report *report)
{
    const struct om_transfer transfer = {.memory = port->house.memory, .alloc = &port->house.alloc};
    char path[4096];
    place(from, name, path);
    const omega_import_options options = {
        .struct_size = sizeof options, .path = path, .tier = OMEGA_TIER_UNSET};
    assert_ok(om_transfer_import(&transfer, &options, report));
}

static void read_text(const struct port *port, const char *name, char *out, size_t size)
{
    char path[4096];
    struct om_buf text;
    place(port, name, path);
    om_buf_init(&text, om_alloc_default(), size - 1);
    assert_ok(om_os_read_file(path, size - 1, &text));
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    om_buf_fini(&text);
}

static omega_id furnish_one(struct port *port, unsigned i)
{
    static const omega_actor actors[] = {OMEGA_ACTOR_MODEL, OMEGA_ACTOR_HUMAN, OMEGA_ACTOR_SYSTEM};
    char content[128], key[32];
    const float vector[3] = {(float)i, 0.1F, -1.0F / 3.0F};
    (void)snprintf(content, sizeof content, "fact %u \"quoted\"\n\ttab \xC3\xA9 \x01", i);
    (void)snprintf(key, sizeof key, "key/%u", i);
    omega_memory_input input = house_input(content, i % 3 == 0 ? "ann" : NULL);
    input.scope.agent = i % 4 == 0 ? OM_STR("helper") : (omega_str){NULL, 0};
    input.scope.session = i % 5 == 0 ? OM_STR("s") : (omega_str){NULL, 0};
    input.key = i % 2 == 0 ? omega_str_of(key) : (omega_str){NULL, 0};
    input.tier = (omega_tier)(i % OMEGA_TIER_COUNT);
    input.embedding = i % 3 == 1 ? vector : NULL;
    input.dimension = i % 3 == 1 ? 3 : 0;
    input.importance = 1.0 / (i + 1);
    input.metadata_json = i % 2 == 0 ? OM_STR("{\"a\":{\"b\":[1,2.5]}}") : (omega_str){NULL, 0};
    input.pinned = i % 7 == 0;
    input.position = i % 5 == 0 ? (int64_t)i : -1;
    input.role = OM_STR("user");
    input.language = OM_STR("en");
    input.source_uri = OM_STR("http://x/#1");
    input.valid_from_ms = i % 6 == 0 ? 1000 : OMEGA_TIME_UNSET;
    input.write.actor = actors[i % 3];
    house_wait(&port->house, 10);
    return house_store(&port->house, &input);
}

static void furnish(struct port *port, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const omega_id id = furnish_one(port, i);
        if (i == 8) {
            omega_update_options change = omega_update_options_default();
            change.id = id.text;
            change.scope.agent = OM_STR("helper");
            change.state = OMEGA_MEMORY_ARCHIVED;
            assert_ok(om_memory_update(port->house.memory, &change, NULL));
        }
    }
}

/* Takes out the numbers behind `name`. */
static void drop_numbers(char *text, const char *name)
{
    for (char *at = text; (at = strstr(at, name)) != NULL;) {
        at += strlen(name);
        const size_t len = strcspn(at, ",}");
        memmove(at, at + len, strlen(at + len) + 1);
    }
}

/* What retrievability says depends on the moment it is asked: both stores are asked at one. */
static void test_round_trip(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20, COUNT = 150 };
    struct port a, b;
    omega_import_report report;
    char *texts[2] = {malloc(SIZE), malloc(SIZE)};
    port_open(&a);
    port_open(&b);
    furnish(&a, COUNT);
    house_wait(&b.house, 10 * COUNT);
    assert_int_equal(export_lines(&a, "all.jsonl"), COUNT);
    import_from(&b, &a, "all.jsonl", &report);
    assert_int_equal(report.stored, COUNT);
    assert_int_equal(report.failed + report.skipped + report.known, 0);
    assert_int_equal(export_lines(&b, "all.jsonl"), COUNT);
    read_text(&a, "all.jsonl", texts[0], SIZE);
    read_text(&b, "all.jsonl", texts[1], SIZE);
    /* An archived one was put aside later there, which its retrievability tells. */
    drop_numbers(texts[0], "\"retrievability\":");
    drop_numbers(texts[1], "\"retrievability\":");
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    import_from(&b, &a, "all.jsonl", &report);
    assert_int_equal(report.known, COUNT);
    import_from(&a, &b, "all.jsonl", &report);
    assert_int_equal(report.known, COUNT);
    port_close(&b);
    port_close(&a);
}

static void test_file(void **state)
{
    (void)state;
    struct port port;
    struct stat info;
    char path[4096];
    uint64_t count = 0;
    port_open(&port);
    furnish(&port, 3);
    assert_int_equal(export_lines(&port, "a.jsonl"), 3);
    place(&port, "a.jsonl", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_status(export_with(&port, "a.jsonl", (omega_export_options){.vectors = false}, &count),
                  OMEGA_ECONFLICT);
    place(&port, "none/b.jsonl", path);
    assert_status(
        export_with(&port, "none/b.jsonl", (omega_export_options){.vectors = false}, &count),
        OMEGA_ENOTFOUND);
    const struct om_transfer transfer = {.memory = port.house.memory, .alloc = &port.house.alloc};
    const omega_export_options dash = {.struct_size = sizeof dash, .path = "-"};
    assert_status(om_transfer_export(&transfer, &dash, &count), OMEGA_EINVAL);
    const omega_export_options stale = {.struct_size = 8, .path = "x"};
    assert_status(om_transfer_export(&transfer, &stale, &count), OMEGA_EINVAL);
    port_close(&port);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct port port;
    char path[4096];
    uint64_t count = 0;
    port_open(&port);
    furnish(&port, 100);
    port.stop_after = 1;
    assert_status(export_with(&port, "a.jsonl", (omega_export_options){.vectors = true}, &count),
                  OMEGA_ECANCELLED);
    assert_int_equal(count, 64);
    place(&port, "a.jsonl", path);
    assert_false(om_os_exists(path));
    place(&port, "a.jsonl.part", path);
    assert_false(om_os_exists(path));
    port_close(&port);
}

static void test_where(void **state)
{
    (void)state;
    struct port port;
    uint64_t count = 0;
    port_open(&port);
    (void)house_say(&port.house, "ann's", "ann");
    (void)house_say(&port.house, "shared", NULL);
    (void)house_say(&port.house, "bob's", "bob");
    omega_list_options where = omega_list_options_default();
    where.scope = house_scope("ann");
    assert_ok(export_with(&port, "a.jsonl", (omega_export_options){.where = &where}, &count));
    assert_int_equal(count, 2);
    port_close(&port);
}

/* Past versions are told, and left out by an import, which says so. */
static void count_messages(void *context, const char *message)
{
    ++*(unsigned *)context;
    assert_non_null(strstr(message, "1 superseded memories were left out"));
}

static void test_superseded(void **state)
{
    (void)state;
    struct port a, b;
    char path[4096];
    unsigned messages = 0;
    omega_import_report report;
    port_open(&a);
    port_open(&b);
    const omega_id id = house_say(&a.house, "one", NULL);
    omega_update_options change = omega_update_options_default();
    change.id = id.text;
    change.content = OM_STR("two");
    assert_ok(om_memory_update(a.house.memory, &change, NULL));
    assert_int_equal(export_lines(&a, "a.jsonl"), 2);
    place(&a, "a.jsonl", path);
    const struct om_transfer transfer = {.memory = b.house.memory, .alloc = &b.house.alloc};
    const omega_import_options options = {.struct_size = sizeof options,
                                          .path = path,
                                          .tier = OMEGA_TIER_UNSET,
                                          .on_error = count_messages,
                                          .context = &messages};
    assert_ok(om_transfer_import(&transfer, &options, &report));
    assert_int_equal(report.read, 2);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.skipped, 1);
    assert_int_equal(messages, 1);
    omega_memories *got = house_get(&b.house, id, NULL);
    assert_str(om_memories_at(got, 0)->content, "two");
    om_memories_free(got);
    port_close(&b);
    port_close(&a);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void write_text(const struct port *port, const char *name, const char *text)
{
    char path[4096];
    place(port, name, path);
    assert_ok(om_os_write_file(path, text, strlen(text)));
}

static void replace(const struct port *port, const char *name, const char *old, const char *with)
{
    char text[8192], edited[8192];
    read_text(port, name, text, sizeof text);
    char *at = strstr(text, old);
    assert_non_null(at);
    (void)snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - text), text, with,
                   at + strlen(old));
    write_text(port, name, edited);
}

static omega_id store_tea(struct port *port, char name[256])
{
    omega_memory_input input = house_input("Ann prefers tea.\n\nAlways.\n", "ann");
    input.key = OM_STR("ann/tea");
    input.importance = 0.5;
    input.tier = OMEGA_TIER_SEMANTIC;
    input.metadata_json = OM_STR("{\"a\":\"b: c\"}");
    const omega_id id = house_store(&port->house, &input);
    (void)snprintf(name, 256, "md/ann_tea.%s.md", id.text);
    return id;
}

static void test_markdown_edit(void **state)
{
    (void)state;
    struct port port;
    char name[256];
    uint64_t count = 0;
    omega_import_report report;
    omega_memories *history = NULL;
    const omega_scope ann = house_scope("ann");
    port_open(&port);
    const omega_id id = store_tea(&port, name);
    (void)house_say(&port.house, "another", NULL);
    assert_ok(export_with(&port, "md", (omega_export_options){.markdown = true}, &count));
    assert_int_equal(count, 2);
    import_from(&port, &port, "md", &report);
    assert_int_equal(report.known, 2);
    replace(&port, name, "prefers tea", "prefers coffee");
    replace(&port, name, "tier: \"semantic\"", "tier: strategic");
    for (int again = 0; again < 2; again++) {
        import_from(&port, &port, "md", &report);
        assert_int_equal(report.stored, again == 0 ? 1 : 0);
        assert_int_equal(report.known, again == 0 ? 1 : 2);
        assert_int_equal(report.failed, 0);
    }
    assert_ok(om_memory_history(port.house.memory, id.text, &ann, &history));
    assert_int_equal(om_memories_count(history), 2);
    const omega_memory *m = om_memories_at(history, 0);
    assert_str(m->content, "Ann prefers coffee.\n\nAlways.\n");
    assert_int_equal(m->version, 2);
    assert_int_equal(m->tier, OMEGA_TIER_STRATEGIC);
    assert_int_equal(m->actor, OMEGA_ACTOR_HUMAN);
    assert_str(om_memories_at(history, 1)->content, "Ann prefers tea.\n\nAlways.\n");
    om_memories_free(history);
    port_close(&port);
}

static void test_markdown_conflict(void **state)
{
    (void)state;
    struct port port;
    char name[256];
    uint64_t count = 0;
    omega_import_report report;
    port_open(&port);
    const omega_id id = store_tea(&port, name);
    assert_ok(export_with(&port, "md", (omega_export_options){.markdown = true}, &count));
    omega_update_options change = omega_update_options_default();
    change.id = id.text;
    change.scope = house_scope("ann");
    change.content = OM_STR("Ann prefers water.");
    assert_ok(om_memory_update(port.house.memory, &change, NULL));
    import_from(&port, &port, "md", &report); /* not edited: nothing to say */
    assert_int_equal(report.known, 1);
    replace(&port, name, "prefers tea", "prefers coffee");
    import_from(&port, &port, "md", &report);
    assert_int_equal(report.failed, 1);
    omega_memories *got = house_get(&port.house, id, "ann");
    assert_str(om_memories_at(got, 0)->content, "Ann prefers water.");
    om_memories_free(got);
    port_close(&port);
}

static void test_markdown_elsewhere(void **state)
{
    (void)state;
    struct port a, b;
    char name[256];
    uint64_t count = 0;
    omega_import_report report;
    port_open(&a);
    port_open(&b);
    const omega_id id = store_tea(&a, name);
    assert_ok(export_with(&a, "md", (omega_export_options){.markdown = true}, &count));
    assert_status(export_with(&a, "md", (omega_export_options){.markdown = true}, &count),
                  OMEGA_ECONFLICT);
    import_from(&b, &a, "md", &report);
    assert_int_equal(report.stored, 1);
    omega_memories *got = house_get(&b.house, id, "ann");
    const omega_memory *m = om_memories_at(got, 0);
    assert_str(m->content, "Ann prefers tea.\n\nAlways.\n");
    assert_str(m->key, "ann/tea");
    assert_str(m->metadata_json, "{\"a\":\"b: c\"}");
    om_memories_free(got);
    write_text(&a, "md/open.md", "---\nomega: memory\nid: x\n");
    write_text(&a, "md/bad.md", "---\nomega: memory\nid: x\n---\n\ntext\n");
    import_from(&b, &a, "md", &report);
    assert_int_equal(report.failed, 2);
    assert_int_equal(report.known, 1);
    port_close(&b);
    port_close(&a);
}

/* Cancelled: nothing under the name; the next export begins anew and takes over nothing. */
static void test_markdown_cancelled(void **state)
{
    (void)state;
    struct port port;
    char path[4096];
    uint64_t count = 0;
    const omega_export_options markdown = {.markdown = true};
    port_open(&port);
    furnish(&port, 100);
    port.stop_after = 1;
    assert_status(export_with(&port, "md/", markdown, &count), OMEGA_ECANCELLED);
    place(&port, "md", path);
    assert_false(om_os_exists(path));
    place(&port, "md.part", path);
    assert_true(om_os_is_dir(path));
    omega_delete_options all = omega_delete_options_default();
    omega_list_options where = omega_list_options_default();
    where.all_roots = true;
    where.include = OMEGA_INCLUDE_ARCHIVED;
    all.where = &where;
    assert_ok(om_memory_delete_where(port.house.memory, &all, NULL));
    (void)house_say(&port.house, "the only one", NULL);
    port.stop_after = 0;
    assert_ok(export_with(&port, "md/", markdown, &count));
    assert_int_equal(count, 1);
    omega_import_report report;
    import_from(&port, &port, "md", &report);
    assert_int_equal(report.read, 1);
    assert_int_equal(report.known, 1);
    place(&port, "other.part", path);
    assert_ok(om_os_private_dir(path));
    write_text(&port, "other.part/mine.txt", "x");
    assert_status(export_with(&port, "other", markdown, &count), OMEGA_ECONFLICT);
    port_close(&port);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

static void prepare_sweep(struct house *house, void *context)
{
    const float vector[2] = {1.0F, 2.0F};
    omega_memory_input input = house_input("one", NULL);
    (void)context;
    input.embedding = vector;
    input.dimension = 2;
    (void)house_store(house, &input);
}

static omega_status sweep_export(struct house *house, void *context)
{
    const struct om_transfer transfer = {.memory = house->memory, .alloc = &house->alloc};
    const bool markdown = *(const bool *)context;
    char path[512];
    uint64_t count;
    (void)snprintf(path, sizeof path, "%s/%s", house->dir, markdown ? "md" : "x.jsonl");
    const omega_export_options options = {
        .struct_size = sizeof options, .path = path, .vectors = true, .markdown = markdown};
    return om_transfer_export(&transfer, &options, &count);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        bool markdown = i == 1;
        const struct house_trial trial = {prepare_sweep, sweep_export, &markdown};
        house_sweep(markdown ? "markdown" : "lines", &trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_file),
        cmocka_unit_test(test_cancelled),          cmocka_unit_test(test_where),
        cmocka_unit_test(test_superseded),         cmocka_unit_test(test_markdown_edit),
        cmocka_unit_test(test_markdown_conflict),  cmocka_unit_test(test_markdown_elsewhere),
        cmocka_unit_test(test_markdown_cancelled), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
