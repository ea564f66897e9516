/* txn.c -- what `apply` can do beside its own statements: publish steps, the change feed, events.
 *
 * Steps and events are lists in the transaction's arena, appended in the order of the records. Each
 * list keeps the address of its last link, so that a record which fails is dropped by putting the
 * address back (the arena's bytes are forgotten with the batch). The two buffers of the outbox row
 * are kept from batch to batch: a commit allocates nothing once they have grown. */
#include "store/store_int.h"

enum { PARTS_CEILING = 1 << 20, EVENT_TYPES = 64, EVENT_MAX = 10000 };

void om_txn_init(struct om_txn *txn, struct om_store *store)
{
    txn->store = store;
    om_arena_init(&txn->arena, store->alloc, OM_TXN_ARENA_CEILING);
    om_buf_init(&txn->parts, store->alloc, PARTS_CEILING);
    om_buf_init(&txn->body, store->alloc, OM_LIMIT_BULK);
    om_txn_clear(txn);
}

void om_txn_fini(struct om_txn *txn)
{
    om_arena_fini(&txn->arena);
    om_buf_fini(&txn->parts);
    om_buf_fini(&txn->body);
}

void om_txn_clear(struct om_txn *txn)
{
    txn->steps = NULL;
    txn->steps_end = &txn->steps;
    txn->events = NULL;
    txn->events_end = &txn->events;
    txn->record_events = txn->events_end;
    txn->record_event_count = 0;
    txn->record = NULL;
    txn->erase = false;
    om_arena_reset(&txn->arena);
}

struct om_conn *om_txn_conn(struct om_txn *txn)
{
    return txn->conn;
}

uint64_t om_txn_seq(const struct om_txn *txn)
{
    return txn->seq;
}

struct om_arena *om_txn_arena(struct om_txn *txn)
{
    return &txn->arena;
}

omega_status om_txn_on_commit(struct om_txn *txn,
                              void (*publish)(void *context, uint64_t seq, void *data),
                              void *context, void *data)
{
    struct om_step *step = om_arena_get0(&txn->arena, 1, sizeof(*step));
    if (step == NULL) {
        return om_nomem();
    }
    *step = (struct om_step){.publish = publish, .context = context, .data = data, .seq = txn->seq};
    *txn->steps_end = step;
    txn->steps_end = &step->next;
    return OMEGA_OK;
}

omega_status om_txn_change(struct om_txn *txn, uint32_t kind, int64_t row, int64_t space)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(txn->conn, &om_store_schema, OM_SQL_CHANGE_INSERT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, txn->next_change);
    om_bind_i64(stmt, 1, (int64_t)txn->seq);
    om_bind_i64(stmt, 2, kind);
    om_bind_i64(stmt, 3, row);
    om_bind_i64(stmt, 4, space);
    status = om_run(stmt);
    if (status == OMEGA_OK) {
        txn->next_change++;
    }
    return status;
}

omega_status om_txn_event(struct om_txn *txn, uint32_t type, omega_str json, const void *payload,
                          size_t size)
{
    OM_ASSERT(type < EVENT_TYPES && size <= OM_EVENT_PAYLOAD);
    if (txn->record_event_count >= EVENT_MAX) {
        return om_fail(OMEGA_ELIMIT, "an operation tells at most %d events", EVENT_MAX);
    }
    struct om_told *told = om_arena_get0(&txn->arena, 1, sizeof(*told));
    omega_str kept = told != NULL ? om_arena_str(&txn->arena, json) : (omega_str){NULL, 0};
    if (kept.ptr == NULL) {
        return om_nomem();
    }
    told->event = (struct om_store_event){.row = txn->seq,
                                          .n = ++txn->record_event_count,
                                          .type = type,
                                          .at_ms = txn->record->at_ms,
                                          .json = kept,
                                          .payload = told->payload,
                                          .payload_size = size};
    if (size > 0) {
        memcpy(told->payload, payload, size);
    }
    *txn->events_end = told;
    txn->events_end = &told->next;
    return OMEGA_OK;
}

static uint64_t write_row_parts(struct om_told *first, struct om_buf *parts, struct om_buf *body)
{
    uint64_t mask = 0;
    for (struct om_told *told = first; told != NULL; told = told->next) {
        om_buf_add_char(body, told == first ? '[' : ',');
        om_buf_add_str(body, told->event.json);
        om_pack_u64(parts, told->event.type);
        om_pack_u64(parts, told->event.json.len);
        mask |= UINT64_C(1) << told->event.type;
    }
    om_buf_add_char(body, ']');
    return mask;
}

static omega_status insert_outbox(struct om_txn *txn, uint64_t mask, omega_str parts,
                                  omega_str body)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(txn->conn, &om_store_schema, OM_SQL_OUTBOX_INSERT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_row_sum sum;
    om_row_sum_init(&sum, (int64_t)txn->seq);
    om_row_sum_i64(&sum, txn->record->at_ms);
    om_row_sum_i64(&sum, (int64_t)mask);
    om_row_sum_str(&sum, parts);
    om_row_sum_str(&sum, body);
    om_bind_i64(stmt, 0, (int64_t)txn->seq);
    om_bind_i64(stmt, 1, txn->record->at_ms);
    om_bind_i64(stmt, 2, (int64_t)mask);
    om_bind_blob(stmt, 3, parts.ptr, parts.len);
    om_bind_str(stmt, 4, body);
    om_bind_i64(stmt, 5, om_row_sum_result(&sum));
    return om_run(stmt);
}

omega_status om_txn_flush_events(struct om_txn *txn)
{
    struct om_told *first = *txn->record_events;
    if (first == NULL) {
        return OMEGA_OK;
    }
    om_buf_clear(&txn->parts);
    om_buf_clear(&txn->body);
    uint64_t mask = write_row_parts(first, &txn->parts, &txn->body);
    omega_status status = txn->parts.status != OMEGA_OK ? txn->parts.status : txn->body.status;
    if (status != OMEGA_OK) {
        return om_fail(status, "the events of one operation are too many or memory is out");
    }
    return insert_outbox(txn, mask, om_buf_str(&txn->parts), om_buf_str(&txn->body));
}

omega_status om_txn_mark_erase(struct om_txn *txn)
{
    omega_status status = om_meta_set_i64(txn->conn, "erase_pending", 1);
    if (status == OMEGA_OK) {
        txn->erase = true;
    }
    return status;
}
