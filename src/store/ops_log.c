/* ops_log.c -- rows of the operation log: writing, reading, forgetting, replaying.
 *
 * A row carries a checksum over all its columns, so that a reply which is given again after a year,
 * or an operation that is replayed on another store, is the one that was written. */
#include "store/store_int.h"

int64_t om_op_sum(const struct om_op_row *row)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, row->seq);
    om_row_sum_blob(&sum, row->op_id.bytes, sizeof(row->op_id.bytes));
    om_row_sum_str(&sum, row->kind);
    om_row_sum_i64(&sum, row->at_ms);
    om_row_sum_str(&sum, row->actor);
    om_row_sum_str(&sum, row->scope.user);
    om_row_sum_str(&sum, row->scope.agent);
    om_row_sum_str(&sum, row->scope.session);
    om_row_sum_i64(&sum, row->request_hash);
    om_row_sum_i64(&sum, row->durability);
    om_row_sum_str(&sum, row->body);
    om_row_sum_str(&sum, row->result);
    return om_row_sum_result(&sum);
}

omega_status om_op_insert(struct om_conn *conn, const struct om_op_row *row)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OP_INSERT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row->seq);
    om_bind_uuid(stmt, 1, row->op_id);
    om_bind_str(stmt, 2, row->kind);
    om_bind_i64(stmt, 3, row->at_ms);
    om_bind_str(stmt, 4, row->actor);
    om_bind_str(stmt, 5, row->scope.user);
    om_bind_str(stmt, 6, row->scope.agent);
    om_bind_str(stmt, 7, row->scope.session);
    om_bind_i64(stmt, 8, row->request_hash);
    om_bind_i64(stmt, 9, row->durability);
    om_bind_blob(stmt, 10, row->body.ptr, row->body.len);
    om_bind_blob(stmt, 11, row->result.ptr, row->result.len);
    om_bind_i64(stmt, 12, om_op_sum(row));
    return om_run(stmt);
}

void om_op_read(struct om_stmt *stmt, struct om_op_row *out)
{
    *out = (struct om_op_row){
        .seq = om_col_i64(stmt, 0),
        .op_id = om_col_uuid(stmt, 1),
        .kind = om_col_str(stmt, 2),
        .at_ms = om_col_i64(stmt, 3),
        .actor = om_col_str(stmt, 4),
        .scope = {om_col_str(stmt, 5), om_col_str(stmt, 6), om_col_str(stmt, 7)},
        .request_hash = om_col_i64(stmt, 8),
        .durability = om_col_i64(stmt, 9),
        .body = om_col_str(stmt, 10),
        .result = om_col_str(stmt, 11),
        .sum = om_col_i64(stmt, 12),
    };
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static omega_status forgotten_sum(struct om_conn *conn, uint64_t seq, bool *found, int64_t *sum)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OP_ROW, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, (int64_t)seq);
    status = om_step(stmt, found);
    if (status == OMEGA_OK && *found) {
        struct om_op_row row;
        om_op_read(stmt, &row);
        row.body = row.result = (omega_str){NULL, 0};
        *sum = om_op_sum(&row);
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_txn_forget_op(struct om_txn *txn, uint64_t seq)
{
    bool found = false;
    int64_t sum = 0;
    omega_status status = forgotten_sum(txn->conn, seq, &found, &sum);
    if (status != OMEGA_OK || !found) {
        return status;
    }
    struct om_stmt *stmt;
    status = om_sql(txn->conn, &om_store_schema, OM_SQL_OP_FORGET, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, sum);
    om_bind_i64(stmt, 1, (int64_t)seq);
    return om_run(stmt);
}

/* ---- Replaying ------------------------------------------------------------------------------- */

static const struct om_record_kind *find_kind(const struct om_store *store, omega_str name)
{
    for (size_t i = 0; i < store->options.kind_count; i++) {
        if (om_str_eq_text(name, store->options.kinds[i]->name)) {
            return store->options.kinds[i];
        }
    }
    return om_str_eq_text(name, om_store_backup_kind.name) ? &om_store_backup_kind : NULL;
}

static omega_status row_record(const struct om_store *store, struct om_stmt *stmt,
                               struct om_record *record, uint64_t *seq)
{
    struct om_op_row row;
    om_op_read(stmt, &row);
    *seq = (uint64_t)row.seq;
    if (row.sum != om_op_sum(&row)) {
        return om_fail(OMEGA_ECORRUPT, "operation %lld does not match its checksum",
                       (long long)row.seq);
    }
    const struct om_record_kind *kind = find_kind(store, row.kind);
    if (kind == NULL) {
        return om_fail(OMEGA_EFORMAT, "operation %lld is of an unknown kind '%.*s'",
                       (long long)row.seq, OM_STR_ARG(row.kind));
    }
    *record = (struct om_record){
        .op_id = row.op_id,
        .kind = kind,
        .at_ms = row.at_ms,
        .actor = row.actor,
        .scope = row.scope,
        .request_hash = (uint64_t)row.request_hash,
        .body = row.body,
        .durability = (enum om_durability)row.durability,
    };
    return OMEGA_OK;
}

omega_status om_store_operations(struct om_reader *reader, uint64_t after,
                                 bool (*each)(void *context, uint64_t seq,
                                              const struct om_record *record),
                                 void *context)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(reader->conn, &om_store_schema, OM_SQL_OP_KEPT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, (int64_t)after);
    om_bind_i64(stmt, 1, (int64_t)reader->seq);
    bool row = true;
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        struct om_record record;
        uint64_t seq;
        status = row_record(reader->store, stmt, &record, &seq);
        if (status != OMEGA_OK || !each(context, seq, &record)) {
            break;
        }
    }
    om_stmt_reset(stmt);
    return status;
}
