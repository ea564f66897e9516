/* import_test.c -- memories, chats, texts and folders in; again, interrupted, damaged. */
#include "support/support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "support/memory_house.h"
#include "transfer/transfer.h"

enum { LOG_SIZE = 1 << 16, TEXT_SIZE = 1 << 20 };

struct port {
    struct house house;
    char dir[256]; /* of the files to import */
    char log[LOG_SIZE];
    unsigned stop_after; /* progress calls; 0: never */
    unsigned steps;
    omega_import_options options;
    omega_import_report report;
};

static void note_error(void *context, const char *message)
{
    struct port *port = context;
    const size_t len = strlen(port->log);
    (void)snprintf(port->log + len, sizeof port->log - len, "%s\n", message);
}

static bool note_step(void *context, const char *phase, uint64_t done, uint64_t total)
{
    struct port *port = context;
    assert_string_equal(phase, "importing");
    assert_true(done <= total);
    port->steps++;
    return port->stop_after == 0 || port->steps < port->stop_after;
}

static void port_open(struct port *port)
{
    memset(port, 0, sizeof *port);
    house_open(&port->house);
    om_test_dir(port->dir, sizeof port->dir);
    port->options = (omega_import_options){.struct_size = sizeof port->options,
                                           .tier = OMEGA_TIER_UNSET,
                                           .on_error = note_error,
                                           .context = port};
}

static void port_close(struct port *port)
{
    house_check(&port->house);
    om_test_dir_remove(port->dir);
    house_close(&port->house);
}

static const char *place(struct port *port, const char *name)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", port->dir, name);
    return path;
}

static void put_bytes(struct port *port, const char *name, const void *bytes, size_t size)
{
    assert_ok(om_os_write_file(place(port, name), bytes, size));
}

static void put(struct port *port, const char *name, const char *text)
{
    put_bytes(port, name, text, strlen(text));
}

static omega_status import(struct port *port, const char *name)
{
    const struct om_transfer transfer = {.memory = port->house.memory,
                                         .alloc = &port->house.alloc,
                                         .progress = note_step,
                                         .context = port};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s", place(port, name));
    port->options.path = path;
    port->log[0] = '\0';
    port->steps = 0;
    return om_transfer_import(&transfer, &port->options, &port->report);
}

static void assert_report(const struct port *port, uint64_t read, uint64_t stored, uint64_t known,
                          uint64_t failed)
{
    assert_int_equal(port->report.read, read);
    assert_int_equal(port->report.stored, stored);
    assert_int_equal(port->report.known, known);
    assert_int_equal(port->report.failed, failed);
}

static void assert_log_says(const struct port *port, const char *part)
{
    if (strstr(port->log, part) == NULL) {
        fail_msg("the log does not say '%s' but: %s", part, port->log);
    }
}

static uint64_t count_all(struct port *port)
{
    uint64_t count = 0;
    omega_list_options where = omega_list_options_default();
    where.all_roots = true;
    where.include = OMEGA_INCLUDE_ARCHIVED | OMEGA_INCLUDE_SUPERSEDED;
    assert_ok(om_memory_count(port->house.memory, &where, &count));
    return count;
}

static omega_memories *list_session(struct port *port, const char *session)
{
    omega_memories *list = NULL;
    omega_list_options where = omega_list_options_default();
    where.all_roots = true;
    where.scope.session = omega_str_of(session);
    where.session_only = true;
    where.order = OMEGA_ORDER_POSITION;
    assert_ok(om_memory_list(port->house.memory, &where, &list));
    return list;
}

static omega_memories *list_all(struct port *port)
{
    omega_memories *list = NULL;
    omega_list_options where = omega_list_options_default();
    where.all_roots = true;
    assert_ok(om_memory_list(port->house.memory, &where, &list));
    return list;
}

/* ---- Lines of memories ----------------------------------------------------------------------- */

static void test_lines(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "m.jsonl",
        "{\"content\":\"Ann prefers tea\",\"tier\":\"semantic\",\"importance\":0.75,"
        "\"metadata\":{\"b\":1,\"a\":[2]},\"scope\":{\"user\":\"ann\"},\"embedding\":[1,0,-0.5]}"
        "\r\n"
        "\n"
        "{\"content\":\"no place of its own\"}\n"
        "{\"content\":\"no place of its own\"}\n"
        "{\"content\":\"keyed\",\"key\":\"k\"}");
    port.options.scope.user = OM_STR("bob");
    assert_ok(import(&port, "m.jsonl"));
    assert_report(&port, 4, 4, 0, 0);
    assert_string_equal(port.log, "");
    assert_int_equal(house_count(&port.house, "ann", 0), 1);
    assert_int_equal(house_count(&port.house, "bob", 0), 3); /* said twice, stands twice */
    omega_memories *list = list_all(&port);
    const omega_memory *m = om_memories_at(list, 0);
    assert_str(m->content, "Ann prefers tea");
    assert_str(m->metadata_json, "{\"a\":[2],\"b\":1}");
    assert_int_equal(m->tier, OMEGA_TIER_SEMANTIC);
    assert_true(m->importance == 0.75);
    assert_int_equal(m->vector_count, 2);
    assert_int_equal(om_memories_at(list, 1)->tier, OMEGA_TIER_EPISODIC);
    assert_int_equal(om_memories_at(list, 1)->id.text[14], '8'); /* made from the contents */
    om_memories_free(list);
    for (int again = 0; again < 2; again++) {
        assert_ok(import(&port, "m.jsonl"));
        assert_report(&port, 4, 0, 4, 0);
        house_reopen(&port.house);
    }
    assert_int_equal(count_all(&port), 4);
    port_close(&port);
}

static void write_many(struct port *port, unsigned count, unsigned broken)
{
    struct om_buf text;
    om_buf_init(&text, &port->house.alloc, TEXT_SIZE);
    for (unsigned i = 1; i <= count; i++) {
        om_buf_addf(&text,
                    i == broken ? "{\"content\": \"never closed\n"
                                : "{\"content\":\"fact number %u\"}\n",
                    i);
    }
    put_bytes(port, "many.jsonl", text.ptr, text.len);
    om_buf_fini(&text);
}

static void test_broken_line(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    write_many(&port, 100, 57);
    assert_ok(import(&port, "many.jsonl"));
    assert_report(&port, 100, 99, 0, 1);
    assert_int_equal(strncmp(port.log, "line 57: ", 9), 0);
    assert_ptr_equal(strchr(port.log, '\n'), port.log + strlen(port.log) - 1);
    port_close(&port);
}

static void test_stop_at_error(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    write_many(&port, 100, 57);
    port.options.all_or_stop = true;
    assert_status(import(&port, "many.jsonl"), OMEGA_EINVAL);
    assert_error_says("line 57: ");
    assert_report(&port, 57, 56, 0, 1);
    assert_int_equal(count_all(&port), 56);
    port_close(&port);
}

/* The store itself refuses some: they are found in their batch, the others stand. */
static void test_refused_by_the_store(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    struct om_buf text;
    om_buf_init(&text, &port.house.alloc, TEXT_SIZE);
    for (unsigned i = 1; i <= 90; i++) {
        om_buf_addf(&text,
                    i == 7    ? "{\"content\":\"seven\",\"importance\":1.5}\n"
                    : i == 41 ? "{\"content\":\"   \"}\n"
                    : i == 90 ? "{\"content\":\"ninety\",\"embedding\":[1,2]}\n"
                              : "{\"content\":\"fact %u\",\"embedding\":[1,2,3]}\n",
                    i);
    }
    put_bytes(&port, "bad.jsonl", text.ptr, text.len);
    assert_ok(import(&port, "bad.jsonl"));
    assert_report(&port, 90, 87, 0, 3);
    assert_log_says(&port, "line 7: importance is 1.5");
    assert_log_says(&port, "line 41: content is empty");
    assert_log_says(&port, "line 90: ");
    port.options.all_or_stop = true;
    assert_status(import(&port, "bad.jsonl"), OMEGA_EINVAL);
    assert_error_says("line 7: ");
    om_buf_fini(&text);
    port_close(&port);
}

static void test_members_are_named(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "m.jsonl",
        "{\"contents\":\"x\"}\n{\"content\":5}\n[1]\n7\n{\"tier\":\"semantic\"}\n"
        "{\"content\":\"x\",\"tier\":\"basement\"}\n{\"content\":\"x\",\"id\":\"nope\"}\n"
        "{\"content\":\"\xff\"}\n{\"content\":\"a\"} {\"content\":\"b\"}\n");
    port.options.format = OMEGA_IMPORT_JSONL;
    assert_ok(import(&port, "m.jsonl"));
    assert_report(&port, 9, 0, 0, 9);
    assert_log_says(&port, "line 1: the input has no member 'contents'; the nearest is 'content'");
    assert_log_says(&port, "line 2: content must be a string");
    assert_log_says(&port, "line 3: the input must be an object");
    assert_log_says(&port, "line 4: the input must be an object");
    assert_log_says(&port, "line 5: 'content' is missing");
    assert_log_says(&port, "line 6: tier");
    assert_log_says(&port, "line 7: id");
    assert_log_says(&port, "line 9: ");
    assert_int_equal(count_all(&port), 0);
    port_close(&port);
}

/* Cancelled after each number of steps; the next one goes on and ends with the same. */
static void test_interrupted(void **state)
{
    (void)state;
    for (unsigned stop = 1; stop <= 4; stop++) {
        struct port port;
        port_open(&port);
        write_many(&port, 700, 0); /* batches of 256, 256 and 188 */
        port.stop_after = stop;
        const omega_status status = import(&port, "many.jsonl");
        const uint64_t first = port.report.stored;
        assert_int_equal(status, stop <= 3 ? OMEGA_ECANCELLED : OMEGA_OK);
        assert_int_equal(first, stop <= 2 ? stop * 256 : 700);
        assert_int_equal(count_all(&port), first);
        house_reopen(&port.house);
        port.stop_after = 0;
        assert_ok(import(&port, "many.jsonl"));
        assert_report(&port, 700, 700 - first, first, 0);
        assert_int_equal(count_all(&port), 700);
        port_close(&port);
    }
}

static void test_known_ids(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    static const char id[] = "01890000-0000-7000-8000-000000000001";
    put(&port, "a.jsonl",
        "{\"id\":\"01890000-0000-7000-8000-000000000001\",\"content\":\"one\","
        "\"created_at\":\"2020-01-01T00:00:00Z\"}\n");
    put(&port, "b.jsonl",
        "{\"id\":\"01890000-0000-7000-8000-000000000001\",\"content\":\"two\"}\n");
    assert_ok(import(&port, "a.jsonl"));
    assert_report(&port, 1, 1, 0, 0);
    assert_ok(import(&port, "b.jsonl"));
    assert_report(&port, 1, 0, 0, 1);
    assert_log_says(&port, "line 1: the id 01890000-0000-7000-8000-000000000001 is known");
    /* Changed in the store since: what the file says stands in the history. */
    omega_update_options change = omega_update_options_default();
    change.id = id;
    change.content = OM_STR("one, corrected");
    assert_ok(om_memory_update(port.house.memory, &change, NULL));
    assert_ok(import(&port, "a.jsonl"));
    assert_report(&port, 1, 0, 1, 0);
    /* Twice in one file: the second is known when it comes. */
    put(&port, "c.jsonl",
        "{\"id\":\"01890000-0000-7000-8000-000000000002\",\"content\":\"x\"}\n"
        "{\"id\":\"01890000-0000-7000-8000-000000000002\",\"content\":\"x\"}\n");
    assert_ok(import(&port, "c.jsonl"));
    assert_report(&port, 2, 1, 1, 0);
    /* A known memory was looked at, not read. */
    omega_memories *got =
        house_get(&port.house, (omega_id){"01890000-0000-7000-8000-000000000002"}, NULL);
    assert_int_equal(om_memories_at(got, 0)->access_count, 0);
    om_memories_free(got);
    port_close(&port);
}

static void test_keys(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "a.jsonl", "{\"key\":\"k\",\"content\":\"one\",\"embedding\":[1,2]}\n");
    put(&port, "b.jsonl", "{\"key\":\"k\",\"content\":\"two\",\"embedding\":[1,2]}\n");
    put(&port, "c.jsonl", "{\"key\":\"k\",\"content\":\"two\",\"embedding\":[1,3]}\n");
    assert_ok(import(&port, "a.jsonl"));
    assert_ok(import(&port, "a.jsonl"));
    assert_report(&port, 1, 0, 1, 0);
    assert_ok(import(&port, "b.jsonl"));
    assert_report(&port, 1, 1, 0, 0);
    assert_ok(import(&port, "c.jsonl"));
    assert_report(&port, 1, 1, 0, 0);
    assert_ok(import(&port, "c.jsonl"));
    assert_report(&port, 1, 0, 1, 0);
    omega_memories *list = list_all(&port);
    assert_int_equal(om_memories_count(list), 1);
    assert_int_equal(om_memories_at(list, 0)->version, 3);
    om_memories_free(list);
    port_close(&port);
}

static void test_forgotten(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "a.jsonl", "{\"content\":\"forget me\"}\n{\"content\":\"keep me\"}\n");
    assert_ok(import(&port, "a.jsonl"));
    omega_memories *list = list_all(&port);
    omega_delete_options gone = omega_delete_options_default();
    gone.id = om_memories_at(list, 0)->id.text;
    assert_ok(om_memory_delete(port.house.memory, &gone, NULL));
    om_memories_free(list);
    assert_ok(import(&port, "a.jsonl"));
    assert_report(&port, 2, 0, 1, 1);
    assert_log_says(&port, "line 1: this was forgotten");
    port_close(&port);
}

/* ---- Chats ----------------------------------------------------------------------------------- */

static void test_chat_array(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "talk.json",
        "\xEF\xBB\xBF [\n {\"role\":\"user\",\"name\":\"Ann\",\"content\":\"I like [tea], "
        "\\\"ok\\\"?\","
        "\"time\":\"2024-05-01T10:00:00Z\"},\n"
        " {\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"So\"},"
        "{\"type\":\"text\",\"text\":\"do I\"}],\"time\":1714557660,\"model\":\"m1\","
        "\"metadata\":{\"k\":1}},\n"
        " {\"role\":5,\"content\":\"bad\"},\n"
        " {\"role\":\"user\",\"content\":\"Bye\"}\n]\n");
    assert_ok(import(&port, "talk.json"));
    assert_report(&port, 4, 3, 0, 1);
    assert_log_says(&port, "line 4: 'role' must be a string");
    omega_memories *list = list_session(&port, "talk");
    assert_int_equal(om_memories_count(list), 3);
    const omega_memory *m = om_memories_at(list, 0);
    assert_str(m->content, "I like [tea], \"ok\"?");
    assert_str(m->role, "user");
    assert_str(m->name, "Ann");
    assert_str(m->type, "message");
    assert_int_equal(m->tier, OMEGA_TIER_SESSION);
    assert_int_equal(m->position, 0);
    assert_true(m->occurred_at_ms == INT64_C(1714557600000));
    m = om_memories_at(list, 1);
    assert_str(m->content, "So\ndo I");
    assert_str(m->metadata_json, "{\"k\":1,\"model\":\"m1\"}");
    assert_true(m->occurred_at_ms == INT64_C(1714557660000));
    assert_int_equal(om_memories_at(list, 2)->position, 3);
    om_memories_free(list);
    assert_ok(import(&port, "talk.json"));
    assert_report(&port, 4, 0, 3, 1);
    port_close(&port);
}

static void test_chat_lines(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    put(&port, "log",
        "{\"role\":\"user\",\"content\":\"yes\"}\n"
        "{\"role\":\"assistant\",\"content\":\"no\"}\n"
        "{\"role\":\"user\",\"content\":\"yes\"}\n");
    port.options.scope.session = OM_STR("given");
    port.options.scope.user = OM_STR("ann");
    assert_ok(import(&port, "log"));
    assert_report(&port, 3, 3, 0, 0);
    /* The transcript grew: only what is new is stored. */
    put(&port, "log",
        "{\"role\":\"user\",\"content\":\"yes\"}\n"
        "{\"role\":\"assistant\",\"content\":\"no\"}\n"
        "{\"role\":\"user\",\"content\":\"yes\"}\n"
        "{\"role\":\"assistant\",\"content\":\"no\"}\n");
    assert_ok(import(&port, "log"));
    assert_report(&port, 4, 1, 3, 0);
    omega_memories *list = list_session(&port, "given");
    assert_int_equal(om_memories_count(list), 4);
    assert_str(om_memories_at(list, 3)->user, "ann");
    om_memories_free(list);
    port_close(&port);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void make_folder(struct port *port)
{
    static const char *const folders[] = {"docs", "docs/sub", "docs/.hidden", "docs/build"};
    for (size_t i = 0; i < OM_COUNT_OF(folders); i++) {
        assert_int_equal(mkdir(place(port, folders[i]), 0700), 0);
    }
    put(port, "docs/a.md",
        "# Guide\n\nTea is served at four.\n\n## Install\n\nRun make.\n\n---\n\n"
        "Then wait.\n");
    put(port, "docs/sub/b.TXT", "Plain words, no heading.\n\nPlain words, no heading.\n");
    put(port, "docs/.hidden/c.md", "hidden\n");
    put(port, "docs/build/d.md", "built\n");
    put(port, "docs/e.c", "int main(void);\n");
    put_bytes(port, "docs/f.txt", "binary\0text", 11);
    put(port, "docs/g.txt", "bad \xff bytes\n");
    put(port, "docs/empty.md", "");
}

static void test_folder(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    make_folder(&port);
    assert_ok(import(&port, "docs"));
    assert_report(&port, 5, 5, 0, 0);
    assert_int_equal(port.report.skipped, 2);
    assert_log_says(&port, "f.txt: it is no text in UTF-8");
    assert_log_says(&port, "g.txt: it is no text in UTF-8");
    omega_memories *list = list_all(&port);
    const omega_memory *m = om_memories_at(list, 1);
    assert_str(m->content, "Run make.");
    assert_str(m->name, "Guide > Install");
    assert_str(m->source_kind, "file");
    assert_str(m->source_uri, "a.md#2");
    assert_int_equal(m->tier, OMEGA_TIER_SEMANTIC);
    assert_str(om_memories_at(list, 3)->source_uri, "sub/b.TXT#1");
    om_memories_free(list);
    assert_ok(import(&port, "docs"));
    assert_report(&port, 5, 0, 5, 0);
    put(&port, "docs/a.md",
        "# Guide\n\nNew first.\n\nTea is served at four.\n\n## Install\n\n"
        "Run make twice.\n\nThen wait.\n");
    assert_ok(import(&port, "docs"));
    assert_report(&port, 6, 2, 4, 0);
    port_close(&port);
}

static void test_long_paragraph(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    struct om_buf text;
    om_buf_init(&text, &port.house.alloc, TEXT_SIZE);
    om_buf_add_text(&text, "First line\n");
    for (int i = 0; i < 300; i++) {
        om_buf_addf(&text, "This is sentence number %d of a long paragraph. ", i);
    }
    om_buf_add_text(&text, "\n\n");
    for (int i = 0; i < 5000; i++) {
        om_buf_add_text(&text, "\xC3\xA9");
    }
    put_bytes(&port, "long.txt", text.ptr, text.len);
    om_buf_fini(&text);
    assert_ok(import(&port, "long.txt"));
    assert_true(port.report.read >= 7 && port.report.failed == 0);
    omega_memories *list = list_all(&port);
    for (size_t i = 0; i < om_memories_count(list); i++) {
        const omega_memory *m = om_memories_at(list, i);
        assert_true(m->content.len <= 4096 && m->content.len > 0);
        assert_true(om_str_ends(m->content, OM_STR(".")) ||
                    om_str_ends(m->content, OM_STR("\xA9")));
    }
    om_memories_free(list);
    port_close(&port);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

static void test_misuse(void **state)
{
    (void)state;
    struct port port;
    port_open(&port);
    assert_status(import(&port, "missing.jsonl"), OMEGA_ENOTFOUND);
    put_bytes(&port, "x.bin",
              "\x7f"
              "ELF\0\0",
              6);
    assert_status(import(&port, "x.bin"), OMEGA_EINVAL);
    assert_error_says("no text in UTF-8");
    assert_int_equal(mkfifo(place(&port, "pipe"), 0600), 0);
    assert_status(import(&port, "pipe"), OMEGA_EINVAL);
    assert_error_says("no ordinary file");
    port.options.format = (omega_import_format)9;
    assert_status(import(&port, "x.bin"), OMEGA_EINVAL);
    port.options.format = OMEGA_IMPORT_AUTO;
    port.options.tier = (omega_tier)99;
    assert_status(import(&port, "x.bin"), OMEGA_EINVAL);
    port.options.tier = OMEGA_TIER_UNSET;
    port.options.struct_size = 4;
    assert_status(import(&port, "x.bin"), OMEGA_EINVAL);
    port.options.struct_size = sizeof port.options;
    put(&port, "empty.jsonl", "");
    assert_ok(import(&port, "empty.jsonl"));
    assert_report(&port, 0, 0, 0, 0);
    port_close(&port);
}

/* A read-only look: nothing is stored, everything is counted. */
static void test_read_only(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    const struct om_transfer transfer = {.alloc = &alloc};
    const omega_import_options options = {.struct_size = sizeof options, .tier = OMEGA_TIER_UNSET};
    omega_import_report report;
    assert_ok(om_transfer_read(
        &transfer, "x", OM_STR("{\"content\":\"a\"}\n{}\n{\"content\":\"b\"}"), &options, &report));
    assert_int_equal(report.read, 3);
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.stored, 0);
    assert_int_equal(atomic_load(&alloc.live_count), 0);
}

/* ---- Memory that is out ---------------------------------------------------------------------- */

struct swept {
    char dir[256];
    const char *name;
};

static void prepare_sweep(struct house *house, void *context)
{
    (void)house;
    (void)context;
}

static omega_status sweep_import(struct house *house, void *context)
{
    const struct swept *swept = context;
    const struct om_transfer transfer = {.memory = house->memory, .alloc = &house->alloc};
    char path[4096];
    omega_import_report report;
    (void)snprintf(path, sizeof path, "%s/%s", swept->dir, swept->name);
    const omega_import_options options = {
        .struct_size = sizeof options, .path = path, .tier = OMEGA_TIER_UNSET};
    return om_transfer_import(&transfer, &options, &report);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"m.jsonl", "{\"content\":\"one\",\"embedding\":[1,2],\"metadata\":{\"a\":1}}\n"
                    "{\"content\":\"two\",\"key\":\"k\",\"embedding_b64\":\"AACAPwAAAEA=\"}\n{\n"},
        {"c.json", "[{\"role\":\"user\",\"content\":\"hi\",\"x\":1}]"},
        {"t.md", "# A\n\nOne.\n\n## B\n\nTwo.\n"},
    };
    struct swept swept;
    om_test_dir(swept.dir, sizeof swept.dir);
    for (size_t i = 0; i < OM_COUNT_OF(files); i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", swept.dir, files[i][0]);
        assert_ok(om_os_write_file(path, files[i][1], strlen(files[i][1])));
        swept.name = files[i][0];
        const struct house_trial trial = {prepare_sweep, sweep_import, &swept};
        house_sweep(files[i][0], &trial);
    }
    om_test_dir_remove(swept.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_broken_line),
        cmocka_unit_test(test_stop_at_error),
        cmocka_unit_test(test_refused_by_the_store),
        cmocka_unit_test(test_members_are_named),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_known_ids),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_chat_array),
        cmocka_unit_test(test_chat_lines),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_long_paragraph),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
