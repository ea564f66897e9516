/* rows.c -- rows of the tables memories and memory_access.
 *
 * One table of columns (schema_int.h) drives binding, reading and the checksum, so that a new
 * column cannot be forgotten in one of them. An optional text that is empty and one that is not
 * given are the same value: NULL. A row is verified whenever it is read: its checksum, then the
 * ranges of its closed lists (a row whose sum is right was written by us, but the file is input all
 * the same).
 * Invariant: `row` is chosen above every number ever used (memory_schema.c). */
#include "memory/rows_check_int.h"
#include "memory/schema_int.h"

enum column_kind {
    COLUMN_UUID,
    COLUMN_INT, /* an enumerator */
    COLUMN_BOOL,
    COLUMN_I64,
    COLUMN_DOUBLE,
    COLUMN_TIME,
    COLUMN_TEXT,
    COLUMN_DIGEST
};

struct column {
    enum column_kind kind;
    size_t offset;
};

static const struct column columns[] = {
#define COLUMN_ROW(name, kind) {COLUMN_##kind, offsetof(struct om_memory_row, name)},
    OM_ROW_FIELDS(COLUMN_ROW)
#undef COLUMN_ROW
};

enum {
    FIRST_COLUMN = 1, /* 0 is `row` */
    SUM_COLUMN = FIRST_COLUMN + (int)OM_COUNT_OF(columns),
    ACCESS_COLUMN
};

_Static_assert(sizeof(omega_tier) == sizeof(int) && sizeof(omega_memory_state) == sizeof(int) &&
                   sizeof(omega_actor) == sizeof(int),
               "enumerators are read as int");

static omega_str read_text(const void *field)
{
    omega_str text;
    memcpy(&text, field, sizeof text);
    return text.len > 0 ? text : (omega_str){NULL, 0};
}

static int64_t read_i64(const struct column *column, const void *field)
{
    int64_t wide = 0;
    int narrow = 0;
    bool flag = false;
    switch (column->kind) {
    case COLUMN_INT:
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    case COLUMN_BOOL:
        memcpy(&flag, field, sizeof flag);
        return flag ? 1 : 0;
    case COLUMN_I64:
    case COLUMN_TIME:
    case COLUMN_UUID:
    case COLUMN_DOUBLE:
    case COLUMN_TEXT:
    case COLUMN_DIGEST:
        break;
    }
    memcpy(&wide, field, sizeof wide);
    return wide;
}

static double read_double(const void *field)
{
    double value;
    memcpy(&value, field, sizeof value);
    return value;
}

static void add_column_sum(struct om_row_sum *sum, const struct column *column, const void *field)
{
    switch (column->kind) {
    case COLUMN_UUID:
        om_row_sum_blob(sum, field, sizeof(struct om_uuid));
        break;
    case COLUMN_DIGEST:
        om_row_sum_blob(sum, field, OM_DIGEST_SIZE);
        break;
    case COLUMN_DOUBLE:
        om_row_sum_double(sum, read_double(field));
        break;
    case COLUMN_TEXT:
        om_row_sum_str(sum, read_text(field));
        break;
    case COLUMN_INT:
    case COLUMN_BOOL:
    case COLUMN_I64:
    case COLUMN_TIME:
        om_row_sum_i64(sum, read_i64(column, field));
        break;
    }
}

static int64_t sum_of(const struct om_memory_row *row)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, row->row);
    for (size_t i = 0; i < OM_COUNT_OF(columns); i++) {
        add_column_sum(&sum, &columns[i], (const char *)row + columns[i].offset);
    }
    return om_row_sum_result(&sum);
}

static void bind_column(struct om_stmt *stmt, int index, const struct column *column,
                        const void *field)
{
    struct om_uuid uuid;
    switch (column->kind) {
    case COLUMN_UUID:
        memcpy(&uuid, field, sizeof uuid);
        om_bind_uuid(stmt, index, uuid);
        break;
    case COLUMN_DIGEST:
        om_bind_blob(stmt, index, field, OM_DIGEST_SIZE);
        break;
    case COLUMN_DOUBLE:
        om_bind_double(stmt, index, read_double(field));
        break;
    case COLUMN_TEXT:
        om_bind_str(stmt, index, read_text(field));
        break;
    case COLUMN_TIME:
        om_bind_time(stmt, index, read_i64(column, field));
        break;
    case COLUMN_INT:
    case COLUMN_BOOL:
    case COLUMN_I64:
        om_bind_i64(stmt, index, read_i64(column, field));
        break;
    }
}

static omega_status next_row(struct om_conn *conn, int64_t *out)
{
    struct om_stmt *stmt;
    bool found;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_NEXT_ROW, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(stmt, &found);
    if (status == OMEGA_OK) {
        *out = om_col_i64(stmt, 0);
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_row_write(struct om_conn *conn, struct om_memory_row *values)
{
    int64_t row = values->row;
    omega_status status = OMEGA_OK;
    if (row == 0) {
        status = next_row(conn, &row);
    }
    struct om_stmt *stmt;
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ROW_WRITE, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    values->row = row;
    om_bind_i64(stmt, 0, row);
    for (size_t i = 0; i < OM_COUNT_OF(columns); i++) {
        bind_column(stmt, FIRST_COLUMN + (int)i, &columns[i],
                    (const char *)values + columns[i].offset);
    }
    om_bind_i64(stmt, SUM_COLUMN, sum_of(values));
    return om_run(stmt);
}

omega_status om_row_write_access(struct om_conn *conn, const struct om_memory_row *values)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ACCESS_WRITE, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, values->row);
    om_bind_time(stmt, 1, values->accessed_at);
    om_bind_i64(stmt, 2, (int64_t)values->access_count);
    om_bind_double(stmt, 3, values->difficulty);
    om_bind_double(stmt, 4, values->stability);
    return om_run(stmt);
}

static omega_status remove_from(struct om_conn *conn, unsigned statement, int64_t row)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, statement, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row);
    return om_run(stmt);
}

omega_status om_row_remove(struct om_conn *conn, int64_t row)
{
    omega_status status = remove_from(conn, OM_MEMORY_SQL_ROW_REMOVE, row);
    if (status == OMEGA_OK && om_changed_rows(conn) == 0) {
        return om_fail(OMEGA_ENOTFOUND, "no memory row %lld", (long long)row);
    }
    if (status == OMEGA_OK) {
        status = remove_from(conn, OM_MEMORY_SQL_ACCESS_REMOVE, row);
    }
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool read_digest(struct om_stmt *stmt, int index, void *field)
{
    size_t size;
    const void *bytes = om_col_blob(stmt, index, &size);
    if (bytes == NULL || size != OM_DIGEST_SIZE) {
        return false;
    }
    memcpy(field, bytes, size);
    return true;
}

/* False when the column cannot hold what was written. */
static bool read_column(struct om_stmt *stmt, int index, const struct column *column, void *field)
{
    switch (column->kind) {
    case COLUMN_UUID: {
        struct om_uuid uuid = om_col_uuid(stmt, index);
        memcpy(field, &uuid, sizeof uuid);
        return true;
    }
    case COLUMN_DIGEST:
        return read_digest(stmt, index, field);
    case COLUMN_DOUBLE: {
        double value = om_col_double(stmt, index);
        memcpy(field, &value, sizeof value);
        return true;
    }
    case COLUMN_TEXT: {
        omega_str text = om_col_str(stmt, index);
        memcpy(field, &text, sizeof text);
        return true;
    }
    case COLUMN_TIME: {
        int64_t time = om_col_time(stmt, index);
        memcpy(field, &time, sizeof time);
        return true;
    }
    case COLUMN_BOOL: {
        bool flag = om_col_i64(stmt, index) != 0;
        memcpy(field, &flag, sizeof flag);
        return true;
    }
    case COLUMN_INT: {
        int64_t wide = om_col_i64(stmt, index);
        int narrow = (int)wide;
        memcpy(field, &narrow, sizeof narrow);
        return narrow == wide;
    }
    case COLUMN_I64:
        break;
    }
    int64_t value = om_col_i64(stmt, index);
    memcpy(field, &value, sizeof value);
    return true;
}

static void read_access(struct om_stmt *stmt, struct om_memory_row *out)
{
    out->has_access = !om_col_is_null(stmt, ACCESS_COLUMN);
    if (out->has_access) {
        out->accessed_at = om_col_time(stmt, ACCESS_COLUMN + 1);
        out->access_count = (uint64_t)om_col_i64(stmt, ACCESS_COLUMN + 2);
        out->difficulty = om_col_double(stmt, ACCESS_COLUMN + 3);
        out->stability = om_col_double(stmt, ACCESS_COLUMN + 4);
        return;
    }
    out->accessed_at = OMEGA_TIME_UNSET;
    out->access_count = 0;
    out->difficulty = om_initial_difficulty();
    out->stability = om_initial_stability(out->tier);
}

static bool is_sound(const struct om_memory_row *row)
{
    return (unsigned)row->tier < OMEGA_TIER_COUNT &&
           (unsigned)row->state <= OMEGA_MEMORY_ARCHIVED &&
           (unsigned)row->actor <= OMEGA_ACTOR_SYSTEM && row->content.len > 0;
}

/* The row under the statement's cursor, which begins with the table's columns. */
bool om_row_read(struct om_stmt *stmt, struct om_memory_row *out)
{
    memset(out, 0, sizeof *out);
    out->row = om_col_i64(stmt, 0);
    bool fits = true;
    for (size_t i = 0; i < OM_COUNT_OF(columns); i++) {
        fits = read_column(stmt, FIRST_COLUMN + (int)i, &columns[i],
                           (char *)out + columns[i].offset) &&
               fits;
    }
    return fits && om_col_i64(stmt, SUM_COLUMN) == sum_of(out) && is_sound(out);
}

static omega_status read_row(struct om_stmt *stmt, struct om_memory_row *out)
{
    if (!om_row_read(stmt, out)) {
        return om_fail(OMEGA_ECORRUPT,
                       "memory row %lld (id %s) is damaged: its checksum does not fit; run "
                       "'omega check'",
                       (long long)out->row, om_uuid_text(out->id).text);
    }
    read_access(stmt, out);
    return OMEGA_OK;
}

/* Steps a bound statement to its only row. */
static omega_status read_only_row(struct om_stmt *stmt, bool *found, struct om_memory_row *out)
{
    omega_status status = om_step(stmt, found);
    if (status == OMEGA_OK && *found) {
        status = read_row(stmt, out);
    }
    return status;
}

omega_status om_row_by_number(struct om_conn *conn, int64_t row, struct om_memory_row *out)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ROW_BY_NUMBER, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool found;
    om_bind_i64(stmt, 0, row);
    status = read_only_row(stmt, &found, out);
    if (status == OMEGA_OK && !found) {
        return om_fail(OMEGA_ENOTFOUND, "no memory row %lld", (long long)row);
    }
    return status;
}

omega_status om_row_by_id(struct om_conn *conn, struct om_uuid id, struct om_memory_row *out)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ROW_BY_ID, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool found;
    om_bind_uuid(stmt, 0, id);
    status = read_only_row(stmt, &found, out);
    if (status == OMEGA_OK && !found) {
        return om_fail(OMEGA_ENOTFOUND, "no memory '%s'", om_uuid_text(id).text);
    }
    return status;
}

omega_status om_row_by_key(struct om_conn *conn, omega_str user, omega_str agent, omega_str key,
                           struct om_memory_row *out)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ROW_BY_KEY, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    bool found;
    om_bind_str(stmt, 0, user.len > 0 ? user : OM_STR(""));
    om_bind_str(stmt, 1, agent.len > 0 ? agent : OM_STR(""));
    om_bind_str(stmt, 2, key);
    status = read_only_row(stmt, &found, out);
    if (status == OMEGA_OK && !found) {
        return om_fail(OMEGA_ENOTFOUND, "no memory with the key '%.*s'",
                       OM_STR_ARG(om_utf8_clip(key, 64)));
    }
    return status;
}

omega_status om_row_each(struct om_conn *conn,
                         omega_status (*each)(void *context, const struct om_memory_row *row,
                                              bool damaged),
                         void *context)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, OM_MEMORY_SQL_ROW_EACH, &stmt);
    bool found = true;
    while (status == OMEGA_OK) {
        struct om_memory_row row;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        status = read_row(stmt, &row);
        if (status == OMEGA_OK || status == OMEGA_ECORRUPT) {
            status = each(context, &row, status == OMEGA_ECORRUPT);
        }
    }
    if (status == OMEGA_OK) {
        om_stmt_reset(stmt);
    }
    return status;
}

omega_status om_row_copy(struct om_arena *arena, struct om_memory_row *row)
{
    for (size_t i = 0; i < OM_COUNT_OF(columns); i++) {
        if (columns[i].kind != COLUMN_TEXT) {
            continue;
        }
        char *field = (char *)row + columns[i].offset;
        omega_str text;
        memcpy(&text, field, sizeof text);
        if (om_str_given(text)) {
            text = om_arena_str(arena, text);
            if (text.ptr == NULL) {
                return om_nomem();
            }
            memcpy(field, &text, sizeof text);
        }
    }
    return OMEGA_OK;
}

/* ---- Scope ----------------------------------------------------------------------------------- */

static bool none_or_equal(omega_str own, omega_str wanted)
{
    return own.len == 0 || om_str_eq(own, wanted);
}

bool om_row_visible(const struct om_memory_row *row, const omega_scope *scope, bool session_only)
{
    static const omega_scope shared;
    const omega_scope *eyes = scope != NULL ? scope : &shared;
    if (!none_or_equal(row->user, eyes->user) || !none_or_equal(row->agent, eyes->agent)) {
        return false;
    }
    if (session_only) {
        return row->session.len > 0 && om_str_eq(row->session, eyes->session);
    }
    return row->tier > OMEGA_TIER_SESSION || none_or_equal(row->session, eyes->session);
}
