/* readers.c -- the pool of reading connections.
 *
 * A connection is opened when it is first needed and then kept with its prepared statements. A read
 * loads commit_seq before it opens its snapshot, so the snapshot holds at least everything that is
 * published up to there; the row it reads to open the snapshot is the last operation. */
#include "store/store_int.h"

void om_readers_init(struct om_readers *readers, unsigned max)
{
    om_mutex_init(&readers->mutex, OM_RANK_READERS);
    om_cond_init(&readers->returned);
    readers->max = max != 0 ? max : OM_READER_DEFAULT;
}

void om_readers_close(struct om_readers *readers)
{
    while (readers->idle != NULL) {
        struct om_conn *conn = readers->idle;
        readers->idle = conn->next;
        readers->open--;
        om_conn_close(conn);
    }
    OM_ASSERT(readers->open == 0); /* a read is still under way */
    om_cond_fini(&readers->returned);
    om_mutex_fini(&readers->mutex);
}

/* An idle connection, or NULL and the right to open one. */
static omega_status take_conn(struct om_readers *readers, unsigned timeout_ms, struct om_conn **out)
{
    omega_status status = OMEGA_OK;
    om_mutex_lock(&readers->mutex);
    while (readers->idle == NULL && readers->open >= readers->max && status == OMEGA_OK) {
        bool woken =
            om_cond_wait_for(&readers->returned, &readers->mutex, (int64_t)timeout_ms * 1000000);
        if (!woken && readers->idle == NULL && readers->open >= readers->max) {
            status = om_fail(OMEGA_EAGAIN, "all %u readers were busy for %u ms", readers->max,
                             timeout_ms);
        }
    }
    *out = readers->idle;
    if (status == OMEGA_OK && *out != NULL) {
        readers->idle = (*out)->next;
    } else if (status == OMEGA_OK) {
        readers->open++;
    }
    om_mutex_unlock(&readers->mutex);
    return status;
}

static void return_conn(struct om_readers *readers, struct om_conn *conn)
{
    om_mutex_lock(&readers->mutex);
    if (conn != NULL) {
        conn->next = readers->idle;
        readers->idle = conn;
    } else {
        readers->open--;
    }
    om_cond_signal(&readers->returned);
    om_mutex_unlock(&readers->mutex);
}

static omega_status open_reader(struct om_store *store, struct om_conn **out)
{
    struct om_conn_options options = {
        .alloc = store->alloc,
        .path = store->db_path,
        .vfs = store->vfs,
        .role = OM_CONN_READER,
        .read_only = store->options.read_only,
        .schemas = store->schemas,
        .schema_count = store->schema_count,
    };
    return om_conn_open(&options, out);
}

static omega_status begin(struct om_conn *conn, uint64_t *last)
{
    struct om_stmt *stmt = NULL;
    omega_status status = om_conn_no_txn(conn);
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_store_schema, OM_SQL_BEGIN_READ, &stmt);
    }
    if (status == OMEGA_OK) {
        status = om_run(stmt);
    }
    return status == OMEGA_OK ? om_conn_last_seq(conn, last) : status;
}

omega_status om_store_read(struct om_store *store, unsigned timeout_ms, struct om_reader *out)
{
    struct om_conn *conn = NULL;
    *out = (struct om_reader){0};
    omega_status status = take_conn(&store->readers, timeout_ms, &conn);
    if (status != OMEGA_OK) {
        return status;
    }
    if (conn == NULL) {
        status = open_reader(store, &conn);
    }
    /* Pairs with the release in publish. */
    uint64_t seq = atomic_load_explicit(&store->commit_seq, memory_order_acquire);
    uint64_t last = 0;
    if (status == OMEGA_OK) {
        status = begin(conn, &last);
    }
    if (status != OMEGA_OK) {
        if (conn != NULL) {
            om_conn_roll_back(conn);
        }
        return_conn(&store->readers, conn);
        return status;
    }
    *out = (struct om_reader){.conn = conn, .seq = seq, .store = store};
    if (store->options.read_only) {
        out->seq = last; /* another process writes: what it committed is what there is */
    }
    return OMEGA_OK;
}

void om_store_read_end(struct om_reader *reader)
{
    if (reader == NULL || reader->conn == NULL) {
        return;
    }
    om_conn_roll_back(reader->conn);
    return_conn(&reader->store->readers, reader->conn);
    *reader = (struct om_reader){0};
}
