/* store_int.h -- what the files of store/ share. Never included from outside.
 *
 * Locks, in the order of their ranks:
 *   writer.mutex  (OM_RANK_WRITER)   the queue, who leads, who waits for the connection alone
 *   readers.mutex (OM_RANK_READERS)  the pool of reading connections
 *   notice        (OM_RANK_LEAF)     the text that says why the store is read-only
 * What the holder of the writer's role alone touches needs no lock: the writing connection, the
 * transaction, the mark, last_seq, next_change. */
#ifndef OM_STORE_INT_H
#define OM_STORE_INT_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

#include "store/store.h"

enum {
    OM_STORE_APPLICATION_ID = 0x4f6d6567, /* "Omeg" */
    OM_STORE_FORMAT = 1,                  /* user_version: the store's own tables and rules */
    OM_BATCH_RECORDS = 256,
    OM_BATCH_BYTES = 1 << 20,
    OM_BATCH_NS = 5000000,
    OM_TXN_ARENA_CEILING = 256 << 20,
    OM_WAL_CHECKPOINT_BYTES = 16 << 20,
    OM_FEED_MAX = 1000000, /* rows of the outbox and of the change feed */
    OM_READER_DEFAULT = 8,
    OM_FSYNC_BUCKETS = 256
};

/* ---- Connections (conn.c, sql.c) ------------------------------------------------------------- */

struct om_stmt {
    sqlite3_stmt *raw;
    struct om_conn *conn;
    struct om_stmt *next_taken;
    int bind_rc; /* the first failed binding */
    bool is_taken;
};

struct om_conn {
    sqlite3 *db;
    struct om_alloc *alloc;
    const struct om_schema *const *schemas; /* borrows; [0] is the store's own */
    size_t schema_count;
    struct om_stmt *statements; /* of all schemas, in their order */
    struct om_stmt *taken;      /* since the last om_conn_reset */
    struct om_conn *next;       /* in the pool */
    sqlite3_stmt *rollback;     /* prepared at once: undoing must not need memory for that */
    bool is_full;               /* synchronous=FULL is set */
};

enum om_conn_role {
    OM_CONN_WRITER,   /* the one that writes and checkpoints */
    OM_CONN_READER,   /* query_only */
    OM_CONN_EXAMINER, /* a file that is not (yet) the store: immutable, nothing beside it is read */
    OM_CONN_TARGET    /* a new file that is written: a backup */
};

struct om_conn_options {
    struct om_alloc *alloc;
    const char *path;
    const char *vfs;
    enum om_conn_role role;
    bool read_only; /* the whole store is */
    const struct om_schema *const *schemas;
    size_t schema_count;
};
OMEGA_MUST_CHECK omega_status om_conn_open(const struct om_conn_options *options,
                                           struct om_conn **out);
void om_conn_close(struct om_conn *conn);
OMEGA_MUST_CHECK omega_status om_conn_exec(struct om_conn *conn, const char *sql);
/* The one number that `sql` gives. */
OMEGA_MUST_CHECK omega_status om_conn_number(struct om_conn *conn, const char *sql, int64_t *out);
/* Prepares a statement that no schema holds; finalised by om_stmt_done. */
OMEGA_MUST_CHECK omega_status om_conn_prepare(struct om_conn *conn, const char *sql,
                                              struct om_stmt *out);
void om_stmt_done(struct om_stmt *stmt);
/* Gives back every statement that was taken: ends all its reads. */
void om_conn_reset(struct om_conn *conn);
bool om_conn_in_txn(const struct om_conn *conn);
/* Ends all reads and whatever transaction is open. */
void om_conn_roll_back(struct om_conn *conn);
/* The same before a new beginning; fails when even that could not be done. */
OMEGA_MUST_CHECK omega_status om_conn_no_txn(struct om_conn *conn);
/* Records the connection's last error: `rc` is what the call returned. */
omega_status om_conn_fail(struct om_conn *conn, int rc, const char *what);
OMEGA_MUST_CHECK omega_status om_sqlite_status(int rc, const char **text);
static inline bool om_sqlite_is_io(int rc)
{
    return (rc & 0xff) == SQLITE_IOERR;
}

/* ---- The store's own tables (store_schema.c) ------------------------------------------------- */

enum om_own_sql {
    OM_SQL_BEGIN,
    OM_SQL_BEGIN_READ,
    OM_SQL_COMMIT,
    OM_SQL_SAVEPOINT,
    OM_SQL_SAVEPOINT_UNDO,
    OM_SQL_SAVEPOINT_KEEP,
    OM_SQL_META_GET,
    OM_SQL_META_SET,
    OM_SQL_META_REMOVE,
    OM_SQL_META_TOUCH,
    OM_SQL_OP_FIND,
    OM_SQL_OP_INSERT,
    OM_SQL_OP_FORGET,
    OM_SQL_OP_ROW,
    OM_SQL_OP_LAST,
    OM_SQL_OP_LIST,
    OM_SQL_OP_KEPT,
    OM_SQL_OP_TRIM,
    OM_SQL_CHANGE_INSERT,
    OM_SQL_CHANGE_LAST,
    OM_SQL_CHANGE_FIRST,
    OM_SQL_CHANGE_AT,
    OM_SQL_CHANGE_LIST,
    OM_SQL_CHANGE_TRIM,
    OM_SQL_OUTBOX_INSERT,
    OM_SQL_OUTBOX_LIST,
    OM_SQL_OUTBOX_OLD,
    OM_SQL_OUTBOX_TRIM,
    OM_SQL_BACKUP_INSERT,
    OM_SQL_BACKUP_LIST,
    OM_SQL_COUNT
};
extern const struct om_schema om_store_schema;

OMEGA_MUST_CHECK omega_status om_meta_get_i64(struct om_conn *conn, const char *key,
                                              int64_t *out); /* missing: 0 */
OMEGA_MUST_CHECK omega_status om_meta_get_bytes(struct om_conn *conn, const char *key, void *out,
                                                size_t size, bool *found);
OMEGA_MUST_CHECK omega_status om_meta_set_i64(struct om_conn *conn, const char *key, int64_t value);
OMEGA_MUST_CHECK omega_status om_meta_set_bytes(struct om_conn *conn, const char *key,
                                                const void *bytes, size_t size);
OMEGA_MUST_CHECK omega_status om_meta_remove(struct om_conn *conn, const char *key);
/* The highest sequence the file knows: of its operations, or the floor under them. */
OMEGA_MUST_CHECK omega_status om_conn_last_seq(struct om_conn *conn, uint64_t *out);

/* ---- Operation rows (ops_log.c) -------------------------------------------------------------- */

struct om_op_row {
    int64_t seq;
    struct om_uuid op_id;
    omega_str kind;
    int64_t at_ms;
    omega_str actor;
    omega_scope scope;
    int64_t request_hash;
    int64_t durability;
    omega_str body;
    omega_str result;
    int64_t sum;
};
/* Borrows from the statement, whose columns are those of OM_SQL_OP_LIST. */
void om_op_read(struct om_stmt *stmt, struct om_op_row *out);
int64_t om_op_sum(const struct om_op_row *row);
OMEGA_MUST_CHECK omega_status om_op_insert(struct om_conn *conn, const struct om_op_row *row);

/* Does the row match its checksum? Columns as in OM_SQL_OUTBOX_LIST. (feed.c) */
bool om_outbox_row_sound(struct om_stmt *stmt);

/* ---- The mark (mark.c) ----------------------------------------------------------------------- */

struct om_mark {
    struct om_uuid database_id;
    uint64_t seq;
    uint64_t generation; /* ascends with every write; odd and even ones have a slot each */
    bool needs_check;    /* an fsync failed: look at everything before trusting the file */
    bool found;          /* a valid one was read */
    bool damaged;        /* the file stands but holds no valid slot */
};
OMEGA_MUST_CHECK omega_status om_mark_read(const char *path, struct om_mark *out);
/* fd: of the open file. Writes the next generation in place. */
OMEGA_MUST_CHECK omega_status om_mark_write(int fd, struct om_mark *mark);

/* ---- The transaction (txn.c) ----------------------------------------------------------------- */

struct om_step {
    struct om_step *next;
    void (*publish)(void *context, uint64_t seq, void *data);
    void *context;
    void *data;
    uint64_t seq;
};

struct om_told {
    struct om_told *next;
    struct om_store_event event;
    unsigned char payload[OM_EVENT_PAYLOAD];
};

struct om_txn {
    struct om_store *store;
    struct om_conn *conn;
    struct om_arena arena;
    const struct om_record *record;
    uint64_t seq;                         /* of the record that is applied now */
    int64_t next_change;                  /* id of the next line of the change feed */
    struct om_step *steps, **steps_end;   /* of the whole batch */
    struct om_told *events, **events_end; /* of the whole batch */
    struct om_told **record_events;       /* where this record's begin */
    unsigned record_event_count;
    bool erase;                /* this batch wants erasure */
    struct om_buf parts, body; /* of the outbox row, reused */
};
void om_txn_init(struct om_txn *txn, struct om_store *store);
void om_txn_fini(struct om_txn *txn);
/* Forgets everything of the last batch. */
void om_txn_clear(struct om_txn *txn);
/* Writes the outbox row of the record's events, if it told any. */
OMEGA_MUST_CHECK omega_status om_txn_flush_events(struct om_txn *txn);

/* ---- The writer (writer.c, commit.c) --------------------------------------------------------- */

struct om_commit_call;

struct om_writer {
    struct om_mutex mutex;
    struct om_write *head; /* the queue, oldest first */
    struct om_write **tail;
    bool is_busy;           /* somebody holds the role */
    bool is_granted;        /* the role is kept for one who waits to have it alone */
    unsigned alone_waiting; /* who want it alone: checkpoints and the like */
    struct om_cond alone;
    struct om_conn *conn;
    struct om_txn txn;
};
/* Takes the writing connection for upkeep; OMEGA_EAGAIN after timeout_ms. */
OMEGA_MUST_CHECK omega_status om_writer_enter(struct om_store *store, unsigned timeout_ms);
void om_writer_leave(struct om_store *store);
/* Inside the role: one transaction of upkeep around `work`, fsynced. */
OMEGA_MUST_CHECK omega_status om_writer_txn(struct om_store *store,
                                            omega_status (*work)(void *context,
                                                                 struct om_conn *conn),
                                            void *context);
/* The raw COMMIT, timed when `full`; poisons the store on an I/O error. */
OMEGA_MUST_CHECK omega_status om_writer_commit(struct om_store *store, bool full);
/* synchronous=FULL or NORMAL; only between transactions. */
OMEGA_MUST_CHECK omega_status om_writer_sync_mode(struct om_store *store, bool full);
/* Inside the role, after an fsync that covers everything up to `seq`. */
void om_writer_durable(struct om_store *store, uint64_t seq);
OMEGA_MUST_CHECK omega_status om_store_writable(struct om_store *store);
/* Read-only or poisoned. */
bool om_store_is_shut(const struct om_store *store);
void om_store_poison(struct om_store *store, const char *what);
/* Inside the role. */
OMEGA_MUST_CHECK omega_status om_writer_checkpoint(struct om_store *store, int mode,
                                                   unsigned timeout_ms);
/* Before a checkpoint: remembers which pages stand in the log. */
void om_writer_note_log(struct om_store *store);
OMEGA_MUST_CHECK omega_status om_writer_erase(struct om_store *store, unsigned timeout_ms,
                                              uint64_t *overwritten);

/* ---- The store (store.c) --------------------------------------------------------------------- */

struct om_readers {
    struct om_mutex mutex;
    struct om_cond returned;
    struct om_conn *idle;
    unsigned open;
    unsigned max;
};

/* Pages that were written since the last erasure (scrub.c): a bit for each. */
struct om_noted {
    unsigned char *bits;
    size_t size;
    bool all; /* nothing is known: every page may be one */
};

struct om_store {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    struct om_store_options options; /* borrowed members: alloc, clock, kinds */
    char *dir, *vfs;
    char db_path[OM_PATH_SIZE];
    char mark_path[OM_PATH_SIZE];
    const struct om_schema **schemas; /* [0] is the store's own */
    size_t schema_count;
    int lock_fd;
    int mark_fd;
    struct om_mark mark;
    struct om_uuid database_id;
    struct om_uuid incarnation;
    unsigned char key[32];
    uint64_t last_seq; /* the writer's: of the last record applied */
    uint64_t missing_from, missing_to;
    struct om_noted noted; /* the writer's */
    atomic_uint_fast64_t commit_seq;  /* published */
    atomic_uint_fast64_t durable_seq; /* fsynced */
    atomic_bool wants_erase;
    atomic_bool is_poisoned;
    bool is_read_only;
    struct om_mutex notice;
    char read_only_reason[160];
    atomic_uint_fast64_t commits, operations;
    atomic_uint_fast64_t wal_bytes; /* in use, as the last commit said */
    atomic_int_fast64_t last_write_ns;
    atomic_uint_fast32_t fsync_buckets[OM_FSYNC_BUCKETS];
    struct om_writer writer;
    struct om_readers readers;
};

void om_readers_init(struct om_readers *readers, unsigned max);
void om_readers_close(struct om_readers *readers);
void om_fsync_note(struct om_store *store, int64_t ns);

/* ---- Opening (schema.c, store_open.c) -------------------------------------------------------- */

/* What the file says of itself, before SQLite sees it. */
struct om_file_look {
    bool exists;
    bool is_empty; /* no byte */
    bool is_sqlite;
    uint32_t application_id;
    uint32_t format;
};
OMEGA_MUST_CHECK omega_status om_file_look(const char *path, struct om_file_look *out);
/* Refuses tables, triggers and views that no schema names, files of others and newer formats.
 * *fresh: there is no table yet. */
OMEGA_MUST_CHECK omega_status om_schema_trust(struct om_conn *conn, bool *fresh);
/* Brings every schema to its version, or says why not; a fresh store gets its identity first. */
OMEGA_MUST_CHECK omega_status om_schema_migrate(struct om_store *store, struct om_conn *conn,
                                                bool fresh);
OMEGA_MUST_CHECK omega_status om_schema_new_incarnation(struct om_conn *conn);
/* Lists a copy of the whole file among the backups. */
OMEGA_MUST_CHECK omega_status om_schema_list_copy(struct om_conn *conn, int64_t at_ms,
                                                  const char *path);
/* Fills an opened store from its directory: lock, files, writer, mark. */
OMEGA_MUST_CHECK omega_status om_store_bring_up(struct om_store *store);
/* Reads the identity again after the rows were changed under the store. */
OMEGA_MUST_CHECK omega_status om_store_adopt(struct om_store *store);
void om_store_set_read_only(struct om_store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Copies (backup.c) ----------------------------------------------------------------------- */

struct om_copy {
    struct om_conn *source; /* holds a snapshot, or nobody writes */
    const char *path;       /* of the new file */
    const char *vfs;
    om_progress progress;
    void *progress_context;
    /* Changes the copy before it is closed; may be NULL. */
    omega_status (*finish)(void *context, struct om_conn *target);
    void *finish_context;
    bool verify; /* check every row of the copy before it gets its name */
};
/* Into "<path>.part", synced, renamed, the directory synced. OMEGA_ECONFLICT if `path` stands. */
OMEGA_MUST_CHECK omega_status om_copy_database(const struct om_copy *copy);
/* Opens a closed file for reading, with the schemas of `like`, and checks all of it. */
OMEGA_MUST_CHECK omega_status om_file_verify(struct om_conn *like, const char *path,
                                             const char *vfs);
OMEGA_MUST_CHECK omega_status om_sync_parent(const char *path);
extern const struct om_record_kind om_store_backup_kind;
/* SQLite's check, the definitions, the store's own rows, the schemas' checks. (check.c) */
OMEGA_MUST_CHECK omega_status om_check_rows(struct om_conn *conn, struct om_check *check);

#endif
