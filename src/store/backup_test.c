/* backup_test.c -- copies: made under writes, listed, verified, put back; and salvage of a wreck.
 * */
#include "support/support.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/toy_store.h"
#include "support/vfs.h"

struct fixture {
    char dir[256];
    char data[OM_PATH_SIZE], file[OM_PATH_SIZE], out[OM_PATH_SIZE];
    struct om_store_options options;
    struct om_store *store;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    om_test_dir(f.dir, sizeof(f.dir));
    assert_ok(om_os_join(f.data, f.dir, "data"));
    assert_ok(om_os_join(f.file, f.dir, "copy.db"));
    assert_ok(om_os_join(f.out, f.dir, "out"));
    f.options = toy_options(f.data);
    f.options.vfs = om_test_vfs();
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

static struct om_store_info info_of(struct om_store *store)
{
    struct om_store_info info;
    om_store_info(store, &info);
    return info;
}

static void put_some(struct om_store *store, int64_t from, int64_t to)
{
    char text[600];
    for (int64_t id = from; id <= to; id++) {
        memset(text, 'a' + (int)(id % 26), sizeof(text));
        assert_ok(toy_put_one(store, id, (omega_str){text, (size_t)(id * 37 % 600)},
                              OM_DURABILITY_DISK, NULL));
    }
}

static void close_store(struct fixture *f)
{
    om_store_close(f->store);
    f->store = NULL;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- Backup ---------------------------------------------------------------------------------- */

struct listed {
    struct om_backup_row row;
    int count;
};

static bool list(void *context, const struct om_backup_row *row)
{
    struct listed *listed = context;
    listed->row = *row;
    listed->count++;
    return true;
}

struct writing {
    struct om_store *store;
    int64_t next;
    uint64_t calls, last_done, total;
};

/* Writes while the copy is under way: it neither ends up in the copy nor stops it. */
static bool write_meanwhile(void *context, uint64_t done, uint64_t total)
{
    struct writing *writing = context;
    assert_true(done <= total && done >= writing->last_done);
    writing->last_done = done;
    writing->total = total;
    writing->calls++;
    if (writing->store != NULL) {
        assert_ok(toy_put_one(writing->store, writing->next++, OM_STR("meanwhile"),
                              OM_DURABILITY_DISK, NULL));
    }
    return true;
}

static void test_backup_and_restore(void **state)
{
    struct fixture *f = *state;
    put_some(f->store, 1, 4000);
    struct writing writing = {.store = f->store, .next = 100000};
    assert_ok(om_store_backup(f->store, f->file, write_meanwhile, &writing));
    assert_true(writing.calls > 1);
    assert_int_equal(writing.last_done, writing.total);
    struct stat info;
    assert_int_equal(stat(f->file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_status(om_store_backup(f->store, f->file, NULL, NULL), OMEGA_ECONFLICT);
    struct om_reader reader;
    struct listed listed = {0};
    assert_ok(om_store_read(f->store, 0, &reader));
    assert_ok(om_store_backups(&reader, list, &listed));
    om_store_read_end(&reader);
    assert_int_equal(listed.count, 1);
    assert_string_equal(listed.row.file, f->file);
    assert_int_equal(listed.row.seq, 4000);

    /* An owner lives: no restore. Then it does not. */
    assert_status(om_store_restore(&f->options, f->file), OMEGA_EBUSY);
    struct om_store_info before = info_of(f->store);
    close_store(f);
    assert_ok(om_store_restore(&f->options, f->file));
    assert_ok(om_store_open(&f->options, &f->store));
    struct om_store_info after = info_of(f->store);
    assert_int_equal(toy_count(f->store, NULL), 4000);
    assert_true(om_uuid_eq(before.database_id, after.database_id));
    assert_false(om_uuid_eq(before.incarnation, after.incarnation));
    assert_false(after.read_only);
    assert_int_equal(after.last_seq, before.last_seq); /* no number is given twice */
    uint64_t seq = 0;
    assert_ok(toy_put_one(f->store, 200000, OM_STR("x"), OM_DURABILITY_DISK, &seq));
    assert_int_equal(seq, before.last_seq + 1);
    /* What stood there is kept aside, whole, and listed. */
    listed = (struct listed){0};
    assert_ok(om_store_read(f->store, 0, &reader));
    assert_ok(om_store_backups(&reader, list, &listed));
    om_store_read_end(&reader);
    assert_non_null(strstr(listed.row.file, "omega.db.before-"));
    close_store(f);
    assert_ok(om_store_restore(&f->options, listed.row.file));
    assert_ok(om_store_open(&f->options, &f->store));
    assert_int_equal(toy_count(f->store, NULL), 4000 + (int64_t)writing.calls);
}

static bool cancel(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static void test_cancelled_and_failed_backups_leave_nothing(void **state)
{
    struct fixture *f = *state;
    char part[OM_PATH_SIZE];
    assert_ok(om_os_join(part, f->dir, "copy.db.part"));
    put_some(f->store, 1, 50);
    assert_status(om_store_backup(f->store, f->file, cancel, NULL), OMEGA_ECANCELLED);
    assert_false(om_os_exists(f->file));
    assert_false(om_os_exists(part));
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 3, true);
    assert_status(om_store_backup(f->store, f->file, NULL, NULL), OMEGA_ENOSPC);
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 0, false);
    assert_false(om_os_exists(f->file));
    assert_false(om_os_exists(part));
    assert_ok(om_store_backup(f->store, f->file, NULL, NULL));
}

static void test_a_damaged_row_is_no_backup(void **state)
{
    struct fixture *f = *state;
    char db[OM_PATH_SIZE];
    put_some(f->store, 1, 50);
    close_store(f);
    assert_ok(om_os_join(db, f->data, "omega.db"));
    run_sql(db, "UPDATE notes SET text = 'changed' WHERE id = 17");
    assert_ok(om_store_open(&f->options, &f->store));
    assert_status(om_store_backup(f->store, f->file, NULL, NULL), OMEGA_ECORRUPT);
    assert_error_says("note 17");
    assert_false(om_os_exists(f->file));
}

static void test_backup_put_there_by_hand(void **state)
{
    struct fixture *f = *state;
    char db[OM_PATH_SIZE];
    put_some(f->store, 1, 20);
    struct om_store_info before = info_of(f->store);
    assert_ok(om_store_backup(f->store, f->file, NULL, NULL)); /* its listing is operation 21 */
    close_store(f);
    assert_ok(om_os_join(db, f->data, "omega.db"));
    assert_ok(om_os_remove(db));
    assert_ok(om_os_copy_file(f->file, db));
    assert_ok(om_store_open(&f->options, &f->store));
    assert_true(info_of(f->store).read_only); /* operation 21 is not in it */
    assert_int_equal(info_of(f->store).missing_from, 21);
    close_store(f);
    f->options.accept_loss = true;
    assert_ok(om_store_open(&f->options, &f->store));
    assert_false(info_of(f->store).read_only);
    assert_false(om_uuid_eq(info_of(f->store).incarnation, before.incarnation));
    assert_int_equal(toy_count(f->store, NULL), 20);
}

static void test_restore_refuses(void **state)
{
    struct fixture *f = *state;
    char db[OM_PATH_SIZE], damaged[OM_PATH_SIZE];
    put_some(f->store, 1, 200);
    assert_ok(om_store_backup(f->store, f->file, NULL, NULL));
    close_store(f);
    assert_ok(om_os_join(db, f->data, "omega.db"));
    assert_ok(om_os_join(damaged, f->dir, "damaged.db"));
    assert_status(om_store_restore(&f->options, "/nonexistent/file"), OMEGA_ENOTFOUND);
    assert_ok(om_os_write_file(damaged, "this is something else entirely", 31));
    assert_status(om_store_restore(&f->options, damaged), OMEGA_EFORMAT);
    assert_ok(om_os_remove(damaged));
    assert_ok(om_os_copy_file(f->file, damaged));
    run_sql(damaged, "UPDATE ops SET at = at + 1 WHERE seq = 3");
    assert_status(om_store_restore(&f->options, damaged), OMEGA_ECORRUPT);
    assert_error_says("operation 3");
    /* Nothing was changed by the refusals. */
    assert_ok(om_store_open(&f->options, &f->store));
    assert_int_equal(toy_count(f->store, NULL), 200);
}

/* A kill between the names: nothing is lost, and the way out is to restore again. */
static void test_restore_that_was_cut_short(void **state)
{
    struct fixture *f = *state;
    char db[OM_PATH_SIZE], aside[OM_PATH_SIZE];
    put_some(f->store, 1, 20);
    assert_ok(om_store_backup(f->store, f->file, NULL, NULL));
    close_store(f);
    assert_ok(om_os_join(db, f->data, "omega.db"));
    assert_ok(om_os_join(aside, f->data, "omega.db.before-kill"));
    assert_ok(om_os_rename(db, aside));
    assert_status(om_store_open(&f->options, &f->store), OMEGA_ECORRUPT);
    assert_error_says("restore a backup");
    assert_ok(om_store_restore(&f->options, f->file));
    assert_ok(om_store_open(&f->options, &f->store));
    assert_int_equal(toy_count(f->store, NULL), 20);
}

/* ---- Salvage --------------------------------------------------------------------------------- */

/* Overwrites whole pages of the file, the first three (head, meta) excepted. */
static void break_pages(const char *path, uint64_t seed, int count)
{
    uint64_t size = 0;
    int fd = -1;
    char noise[4096];
    assert_ok(om_os_file_size(path, &size));
    memset(noise, 0x5a, sizeof(noise));
    assert_ok(om_os_open_private(path, false, &fd));
    for (int i = 0; i < count; i++) {
        uint64_t page = 10 + om_hash(&i, sizeof(i), seed) % (size / 4096 - 10);
        assert_ok(om_os_pwrite(fd, noise, sizeof(noise), page * 4096));
    }
    om_os_close(&fd);
}

static void test_salvage(void **state)
{
    struct fixture *f = *state;
    char db[OM_PATH_SIZE];
    uint64_t copied = 0, lost = 0;
    put_some(f->store, 1, 4000);
    unsigned char key[32];
    memcpy(key, om_store_key(f->store), sizeof(key));
    struct om_store_info before = info_of(f->store);
    close_store(f);
    assert_ok(om_os_join(db, f->data, "omega.db"));
    run_sql(db, "UPDATE notes SET text = 'changed' WHERE id = 7");
    break_pages(db, 11, 8);
    assert_ok(om_store_salvage(&f->options, f->out, &copied, &lost));
    assert_true(lost > 0 && lost < 400);
    assert_status(om_store_salvage(&f->options, f->out, &copied, &lost), OMEGA_ECONFLICT);

    struct om_store_options out = f->options;
    out.dir = f->out;
    assert_ok(om_store_open(&out, &f->store));
    struct om_store_info after = info_of(f->store);
    int64_t bad = 0, count = toy_count(f->store, &bad);
    assert_true(count > 3000 && count < 4000);
    assert_int_equal(bad, 0);
    assert_true(om_uuid_eq(before.database_id, after.database_id));
    assert_false(om_uuid_eq(before.incarnation, after.incarnation));
    assert_memory_equal(key, om_store_key(f->store), sizeof(key));
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
    put_some(f->store, 9001, 9005);
}

static void test_salvage_of_a_sound_store(void **state)
{
    struct fixture *f = *state;
    uint64_t copied = 0, lost = 0;
    put_some(f->store, 1, 300);
    assert_status(om_store_salvage(&f->options, f->out, &copied, &lost), OMEGA_EBUSY);
    assert_false(om_os_exists(f->out));
    close_store(f);
    assert_ok(om_store_salvage(&f->options, f->out, &copied, &lost));
    assert_int_equal(lost, 0);
    assert_int_equal(copied, 300 * 3); /* operations, events, notes */
    struct om_store_options out = f->options;
    out.dir = f->out;
    assert_ok(om_store_open(&out, &f->store));
    assert_int_equal(toy_count(f->store, NULL), 300);
    assert_int_equal(info_of(f->store).last_seq, 300);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_backup_and_restore),
        T(test_cancelled_and_failed_backups_leave_nothing),
        T(test_a_damaged_row_is_no_backup),
        T(test_backup_put_there_by_hand),
        T(test_restore_refuses),
        T(test_restore_that_was_cut_short),
        T(test_salvage),
        T(test_salvage_of_a_sound_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
