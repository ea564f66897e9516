/* store.c -- the store as an object: made, asked, closed.
 *
 * store_open.c decides what stands in the directory; commit.c writes; readers.c reads.
 *
 * Closing: readers first, then one checkpoint that empties the log and one mark, then the writer,
 * then the lock. A store that is poisoned or read-only closes without touching its files. */
#include <stdarg.h>

#include "store/store_int.h"

static omega_status copy_options(struct om_store *store, const struct om_store_options *options)
{
    store->options = *options;
    store->alloc = options->alloc;
    store->clock = options->clock;
    store->dir = om_get_text(store->alloc, omega_str_of(options->dir));
    store->schemas =
        om_get0(store->alloc, options->schema_count + 1, sizeof(const struct om_schema *));
    if (store->dir == NULL || store->schemas == NULL) {
        return om_nomem();
    }
    store->options.dir = store->dir;
    store->schemas[0] = &om_store_schema;
    for (size_t i = 0; i < options->schema_count; i++) {
        store->schemas[i + 1] = options->schemas[i];
    }
    store->schema_count = options->schema_count + 1;
    if (options->vfs != NULL) {
        store->vfs = om_get_text(store->alloc, omega_str_of(options->vfs));
        if (store->vfs == NULL) {
            return om_nomem();
        }
    }
    store->is_read_only = options->read_only;
    if (options->read_only) {
        om_store_set_read_only(store, "the store was opened for reading");
    }
    return OMEGA_OK;
}

static void init_parts(struct om_store *store, const struct om_store_options *options)
{
    struct om_writer *writer = &store->writer;
    store->lock_fd = -1;
    store->mark_fd = -1;
    store->noted.all = true;
    om_mutex_init(&store->notice, OM_RANK_LEAF);
    om_mutex_init(&writer->mutex, OM_RANK_WRITER);
    om_cond_init(&writer->alone);
    writer->tail = &writer->head;
    om_readers_init(&store->readers, options->reader_max);
}

omega_status om_store_open(const struct om_store_options *options, struct om_store **out)
{
    *out = NULL;
    if (options->dir == NULL || options->dir[0] == '\0') {
        return om_fail(OMEGA_EINVAL, "a store needs a directory");
    }
    struct om_store *store = om_get0(options->alloc, 1, sizeof(*store));
    if (store == NULL) {
        return om_nomem();
    }
    init_parts(store, options);
    omega_status status = copy_options(store, options);
    om_txn_init(&store->writer.txn, store);
    if (status == OMEGA_OK) {
        status = om_store_bring_up(store);
    }
    if (status != OMEGA_OK) {
        struct om_error error = *om_error_last();
        om_store_close(store);
        om_error_set(&error);
        return status;
    }
    *out = store;
    return OMEGA_OK;
}

static void close_writer(struct om_store *store)
{
    struct om_conn *conn = store->writer.conn;
    if (conn == NULL) {
        return;
    }
    om_conn_reset(conn);
    bool ready = store->mark_fd >= 0 && !om_store_is_shut(store);
    if (!ready || om_writer_checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, 1000) != OMEGA_OK) {
        (void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    om_conn_close(conn);
}

void om_store_close(struct om_store *store)
{
    if (store == NULL) {
        return;
    }
    om_readers_close(&store->readers);
    close_writer(store);
    om_txn_fini(&store->writer.txn);
    om_cond_fini(&store->writer.alone);
    om_mutex_fini(&store->writer.mutex);
    om_mutex_fini(&store->notice);
    om_os_close(&store->mark_fd);
    if (store->lock_fd >= 0) {
        om_os_keep_on_fork(store->lock_fd);
    }
    om_os_close(&store->lock_fd);
    om_put(store->alloc, store->noted.bits);
    om_put(store->alloc, store->schemas);
    om_put(store->alloc, store->vfs);
    om_put(store->alloc, store->dir);
    om_put(store->alloc, store);
}

void om_store_set_read_only(struct om_store *store, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    om_mutex_lock(&store->notice);
    (void)vsnprintf(store->read_only_reason, sizeof(store->read_only_reason), format, args);
    om_mutex_unlock(&store->notice);
    va_end(args);
    store->is_read_only = true;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

uint64_t om_store_commit_seq(const struct om_store *store)
{
    /* Pairs with the release in publish. */
    return atomic_load_explicit(&store->commit_seq, memory_order_acquire);
}

const unsigned char *om_store_key(const struct om_store *store)
{
    return store->key;
}

/* Eight buckets for each doubling of 64 ns: steps of 9..12 %. */
static unsigned bucket_of(int64_t ns)
{
    uint64_t value = (uint64_t)OM_MAX(ns, 0) >> 6;
    if (value < 8) {
        return (unsigned)value;
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(value);
    unsigned bucket = (top - 2) * 8 + ((value >> (top - 3)) & 7U);
    return OM_MIN(bucket, OM_FSYNC_BUCKETS - 1U);
}

static double bucket_middle_us(unsigned bucket)
{
    double value = (double)bucket + 0.5;
    if (bucket >= 8) {
        unsigned top = bucket / 8 + 2;
        value = (8.0 + (double)(bucket % 8) + 0.5) * (double)(UINT64_C(1) << (top - 3));
    }
    return value * 64.0 / 1000.0;
}

void om_fsync_note(struct om_store *store, int64_t ns)
{
    atomic_fetch_add_explicit(&store->fsync_buckets[bucket_of(ns)], 1, memory_order_relaxed);
}

static double fsync_quantile(struct om_store *store, double quantile)
{
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < OM_FSYNC_BUCKETS; i++) {
        total += atomic_load_explicit(&store->fsync_buckets[i], memory_order_relaxed);
    }
    for (unsigned i = 0; i < OM_FSYNC_BUCKETS && total > 0; i++) {
        seen += atomic_load_explicit(&store->fsync_buckets[i], memory_order_relaxed);
        if ((double)seen >= quantile * (double)total) {
            return bucket_middle_us(i);
        }
    }
    return 0;
}

void om_store_info(struct om_store *store, struct om_store_info *out)
{
    *out = (struct om_store_info){
        .database_id = store->database_id,
        .incarnation = store->incarnation,
        .format_version = OM_STORE_FORMAT,
        .last_seq = om_store_commit_seq(store),
        .missing_from = store->missing_from,
        .missing_to = store->missing_to,
        .wal_bytes = atomic_load_explicit(&store->wal_bytes, memory_order_relaxed),
        .commits = atomic_load_explicit(&store->commits, memory_order_relaxed),
        .operations = atomic_load_explicit(&store->operations, memory_order_relaxed),
        .fsync_p50_us = fsync_quantile(store, 0.5),
        .fsync_p99_us = fsync_quantile(store, 0.99),
    };
    om_mutex_lock(&store->notice);
    out->read_only = om_store_is_shut(store);
    memcpy(out->read_only_reason, store->read_only_reason, sizeof(out->read_only_reason));
    om_mutex_unlock(&store->notice);
    if (om_os_file_size(store->db_path, &out->db_bytes) != OMEGA_OK) {
        out->db_bytes = 0;
    }
    if (om_os_disk_free(store->dir, &out->disk_free_bytes) != OMEGA_OK) {
        out->disk_free_bytes = 0;
    }
}
