/* store_replay_test.c -- a kept log of operations, applied to empty stores, gives equal stores. */
#include "support/support.h"

#include <sqlite3.h>

#include "support/toy_store.h"
#include "support/vfs.h"

enum { OPS = 200 };

struct fixture {
    char base[256];
    char source[OM_PATH_SIZE];
    struct om_store_options options;
    struct om_store *store;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    om_test_dir(f.base, sizeof(f.base));
    assert_ok(om_os_join(f.source, f.base, "source"));
    f.options = toy_options(f.source);
    f.options.vfs = om_test_vfs();
    f.options.keep_operations = true;
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
    om_test_dir_remove(f->base);
    return 0;
}

static void make_log(struct om_store *store)
{
    for (int64_t op = 1; op <= OPS; op++) {
        struct toy_write toy;
        const struct om_record_kind *kind = op % 5 == 0 ? &toy_fail : &toy_put;
        toy_write_init(&toy, kind, (uint64_t)op,
                       op % 2 == 0 ? OM_DURABILITY_PROCESS : OM_DURABILITY_DISK);
        toy_body_put(&toy, op, OM_STR("kept"), op * 3);
        assert_status(toy_commit(store, &toy), op % 5 == 0 ? OMEGA_EREJECTED : OMEGA_OK);
        toy_write_fini(&toy);
        if (op % 11 == 1 && op % 5 != 0) {
            assert_ok(toy_drop_one(store, op));
        }
    }
}

struct replay {
    struct om_store *target;
    uint64_t last;
    int count;
};

static bool replay_one(void *context, uint64_t seq, const struct om_record *record)
{
    struct replay *replay = context;
    struct om_write write = {.record = *record};
    assert_true(seq > replay->last);
    replay->last = seq;
    replay->count++;
    om_buf_init(&write.result, om_alloc_default(), OM_LIMIT_BULK);
    assert_ok(om_store_commit(replay->target, &write, 1));
    assert_int_equal(write.seq, seq);
    om_buf_fini(&write.result);
    return true;
}

/* Everything but what names the database itself. */
static uint64_t dump(const char *dir)
{
    static const char *const queries[] = {
        "SELECT * FROM notes ORDER BY id",      "SELECT * FROM ops ORDER BY seq",
        "SELECT * FROM changes ORDER BY id",    "SELECT * FROM outbox ORDER BY row",
        "SELECT * FROM versions ORDER BY name", "SELECT name, sql FROM sqlite_master ORDER BY name",
    };
    char path[OM_PATH_SIZE];
    sqlite3 *db = NULL;
    struct om_hasher hasher;
    om_hasher_init(&hasher, 0);
    assert_ok(om_os_join(path, dir, "omega.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < OM_COUNT_OF(queries); i++) {
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, queries[i], -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(stmt); c++) {
                int type = sqlite3_column_type(stmt, c);
                int size = sqlite3_column_bytes(stmt, c);
                om_hasher_add(&hasher, &type, sizeof(type));
                om_hasher_add(&hasher, &size, sizeof(size));
                om_hasher_add(&hasher, sqlite3_column_blob(stmt, c), (size_t)size);
            }
        }
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return om_hasher_result(&hasher);
}

static uint64_t replay_into(struct fixture *f, const char *name, uint64_t after)
{
    char dir[OM_PATH_SIZE];
    struct om_store_options options = f->options;
    struct replay replay = {.last = after};
    struct om_reader reader;
    assert_ok(om_os_join(dir, f->base, name));
    options.dir = dir;
    assert_ok(om_store_open(&options, &replay.target));
    assert_ok(om_store_read(f->store, 0, &reader));
    assert_ok(om_store_operations(&reader, after, replay_one, &replay));
    om_store_read_end(&reader);
    assert_true(replay.count > OPS / 2);
    om_store_close(replay.target);
    return dump(dir);
}

static void test_twice_equal(void **state)
{
    struct fixture *f = *state;
    make_log(f->store);
    uint64_t first = replay_into(f, "first", 0), second = replay_into(f, "second", 0);
    assert_true(first == second);
    om_store_close(f->store);
    assert_true(dump(f->source) == first);
    assert_ok(om_store_open(&f->options, &f->store));
}

static void test_without_bodies_there_is_nothing_to_replay(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = NULL;
    struct om_reader reader;
    struct replay replay = {0};
    char dir[OM_PATH_SIZE];
    struct om_store_options options = f->options;
    assert_ok(om_os_join(dir, f->base, "plain"));
    options.dir = dir;
    options.keep_operations = false;
    assert_ok(om_store_open(&options, &store));
    assert_ok(toy_put_one(store, 1, OM_STR("x"), OM_DURABILITY_DISK, NULL));
    assert_ok(om_store_read(store, 0, &reader));
    assert_ok(om_store_operations(&reader, 0, replay_one, &replay));
    om_store_read_end(&reader);
    assert_int_equal(replay.count, 0);
    om_store_close(store);
}

static void test_unknown_kind(void **state)
{
    struct fixture *f = *state;
    struct om_reader reader;
    struct replay replay = {0};
    make_log(f->store);
    om_store_close(f->store);
    f->options.kind_count = 0;
    assert_ok(om_store_open(&f->options, &f->store));
    assert_ok(om_store_read(f->store, 0, &reader));
    assert_status(om_store_operations(&reader, 0, replay_one, &replay), OMEGA_EFORMAT);
    assert_error_says("unknown kind 'toy.put'");
    om_store_read_end(&reader);
}

static omega_status apply_forget(void *context, struct om_txn *txn, const struct om_record *record,
                                 struct om_buf *result)
{
    (void)context;
    (void)record;
    (void)result;
    omega_status status = om_txn_forget_op(txn, 1);
    if (status == OMEGA_OK) {
        status = om_txn_forget_op(txn, 777); /* trimmed long ago */
    }
    return status == OMEGA_OK ? om_txn_mark_erase(txn) : status;
}

/* Inputs and reply go, the id stays known, no file holds the words. */
static void test_a_forgotten_operation(void **state)
{
    static const struct om_record_kind forget = {"toy.forget", apply_forget, NULL};
    static const char words[] = "a sentence that must go";
    struct fixture *f = *state;
    struct toy_write toy;
    uint64_t overwritten = 0;
    toy_write_init(&toy, &toy_put, 1, OM_DURABILITY_DISK);
    toy_body_put(&toy, 1, OM_STR(words), 1);
    assert_ok(toy_commit(f->store, &toy));
    assert_true(om_test_vfs_on_disk("omega.db-wal", words, sizeof(words) - 1));
    assert_ok(toy_drop_one(f->store, 1));
    struct toy_write forgetting;
    toy_write_init(&forgetting, &forget, 50, OM_DURABILITY_DISK);
    assert_ok(toy_commit(f->store, &forgetting));
    toy_write_fini(&forgetting);
    assert_ok(om_store_erase(f->store, 0, &overwritten));
    assert_false(om_test_vfs_on_disk("omega.db", words, sizeof(words) - 1));
    assert_false(om_test_vfs_on_disk("omega.db-wal", words, sizeof(words) - 1));
    assert_ok(toy_commit(f->store, &toy));
    assert_true(toy.write.repeated);
    assert_int_equal(toy.write.result.len, 0);
    toy_write_fini(&toy);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_twice_equal),
        T(test_without_bodies_there_is_nothing_to_replay),
        T(test_unknown_kind),
        T(test_a_forgotten_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
