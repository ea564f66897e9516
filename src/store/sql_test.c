/* sql_test.c -- every type there and back, statements taken twice, and what each error becomes. */
#include "support/support.h"

#include <math.h>

#include "store/store_int.h"
#include "support/vfs.h"

enum { INSERT, GET, ALL, BAD, SQL_COUNT };

static const char *const migrations[] = {
    "CREATE TABLE things(id INTEGER PRIMARY KEY, a, b UNIQUE, c NOT NULL CHECK(c <> 'never'));"};
static const char *const statements[] = {
    [INSERT] = "INSERT INTO things(id, a, b, c) VALUES(?, ?, ?, ?)",
    [GET] = "SELECT a, b, c FROM things WHERE id = ?",
    [ALL] = "SELECT id FROM things ORDER BY id",
    [BAD] = "SELECT a FROM nowhere",
};
static const char *const tables[] = {"things", NULL};
static const struct om_schema schema = {
    .name = "things",
    .migrations = migrations,
    .migration_count = 1,
    .statements = statements,
    .statement_count = SQL_COUNT,
    .tables = tables,
};
static const struct om_schema *const schemas[] = {&om_store_schema, &schema};

static int setup(void **state)
{
    struct om_conn_options options = {.alloc = om_alloc_default(),
                                      .path = ":memory:",
                                      .role = OM_CONN_TARGET,
                                      .schemas = schemas,
                                      .schema_count = 2};
    struct om_conn *conn = NULL;
    assert_ok(om_conn_open(&options, &conn));
    assert_ok(om_conn_exec(conn, migrations[0]));
    *state = conn;
    return 0;
}

static int teardown(void **state)
{
    om_conn_close(*state);
    return 0;
}

static struct om_stmt *take(struct om_conn *conn, unsigned index)
{
    struct om_stmt *stmt = NULL;
    assert_ok(om_sql(conn, &schema, index, &stmt));
    return stmt;
}

static void insert_c(struct om_conn *conn, int64_t id, omega_status wanted, const char *c)
{
    struct om_stmt *stmt = take(conn, INSERT);
    om_bind_i64(stmt, 0, id);
    om_bind_i64(stmt, 2, id);
    om_bind_str(stmt, 3, omega_str_of(c));
    assert_status(om_run(stmt), wanted);
}

static void test_there_and_back(void **state)
{
    struct om_conn *conn = *state;
    struct om_uuid uuid = {{1, 2, 3}};
    struct om_stmt *stmt = take(conn, INSERT);
    bool row = false;
    om_bind_i64(stmt, 0, 1);
    om_bind_double(stmt, 1, -0.125);
    om_bind_uuid(stmt, 2, uuid);
    om_bind_str(stmt, 3, OM_STR("text\0with zero"));
    assert_ok(om_run(stmt));
    assert_int_equal(om_last_row(conn), 1);
    assert_int_equal(om_changed_rows(conn), 1);
    stmt = take(conn, GET);
    om_bind_i64(stmt, 0, 1);
    assert_ok(om_step(stmt, &row));
    assert_true(row);
    assert_true(om_col_double(stmt, 0) == -0.125);
    assert_true(om_uuid_eq(om_col_uuid(stmt, 1), uuid));
    assert_true(om_str_eq(om_col_str(stmt, 2), OM_STR("text\0with zero")));
    assert_true(om_uuid_is_nil(om_col_uuid(stmt, 2))); /* misshapen */
    assert_ok(om_step(stmt, &row));
    assert_false(row);
}

static void test_nothing_there_and_back(void **state)
{
    struct om_conn *conn = *state;
    struct om_stmt *stmt = take(conn, INSERT);
    bool row = false;
    size_t size = 9;
    om_bind_i64(stmt, 0, 1);
    om_bind_double(stmt, 1, (double)NAN);
    om_bind_time(stmt, 2, OMEGA_TIME_UNSET);
    om_bind_str(stmt, 3, OM_STR(""));
    assert_ok(om_run(stmt));
    stmt = take(conn, GET);
    om_bind_i64(stmt, 0, 1);
    assert_ok(om_step(stmt, &row));
    assert_true(row && om_col_is_null(stmt, 0) && isnan(om_col_double(stmt, 0)));
    assert_true(om_col_time(stmt, 1) == OMEGA_TIME_UNSET);
    assert_false(om_str_given(om_col_str(stmt, 1)));
    assert_true(om_uuid_is_nil(om_col_uuid(stmt, 1)));
    assert_null(om_col_blob(stmt, 1, &size));
    assert_int_equal(size, 0);
    assert_true(om_str_given(om_col_str(stmt, 2))); /* given, and empty */
    assert_int_equal(om_col_str(stmt, 2).len, 0);
    /* Taken again: reset, and nothing is bound any more. */
    stmt = take(conn, GET);
    assert_ok(om_step(stmt, &row));
    assert_false(row);
    om_stmt_reset(stmt);
    om_stmt_reset(NULL);
}

static void test_blobs_and_nil(void **state)
{
    struct om_conn *conn = *state;
    struct om_stmt *stmt = take(conn, INSERT);
    bool row = false;
    size_t size = 0;
    om_bind_i64(stmt, 0, 1);
    om_bind_blob(stmt, 1, "", 0);
    om_bind_uuid(stmt, 2, (struct om_uuid){{0}});
    om_bind_blob(stmt, 3, "a\0b", 3);
    assert_ok(om_run(stmt));
    stmt = take(conn, GET);
    om_bind_i64(stmt, 0, 1);
    assert_ok(om_step(stmt, &row));
    assert_non_null(om_col_blob(stmt, 0, &size));
    assert_int_equal(size, 0);
    assert_true(om_col_is_null(stmt, 1));
    assert_memory_equal(om_col_blob(stmt, 2, &size), "a\0b", 3);
    assert_int_equal(size, 3);
}

static void test_errors(void **state)
{
    struct om_conn *conn = *state;
    struct om_stmt *stmt = NULL;
    insert_c(conn, 1, OMEGA_OK, "x");
    insert_c(conn, 1, OMEGA_ECONFLICT, "x");
    insert_c(conn, 2, OMEGA_EINVAL, NULL);
    insert_c(conn, 2, OMEGA_EINVAL, "never");
    insert_c(conn, 2, OMEGA_OK, "x");
    assert_status(om_sql(conn, &schema, BAD, &stmt), OMEGA_ECORRUPT);
    assert_error_says("nowhere");
    stmt = take(conn, GET);
    om_bind_i64(stmt, 5, 1); /* no such parameter: the step says so */
    assert_true(om_run(stmt) != OMEGA_OK);
    assert_ok(om_conn_exec(conn, "PRAGMA query_only=ON"));
    insert_c(conn, 3, OMEGA_EREADONLY, "x");
}

static void test_reset_ends_all_reads(void **state)
{
    struct om_conn *conn = *state;
    bool row = false;
    insert_c(conn, 1, OMEGA_OK, "x");
    insert_c(conn, 2, OMEGA_OK, "x");
    assert_ok(om_conn_exec(conn, "BEGIN"));
    struct om_stmt *stmt = take(conn, ALL);
    assert_ok(om_step(stmt, &row));
    om_conn_reset(conn);
    om_conn_reset(conn);
    assert_null(conn->taken);
    om_conn_roll_back(conn);
    assert_false(om_conn_in_txn(conn));
    om_conn_roll_back(conn);
}

static void test_every_row_of_the_table(void **state)
{
    static const struct {
        int rc;
        omega_status status;
    } rows[] = {
        {SQLITE_FULL, OMEGA_ENOSPC},
        {SQLITE_IOERR_FSYNC, OMEGA_EIO},
        {SQLITE_IOERR_NOMEM, OMEGA_ENOMEM},
        {SQLITE_NOMEM, OMEGA_ENOMEM},
        {SQLITE_CORRUPT_INDEX, OMEGA_ECORRUPT},
        {SQLITE_NOTADB, OMEGA_EFORMAT},
        {SQLITE_BUSY_SNAPSHOT, OMEGA_EAGAIN},
        {SQLITE_READONLY_DBMOVED, OMEGA_EREADONLY},
        {SQLITE_INTERRUPT, OMEGA_ECANCELLED},
        {SQLITE_TOOBIG, OMEGA_ELIMIT},
        {SQLITE_CONSTRAINT_NOTNULL, OMEGA_EINVAL},
        {SQLITE_CONSTRAINT_UNIQUE, OMEGA_ECONFLICT},
        {SQLITE_READONLY_DIRECTORY, OMEGA_EDENIED},
        {0x70ff, OMEGA_EIO},
    };
    (void)state;
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        const char *text = NULL;
        assert_int_equal(om_sqlite_status(rows[i].rc, &text), rows[i].status);
        assert_non_null(text);
    }
}

static omega_status step(void *context)
{
    struct om_conn *conn = NULL;
    struct om_stmt *stmt = NULL;
    bool row;
    struct om_conn_options options = {.alloc = om_alloc_default(),
                                      .path = ":memory:",
                                      .role = OM_CONN_TARGET,
                                      .schemas = schemas,
                                      .schema_count = 2};
    (void)context;
    omega_status status = om_conn_open(&options, &conn);
    if (status == OMEGA_OK) {
        status = om_conn_exec(conn, migrations[0]);
    }
    if (status == OMEGA_OK) {
        status = om_sql(conn, &schema, ALL, &stmt);
    }
    if (status == OMEGA_OK) {
        status = om_step(stmt, &row);
    }
    om_conn_close(conn);
    om_conn_close(NULL);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(step, NULL) >= 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_there_and_back), T(test_nothing_there_and_back), T(test_blobs_and_nil),
        T(test_errors),         T(test_reset_ends_all_reads),   T(test_every_row_of_the_table),
        T(test_out_of_memory),
    };
    om_test_sqlite_malloc();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
