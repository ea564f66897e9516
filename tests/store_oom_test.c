/* store_oom_test.c -- memory runs out at every allocation of every call of the store, SQLite's too.
 *
 * Each run begins with a copy of the same directory. What is prepared and what is verified runs on
 * another counter (that of a thread which never fails), so that only the call in question is swept.
 * After each run the same store, still open, does the same call again; its rows are counted, and
 * after every eighth run all of it is checked. */
#include "support/support.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "support/toy_store.h"
#include "support/vfs.h"

enum { ROWS = 40 };

struct fixture {
    char base[256];
    char template_dir[OM_PATH_SIZE], dir[OM_PATH_SIZE], file[OM_PATH_SIZE], out[OM_PATH_SIZE];
    struct om_store_options options;
    struct om_store *store;
    omega_status (*call)(struct fixture *f);
    bool opens; /* the call opens by itself */
    int64_t used;
    uint64_t runs;
};

static uintptr_t quiet;

/* Not swept from here; returns what to adopt afterwards. */
static uintptr_t hush(void)
{
    uintptr_t before = om_test_alloc_token();
    om_test_alloc_adopt(quiet);
    return before;
}

static void take_token(void *context)
{
    (void)context;
    quiet = om_test_alloc_token();
}

static void copy_file(struct fixture *f, const char *name)
{
    char from[OM_PATH_SIZE], to[OM_PATH_SIZE];
    assert_ok(om_os_join(from, f->template_dir, name));
    assert_ok(om_os_join(to, f->dir, name));
    unsigned char bytes[4096];
    size_t got;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL); /* om_os_copy_file would sync: thousands of times */
    while ((got = fread(bytes, 1, sizeof(bytes), in)) > 0) {
        assert_int_equal(fwrite(bytes, 1, got, out), got);
    }
    (void)fclose(in);
    (void)fclose(out);
}

static void prepare(struct fixture *f)
{
    om_test_vfs_reset();
    assert_ok(om_os_private_dir(f->dir));
    copy_file(f, "omega.db");
    copy_file(f, "omega.mark");
    if (!f->opens) {
        assert_ok(om_store_open(&f->options, &f->store));
    }
}

static void verify(struct fixture *f, omega_status status)
{
    struct om_check check = {0};
    if (f->store == NULL) {
        assert_ok(om_store_open(&f->options, &f->store));
    } else if (status != OMEGA_OK && !f->opens) {
        assert_ok(f->call(f)); /* the store goes on */
    }
    if (f->runs++ % 8 == 0) { /* the dearest part */
        assert_ok(om_store_check(f->store, &check));
        assert_int_equal(check.faults, 0);
    }
    int64_t bad = 0, count = toy_count(f->store, &bad);
    assert_true(count >= ROWS - 1 && count <= ROWS + 3);
    assert_int_equal(bad, 0);
    struct om_store_info info;
    om_store_info(f->store, &info);
    assert_false(info.read_only);
    om_store_close(f->store);
    f->store = NULL;
    for (size_t i = 0; i < 2; i++) {
        const char *path = i == 0 ? f->dir : f->out;
        if (om_os_exists(path)) {
            om_test_dir_remove(path);
        }
    }
    assert_ok(om_os_remove(f->file));
    om_test_vfs_reset();
    if (f->used == 0) {
        f->used = sqlite3_memory_used();
    }
    assert_int_equal(sqlite3_memory_used(), f->used);
}

static omega_status step(void *context)
{
    struct fixture *f = context;
    om_test_alloc_adopt(quiet);
    prepare(f);
    om_test_alloc_adopt(0);
    omega_status status = f->call(f);
    struct om_error error = *om_error_last();
    om_test_alloc_adopt(quiet);
    verify(f, status);
    om_test_alloc_adopt(0);
    if (status != OMEGA_OK) {
        om_error_set(&error);
    }
    return status;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static omega_status call_open(struct fixture *f)
{
    return om_store_open(&f->options, &f->store);
}

static omega_status call_open_new(struct fixture *f)
{
    struct om_store_options options = f->options;
    struct om_store *store = NULL;
    options.dir = f->out;
    omega_status status = om_store_open(&options, &store);
    om_store_close(store);
    return status;
}

static omega_status call_commit(struct fixture *f)
{
    struct om_store_info info;
    om_store_info(f->store, &info);
    omega_status status = toy_put_one(f->store, 1000 + (int64_t)info.last_seq, OM_STR("more text"),
                                      OM_DURABILITY_DISK, NULL);
    struct om_store_info after;
    om_store_info(f->store, &after);
    assert_int_equal(after.last_seq, info.last_seq + (status == OMEGA_OK));
    return status;
}

/* Three at once: each is there or has failed. */
static omega_status call_commit_batch(struct fixture *f)
{
    enum { COUNT = 3 };
    struct toy_write toys[COUNT];
    struct om_write writes[COUNT];
    omega_status status = OMEGA_OK;
    for (int i = 0; i < COUNT; i++) {
        toy_write_init(&toys[i], &toy_put, (uint64_t)(2000 + i), OM_DURABILITY_DISK);
        toy_body_put(&toys[i], 2000 + i, OM_STR("batch"), i);
        status = toys[i].body.status != OMEGA_OK ? om_nomem() : status;
        writes[i] = toys[i].write;
    }
    if (status == OMEGA_OK) {
        status = om_store_commit(f->store, writes, COUNT);
    }
    for (int i = 0; i < COUNT; i++) {
        toys[i].write = writes[i];
        toy_write_fini(&toys[i]);
    }
    return status;
}

static bool any_event(void *context, const struct om_store_event *event)
{
    (void)context;
    (void)event;
    return true;
}

static bool any_change(void *context, uint64_t seq, uint32_t kind, int64_t row, int64_t space)
{
    (void)context;
    (void)seq;
    (void)kind;
    (void)row;
    (void)space;
    return true;
}

static omega_status call_read(struct fixture *f)
{
    const struct om_outbox_query all = {0, 0, UINT64_MAX, 100, any_event, NULL};
    struct om_reader reader;
    struct om_stmt *stmt;
    bool row = true;
    omega_status status = om_store_read(f->store, 100, &reader);
    if (status == OMEGA_OK) {
        status = om_sql(reader.conn, &toy_schema, TOY_ALL, &stmt);
    }
    while (status == OMEGA_OK && row) {
        status = om_step(stmt, &row);
    }
    if (status == OMEGA_OK) {
        status = om_store_events(&reader, &all, NULL);
    }
    if (status == OMEGA_OK) {
        status = om_store_changes(&reader, 3, 100, any_change, NULL);
    }
    om_store_read_end(&reader);
    return status;
}

static omega_status call_check(struct fixture *f)
{
    struct om_check check = {0};
    omega_status status = om_store_check(f->store, &check);
    assert_int_equal(check.faults, 0);
    return status;
}

static omega_status call_backup(struct fixture *f)
{
    uintptr_t before = hush();
    assert_ok(om_os_remove(f->file));
    om_test_alloc_adopt(before);
    return om_store_backup(f->store, f->file, NULL, NULL);
}

static omega_status call_upkeep(struct fixture *f)
{
    uint64_t overwritten;
    bool more;
    omega_status status = om_store_trim(f->store, &more);
    if (status == OMEGA_OK) {
        status = om_store_checkpoint(f->store, false, 100);
    }
    return status == OMEGA_OK ? om_store_erase(f->store, 100, &overwritten) : status;
}

static omega_status call_restore(struct fixture *f)
{
    char file[OM_PATH_SIZE];
    assert_ok(om_os_join(file, f->template_dir, "copy.db"));
    omega_status status = om_store_restore(&f->options, file);
    /* Cut short between the names the old files stand aside: put one back for the check. */
    uintptr_t before = hush();
    char db[OM_PATH_SIZE];
    assert_ok(om_os_join(db, f->dir, "omega.db"));
    if (!om_os_exists(db)) {
        assert_ok(om_store_restore(&f->options, file));
    }
    om_test_alloc_adopt(before);
    return status;
}

static omega_status call_salvage(struct fixture *f)
{
    uint64_t copied, lost;
    uintptr_t before = hush();
    if (om_os_exists(f->out)) {
        om_test_dir_remove(f->out);
    }
    om_test_alloc_adopt(before);
    return om_store_salvage(&f->options, f->out, &copied, &lost);
}

/* ---- The sweep ------------------------------------------------------------------------------- */

static int make_template(void **state)
{
    static struct fixture f;
    struct om_thread thread = {0};
    char file[OM_PATH_SIZE];
    om_test_sqlite_malloc();
    if (om_os_is_dir("/dev/shm")) {
        (void)setenv("TMPDIR", "/dev/shm", 0); /* thousands of stores are made */
    }
    om_test_dir(f.base, sizeof(f.base));
    assert_ok(om_thread_start(&thread, "quiet", take_token, NULL));
    om_thread_join(&thread);
    assert_ok(om_os_join(f.template_dir, f.base, "template"));
    assert_ok(om_os_join(f.dir, f.base, "data"));
    assert_ok(om_os_join(f.out, f.base, "out"));
    assert_ok(om_os_join(f.file, f.base, "copy.db"));
    f.options = toy_options(f.template_dir);
    f.options.vfs = om_test_vfs();
    om_test_vfs_real_sync(false);
    assert_ok(om_store_open(&f.options, &f.store));
    for (int64_t id = 1; id <= ROWS; id++) {
        assert_ok(
            toy_put_one(f.store, id, OM_STR("a row of the template"), OM_DURABILITY_DISK, NULL));
    }
    assert_ok(om_os_join(file, f.template_dir, "copy.db"));
    assert_ok(om_store_backup(f.store, file, NULL, NULL));
    om_store_close(f.store);
    f.store = NULL;
    f.options.dir = f.dir;
    *state = &f;
    return 0;
}

static int remove_all(void **state)
{
    struct fixture *f = *state;
    om_test_vfs_reset();
    om_test_dir_remove(f->base);
    return 0;
}

static void sweep(void **state, omega_status (*call)(struct fixture *f), bool opens)
{
    struct fixture *f = *state;
    f->call = call;
    f->opens = opens;
    assert_true(om_test_oom_sweep(step, f) > 5);
}

#define SWEEP(name, opens)                                                                         \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        sweep(state, call_##name, opens);                                                          \
    }
SWEEP(open, true)
SWEEP(open_new, true)
SWEEP(commit, false)
SWEEP(commit_batch, false)
SWEEP(read, false)
SWEEP(check, false)
SWEEP(backup, false)
SWEEP(upkeep, false)
SWEEP(restore, true)
SWEEP(salvage, true)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),    cmocka_unit_test(test_open_new),
        cmocka_unit_test(test_commit),  cmocka_unit_test(test_commit_batch),
        cmocka_unit_test(test_read),    cmocka_unit_test(test_check),
        cmocka_unit_test(test_backup),  cmocka_unit_test(test_upkeep),
        cmocka_unit_test(test_restore), cmocka_unit_test(test_salvage),
    };
    om_log_set_level(OM_LOG_OFF);
    return cmocka_run_group_tests(tests, make_template, remove_all);
}
