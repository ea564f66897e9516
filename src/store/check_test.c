/* check_test.c -- each kind of damage is named, a sound store is silent, a check is cancelled. */
#include "support/support.h"

#include <sqlite3.h>

#include "support/toy_store.h"
#include "support/vfs.h"

struct fixture {
    char dir[256];
    struct om_store_options options;
};

struct said {
    char first[256];
    int count;
};

static int setup(void **state)
{
    static struct fixture f;
    struct om_store *store = NULL;
    f = (struct fixture){0};
    om_test_dir(f.dir, sizeof(f.dir));
    f.options = toy_options(f.dir);
    f.options.vfs = om_test_vfs();
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    assert_ok(om_store_open(&f.options, &store));
    for (int64_t id = 1; id <= 60; id++) {
        assert_ok(toy_put_one(store, id, OM_STR("a text"), OM_DURABILITY_DISK, NULL));
    }
    om_store_close(store);
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

static void run_sql(const struct fixture *f, const char *sql)
{
    char path[OM_PATH_SIZE];
    sqlite3 *db = NULL;
    assert_ok(om_os_join(path, f->dir, "omega.db"));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void hear(void *context, const char *fault)
{
    struct said *said = context;
    if (said->count++ == 0) {
        (void)snprintf(said->first, sizeof(said->first), "%s", fault);
    }
}

static struct said look(const struct fixture *f, struct om_check *check)
{
    struct om_store *store = NULL;
    struct said said = {{0}, 0};
    *check = (struct om_check){.each = hear, .context = &said};
    assert_ok(om_store_open(&f->options, &store));
    assert_ok(om_store_check(store, check));
    om_store_close(store);
    assert_int_equal(said.count, check->faults);
    return said;
}

static void test_a_sound_store_is_silent(void **state)
{
    struct om_check check;
    assert_int_equal(look(*state, &check).count, 0);
    assert_int_equal(check.rows, 60 * 4); /* operations, changes, events, notes */
}

/* Each in a store of its own. */
static void test_each_damage_is_named(void **state)
{
    static const struct {
        const char *break_it, *says;
    } cases[] = {
        {"UPDATE ops SET actor = 'model' WHERE seq = 9", "operation 9 does not match its checksum"},
        {"UPDATE ops SET op_id = x'01' WHERE seq = 9", "operation 9 has no id"},
        {"UPDATE ops SET seq = -9 WHERE seq = 9", "operation -9 has no possible number"},
        {"UPDATE notes SET text = 'b text' WHERE id = 3", "note 3 does not match its checksum"},
        {"UPDATE changes SET id = 1000 WHERE id = 60", "gap before line 1000"},
        {"UPDATE changes SET seq = 5 WHERE id = 20", "line 20 of the change feed"},
        {"UPDATE changes SET seq = 500 WHERE id = 60", "names operation 500 out of order"},
        {"UPDATE outbox SET at = at + 1 WHERE row = 30", "events of row 30 do not match"},
        {"UPDATE outbox SET row = 99 WHERE row = 60", "events of row 99"},
        {"DROP INDEX notes_n", "definition of 'notes_n'"},
        {"PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql ="
         " 'CREATE INDEX notes_n ON notes(id)' WHERE name = 'notes_n'",
         "notes_n"},
    };
    (void)state;
    for (size_t i = 0; i < OM_COUNT_OF(cases); i++) {
        void *own = NULL;
        struct om_check check;
        (void)setup(&own);
        run_sql(own, cases[i].break_it);
        struct said said = look(own, &check);
        if (said.count == 0 || strstr(said.first, cases[i].says) == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, said.first, cases[i].says);
        }
        (void)teardown(&own);
    }
}

static void test_a_broken_page_is_a_fault(void **state)
{
    struct fixture *f = *state;
    struct om_check check;
    char path[OM_PATH_SIZE];
    uint64_t size = 0;
    int fd = -1;
    char noise[4096];
    memset(noise, 0x77, sizeof(noise));
    assert_ok(om_os_join(path, f->dir, "omega.db"));
    assert_ok(om_os_file_size(path, &size));
    assert_ok(om_os_open_private(path, false, &fd));
    assert_ok(om_os_pwrite(fd, noise, sizeof(noise), size - sizeof(noise)));
    om_os_close(&fd);
    struct said said = look(f, &check);
    assert_true(said.count > 0);
    assert_non_null(strstr(said.first, "database"));
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return false;
}

static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct om_store *store = NULL;
    assert_ok(om_store_open(&f->options, &store));
    for (int64_t id = 101; id <= 2000; id++) {
        assert_ok(toy_put_one(store, id, OM_STR("a text"), OM_DURABILITY_PROCESS, NULL));
    }
    struct om_check check = {.progress = stop};
    assert_status(om_store_check(store, &check), OMEGA_ECANCELLED);
    check.progress = NULL;
    assert_ok(om_store_check(store, &check)); /* the connection is as good as before */
    assert_int_equal(check.faults, 0);
    om_store_close(store);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_sound_store_is_silent),
        cmocka_unit_test(test_each_damage_is_named),
        T(test_a_broken_page_is_a_fault),
        T(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
