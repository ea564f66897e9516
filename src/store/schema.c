/* schema.c -- is this file ours, and of which version; bringing it to today's.
 *
 * A file is trusted in steps: its first hundred bytes (magic, application id, format) before SQLite
 * opens it, then the list of its tables: anything that no schema names, and any trigger, view or
 * virtual table, is foreign and refused by name, because it could run when we only meant to read.
 *
 * Each schema has its own version in `versions`. One step of one schema is one transaction together
 * with its new version, so a kill in between leaves a store that the next open carries on with.
 * Before a schema that has rows is changed, a copy of the whole file is kept beside it and listed
 * among the backups (deletions can then name it).
 *
 * Source: sqlite.org/fileformat2.html (the header), sqlite.org/security.html. */
#include "store/store_int.h"

enum { HEADER_SIZE = 100, AT_FORMAT = 60, AT_APPLICATION = 68, VERSION_NAME_MAX = 64 };

static uint32_t get_be32(const unsigned char *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

omega_status om_file_look(const char *path, struct om_file_look *out)
{
    *out = (struct om_file_look){0};
    if (!om_os_exists(path)) {
        return OMEGA_OK;
    }
    int fd = -1;
    omega_status status = om_os_open_private(path, false, &fd);
    if (status != OMEGA_OK) {
        return status;
    }
    unsigned char header[HEADER_SIZE] = {0};
    size_t got = 0;
    status = om_os_pread(fd, header, sizeof(header), 0, &got);
    om_os_close(&fd);
    out->exists = true;
    out->is_empty = got == 0;
    out->is_sqlite = got == sizeof(header) && memcmp(header, "SQLite format 3", 16) == 0;
    out->application_id = get_be32(header + AT_APPLICATION);
    out->format = get_be32(header + AT_FORMAT);
    return status;
}

/* ---- Trust ----------------------------------------------------------------------------------- */

static bool is_known_table(const struct om_conn *conn, omega_str name)
{
    if (om_str_eq_text(name, "sqlite_sequence") || om_str_eq_text(name, "sqlite_stat1")) {
        return true;
    }
    for (size_t i = 0; i < conn->schema_count; i++) {
        for (const char *const *table = conn->schemas[i]->tables; *table != NULL; table++) {
            if (om_str_eq_text(name, *table)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_ours(const struct om_conn *conn, struct om_stmt *stmt)
{
    omega_str type = om_col_str(stmt, 0), table = om_col_str(stmt, 2), sql = om_col_str(stmt, 3);
    bool is_plain = om_str_eq_text(type, "table") || om_str_eq_text(type, "index");
    omega_str verb = {sql.ptr, OM_MIN(sql.len, sizeof("CREATE VIRTUAL") - 1)};
    return is_plain && !om_str_eq_nocase(verb, OM_STR("CREATE VIRTUAL")) &&
           is_known_table(conn, table);
}

static omega_status refuse_foreign(struct om_conn *conn, bool *fresh)
{
    struct om_stmt stmt;
    omega_status status = om_conn_prepare(
        conn, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid", &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool row = true;
    *fresh = true;
    while ((status = om_step(&stmt, &row)) == OMEGA_OK && row) {
        *fresh = false;
        if (!is_ours(conn, &stmt)) {
            status = om_fail(OMEGA_EFORMAT,
                             "the database holds a %.*s '%.*s' that is not Omega's: it was changed "
                             "by another program, or is of a newer Omega",
                             OM_STR_ARG(om_col_str(&stmt, 0)), OM_STR_ARG(om_col_str(&stmt, 1)));
            break;
        }
    }
    om_stmt_done(&stmt);
    return status;
}

omega_status om_schema_trust(struct om_conn *conn, bool *fresh)
{
    int64_t application = 0, format = 0;
    *fresh = false;
    omega_status status = om_conn_number(conn, "PRAGMA application_id", &application);
    if (status == OMEGA_OK) {
        status = om_conn_number(conn, "PRAGMA user_version", &format);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    if (application != OM_STORE_APPLICATION_ID && application != 0) {
        return om_fail(OMEGA_EFORMAT, "omega.db belongs to another program (application id %lld)",
                       (long long)application);
    }
    if (application != 0 && format > OM_STORE_FORMAT) {
        return om_fail(OMEGA_EFORMAT,
                       "omega.db has format %lld and this program knows up to %d: use a newer one",
                       (long long)format, OM_STORE_FORMAT);
    }
    status = refuse_foreign(conn, fresh);
    if (status == OMEGA_OK && application == 0 && !*fresh) {
        return om_fail(OMEGA_EFORMAT, "omega.db is a database of another program");
    }
    return status;
}

/* ---- Versions -------------------------------------------------------------------------------- */

static const struct om_schema *find_schema(const struct om_conn *conn, omega_str name)
{
    for (size_t i = 0; i < conn->schema_count; i++) {
        if (om_str_eq_text(name, conn->schemas[i]->name)) {
            return conn->schemas[i];
        }
    }
    return NULL;
}

/* No schema in the file may be unknown or newer. */
static omega_status refuse_newer(struct om_conn *conn)
{
    struct om_stmt stmt;
    omega_status status = om_conn_prepare(conn, "SELECT name, version FROM versions", &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool row = true;
    while ((status = om_step(&stmt, &row)) == OMEGA_OK && row) {
        omega_str name = om_utf8_clip(om_col_str(&stmt, 0), VERSION_NAME_MAX);
        int64_t version = om_col_i64(&stmt, 1);
        const struct om_schema *schema = find_schema(conn, name);
        if (schema == NULL || version < 0 || version > (int64_t)schema->migration_count) {
            status = om_fail(OMEGA_EFORMAT,
                             "'%.*s' stands in version %lld in this store and this program knows "
                             "up to %u: use a newer one",
                             OM_STR_ARG(name), (long long)version,
                             schema != NULL ? schema->migration_count : 0);
            break;
        }
    }
    om_stmt_done(&stmt);
    return status;
}

static omega_status version_of(struct om_conn *conn, const struct om_schema *schema, unsigned *out)
{
    struct om_stmt stmt;
    bool row = false;
    *out = 0;
    omega_status status =
        om_conn_prepare(conn, "SELECT version FROM versions WHERE name = ?", &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(&stmt, 0, omega_str_of(schema->name));
    status = om_step(&stmt, &row);
    if (status == OMEGA_OK && row) {
        *out = (unsigned)om_col_i64(&stmt, 0);
    }
    om_stmt_done(&stmt);
    return status;
}

static omega_status set_version(struct om_conn *conn, const struct om_schema *schema,
                                unsigned version)
{
    struct om_stmt stmt;
    omega_status status =
        om_conn_prepare(conn,
                        "INSERT INTO versions(name, version) VALUES(?, ?)"
                        " ON CONFLICT(name) DO UPDATE SET version = excluded.version",
                        &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(&stmt, 0, omega_str_of(schema->name));
    om_bind_i64(&stmt, 1, version);
    status = om_run(&stmt);
    om_stmt_done(&stmt);
    return status;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static omega_status random_id(struct om_conn *conn, const char *key)
{
    struct om_uuid id;
    om_os_random(id.bytes, sizeof(id.bytes));
    id.bytes[6] = (unsigned char)((id.bytes[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    id.bytes[8] = (unsigned char)((id.bytes[8] & 0x3f) | 0x80);
    return om_meta_set_bytes(conn, key, id.bytes, sizeof(id.bytes));
}

omega_status om_schema_new_incarnation(struct om_conn *conn)
{
    return random_id(conn, "incarnation");
}

static omega_status give_identity(struct om_conn *conn)
{
    char pragmas[96];
    unsigned char key[32];
    om_os_random(key, sizeof(key));
    (void)snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
                   OM_STORE_APPLICATION_ID, OM_STORE_FORMAT);
    omega_status status = om_conn_exec(conn, pragmas);
    if (status == OMEGA_OK) {
        status = random_id(conn, "database_id");
    }
    if (status == OMEGA_OK) {
        status = random_id(conn, "incarnation");
    }
    if (status == OMEGA_OK) {
        status = om_meta_set_bytes(conn, "key", key, sizeof(key));
    }
    return status;
}

static omega_status step_inside(struct om_conn *conn, const struct om_schema *schema,
                                unsigned version, bool fresh)
{
    omega_status status = om_conn_exec(conn, schema->migrations[version]);
    if (status == OMEGA_OK && fresh) {
        status = give_identity(conn);
    }
    return status == OMEGA_OK ? set_version(conn, schema, version + 1) : status;
}

static omega_status step(struct om_conn *conn, const struct om_schema *schema, unsigned version,
                         bool fresh)
{
    omega_status status = om_conn_exec(conn, "BEGIN IMMEDIATE");
    if (status == OMEGA_OK) {
        status = step_inside(conn, schema, version, fresh);
    }
    om_conn_reset(conn);
    if (status == OMEGA_OK) {
        status = om_conn_exec(conn, "COMMIT");
    }
    if (status != OMEGA_OK) {
        om_conn_roll_back(conn);
        return om_error_prefix(status, "bringing '%s' to version %u", schema->name, version + 1);
    }
    return OMEGA_OK;
}

omega_status om_schema_list_copy(struct om_conn *conn, int64_t at_ms, const char *path)
{
    uint64_t seq = 0;
    struct om_stmt *stmt;
    omega_status status = om_conn_last_seq(conn, &seq);
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_store_schema, OM_SQL_BACKUP_INSERT, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, at_ms);
    om_bind_i64(stmt, 1, (int64_t)seq);
    om_bind_str(stmt, 2, omega_str_of(path));
    status = om_run(stmt);
    om_conn_reset(conn);
    return status;
}

/* A copy from an attempt that was killed is as good: its name says the version it was made for. */
static omega_status keep_copy(struct om_store *store, struct om_conn *conn,
                              const struct om_schema *schema, unsigned version)
{
    char path[OM_PATH_SIZE];
    int size =
        snprintf(path, sizeof(path), "%s.before-%s-v%u", store->db_path, schema->name, version);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        return om_fail(OMEGA_ELIMIT, "the path of the copy before a migration is too long");
    }
    if (om_os_exists(path)) {
        return OMEGA_OK;
    }
    struct om_copy copy = {.source = conn, .path = path, .vfs = store->vfs};
    omega_status status = om_copy_database(&copy);
    if (status != OMEGA_OK) {
        return om_error_prefix(status, "keeping a copy before a migration");
    }
    return om_schema_list_copy(conn, om_wall_ms(store->clock), path);
}

static omega_status migrate_one(struct om_store *store, struct om_conn *conn,
                                const struct om_schema *schema, bool *copied)
{
    unsigned version = 0;
    omega_status status = version_of(conn, schema, &version);
    if (status != OMEGA_OK || version == schema->migration_count) {
        return status;
    }
    if (store->is_read_only) {
        return om_fail(OMEGA_EFORMAT,
                       "'%s' stands in version %u and this program needs %u: open the store once "
                       "for writing",
                       schema->name, version, schema->migration_count);
    }
    if (version > 0 && !*copied) {
        status = keep_copy(store, conn, schema, schema->migration_count);
        *copied = status == OMEGA_OK;
    }
    for (; status == OMEGA_OK && version < schema->migration_count; version++) {
        status = step(conn, schema, version, false);
    }
    return status;
}

omega_status om_schema_migrate(struct om_store *store, struct om_conn *conn, bool fresh)
{
    bool copied = false;
    omega_status status = OMEGA_OK;
    if (fresh) {
        status = step(conn, &om_store_schema, 0, true);
    }
    if (status == OMEGA_OK) {
        status = refuse_newer(conn);
    }
    for (size_t i = 0; i < conn->schema_count && status == OMEGA_OK; i++) {
        status = migrate_one(store, conn, conn->schemas[i], &copied);
    }
    return status;
}
