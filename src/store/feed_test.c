/* feed_test.c -- the change feed and the outbox: order, cursors, masks, trimming, damage. */
#include "support/support.h"

#include <sqlite3.h>

#include "support/toy_store.h"
#include "support/vfs.h"

struct fixture {
    char dir[256];
    struct om_store_options options;
    struct om_fake_clock fake;
    struct om_store *store;
};

static void on_event(void *context, const struct om_store_event *event);

struct seen {
    uint64_t rows[64];
    uint32_t ns[64];
    uint32_t types[64];
    int64_t ids[64];
    char last_json[128];
    size_t count, stop_at;
};
static struct seen live;

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    om_test_dir(f.dir, sizeof(f.dir));
    om_fake_clock_init(&f.fake, 5000);
    f.options = toy_options(f.dir);
    f.options.vfs = om_test_vfs();
    f.options.clock = &f.fake.clock;
    f.options.on_event = on_event;
    f.options.on_event_context = &live;
    live = (struct seen){0};
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    assert_ok(om_store_open(&f.options, &f.store));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    om_store_close(f->store);
    om_test_vfs_reset();
    om_test_dir_remove(f->dir);
    return 0;
}

static bool see(void *context, const struct om_store_event *event)
{
    struct seen *seen = context;
    assert_true(seen->count < OM_COUNT_OF(seen->rows));
    seen->rows[seen->count] = event->row;
    seen->ns[seen->count] = event->n;
    seen->types[seen->count] = event->type;
    (void)snprintf(seen->last_json, sizeof(seen->last_json), "%.*s", OM_STR_ARG(event->json));
    return ++seen->count != seen->stop_at;
}

static void on_event(void *context, const struct om_store_event *event)
{
    struct seen *seen = context;
    if (seen->count < OM_COUNT_OF(seen->rows)) {
        assert_int_equal(event->payload_size, sizeof(int64_t));
        memcpy(&seen->ids[seen->count], event->payload, sizeof(int64_t));
        (void)see(context, event);
    }
}

static bool see_change(void *context, uint64_t seq, uint32_t kind, int64_t row, int64_t space)
{
    struct seen *seen = context;
    assert_int_equal(space, 0);
    seen->rows[seen->count] = seq;
    seen->types[seen->count] = kind;
    seen->ids[seen->count] = row;
    return ++seen->count != seen->stop_at;
}

/* Where a query begins, what it wants. */
struct from {
    uint64_t row;
    uint32_t n;
    uint64_t mask;
    size_t max;
};

static omega_status events(struct om_store *store, struct from from, struct seen *seen,
                           bool *trimmed)
{
    struct om_reader reader;
    struct om_outbox_query query = {from.row, from.n, from.mask, from.max, see, seen};
    seen->count = 0;
    assert_ok(om_store_read(store, 0, &reader));
    omega_status status = om_store_events(&reader, &query, trimmed);
    om_store_read_end(&reader);
    return status;
}

static omega_status changes(struct om_store *store, uint64_t after, size_t max, struct seen *seen)
{
    struct om_reader reader;
    seen->count = 0;
    assert_ok(om_store_read(store, 0, &reader));
    omega_status status = om_store_changes(&reader, after, max, see_change, seen);
    om_store_read_end(&reader);
    return status;
}

static void put_and_drop(struct om_store *store)
{
    for (int64_t id = 1; id <= 10; id++) {
        assert_ok(toy_put_one(store, id, OM_STR("x"), OM_DURABILITY_DISK, NULL));
    }
    assert_ok(toy_drop_one(store, 4));
}

static void test_live_and_stored_events_agree(void **state)
{
    struct fixture *f = *state;
    struct seen stored = {0};
    bool trimmed = true;
    put_and_drop(f->store);
    assert_ok(events(f->store, (struct from){0, 0, UINT64_MAX, 100}, &stored, &trimmed));
    assert_false(trimmed);
    assert_int_equal(stored.count, 11);
    assert_int_equal(live.count, 11);
    assert_memory_equal(stored.rows, live.rows, sizeof(stored.rows));
    assert_memory_equal(stored.ns, live.ns, sizeof(stored.ns));
    assert_memory_equal(stored.types, live.types, sizeof(stored.types));
    assert_string_equal(stored.last_json, "{\"type\":\"Drop\",\"id\":4}");
    assert_string_equal(stored.last_json, live.last_json);
    assert_int_equal(live.ids[10], 4);
}

static void test_cursor_mask_and_max(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    put_and_drop(f->store);
    assert_ok(events(f->store, (struct from){3, 1, UINT64_MAX, 2}, &seen, NULL));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.rows[0], 4);
    assert_ok(events(f->store, (struct from){3, 0, UINT64_MAX, 1}, &seen, NULL));
    assert_int_equal(seen.rows[0], 3);
    assert_ok(
        events(f->store, (struct from){0, 0, UINT64_C(1) << TOY_EVENT_DROP, 100}, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0], 11);
    seen.stop_at = 3;
    assert_ok(events(f->store, (struct from){0, 0, UINT64_MAX, 100}, &seen, NULL));
    assert_int_equal(seen.count, 3);
    assert_ok(events(f->store, (struct from){11, 1, UINT64_MAX, 100}, &seen, NULL));
    assert_int_equal(seen.count, 0);
}

static omega_status apply_several(void *context, struct om_txn *txn, const struct om_record *record,
                                  struct om_buf *result)
{
    (void)context;
    (void)record;
    (void)result;
    omega_status status = OMEGA_OK;
    for (int64_t i = 0; i < 5 && status == OMEGA_OK; i++) {
        status = om_txn_change(txn, 9, i, 0);
        if (status == OMEGA_OK) {
            int64_t id = 100 + i;
            status = om_txn_event(txn, (uint32_t)i, OM_STR("{\"a\":[1,2]}"), &id, sizeof(id));
        }
    }
    return status;
}

static void test_several_events_of_one_operation(void **state)
{
    static const struct om_record_kind several = {"toy.several", apply_several, NULL};
    struct fixture *f = *state;
    struct seen seen = {0};
    struct toy_write toy;
    toy_write_init(&toy, &several, 1, OM_DURABILITY_DISK);
    assert_ok(toy_commit(f->store, &toy));
    toy_write_fini(&toy);
    assert_ok(events(f->store, (struct from){1, 2, UINT64_MAX, 100}, &seen, NULL));
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.ns[0], 3);
    assert_int_equal(seen.types[2], 4);
    assert_string_equal(seen.last_json, "{\"a\":[1,2]}");
    /* A sequence of the change feed is not cut. */
    assert_ok(changes(f->store, 0, 2, &seen));
    assert_int_equal(seen.count, 5);
}

static void test_changes_in_order(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    assert_ok(changes(f->store, 0, 100, &seen));
    assert_int_equal(seen.count, 0);
    put_and_drop(f->store);
    for (uint64_t after = 0; after <= 12; after++) {
        assert_ok(changes(f->store, after, 100, &seen));
        assert_int_equal(seen.count, after >= 11 ? 0 : 11 - after);
        for (size_t i = 0; i < seen.count; i++) {
            assert_int_equal(seen.rows[i], after + 1 + i);
        }
    }
    assert_ok(changes(f->store, 10, 100, &seen));
    assert_int_equal(seen.types[0], 2);
    assert_int_equal(seen.ids[0], 4);
    seen.stop_at = 2;
    assert_ok(changes(f->store, 0, 100, &seen));
    assert_int_equal(seen.count, 2);
}

static void run_sql(struct fixture *f, const char *sql)
{
    char path[OM_PATH_SIZE];
    sqlite3 *db = NULL;
    om_store_close(f->store);
    f->store = NULL;
    assert_ok(om_os_join(path, f->dir, "omega.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_ok(om_store_open(&f->options, &f->store));
}

static void trim_all(struct om_store *store)
{
    bool more = true;
    for (int rounds = 0; more; rounds++) {
        assert_true(rounds < 100);
        assert_ok(om_store_trim(store, &more));
    }
}

static void test_trimming_by_age(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    bool trimmed = false;
    put_and_drop(f->store);
    trim_all(f->store);
    assert_ok(events(f->store, (struct from){0, 0, UINT64_MAX, 100}, &seen, &trimmed));
    assert_int_equal(seen.count, 11);
    assert_false(trimmed);
    om_fake_clock_advance_ms(&f->fake, INT64_C(8) * 24 * 3600 * 1000);
    trim_all(f->store);
    assert_ok(events(f->store, (struct from){0, 0, UINT64_MAX, 100}, &seen, &trimmed));
    assert_int_equal(seen.count, 0);
    assert_true(trimmed);
    assert_ok(events(f->store, (struct from){11, 1, UINT64_MAX, 100}, &seen, &trimmed));
    assert_false(trimmed);
    /* The last number survives, also a new life. */
    om_store_close(f->store);
    assert_ok(om_store_open(&f->options, &f->store));
    uint64_t seq = 0;
    assert_ok(toy_put_one(f->store, 50, OM_STR("x"), OM_DURABILITY_DISK, &seq));
    assert_int_equal(seq, 12);
    /* A trimmed operation is not known any more; its row would be made again. */
    assert_status(toy_put_one(f->store, 5, OM_STR("x"), OM_DURABILITY_DISK, NULL), OMEGA_ECONFLICT);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
}

static void test_trimming_the_change_feed_by_number(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    put_and_drop(f->store);
    run_sql(f, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 1000500)"
               " INSERT INTO changes SELECT i + 11, 11, 1, i, 0 FROM c");
    trim_all(f->store);
    assert_status(changes(f->store, 10, 10, &seen), OMEGA_ENOTFOUND);
    assert_error_says("begins after operation 11");
    assert_ok(changes(f->store, 11, 10, &seen));
    assert_ok(toy_put_one(f->store, 60, OM_STR("x"), OM_DURABILITY_DISK, NULL));
    assert_ok(changes(f->store, 11, 10, &seen));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.ids[0], 60);
    struct om_reader reader;
    assert_ok(om_store_read(f->store, 0, &reader));
    om_store_read_end(&reader);
}

static void test_a_damaged_row_does_not_stop_the_stream(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {0};
    put_and_drop(f->store);
    run_sql(f, "UPDATE outbox SET body = replace(body, 'Put', 'Pet') WHERE row = 4;"
               "UPDATE outbox SET parts = x'0102' WHERE row = 6;");
    assert_status(events(f->store, (struct from){0, 0, UINT64_MAX, 100}, &seen, NULL),
                  OMEGA_ECORRUPT);
    assert_error_says("row 4");
    assert_int_equal(seen.count, 9);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_live_and_stored_events_agree),
        T(test_cursor_mask_and_max),
        T(test_several_events_of_one_operation),
        T(test_changes_in_order),
        T(test_trimming_by_age),
        T(test_trimming_the_change_feed_by_number),
        T(test_a_damaged_row_does_not_stop_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
