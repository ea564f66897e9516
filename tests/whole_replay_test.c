/* whole_replay_test.c -- the operation log of a memory, applied to empty stores, gives equal
 * stores.
 *
 * Each operation is taken from the kept log as soon as it is there, because a later deletion
 * empties what it kept. Every kind of record takes part; applying one may depend on nothing but the
 * record and the store: not on a clock, a draw or a cache. */
#include "support/support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/memory_house.h"

enum { STEPS = 240, RECORDS_MAX = 1024, DIMENSION = 12 };

struct kept {
    struct om_record record;
    char *bytes; /* what the record points to */
    uint64_t seq;
};

static struct kept log_of[RECORDS_MAX];
static size_t log_count;
static uint64_t log_last;

static omega_str keep_str(omega_str text, char **at)
{
    if (text.len == 0) {
        return (omega_str){NULL, 0};
    }
    omega_str copy = {*at, text.len};
    memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static bool keep_record(void *context, uint64_t seq, const struct om_record *record)
{
    (void)context;
    assert_true(log_count < RECORDS_MAX);
    struct kept *kept = &log_of[log_count++];
    *kept = (struct kept){.record = *record, .seq = seq};
    kept->bytes = malloc(record->body.len + record->actor.len + record->scope.user.len +
                         record->scope.agent.len + record->scope.session.len + 1);
    assert_non_null(kept->bytes);
    char *at = kept->bytes;
    kept->record.body = keep_str(record->body, &at);
    kept->record.actor = keep_str(record->actor, &at);
    kept->record.scope.user = keep_str(record->scope.user, &at);
    kept->record.scope.agent = keep_str(record->scope.agent, &at);
    kept->record.scope.session = keep_str(record->scope.session, &at);
    log_last = seq;
    return true;
}

static void keep_new_records(struct house *house)
{
    struct om_reader reader;
    assert_ok(om_store_read(house->store, 0, &reader));
    assert_ok(om_store_operations(&reader, log_last, keep_record, NULL));
    om_store_read_end(&reader);
}

/* ---- A life ---------------------------------------------------------------------------------- */

static omega_id ids[STEPS];
static bool is_gone[STEPS];

static size_t pick(size_t step)
{
    for (size_t i = 1; i <= step; i++) {
        const size_t at = (step * 7919 + i) % step;
        if (ids[at].text[0] != '\0' && !is_gone[at]) {
            return at;
        }
    }
    return 0;
}

static omega_memory_input something(size_t step, char text[128], float vector[DIMENSION])
{
    omega_memory_input input = omega_memory_input_default();
    (void)snprintf(text, 128, "Number %zu of what %s said about the %s", step,
                   step % 2 == 0 ? "Ann" : "Bob", step % 3 == 0 ? "harbour" : "orchard");
    input.content = omega_str_of(text);
    input.scope.user = omega_str_of(step % 5 == 0 ? NULL : "carla");
    for (size_t i = 0; i < DIMENSION; i++) {
        vector[i] = (float)((step * 31 + i * 17) % 97) - 48.0F;
    }
    if (step % 4 == 0) {
        input.embedding = vector;
        input.dimension = DIMENSION;
    }
    if (step % 6 == 0) {
        input.metadata_json = OM_STR("{\"place\": {\"city\": \"Riga\"}, \"year\": 2024}");
    }
    return input;
}

static void say_three(struct house *house, size_t step)
{
    char texts[3][64];
    omega_message messages[3];
    omega_id said[3];
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < 3; i++) {
        messages[i].role = OM_STR("user");
        (void)snprintf(texts[i], sizeof texts[i], "And what else, %zu of %zu?", i, step);
        messages[i].content = omega_str_of(texts[i]);
        messages[i].occurred_at_ms = OMEGA_TIME_UNSET;
    }
    omega_messages_options options = {.struct_size = sizeof options,
                                      .scope = house_scope("dora"),
                                      .messages = messages,
                                      .count = 3};
    assert_ok(om_memory_add_messages(house->memory, &options, said, NULL));
}

static void change(struct house *house, size_t at, size_t step)
{
    char text[128];
    float vector[DIMENSION];
    omega_memory_input input = something(step + 1000, text, vector);
    omega_update_options options = omega_update_options_default();
    options.id = ids[at].text;
    options.scope = house_scope("carla");
    options.content = input.content;
    options.tier = step % 3 == 0 ? OMEGA_TIER_SEMANTIC : OMEGA_TIER_UNSET;
    assert_ok(om_memory_update(house->memory, &options, NULL));
}

static void correct(struct house *house, size_t at, size_t step)
{
    char text[128];
    float vector[DIMENSION];
    omega_memory_input input = something(step + 2000, text, vector);
    input.scope.user = omega_str_of("carla");
    omega_scope eyes = house_scope("carla");
    omega_memories *old = NULL;
    assert_ok(om_memory_get(house->memory, ids[at].text, &eyes, &old));
    input.scope.user = om_memories_at(old, 0)->user;
    assert_ok(om_memory_supersede(house->memory, ids[at].text, &input, &ids[step]));
    om_memories_free(old);
    is_gone[at] = true;
}

static void forget(struct house *house, size_t at)
{
    omega_delete_options options = omega_delete_options_default();
    options.id = ids[at].text;
    options.scope = house_scope("carla");
    assert_ok(om_memory_delete(house->memory, &options, NULL));
    is_gone[at] = true;
}

static void forget_some(struct house *house)
{
    omega_list_options where = omega_list_options_default();
    omega_delete_options options = omega_delete_options_default();
    omega_deletion done = {.struct_size = sizeof done};
    where.scope = house_scope("dora");
    where.scope.session = (omega_str){NULL, 0};
    where.all_roots = true;
    where.type = OM_STR("message");
    options.where = &where;
    assert_ok(om_memory_delete_where(house->memory, &options, &done));
}

static void live_a_step(struct house *house, size_t step)
{
    char text[128];
    float vector[DIMENSION];
    const size_t at = step > 10 ? pick(step) : 0;
    house_wait(house, 37000);
    switch (step > 10 ? step % 12 : 0) {
    case 1:
        say_three(house, step);
        break;
    case 3:
    case 5:
        change(house, at, step);
        break;
    case 7:
        correct(house, at, step);
        break;
    case 9:
        forget(house, at);
        break;
    case 10:
        om_memories_free(house_get(house, ids[at], "carla"));
        assert_ok(om_memory_flush_access(house->memory));
        break;
    default: {
        omega_memory_input input = something(step, text, vector);
        ids[step] = house_store(house, &input);
        break;
    }
    }
    if (step % 100 == 99) {
        struct om_retention_report report;
        forget_some(house);
        house_wait(house, INT64_C(40) * 86400000);
        assert_ok(om_memory_retain(house->memory, NULL, NULL, &report));
        assert_true(report.archived > 0);
    }
}

/* ---- Dumps ----------------------------------------------------------------------------------- */

static void dump_table(sqlite3 *db, const char *table, struct om_hasher *hasher, uint64_t *rows)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY 1, 2", table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    sqlite3_free(sql);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        ++*rows;
        for (int c = 0; c < sqlite3_column_count(stmt); c++) {
            const int type = sqlite3_column_type(stmt, c);
            const int size = sqlite3_column_bytes(stmt, c);
            om_hasher_add(hasher, &type, sizeof type);
            om_hasher_add(hasher, &size, sizeof size);
            om_hasher_add(hasher, sqlite3_column_blob(stmt, c), (size_t)size);
        }
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

/* Every table but `meta`, which names the store itself; `tables` gets a hash for each. */
static uint64_t dump(const char *dir, uint64_t *rows, uint64_t tables[64])
{
    char path[OM_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *names = NULL;
    uint64_t all = 0;
    size_t count = 0;
    *rows = 0;
    assert_ok(om_os_join(path, dir, "omega.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_master WHERE type = 'table' AND"
                                        " name <> 'meta' ORDER BY name",
                                        -1, &names, NULL),
                     SQLITE_OK);
    while (sqlite3_step(names) == SQLITE_ROW) {
        struct om_hasher hasher;
        om_hasher_init(&hasher, 0);
        dump_table(db, (const char *)sqlite3_column_text(names, 0), &hasher, rows);
        assert_true(count < 64);
        tables[count++] = om_hasher_result(&hasher);
        all = om_hash(&tables[count - 1], sizeof tables[0], all);
    }
    assert_int_equal(sqlite3_finalize(names), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return all;
}

static void replay(struct house *house)
{
    for (size_t i = 0; i < log_count; i++) {
        const struct kept *kept = &log_of[i];
        struct om_write write = {.record = kept->record};
        size_t kinds = 0;
        const struct om_record_kind *const *kind = om_memory_kinds(house->memory, &kinds);
        for (size_t k = 0; k < kinds; k++) {
            if (strcmp(kind[k]->name, kept->record.kind->name) == 0) {
                write.record.kind = kind[k];
            }
        }
        om_buf_init(&write.result, &house->alloc, OM_LIMIT_BULK);
        assert_ok(om_store_commit(house->store, &write, 1));
        assert_int_equal(write.seq, kept->seq);
        om_buf_fini(&write.result);
    }
    om_memory_reclaim(house->memory);
}

/* What the replayed store answers, beside what it holds. */
static void assert_same_answers(struct house *a, struct house *b)
{
    omega_recall_options options = omega_recall_options_default();
    omega_memories *from_a = NULL, *from_b = NULL;
    options.query = OM_STR("what Ann said about the harbour");
    options.all_roots = true;
    options.k = 50;
    assert_ok(om_memory_recall(a->memory, &options, &from_a));
    assert_ok(om_memory_recall(b->memory, &options, &from_b));
    assert_int_equal(om_memories_count(from_a), om_memories_count(from_b));
    assert_true(om_memories_count(from_a) > 10);
    for (size_t i = 0; i < om_memories_count(from_a); i++) {
        assert_string_equal(om_memories_at(from_a, i)->id.text, om_memories_at(from_b, i)->id.text);
    }
    om_memories_free(from_a);
    om_memories_free(from_b);
}

static void test_twice_equal(void **state)
{
    static struct house source, copies[2];
    uint64_t rows[3], sums[3], tables[3][64];
    (void)state;
    memset(tables, 0, sizeof tables);
    house_init(&source);
    source.keep_operations = true;
    house_start(&source);
    for (size_t step = 0; step < STEPS; step++) {
        live_a_step(&source, step);
        keep_new_records(&source);
    }
    for (size_t i = 0; i < 2; i++) {
        house_init(&copies[i]);
        copies[i].keep_operations = true;
        house_wait(&copies[i], (int64_t)(i + 1) * 12345); /* its clock and its draws are its own */
        house_start(&copies[i]);
        replay(&copies[i]);
        house_check(&copies[i]);
    }
    assert_same_answers(&copies[0], &copies[1]);
    struct house *const houses[] = {&source, &copies[0], &copies[1]};
    for (size_t i = 0; i < 3; i++) {
        house_stop(houses[i]);
        sums[i] = dump(houses[i]->dir, &rows[i], tables[i]);
        house_start(houses[i]);
    }
    print_message("%zu operations, %llu rows\n", log_count, (unsigned long long)rows[0]);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(tables[1][i], tables[2][i]);
        assert_int_equal(tables[0][i], tables[1][i]);
    }
    assert_true(sums[0] == sums[1] && sums[1] == sums[2]);
    for (size_t i = 0; i < 3; i++) {
        house_close(houses[i]);
    }
    for (size_t i = 0; i < log_count; i++) {
        free(log_of[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_twice_equal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
