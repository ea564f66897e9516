/* conn.c -- opening a connection that trusts nothing it reads.
 *
 * Every connection: no extension, no trigger, no view, no trusted schema, defensive mode (the
 * file's schema cannot make SQLite harm the file), checked cell sizes, no memory map, temporary
 * data in memory, deleted bytes overwritten, no checkpoint on its own account. SQLite's mutexes are
 * left out: a connection serves one thread at a time by our own rules.
 *
 * Only the writer checkpoints, and it closes last: SQLite before 3.51.3 can reset the write-ahead
 * log wrongly when two connections do it at the same instant, and Debian 12 carries 3.40.
 *
 * No code here or elsewhere opens the database file beside SQLite while a connection stands:
 * closing any descriptor of a file drops all POSIX locks of the process on it, SQLite's too.
 *
 * Source: sqlite.org/security.html, sqlite.org/howtocorrupt.html, sqlite.org/pragma.html. */
#include "store/store_int.h"

enum { BUSY_TIMEOUT_MS = 2000, VALUE_MAX = 128 << 20, SQL_MAX = 1 << 20 };

static const struct {
    int what;
    int on;
} switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
};

static const struct {
    int what;
    int value;
} bounds[] = {
    {SQLITE_LIMIT_LENGTH, VALUE_MAX},
    {SQLITE_LIMIT_SQL_LENGTH, SQL_MAX},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
};

static const char *const role_pragmas[] = {
    [OM_CONN_WRITER] = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                       "PRAGMA secure_delete=ON; PRAGMA foreign_keys=OFF;"
                       "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8000;"
                       "PRAGMA synchronous=FULL;",
    [OM_CONN_READER] = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                       "PRAGMA wal_autocheckpoint=0; PRAGMA query_only=ON;",
    [OM_CONN_EXAMINER] = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                         "PRAGMA query_only=ON;",
    [OM_CONN_TARGET] = "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
                       "PRAGMA secure_delete=ON; PRAGMA synchronous=FULL;",
};

/* A file: URI may hold any path once these three are escaped. */
static void add_uri_path(struct om_buf *out, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#') {
            om_buf_addf(out, "%%%02X", (unsigned)(unsigned char)*c);
        } else {
            om_buf_add_char(out, *c);
        }
    }
}

static omega_status open_database(const struct om_conn_options *options, sqlite3 **db)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    bool examine = options->role == OM_CONN_EXAMINER;
    flags |= examine || options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (!examine) {
        return sqlite3_open_v2(options->path, db, flags, options->vfs) == SQLITE_OK ? OMEGA_OK
                                                                                    : OMEGA_EIO;
    }
    struct om_buf uri;
    om_buf_init(&uri, options->alloc, (size_t)OM_PATH_SIZE * 4);
    om_buf_add_text(&uri, "file:");
    add_uri_path(&uri, options->path);
    om_buf_add_text(&uri, "?immutable=1");
    omega_status status = uri.status;
    if (status == OMEGA_OK) {
        flags |= SQLITE_OPEN_URI;
        status =
            sqlite3_open_v2(uri.ptr, db, flags, options->vfs) == SQLITE_OK ? OMEGA_OK : OMEGA_EIO;
    }
    om_buf_fini(&uri);
    return status;
}

static omega_status set_switches(struct om_conn *conn, const struct om_conn_options *options)
{
    for (size_t i = 0; i < OM_COUNT_OF(switches); i++) {
        int rc = sqlite3_db_config(conn->db, switches[i].what, switches[i].on, NULL);
        if (rc != SQLITE_OK) {
            return om_conn_fail(conn, rc, "configuring a connection");
        }
    }
    if (options->role == OM_CONN_READER || options->read_only) {
        (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    for (size_t i = 0; i < OM_COUNT_OF(bounds); i++) {
        (void)sqlite3_limit(conn->db, bounds[i].what, bounds[i].value);
    }
    sqlite3_busy_timeout(conn->db, BUSY_TIMEOUT_MS);
    int rc = sqlite3_prepare_v3(conn->db, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT,
                                &conn->rollback, NULL);
    if (rc != SQLITE_OK) {
        return om_conn_fail(conn, rc, "preparing a connection");
    }
    conn->is_full = options->role == OM_CONN_WRITER;
    return om_conn_exec(conn, role_pragmas[options->role]);
}

static omega_status new_conn(const struct om_conn_options *options, struct om_conn **out)
{
    struct om_conn *conn = om_get0(options->alloc, 1, sizeof(*conn));
    if (conn == NULL) {
        return om_nomem();
    }
    conn->alloc = options->alloc;
    conn->schemas = options->schemas;
    conn->schema_count = options->schema_count;
    size_t count = 1;
    for (size_t i = 0; i < conn->schema_count; i++) {
        count += conn->schemas[i]->statement_count;
    }
    conn->statements = om_get0(conn->alloc, count, sizeof(*conn->statements));
    if (conn->statements == NULL) {
        om_put(conn->alloc, conn);
        return om_nomem();
    }
    *out = conn;
    return OMEGA_OK;
}

omega_status om_conn_open(const struct om_conn_options *options, struct om_conn **out)
{
    struct om_conn *conn = NULL;
    *out = NULL;
    omega_status status = new_conn(options, &conn);
    if (status != OMEGA_OK) {
        return status;
    }
    status = open_database(options, &conn->db);
    if (status != OMEGA_OK) {
        int rc = conn->db != NULL ? sqlite3_extended_errcode(conn->db) : SQLITE_NOMEM;
        status = om_conn_fail(conn, rc == SQLITE_OK ? SQLITE_NOMEM : rc, "opening the database");
    } else {
        status = set_switches(conn, options);
    }
    if (status != OMEGA_OK) {
        om_conn_close(conn);
        return status;
    }
    *out = conn;
    return OMEGA_OK;
}

void om_conn_close(struct om_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < conn->schema_count; i++) {
        for (unsigned s = 0; s < conn->schemas[i]->statement_count; s++) {
            om_stmt_done(&conn->statements[at++]);
        }
    }
    sqlite3_finalize(conn->rollback);
    int rc = sqlite3_close(conn->db);
    OM_ASSERT(rc == SQLITE_OK); /* busy: a statement of om_conn_prepare was not given back */
    om_put(conn->alloc, conn->statements);
    om_put(conn->alloc, conn);
}

omega_status om_conn_exec(struct om_conn *conn, const char *sql)
{
    int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OMEGA_OK : om_conn_fail(conn, rc, "running a command");
}

omega_status om_conn_number(struct om_conn *conn, const char *sql, int64_t *out)
{
    struct om_stmt stmt;
    omega_status status = om_conn_prepare(conn, sql, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool row;
    status = om_step(&stmt, &row);
    *out = status == OMEGA_OK && row ? om_col_i64(&stmt, 0) : 0;
    om_stmt_done(&stmt);
    return status;
}

void om_conn_roll_back(struct om_conn *conn)
{
    om_conn_reset(conn);
    if (om_conn_in_txn(conn)) {
        (void)sqlite3_step(conn->rollback);
        (void)sqlite3_reset(conn->rollback);
    }
}

omega_status om_conn_no_txn(struct om_conn *conn)
{
    om_conn_roll_back(conn);
    return om_conn_in_txn(conn) ? om_nomem() : OMEGA_OK;
}

bool om_conn_in_txn(const struct om_conn *conn)
{
    return sqlite3_get_autocommit(conn->db) == 0;
}
