/* feed.c -- reading the change feed and the outbox.
 *
 * Lines of the change feed have dense ascending ids and carry ascending sequences, so the first
 * line after a sequence is found by bisection over the ids: twenty point reads in a feed of a
 * million. A sequence is never cut in two: after `max` lines the rest of the last sequence follows.
 *
 * A row of the outbox is one operation's events. A row whose checksum is wrong is left out, the
 * others are given, and the call ends with OMEGA_ECORRUPT naming the first such row: one damaged
 * row must not stop a stream for ever. */
#include "store/store_int.h"

#define CHANGE_ID_MAX (INT64_C(1) << 62)

/* ---- Changes --------------------------------------------------------------------------------- */

/* id and seq of the row that `which` finds; id 0 when there is none. */
static omega_status change_at(struct om_conn *conn, enum om_own_sql which, int64_t at, int64_t *id,
                              int64_t *seq)
{
    struct om_stmt *stmt;
    bool row;
    *id = *seq = 0;
    omega_status status = om_sql(conn, &om_store_schema, which, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (which == OM_SQL_CHANGE_AT) {
        om_bind_i64(stmt, 0, at);
    }
    status = om_step(stmt, &row);
    if (status == OMEGA_OK && row) {
        *id = om_col_i64(stmt, 0);
        *seq = om_col_i64(stmt, 1);
    }
    om_stmt_reset(stmt);
    return status;
}

/* The lowest id whose sequence is above `after`; past the last one when there is none. */
static omega_status first_change(struct om_conn *conn, int64_t after, int64_t *out)
{
    int64_t low, high, seq;
    omega_status status = change_at(conn, OM_SQL_CHANGE_FIRST, 0, &low, &seq);
    if (status == OMEGA_OK) {
        status = change_at(conn, OM_SQL_CHANGE_LAST, 0, &high, &seq);
    }
    if (status == OMEGA_OK && (low < 0 || high < 0 || high > CHANGE_ID_MAX)) {
        return om_fail(OMEGA_ECORRUPT, "the ids of the change feed are damaged");
    }
    high++;
    while (status == OMEGA_OK && low < high) {
        int64_t middle = low + (high - low) / 2, id;
        status = change_at(conn, OM_SQL_CHANGE_AT, middle, &id, &seq);
        if (id == 0 || seq > after) {
            high = middle;
        } else {
            low = id + 1;
        }
    }
    *out = low;
    return status;
}

omega_status om_store_changes(struct om_reader *reader, uint64_t after, size_t max,
                              bool (*each)(void *context, uint64_t seq, uint32_t kind, int64_t row,
                                           int64_t space),
                              void *context)
{
    struct om_conn *conn = reader->conn;
    int64_t floor = 0, id = 0;
    omega_status status = om_meta_get_i64(conn, "changes_floor", &floor);
    if (status == OMEGA_OK && (int64_t)after < floor) {
        return om_fail(OMEGA_ENOTFOUND,
                       "the change feed begins after operation %lld: rebuild what follows it",
                       (long long)floor);
    }
    if (status == OMEGA_OK) {
        status = first_change(conn, (int64_t)after, &id);
    }
    struct om_stmt *stmt = NULL;
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_store_schema, OM_SQL_CHANGE_LIST, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, id);
    bool row = true;
    uint64_t last = after;
    for (size_t given = 0; (status = om_step(stmt, &row)) == OMEGA_OK && row; given++) {
        uint64_t seq = (uint64_t)om_col_i64(stmt, 1);
        if (seq > reader->seq || (given >= max && seq != last)) {
            break;
        }
        last = seq;
        if (!each(context, seq, (uint32_t)om_col_i64(stmt, 2), om_col_i64(stmt, 3),
                  om_col_i64(stmt, 4))) {
            break;
        }
    }
    om_stmt_reset(stmt);
    return status;
}

/* ---- Events ---------------------------------------------------------------------------------- */

struct event_walk {
    const struct om_outbox_query *query;
    size_t left;
    bool stopped;
    int64_t damaged; /* the first damaged row, 0 when none */
};

bool om_outbox_row_sound(struct om_stmt *stmt)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, om_col_i64(stmt, 0));
    om_row_sum_i64(&sum, om_col_i64(stmt, 1));
    om_row_sum_i64(&sum, om_col_i64(stmt, 2));
    om_row_sum_str(&sum, om_col_str(stmt, 3));
    om_row_sum_str(&sum, om_col_str(stmt, 4));
    return om_row_sum_result(&sum) == om_col_i64(stmt, 5);
}

static void give(struct event_walk *walk, const struct om_store_event *event)
{
    const struct om_outbox_query *query = walk->query;
    bool known = event->row == query->after_row && event->n <= query->after_n;
    if (known || (query->mask & (UINT64_C(1) << event->type)) == 0) {
        return;
    }
    if (walk->left == 0) {
        walk->stopped = true;
        return;
    }
    walk->left--;
    walk->stopped = !query->each(query->context, event);
}

/* False when parts and body do not fit each other. */
static bool walk_row(struct om_stmt *stmt, struct event_walk *walk)
{
    size_t size;
    const void *parts = om_col_blob(stmt, 3, &size);
    omega_str body = om_col_str(stmt, 4);
    struct om_unpack unpack;
    struct om_store_event event = {.row = (uint64_t)om_col_i64(stmt, 0),
                                   .at_ms = om_col_i64(stmt, 1)};
    om_unpack_init(&unpack, parts, size);
    size_t at = 1; /* behind the bracket; then one comma each */
    while (unpack.at < unpack.end && !walk->stopped) {
        uint64_t type = om_unpack_u64(&unpack);
        uint64_t len = om_unpack_u64(&unpack);
        if (unpack.failed || type >= 64 || at + 1 > body.len || len > body.len - at - 1) {
            return false;
        }
        event.n++;
        event.type = (uint32_t)type;
        event.json = (omega_str){body.ptr + at, (size_t)len};
        at += (size_t)len + 1;
        give(walk, &event);
    }
    return !unpack.failed;
}

static omega_status walk_outbox(struct om_reader *reader, struct event_walk *walk)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(reader->conn, &om_store_schema, OM_SQL_OUTBOX_LIST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, (int64_t)walk->query->after_row);
    om_bind_i64(stmt, 1, (int64_t)reader->seq);
    bool row = true;
    while (!walk->stopped && (status = om_step(stmt, &row)) == OMEGA_OK && row) {
        if ((!om_outbox_row_sound(stmt) || !walk_row(stmt, walk)) && walk->damaged == 0) {
            walk->damaged = om_col_i64(stmt, 0);
        }
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_store_events(struct om_reader *reader, const struct om_outbox_query *query,
                             bool *trimmed)
{
    int64_t floor = 0;
    struct event_walk walk = {.query = query, .left = query->max};
    omega_status status = om_meta_get_i64(reader->conn, "outbox_floor", &floor);
    if (status != OMEGA_OK) {
        return status;
    }
    if (trimmed != NULL) {
        *trimmed = query->after_row < (uint64_t)OM_MAX(floor, 0);
    }
    status = walk_outbox(reader, &walk);
    if (status == OMEGA_OK && walk.damaged != 0) {
        return om_fail(OMEGA_ECORRUPT, "the events of row %lld do not match their checksum",
                       (long long)walk.damaged);
    }
    return status;
}
