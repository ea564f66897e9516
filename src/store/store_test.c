/* store_test.c -- what stands in a directory, and what opening says about it. */
#include "support/support.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/toy_store.h"
#include "support/vfs.h"

struct fixture {
    char dir[256];
    struct om_store_options options;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    om_test_dir(f.dir, sizeof(f.dir));
    f.options = toy_options(f.dir);
    f.options.vfs = om_test_vfs();
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    om_test_vfs_reset();
    om_test_dir_remove(f->dir);
    return 0;
}

static struct om_store *open_store(const struct fixture *f)
{
    struct om_store *store = NULL;
    assert_ok(om_store_open(&f->options, &store));
    return store;
}

static struct om_store_info info_of(struct om_store *store)
{
    struct om_store_info info;
    om_store_info(store, &info);
    return info;
}

static void path_of(const struct fixture *f, const char *name, char out[OM_PATH_SIZE])
{
    assert_ok(om_os_join(out, f->dir, name));
}

static void run_sql(const struct fixture *f, const char *sql)
{
    char path[OM_PATH_SIZE];
    sqlite3 *db = NULL;
    path_of(f, "omega.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void put_some(struct om_store *store, int64_t from, int64_t to)
{
    for (int64_t id = from; id <= to; id++) {
        assert_ok(toy_put_one(store, id, OM_STR("some text"), OM_DURABILITY_DISK, NULL));
    }
}

/* ---- Plain life ------------------------------------------------------------------------------ */

static void test_new_then_again(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f);
    struct om_store_info first = info_of(store);
    unsigned char key[32];
    memcpy(key, om_store_key(store), sizeof(key));
    assert_int_equal(first.last_seq, 0);
    assert_false(first.read_only);
    put_some(store, 1, 20);
    om_store_close(store);

    char path[OM_PATH_SIZE];
    struct stat info;
    path_of(f, "omega.db-wal", path);
    assert_false(om_os_exists(path)); /* a clean end leaves one file */
    path_of(f, "omega.db", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(f->dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);

    f->options.must_exist = true;
    store = open_store(f);
    struct om_store_info again = info_of(store);
    assert_true(om_uuid_eq(first.database_id, again.database_id));
    assert_true(om_uuid_eq(first.incarnation, again.incarnation));
    assert_memory_equal(key, om_store_key(store), sizeof(key));
    assert_int_equal(again.last_seq, 20);
    assert_int_equal(toy_count(store, NULL), 20);
    om_store_close(store);
    om_store_close(NULL);
}

static void test_must_exist(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = NULL;
    f->options.must_exist = true;
    assert_status(om_store_open(&f->options, &store), OMEGA_ENOTFOUND);
    assert_null(store);
    f->options.dir = "/nonexistent/omega";
    assert_status(om_store_open(&f->options, &store), OMEGA_ENOTFOUND);
    f->options.dir = "";
    assert_status(om_store_open(&f->options, &store), OMEGA_EINVAL);
    f->options.dir = f->dir;
    f->options.must_exist = false;
    f->options.read_only = true;
    assert_status(om_store_open(&f->options, &store), OMEGA_ENOTFOUND);
}

static void test_one_owner(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f), *second = NULL;
    assert_status(om_store_open(&f->options, &second), OMEGA_EBUSY);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %lld", (long long)om_os_pid());
    assert_error_says(pid);
    assert_error_says("omega.sock");
    om_store_close(store);
    store = open_store(f);
    om_store_close(store);
}

static void test_reader_beside_the_owner(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f), *reader = NULL;
    put_some(store, 1, 5);
    struct om_store_options options = f->options;
    options.read_only = true;
    assert_ok(om_store_open(&options, &reader));
    assert_int_equal(toy_count(reader, NULL), 5);
    put_some(store, 6, 8);
    assert_int_equal(toy_count(reader, NULL), 8);
    assert_status(toy_put_one(reader, 9, OM_STR("no"), OM_DURABILITY_DISK, NULL), OMEGA_EREADONLY);
    assert_true(info_of(reader).read_only);
    om_store_close(reader);
    put_some(store, 9, 9);
    om_store_close(store);
    assert_ok(om_store_open(&options, &reader));
    assert_int_equal(toy_count(reader, NULL), 9);
    om_store_close(reader);
}

static void test_readers_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct om_reader a, b, c = {0};
    f->options.reader_max = 2;
    struct om_store *store = open_store(f);
    assert_ok(om_store_read(store, 0, &a));
    assert_ok(om_store_read(store, 0, &b));
    assert_status(om_store_read(store, 1, &c), OMEGA_EAGAIN);
    om_store_read_end(&c);
    om_store_read_end(&a);
    assert_ok(om_store_read(store, 0, &c));
    om_store_read_end(&c);
    om_store_read_end(&b);
    om_store_read_end(&b);
    om_store_close(store);
}

static void test_a_snapshot_stands_still(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f);
    struct om_reader reader;
    struct om_stmt *stmt;
    bool row;
    put_some(store, 1, 1);
    assert_ok(om_store_read(store, 0, &reader));
    put_some(store, 2, 2);
    assert_int_equal(reader.seq, 1);
    assert_ok(om_sql(reader.conn, &toy_schema, TOY_GET, &stmt));
    om_bind_i64(stmt, 0, 2);
    assert_ok(om_step(stmt, &row));
    assert_false(row);
    /* While it stands, the log cannot be emptied. */
    assert_status(om_store_checkpoint(store, true, 0), OMEGA_EAGAIN);
    om_store_read_end(&reader);
    assert_ok(om_store_checkpoint(store, true, 0));
    assert_int_equal(info_of(store).wal_bytes, 0);
    om_store_close(store);
}

static void test_checkpoint_is_wanted_when_idle(void **state)
{
    struct fixture *f = *state;
    struct om_fake_clock fake;
    om_fake_clock_init(&fake, 1000000);
    f->options.clock = &fake.clock;
    struct om_store *store = open_store(f);
    assert_false(om_store_wants_checkpoint(store));
    put_some(store, 1, 1);
    assert_false(om_store_wants_checkpoint(store));
    om_fake_clock_advance_ms(&fake, 1000);
    assert_true(om_store_wants_checkpoint(store));
    assert_ok(om_store_checkpoint(store, true, 100));
    assert_false(om_store_wants_checkpoint(store));
    om_store_close(store);
}

static void test_forked_child_lets_go(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f);
    int pipes[2], ready[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[1]);
        close(ready[0]);
        close(ready[1]);
        _exit(read(pipes[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    close(ready[0]);
    om_store_close(store);
    store = open_store(f); /* although the child lives */
    om_store_close(store);
    close(pipes[1]);
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- Foreign and newer ----------------------------------------------------------------------- */

static void expect_refused(const struct fixture *f, omega_status status, const char *says)
{
    struct om_store *store = NULL;
    assert_status(om_store_open(&f->options, &store), status);
    assert_null(store);
    assert_error_says(says);
}

static void test_foreign_files(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    path_of(f, "omega.db", path);
    assert_ok(om_os_write_file(path, "hello, this is no database", 26));
    expect_refused(f, OMEGA_EFORMAT, "is not a store of Omega");
    assert_ok(om_os_remove(path));
    run_sql(f, "PRAGMA application_id=77; CREATE TABLE theirs(a)");
    expect_refused(f, OMEGA_EFORMAT, "is not a store of Omega");
    assert_ok(om_os_remove(path));
    run_sql(f, "CREATE TABLE theirs(a)");
    expect_refused(f, OMEGA_EFORMAT, "theirs");
}

static void test_what_does_not_belong(void **state)
{
    static const struct {
        const char *add, *remove, *says;
    } cases[] = {
        {"CREATE TABLE theirs(a)", "DROP TABLE theirs", "table 'theirs'"},
        {"CREATE VIEW seen AS SELECT 1", "DROP VIEW seen", "view 'seen'"},
        {"CREATE TRIGGER evil AFTER INSERT ON ops BEGIN SELECT 1; END", "DROP TRIGGER evil",
         "trigger 'evil'"},
        {"CREATE VIRTUAL TABLE words USING fts5(a)", "DROP TABLE words", "words"},
    };
    struct fixture *f = *state;
    om_store_close(open_store(f));
    for (size_t i = 0; i < OM_COUNT_OF(cases); i++) {
        run_sql(f, cases[i].add);
        expect_refused(f, OMEGA_EFORMAT, cases[i].says);
        run_sql(f, cases[i].remove);
    }
    om_store_close(open_store(f));
}

static void test_newer_formats(void **state)
{
    struct fixture *f = *state;
    om_store_close(open_store(f));
    run_sql(f, "PRAGMA user_version=9");
    expect_refused(f, OMEGA_EFORMAT, "format 9 and this program knows up to 1");
    run_sql(f, "PRAGMA user_version=1; UPDATE versions SET version=5 WHERE name='toy'");
    expect_refused(f, OMEGA_EFORMAT,
                   "'toy' stands in version 5 in this store and this program "
                   "knows up to 2");
    run_sql(f, "UPDATE versions SET version=2 WHERE name='toy'");
    om_store_close(open_store(f));
}

static void test_migration_keeps_a_copy(void **state)
{
    static const char *const more[] = {
        toy_migrations[0], toy_migrations[1],
        "ALTER TABLE notes ADD COLUMN more TEXT; UPDATE notes SET n = n + 1000;"};
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    struct om_store *store = open_store(f);
    put_some(store, 1, 3);
    om_store_close(store);
    struct om_schema newer = toy_schema;
    newer.migrations = more;
    newer.migration_count = 3;
    const struct om_schema *schemas[] = {&newer};
    struct fixture newer_f = *f;
    newer_f.options.schemas = schemas;
    path_of(f, "omega.db.before-toy-v3", path);

    struct om_store_options read_only = newer_f.options;
    read_only.read_only = true;
    assert_status(om_store_open(&read_only, &store), OMEGA_EFORMAT);
    assert_error_says("open the store once for writing");

    /* A script that fails changes nothing. */
    const char *broken[] = {more[0], more[1], "UPDATE notes SET n = 0; CREATE TABLE notes(a);"};
    newer.migrations = broken;
    assert_status(om_store_open(&newer_f.options, &store), OMEGA_ECORRUPT);
    assert_error_says("bringing 'toy' to version 3");
    om_store_close(open_store(f));

    newer.migrations = more;
    store = open_store(&newer_f);
    struct om_reader reader;
    struct om_stmt *stmt;
    bool row;
    assert_ok(om_store_read(store, 0, &reader));
    assert_ok(om_sql(reader.conn, &newer, TOY_GET, &stmt));
    om_bind_i64(stmt, 0, 3);
    assert_ok(om_step(stmt, &row));
    assert_true(row && om_col_i64(stmt, 2) == 1003);
    om_store_read_end(&reader);
    om_store_close(store);
    expect_refused(f, OMEGA_EFORMAT, "version 3");
    assert_true(om_os_exists(path));
    /* The copy is the store before. */
    assert_ok(om_store_restore(&f->options, path));
    store = open_store(f);
    assert_int_equal(toy_count(store, NULL), 3);
    om_store_close(store);
}

/* ---- Missing operations ---------------------------------------------------------------------- */

static void copy_within(const struct fixture *f, const char *from, const char *to)
{
    char a[OM_PATH_SIZE], b[OM_PATH_SIZE];
    path_of(f, from, a);
    path_of(f, to, b);
    assert_ok(om_os_remove(b));
    assert_ok(om_os_copy_file(a, b));
}

static void test_database_older_than_its_mark(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = open_store(f);
    put_some(store, 1, 10);
    om_store_close(store);
    copy_within(f, "omega.db", "old.db");
    store = open_store(f);
    struct om_store_info before = info_of(store);
    put_some(store, 11, 17);
    om_store_close(store);
    copy_within(f, "old.db", "omega.db");

    store = open_store(f);
    struct om_store_info info = info_of(store);
    assert_true(info.read_only);
    assert_int_equal(info.missing_from, 11);
    assert_int_equal(info.missing_to, 17);
    assert_non_null(strstr(info.read_only_reason, "11 to 17 are missing"));
    assert_int_equal(toy_count(store, NULL), 10);
    assert_status(toy_put_one(store, 99, OM_STR("no"), OM_DURABILITY_DISK, NULL), OMEGA_EREADONLY);
    struct om_check check = {0};
    assert_ok(om_store_check(store, &check));
    assert_int_equal(check.faults, 1);
    om_store_close(store);

    f->options.accept_loss = true;
    store = open_store(f);
    info = info_of(store);
    assert_false(info.read_only);
    assert_int_equal(info.missing_to, 0);
    assert_false(om_uuid_eq(info.incarnation, before.incarnation));
    uint64_t seq = 0;
    assert_ok(toy_put_one(store, 99, OM_STR("yes"), OM_DURABILITY_DISK, &seq));
    assert_int_equal(seq, 18); /* no number is given twice */
    om_store_close(store);
    f->options.accept_loss = false;
    store = open_store(f);
    assert_int_equal(info_of(store).last_seq, 18);
    om_store_close(store);
}

static void test_database_gone(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    struct om_store *store = open_store(f);
    put_some(store, 1, 3);
    om_store_close(store);
    path_of(f, "omega.db", path);
    assert_ok(om_os_remove(path));
    expect_refused(f, OMEGA_ECORRUPT, "3 operations were stored");
    assert_false(om_os_exists(path));
    assert_ok(om_os_write_file(path, "", 0));
    expect_refused(f, OMEGA_ECORRUPT, "restore a backup");
    /* Whoever removes the mark means it. */
    char mark[OM_PATH_SIZE];
    path_of(f, "omega.mark", mark);
    assert_ok(om_os_remove(mark));
    om_store_close(open_store(f));
    /* A log without its database is no new store either. */
    assert_ok(om_os_remove(mark));
    assert_ok(om_os_remove(path));
    path_of(f, "omega.db-wal", path);
    assert_ok(om_os_write_file(path, "frames", 6));
    expect_refused(f, OMEGA_ECORRUPT, "omega.db-wal");
}

static void test_damaged_head(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    om_store_close(open_store(f));
    path_of(f, "omega.db", path);
    int fd = -1;
    assert_ok(om_os_open_private(path, false, &fd));
    assert_ok(om_os_pwrite(fd, "X", 1, 3));
    om_os_close(&fd);
    expect_refused(f, OMEGA_ECORRUPT, "the head of omega.db");
}

/* A store that was killed leaves its log; copies made while it was open are such a state. */
static void leave_log(struct fixture *f, const char *db, const char *wal, int64_t from, int64_t to)
{
    struct om_store *store = open_store(f);
    put_some(store, from, to);
    copy_within(f, "omega.db", db);
    copy_within(f, "omega.db-wal", wal);
    om_store_close(store);
}

static void test_log_of_another_database(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    leave_log(f, "a.db", "a.wal", 1, 5);
    path_of(f, "omega.db", path);
    assert_ok(om_os_remove(path));
    path_of(f, "omega.mark", path);
    assert_ok(om_os_remove(path));
    om_store_close(open_store(f)); /* another one */
    copy_within(f, "a.db", "omega.db");
    copy_within(f, "a.wal", "omega.db-wal");
    expect_refused(f, OMEGA_ECORRUPT, "was replaced");
    /* Without the log it is a restore by hand: the mark is told, life goes on. */
    path_of(f, "omega.db-wal", path);
    assert_ok(om_os_remove(path));
    struct om_store *store = open_store(f);
    assert_false(info_of(store).read_only);
    om_store_close(store);
}

static void test_killed_store_comes_back(void **state)
{
    struct fixture *f = *state;
    leave_log(f, "a.db", "a.wal", 1, 5);
    copy_within(f, "a.db", "omega.db");
    copy_within(f, "a.wal", "omega.db-wal");
    struct om_store *store = open_store(f);
    assert_int_equal(toy_count(store, NULL), 5);
    assert_false(info_of(store).read_only);
    assert_int_equal(info_of(store).last_seq, 5);
    om_store_close(store);
}

/* SQLite drops what stands behind a damaged frame without a word; the mark does not. */
static void test_damaged_log_is_noticed(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    leave_log(f, "a.db", "a.wal", 1, 50);
    copy_within(f, "a.db", "omega.db");
    copy_within(f, "a.wal", "omega.db-wal");
    path_of(f, "omega.db-wal", path);
    uint64_t size = 0;
    assert_ok(om_os_file_size(path, &size));
    int fd = -1;
    assert_ok(om_os_open_private(path, false, &fd));
    assert_ok(om_os_pwrite(fd, "damage", 6, size / 2));
    om_os_close(&fd);
    struct om_store *store = open_store(f);
    struct om_store_info info = info_of(store);
    assert_true(info.read_only);
    assert_int_equal(info.missing_to, 50);
    assert_true(info.missing_from > 1 && info.missing_from < 50);
    assert_int_equal(toy_count(store, NULL), (int64_t)info.missing_from - 1);
    om_store_close(store);
    uint64_t after = 0;
    assert_ok(om_os_file_size(path, &after)); /* kept for who wants to look */
    assert_int_equal(after, size);
}

static void test_damaged_mark(void **state)
{
    struct fixture *f = *state;
    char path[OM_PATH_SIZE];
    struct om_store *store = open_store(f);
    put_some(store, 1, 3);
    om_store_close(store);
    path_of(f, "omega.mark", path);
    assert_ok(om_os_write_file(path, "garbage", 7));
    store = open_store(f);
    assert_false(info_of(store).read_only);
    put_some(store, 4, 4);
    om_store_close(store);
    path_of(f, "omega.db", path);
    assert_ok(om_os_remove(path));
    expect_refused(f, OMEGA_ECORRUPT, "4 operations were stored");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_new_then_again),
        T(test_must_exist),
        T(test_one_owner),
        T(test_reader_beside_the_owner),
        T(test_readers_are_bounded),
        T(test_a_snapshot_stands_still),
        T(test_checkpoint_is_wanted_when_idle),
        T(test_forked_child_lets_go),
        T(test_foreign_files),
        T(test_what_does_not_belong),
        T(test_newer_formats),
        T(test_migration_keeps_a_copy),
        T(test_database_older_than_its_mark),
        T(test_database_gone),
        T(test_damaged_head),
        T(test_log_of_another_database),
        T(test_killed_store_comes_back),
        T(test_damaged_log_is_noticed),
        T(test_damaged_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
