/* commit_test.c -- records in, results out: alone, repeated, failing, many at once, on a bad disk.
 * */
#include "support/support.h"

#include <stdlib.h>

#include "support/toy_store.h"
#include "support/vfs.h"

struct fixture {
    char dir[256];
    struct om_store *store;
    struct om_store_options options;
};

static void open_store(struct fixture *f)
{
    assert_ok(om_store_open(&f->options, &f->store));
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    om_test_dir(f.dir, sizeof(f.dir));
    f.options = toy_options(f.dir);
    f.options.vfs = om_test_vfs();
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    open_store(&f);
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

static void test_one_record(void **state)
{
    struct fixture *f = *state;
    struct toy_write toy;
    uint64_t published = atomic_load(&toy_published_sum);
    toy_write_init(&toy, &toy_put, 7, OM_DURABILITY_DEFAULT);
    toy_body_put(&toy, 7, OM_STR("seven"), 1);
    assert_ok(toy_commit(f->store, &toy));
    assert_int_equal(toy.write.seq, 1);
    assert_int_equal(toy.write.reached, OM_DURABILITY_DISK);
    assert_false(toy.write.repeated);
    struct om_unpack in;
    om_unpack_init(&in, toy.write.result.ptr, toy.write.result.len);
    assert_int_equal(om_unpack_i64(&in), 7);
    toy_write_fini(&toy);
    assert_int_equal(om_store_commit_seq(f->store), 1);
    assert_int_equal(atomic_load(&toy_published_sum), published + 7);
    assert_int_equal(toy_count(f->store, NULL), 1);
    struct om_store_info info = info_of(f->store);
    assert_int_equal(info.operations, 1);
    assert_true(info.fsync_p50_us > 0 && info.fsync_p99_us >= info.fsync_p50_us);
    assert_true(info.wal_bytes > 0 && info.db_bytes > 0 && info.disk_free_bytes > 0);
}

static void test_same_operation_twice(void **state)
{
    struct fixture *f = *state;
    struct toy_write toy;
    assert_ok(toy_put_one(f->store, 1, OM_STR("one"), OM_DURABILITY_DISK, NULL));
    toy_write_init(&toy, &toy_put, 1, OM_DURABILITY_DISK);
    toy_body_put(&toy, 1, OM_STR("one"), 1);
    assert_ok(toy_commit(f->store, &toy));
    assert_true(toy.write.repeated);
    assert_int_equal(toy.write.seq, 1);
    struct om_unpack in;
    om_unpack_init(&in, toy.write.result.ptr, toy.write.result.len);
    assert_int_equal(om_unpack_i64(&in), 1);
    toy.write.record.request_hash = 99;
    assert_status(toy_commit(f->store, &toy), OMEGA_ECONFLICT);
    assert_error_says("used before");
    toy_write_fini(&toy);
    assert_int_equal(om_store_commit_seq(f->store), 1);
    assert_int_equal(toy_count(f->store, NULL), 1);
}

/* A repetition that wants the disk gets it, although its first time only reached the process. */
static void test_repetition_reaches_the_disk(void **state)
{
    struct fixture *f = *state;
    struct toy_write toy;
    toy_write_init(&toy, &toy_put, 1, OM_DURABILITY_PROCESS);
    toy_body_put(&toy, 1, OM_STR("one"), 1);
    assert_ok(toy_commit(f->store, &toy));
    assert_int_equal(toy.write.reached, OM_DURABILITY_PROCESS);
    assert_true(om_test_vfs_unsynced("omega.db-wal") > 0);
    toy.write.record.durability = OM_DURABILITY_DISK;
    assert_ok(toy_commit(f->store, &toy));
    assert_true(toy.write.repeated);
    assert_int_equal(toy.write.reached, OM_DURABILITY_DISK);
    assert_int_equal(om_test_vfs_unsynced("omega.db-wal"), 0);
    toy_write_fini(&toy);
}

static void test_a_failing_record_fails_alone(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 7 };
    struct toy_write toys[COUNT];
    struct om_write writes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const struct om_record_kind *kind = i == 0 || i == 3 || i == 6 ? &toy_fail : &toy_put;
        toy_write_init(&toys[i], kind, (uint64_t)(i + 1), OM_DURABILITY_DISK);
        toy_body_put(&toys[i], i + 1, OM_STR("text"), 0);
        writes[i] = toys[i].write;
    }
    assert_status(om_store_commit(f->store, writes, COUNT), OMEGA_EREJECTED);
    assert_error_says("the toy refuses");
    uint64_t seq = 0;
    for (int i = 0; i < COUNT; i++) {
        bool fails = i == 0 || i == 3 || i == 6;
        assert_int_equal(writes[i].status, fails ? OMEGA_EREJECTED : OMEGA_OK);
        if (!fails) {
            assert_int_equal(writes[i].seq, ++seq); /* dense: what failed has no number */
        }
        toys[i].write = writes[i];
        toy_write_fini(&toys[i]);
    }
    assert_int_equal(toy_count(f->store, NULL), 4);
    assert_int_equal(info_of(f->store).last_seq, 4);
    assert_int_equal(info_of(f->store).operations, 4);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
}

static void test_misuse(void **state)
{
    struct fixture *f = *state;
    struct toy_write toy;
    toy_write_init(&toy, &toy_put, 1, OM_DURABILITY_DISK);
    toy_body_put(&toy, 1, OM_STR("x"), 1);
    toy.write.record.kind = NULL;
    assert_status(toy_commit(f->store, &toy), OMEGA_EINVAL);
    toy.write.record.kind = &toy_put;
    toy.write.record.op_id = (struct om_uuid){{0}};
    assert_status(toy_commit(f->store, &toy), OMEGA_EINVAL);
    toy.write.record.op_id = toy_uuid(1);
    toy.write.record.actor = (omega_str){NULL, 0};
    assert_status(toy_commit(f->store, &toy), OMEGA_EINVAL);
    assert_error_says("actor");
    toy_write_fini(&toy);
    /* A body that the kind does not understand, and a row that stands already. */
    toy_write_init(&toy, &toy_put, 2, OM_DURABILITY_DISK);
    toy.write.record.body = OM_STR("\xff\xff\xff");
    assert_status(toy_commit(f->store, &toy), OMEGA_ECORRUPT);
    toy_write_fini(&toy);
    assert_ok(toy_put_one(f->store, 5, OM_STR("five"), OM_DURABILITY_DISK, NULL));
    toy_write_init(&toy, &toy_put, 6, OM_DURABILITY_DISK);
    toy_body_put(&toy, 5, OM_STR("again"), 1);
    assert_status(toy_commit(f->store, &toy), OMEGA_ECONFLICT);
    toy_write_fini(&toy);
    assert_int_equal(om_store_commit_seq(f->store), 1);
    assert_ok(om_store_commit(f->store, NULL, 0));
}

/* ---- Durability ------------------------------------------------------------------------------ */

static void test_disk_means_synced_before(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 50; i++) {
        char text[32];
        enum om_durability durability = i % 3 == 0 ? OM_DURABILITY_PROCESS : OM_DURABILITY_DISK;
        int len = snprintf(text, sizeof(text), "token-%08d-token", i * 7919);
        assert_ok(toy_put_one(f->store, i, (omega_str){text, (size_t)len}, durability, NULL));
        bool on_disk = om_test_vfs_on_disk("omega.db-wal", text, (size_t)len);
        assert_int_equal(on_disk, durability == OM_DURABILITY_DISK);
    }
}

static void test_company_of_a_disk_record_reaches_the_disk(void **state)
{
    struct fixture *f = *state;
    struct toy_write toys[2];
    struct om_write writes[2];
    for (int i = 0; i < 2; i++) {
        toy_write_init(&toys[i], &toy_put, (uint64_t)(i + 1),
                       i == 0 ? OM_DURABILITY_PROCESS : OM_DURABILITY_DISK);
        toy_body_put(&toys[i], i + 1, OM_STR("text"), 0);
        writes[i] = toys[i].write;
    }
    uint64_t syncs = om_test_vfs_count(OM_VFS_SYNC);
    assert_ok(om_store_commit(f->store, writes, 2));
    assert_int_equal(writes[0].reached, OM_DURABILITY_DISK);
    assert_int_equal(writes[1].reached, OM_DURABILITY_DISK);
    assert_int_equal(info_of(f->store).commits, 1);
    assert_true(om_test_vfs_count(OM_VFS_SYNC) - syncs <= 2); /* the log's head once, its frames */
    for (int i = 0; i < 2; i++) {
        toys[i].write = writes[i];
        toy_write_fini(&toys[i]);
    }
}

/* ---- A bad disk ------------------------------------------------------------------------------ */

static void put_many(struct om_store *store, struct om_write *writes, struct toy_write *toys,
                     int count, omega_status *status)
{
    for (int i = 0; i < count; i++) {
        toy_write_init(&toys[i], &toy_put, (uint64_t)(100 + i), OM_DURABILITY_DISK);
        toy_body_put(&toys[i], 100 + i, OM_STR("many"), i);
        writes[i] = toys[i].write;
    }
    *status = om_store_commit(store, writes, (size_t)count);
    for (int i = 0; i < count; i++) {
        toys[i].write = writes[i];
        toy_write_fini(&toys[i]);
    }
}

static void test_disk_full_fails_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 5 };
    struct toy_write toys[COUNT];
    struct om_write writes[COUNT];
    omega_status status;
    assert_ok(toy_put_one(f->store, 1, OM_STR("one"), OM_DURABILITY_DISK, NULL));
    /* The batch's commit hits it once; one by one they fit. */
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 3, false);
    put_many(f->store, writes, toys, COUNT, &status);
    assert_int_equal(status, OMEGA_OK);
    assert_int_equal(toy_count(f->store, NULL), 1 + COUNT);
    /* Full for good: every write fails, reads go on. */
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 1, true);
    assert_status(toy_put_one(f->store, 2, OM_STR("two"), OM_DURABILITY_DISK, NULL), OMEGA_ENOSPC);
    assert_int_equal(toy_count(f->store, NULL), 1 + COUNT);
    assert_false(info_of(f->store).read_only);
    /* Space returns: writes resume, no number was used up. */
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_FULL, 0, false);
    uint64_t seq = 0;
    assert_ok(toy_put_one(f->store, 2, OM_STR("two"), OM_DURABILITY_DISK, &seq));
    assert_int_equal(seq, 2 + COUNT);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
}

static void test_failed_fsync_ends_all_writing(void **state)
{
    struct fixture *f = *state;
    assert_ok(toy_put_one(f->store, 1, OM_STR("one"), OM_DURABILITY_DISK, NULL));
    om_test_vfs_fail(OM_VFS_SYNC, OM_VFS_IO, 1, false);
    assert_status(toy_put_one(f->store, 2, OM_STR("two"), OM_DURABILITY_DISK, NULL), OMEGA_EIO);
    assert_status(toy_put_one(f->store, 3, OM_STR("three"), OM_DURABILITY_DISK, NULL), OMEGA_EIO);
    assert_error_says("opened again");
    assert_status(om_store_checkpoint(f->store, true, 0), OMEGA_EIO);
    uint64_t erased;
    assert_status(om_store_erase(f->store, 0, &erased), OMEGA_EIO);
    assert_int_equal(toy_count(f->store, NULL), 1);
    struct om_store_info info = info_of(f->store);
    assert_true(info.read_only);
    assert_non_null(strstr(info.read_only_reason, "open it again"));
    om_store_close(f->store);
    /* The mark remembers to look at everything; then life goes on. */
    open_store(f);
    assert_false(info_of(f->store).read_only);
    assert_true(toy_count(f->store, NULL) >= 1); /* what was refused may be there or not */
    assert_ok(toy_put_one(f->store, 30, OM_STR("thirty"), OM_DURABILITY_DISK, NULL));
}

static void test_failed_write_of_a_commit_ends_all_writing(void **state)
{
    struct fixture *f = *state;
    om_test_vfs_fail(OM_VFS_WRITE, OM_VFS_IO, 2, false);
    assert_status(toy_put_one(f->store, 1, OM_STR("one"), OM_DURABILITY_DISK, NULL), OMEGA_EIO);
    assert_status(toy_put_one(f->store, 2, OM_STR("two"), OM_DURABILITY_PROCESS, NULL), OMEGA_EIO);
    assert_int_equal(toy_count(f->store, NULL), 0);
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { THREADS = 8, PER_THREAD = 60 };

struct worker {
    struct om_thread thread;
    struct om_store *store;
    int number;
    int failures;
};

static void work(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < PER_THREAD; i++) {
        int64_t id = worker->number * 1000 + i + 1;
        enum om_durability durability =
            (i + worker->number) % 4 == 0 ? OM_DURABILITY_PROCESS : OM_DURABILITY_DISK;
        uint64_t seq = 0;
        if (toy_put_one(worker->store, id, OM_STR("from a thread"), durability, &seq) != OMEGA_OK) {
            worker->failures++;
        }
        /* What a completed call wrote, the next read sees. */
        struct om_reader reader;
        struct om_stmt *stmt;
        bool row = false;
        if (om_store_read(worker->store, 10000, &reader) != OMEGA_OK || reader.seq < seq ||
            om_sql(reader.conn, &toy_schema, TOY_GET, &stmt) != OMEGA_OK) {
            worker->failures++;
            continue;
        }
        om_bind_i64(stmt, 0, id);
        worker->failures += om_step(stmt, &row) != OMEGA_OK || !row;
        om_store_read_end(&reader);
    }
}

static void test_many_threads(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    uint64_t before = atomic_load(&toy_published_sum), wanted = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.store = f->store, .number = i};
        assert_ok(om_thread_start(&workers[i].thread, "writer", work, &workers[i]));
    }
    for (int round = 0; round < 20; round++) {
        omega_status status = om_store_checkpoint(f->store, round % 2 == 0, 100);
        assert_true(status == OMEGA_OK || status == OMEGA_EAGAIN);
        bool more;
        assert_ok(om_store_trim(f->store, &more));
    }
    for (int i = 0; i < THREADS; i++) {
        om_thread_join(&workers[i].thread);
        assert_int_equal(workers[i].failures, 0);
        for (int k = 1; k <= PER_THREAD; k++) {
            wanted += (uint64_t)(i * 1000 + k);
        }
    }
    assert_int_equal(toy_count(f->store, NULL), THREADS * PER_THREAD);
    assert_int_equal(om_store_commit_seq(f->store), THREADS * PER_THREAD);
    assert_int_equal(atomic_load(&toy_published_sum) - before, wanted);
    struct om_check check = {0};
    assert_ok(om_store_check(f->store, &check));
    assert_int_equal(check.faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_operation_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repetition_reaches_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failing_record_fails_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_misuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_means_synced_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_company_of_a_disk_record_reaches_the_disk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_disk_full_fails_what_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_fsync_ends_all_writing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_write_of_a_commit_ends_all_writing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_many_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
