/* commit.c -- group commit without a writer thread.
 *
 * A caller puts its records into the queue. If the writer's role is free it leads: it takes records
 * from the head of the queue, its own and whatever else has gathered, applies each in a savepoint,
 * commits once, and wakes the callers whose records are done. Records that arrive while it applies
 * still ride along; those that arrive during the commit wait for the next leader. Nobody waits for
 * company, and no hand-off to a thread stands between a lone caller and its fsync. When the leader
 * is done the role is free for whoever comes first: the caller at the head of the queue is woken,
 * but a thread that is running already may overtake it and do its work as well.
 *
 * A batch ends at 256 records, 1 MiB of bodies or 5 ms. Whether it fsyncs is decided before its
 * first record from what is queued: synchronous can only change between transactions. A batch
 * without fsync ends before a record that wants one; in a batch with fsync every record reaches the
 * disk.
 *
 * Failures. A record that fails is undone by its savepoint (the first of a batch needs none:
 * nothing stands before it). If SQLite rolls back everything (no space, no memory), the records
 * that had been applied are applied again, each in a transaction of its own, so that only what does
 * not fit fails. An I/O error of the commit poisons the store (writer.c).
 *
 * Order after a commit: mark, publish steps, commit_seq (release), events, waking.
 *
 * Rejected: a writer thread (73 us for the hand-off on the machine where this was measured), a
 * timed window that waits for company (adds its length to every lone write), fsync by our own call
 * on the log's file (readers would see rows that are not on the disk yet).
 *
 * Source: group commit as in DeWitt et al., SIGMOD 1984; leader and followers as in LevelDB. */
#include "store/store_int.h"

struct om_commit_call {
    struct om_cond cond;
    size_t pending;
};

struct batch {
    struct om_write *first, **end; /* taken, in order */
    size_t count, bytes;
    unsigned applied;
    int64_t started_ns;
    uint64_t seq;        /* of the last record applied */
    int64_t next_change; /* when it began */
    bool full;           /* fsyncs */
    bool wrote;          /* anything: an empty commit fsyncs nothing */
    bool lost;           /* SQLite has rolled everything back */
};

static bool wants_disk(const struct om_write *write)
{
    return write->record.durability != OM_DURABILITY_PROCESS;
}

/* ---- The queue ------------------------------------------------------------------------------- */

static void enqueue_locked(struct om_writer *writer, struct om_commit_call *call,
                           struct om_write *write)
{
    write->call = call;
    write->next = NULL;
    *writer->tail = write;
    writer->tail = &write->next;
}

static bool batch_wants_disk_locked(const struct om_writer *writer)
{
    size_t seen = 0;
    for (const struct om_write *w = writer->head; w != NULL && seen < OM_BATCH_RECORDS;
         w = w->next, seen++) {
        if (wants_disk(w)) {
            return true;
        }
    }
    return false;
}

static struct om_write *take(struct om_store *store, struct batch *batch)
{
    struct om_writer *writer = &store->writer;
    om_mutex_lock(&writer->mutex);
    struct om_write *write = writer->head;
    bool fits =
        write != NULL && batch->count < OM_BATCH_RECORDS && (batch->full || !wants_disk(write));
    if (fits && batch->count > 0) {
        fits = batch->bytes + write->record.body.len <= OM_BATCH_BYTES &&
               om_mono_ns(store->clock) - batch->started_ns < OM_BATCH_NS;
    }
    if (fits) {
        writer->head = write->next;
        if (writer->head == NULL) {
            writer->tail = &writer->head;
        }
    }
    om_mutex_unlock(&writer->mutex);
    if (!fits) {
        return NULL;
    }
    write->next = NULL;
    *batch->end = write;
    batch->end = &write->next;
    batch->count++;
    batch->bytes += write->record.body.len;
    return write;
}

/* Gives the role to upkeep that waits, or frees it and wakes the head of the queue. */
static void pass_on_locked(struct om_writer *writer)
{
    if (writer->alone_waiting > 0) {
        writer->is_granted = true;
        om_cond_signal(&writer->alone);
        return;
    }
    writer->is_busy = false;
    if (writer->head != NULL) {
        om_cond_signal(&writer->head->call->cond);
    }
}

void om_writer_leave(struct om_store *store)
{
    om_mutex_lock(&store->writer.mutex);
    pass_on_locked(&store->writer);
    om_mutex_unlock(&store->writer.mutex);
}

/* ---- One record ------------------------------------------------------------------------------ */

static omega_status run_own(struct om_conn *conn, enum om_own_sql which)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, which, &stmt);
    return status == OMEGA_OK ? om_run(stmt) : status;
}

/* An op_id that is known: the first result again, or a conflict. */
static omega_status look_up(struct om_store *store, struct om_write *write, bool *known)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(store->writer.conn, &om_store_schema, OM_SQL_OP_FIND, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_uuid(stmt, 0, write->record.op_id);
    status = om_step(stmt, known);
    if (status == OMEGA_OK && *known) {
        if ((uint64_t)om_col_i64(stmt, 1) != write->record.request_hash) {
            status = om_fail(OMEGA_ECONFLICT, "operation id %s was used before for another request",
                             om_uuid_text(write->record.op_id).text);
        } else {
            write->repeated = true;
            write->seq = (uint64_t)om_col_i64(stmt, 0);
            om_buf_clear(&write->result);
            om_buf_add_str(&write->result, om_col_str(stmt, 2));
            status = write->result.status == OMEGA_OK
                         ? OMEGA_OK
                         : om_fail(write->result.status, "the kept result does not fit");
        }
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status log_op(struct om_store *store, const struct om_write *write, bool full)
{
    const struct om_record *record = &write->record;
    omega_str none = {NULL, 0};
    struct om_op_row row = {
        .seq = (int64_t)store->writer.txn.seq,
        .op_id = record->op_id,
        .kind = omega_str_of(record->kind->name),
        .at_ms = record->at_ms,
        .actor = record->actor,
        .scope = record->scope,
        .request_hash = (int64_t)record->request_hash,
        .durability = full ? OM_DURABILITY_DISK : OM_DURABILITY_PROCESS,
        .body = none,
        .result = om_buf_str(&write->result),
    };
    if (store->options.keep_operations) {
        row.body = om_str_given(record->body) ? record->body : OM_STR("");
    }
    return om_op_insert(store->writer.conn, &row);
}

static omega_status apply_new(struct om_store *store, struct batch *batch, struct om_write *write)
{
    struct om_txn *txn = &store->writer.txn;
    const struct om_record *record = &write->record;
    txn->seq = batch->seq + 1;
    txn->record = record;
    txn->record_events = txn->events_end;
    txn->record_event_count = 0;
    om_buf_clear(&write->result);
    omega_status status = record->kind->apply(record->kind->context, txn, record, &write->result);
    if (status == OMEGA_OK && write->result.status != OMEGA_OK) {
        status =
            om_fail(write->result.status, "the result of '%s' does not fit", record->kind->name);
    }
    if (status == OMEGA_OK) {
        status = om_txn_flush_events(txn);
    }
    if (status == OMEGA_OK) {
        status = log_op(store, write, batch->full);
    }
    if (status == OMEGA_OK && !om_conn_in_txn(txn->conn)) {
        status =
            om_fail(OMEGA_EIO, "the transaction was rolled back under '%s'", record->kind->name);
    }
    if (status == OMEGA_OK) {
        write->seq = txn->seq;
        batch->seq = txn->seq;
        batch->wrote = true;
    }
    return status;
}

/* Undoes one record; *lost when the whole transaction is gone. */
static void undo(struct om_store *store, struct batch *batch, bool in_savepoint)
{
    struct om_conn *conn = store->writer.conn;
    om_conn_reset(conn);
    bool kept = false;
    if (in_savepoint && om_conn_in_txn(conn)) {
        kept = run_own(conn, OM_SQL_SAVEPOINT_UNDO) == OMEGA_OK &&
               run_own(conn, OM_SQL_SAVEPOINT_KEEP) == OMEGA_OK;
    }
    if (!kept) {
        om_conn_roll_back(conn);
        batch->lost = batch->applied > 0;
    }
}

/* What a record leaves in the transaction, to be put back when it fails. */
struct before {
    struct om_step **steps_end;
    struct om_told **events_end;
    int64_t next_change;
    bool erase;
};

static void put_back(struct om_txn *txn, const struct before *before)
{
    txn->steps_end = before->steps_end;
    *txn->steps_end = NULL;
    txn->events_end = before->events_end;
    *txn->events_end = NULL;
    txn->next_change = before->next_change;
    txn->erase = before->erase;
}

static omega_status enter_txn(struct om_store *store, const struct batch *batch, bool *savepoint)
{
    struct om_conn *conn = store->writer.conn;
    *savepoint = false;
    if (batch->applied == 0) {
        omega_status status = om_conn_no_txn(conn);
        if (status == OMEGA_OK) {
            status = om_writer_sync_mode(store, batch->full);
        }
        return status == OMEGA_OK ? run_own(conn, OM_SQL_BEGIN) : status;
    }
    omega_status status = run_own(conn, OM_SQL_SAVEPOINT);
    *savepoint = status == OMEGA_OK;
    return status;
}

static void apply(struct om_store *store, struct batch *batch, struct om_write *write)
{
    struct om_txn *txn = &store->writer.txn;
    struct before before = {txn->steps_end, txn->events_end, txn->next_change, txn->erase};
    bool savepoint = false, known = false;
    write->repeated = false;
    omega_status status = enter_txn(store, batch, &savepoint);
    if (status == OMEGA_OK) {
        status = look_up(store, write, &known);
    }
    if (status == OMEGA_OK && !known) {
        status = apply_new(store, batch, write);
    }
    om_conn_reset(txn->conn);
    if (status == OMEGA_OK && savepoint) {
        status = run_own(txn->conn, OM_SQL_SAVEPOINT_KEEP);
    }
    write->applied = status == OMEGA_OK;
    write->status = status;
    if (status == OMEGA_OK) {
        batch->applied++;
        return;
    }
    write->error = *om_error_last();
    undo(store, batch, savepoint);
    put_back(txn, &before);
}

static void try_apply(struct om_store *store, struct batch *batch, struct om_write *write)
{
    write->applied = false;
    write->status = om_store_writable(store);
    if (write->status != OMEGA_OK) {
        write->error = *om_error_last();
        return;
    }
    apply(store, batch, write);
}

/* ---- One batch ------------------------------------------------------------------------------- */

/* A repeated record may ask for more than its first time did: then something must be written, or
 * the commit would fsync nothing. */
static omega_status touch_if_needed(struct om_store *store, struct batch *batch)
{
    uint64_t durable = atomic_load_explicit(&store->durable_seq, memory_order_relaxed);
    bool needed = false;
    for (const struct om_write *w = batch->first; w != NULL; w = w->next) {
        needed = needed || (w->applied && w->repeated && wants_disk(w) && w->seq > durable);
    }
    if (!needed || batch->wrote) {
        return OMEGA_OK;
    }
    batch->wrote = true;
    return run_own(store->writer.conn, OM_SQL_META_TOUCH);
}

static omega_status commit_batch(struct om_store *store, struct batch *batch)
{
    omega_status status = batch->full ? touch_if_needed(store, batch) : OMEGA_OK;
    if (status == OMEGA_OK) {
        status = om_writer_commit(store, batch->full);
    }
    if (status != OMEGA_OK) {
        om_conn_roll_back(store->writer.conn);
        store->writer.txn.next_change = batch->next_change;
    }
    return status;
}

static void publish(struct om_store *store, struct batch *batch)
{
    struct om_txn *txn = &store->writer.txn;
    store->last_seq = OM_MAX(store->last_seq, batch->seq);
    if (batch->full && batch->wrote) {
        om_writer_durable(store, store->last_seq);
    }
    if (txn->erase) {
        atomic_store_explicit(&store->wants_erase, true, memory_order_release);
    }
    for (const struct om_step *step = txn->steps; step != NULL; step = step->next) {
        step->publish(step->context, step->seq, step->data);
    }
    uint64_t durable = atomic_load_explicit(&store->durable_seq, memory_order_relaxed);
    for (struct om_write *w = batch->first; w != NULL; w = w->next) {
        if (w->applied) {
            w->reached = w->seq <= durable ? OM_DURABILITY_DISK : OM_DURABILITY_PROCESS;
        }
    }
    /* Pairs with the acquire of readers: who sees the sequence sees what the steps have done. */
    atomic_store_explicit(&store->commit_seq, store->last_seq, memory_order_release);
    atomic_fetch_add_explicit(&store->operations, batch->applied, memory_order_relaxed);
    atomic_store_explicit(&store->last_write_ns, om_mono_ns(store->clock), memory_order_relaxed);
    if (store->options.on_event != NULL) {
        for (struct om_told *told = txn->events; told != NULL; told = told->next) {
            store->options.on_event(store->options.on_event_context, &told->event);
        }
    }
}

static void batch_init(struct om_store *store, struct batch *batch, bool full)
{
    *batch = (struct batch){.full = full,
                            .seq = store->last_seq,
                            .next_change = store->writer.txn.next_change,
                            .started_ns = om_mono_ns(store->clock)};
    batch->end = &batch->first;
    om_txn_clear(&store->writer.txn);
}

/* One record in a transaction of its own. */
static void commit_alone(struct om_store *store, struct om_write *write, bool full)
{
    struct batch batch;
    struct om_write *next = write->next;
    batch_init(store, &batch, full);
    batch.first = write;
    write->next = NULL;
    try_apply(store, &batch, write);
    if (write->applied) {
        omega_status status = commit_batch(store, &batch);
        if (status == OMEGA_OK) {
            publish(store, &batch);
        } else {
            write->applied = false;
            write->status = status;
            write->error = *om_error_last();
        }
    }
    write->next = next;
}

/* The whole batch was rolled back although most of it may fit: one by one. */
static void apply_again(struct om_store *store, struct batch *batch)
{
    for (struct om_write *w = batch->first; w != NULL; w = w->next) {
        if (w->applied) {
            commit_alone(store, w, batch->full);
        }
    }
}

static void fail_applied(struct batch *batch, omega_status status)
{
    for (struct om_write *w = batch->first; w != NULL; w = w->next) {
        if (w->applied) {
            w->applied = false;
            w->status = status;
            w->error = *om_error_last();
        }
    }
}

static void settle(struct om_store *store, struct batch *batch)
{
    struct om_txn *txn = &store->writer.txn;
    if (batch->applied == 0) {
        return;
    }
    omega_status status = OMEGA_EIO;
    if (batch->lost) {
        txn->next_change = batch->next_change;
    } else {
        status = commit_batch(store, batch);
    }
    if (status == OMEGA_OK) {
        publish(store, batch);
    } else if (!batch->lost && batch->applied == 1) {
        fail_applied(batch, status);
    } else {
        apply_again(store, batch);
    }
    om_txn_clear(txn);
}

static void lead(struct om_store *store, bool full, struct batch *batch)
{
    struct om_error error = *om_error_last();
    struct om_write *write;
    batch_init(store, batch, full);
    while (!batch->lost && (write = take(store, batch)) != NULL) {
        try_apply(store, batch, write);
    }
    settle(store, batch);
    /* What went wrong was others' as well: it stands in their records, not in this thread. */
    om_error_set(&error);
}

/* Marks the batch's records done and wakes those who wait for them. */
static void complete_locked(struct batch *batch, const struct om_commit_call *own)
{
    for (struct om_write *w = batch->first; w != NULL;) {
        struct om_write *next = w->next;
        struct om_commit_call *call = w->call;
        w->next = NULL;
        if (--call->pending == 0 && call != own) {
            om_cond_signal(&call->cond);
        }
        w = next;
    }
}

/* ---- The call -------------------------------------------------------------------------------- */

static omega_status check_write(const struct om_write *write)
{
    const struct om_record *record = &write->record;
    if (record->kind == NULL || om_uuid_is_nil(record->op_id)) {
        return om_fail(OMEGA_EINVAL, "a record needs a kind and an operation id");
    }
    if (!om_str_given(record->actor)) {
        return om_fail(OMEGA_EINVAL, "a record needs an actor");
    }
    if (record->body.len > OM_LIMIT_BULK) {
        return om_fail(OMEGA_ELIMIT, "a record of %zu bytes is over the limit of %d",
                       record->body.len, OM_LIMIT_BULK);
    }
    return OMEGA_OK;
}

static omega_status first_failure(const struct om_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].status != OMEGA_OK) {
            om_error_set(&writes[i].error);
            return writes[i].status;
        }
    }
    return OMEGA_OK;
}

omega_status om_store_commit(struct om_store *store, struct om_write *writes, size_t count)
{
    struct om_writer *writer = &store->writer;
    struct om_commit_call call = {.pending = count};
    for (size_t i = 0; i < count; i++) {
        omega_status status = check_write(&writes[i]);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    om_cond_init(&call.cond);
    om_mutex_lock(&writer->mutex);
    for (size_t i = 0; i < count; i++) {
        enqueue_locked(writer, &call, &writes[i]);
    }
    while (call.pending > 0) {
        if (writer->is_busy) {
            om_cond_wait(&call.cond, &writer->mutex);
            continue;
        }
        struct batch batch;
        bool full = batch_wants_disk_locked(writer);
        writer->is_busy = true;
        om_mutex_unlock(&writer->mutex);
        lead(store, full, &batch);
        om_mutex_lock(&writer->mutex);
        complete_locked(&batch, &call);
        pass_on_locked(writer);
    }
    om_mutex_unlock(&writer->mutex);
    om_cond_fini(&call.cond);
    return first_failure(writes, count);
}
