/* store.h -- the disk: one SQLite file as the only truth. The facade of store/.
 *
 * The unit of writing is an operation record. Whoever writes hands one over and waits; a caller
 * that finds the writing connection free leads: it applies what has gathered (each record in a
 * savepoint, failing alone), commits, fsyncs, publishes, and wakes the others. There is no writer
 * thread and nobody waits for company. One connection does all writes and all checkpoints.
 *
 * What a reader sees: after the fsync the leader runs the records' publish steps in order, then
 * sets commit_seq with one release store, then wakes callers. A reader loads commit_seq first and
 * opens its snapshot second, so its snapshot holds at least all that is published up to there.
 *
 * Damage: the highest fsynced sequence stands in omega.mark; a database that ends below it opens
 * read-only and says which operations are missing. After a failed fsync every write is refused
 * until the store is opened and checked again. Disk full fails that write alone.
 *
 * Threads: om_store_commit, reads, backup, checkpoint: any. open/close: one.
 * Fork:    a child closes the lock's descriptor before it runs on, so that the lock ends with its
 *          owner. It may touch nothing else of the store, closing included.
 * Memory: comes from options.alloc, SQLite's own from malloc. */
#ifndef OM_STORE_H
#define OM_STORE_H

#include "core/core.h"
#include "resilience/resilience.h"
#include "store/sql.h"

enum om_durability {
    OM_DURABILITY_DEFAULT, /* disk */
    OM_DURABILITY_PROCESS, /* survives a crash of this process */
    OM_DURABILITY_DISK     /* fsynced on return */
};

/* ---- Records --------------------------------------------------------------------------------- */

struct om_txn;
struct om_store;
struct om_commit_call;

/* Everything that applying depends on, chosen before it is queued: applying is deterministic. */
struct om_record {
    struct om_uuid op_id;
    const struct om_record_kind *kind;
    int64_t at_ms;
    omega_str actor;       /* "human", "model" or "system" */
    omega_scope scope;     /* whose operation this is */
    uint64_t request_hash; /* of the request as the caller gave it: ids and draws excluded */
    omega_str body;        /* packed inputs (core/pack.h) */
    enum om_durability durability;
};

/* How a kind of record changes the store. `name` is stored with the operation and must not change
 * meaning. `apply` runs on the leader's thread inside the record's savepoint; what it appends to
 * `result` is kept and given again to a repeated op_id. */
struct om_record_kind {
    const char *name;
    omega_status (*apply)(void *context, struct om_txn *txn, const struct om_record *record,
                          struct om_buf *result);
    void *context; /* set by the owner of the kind before the store opens */
};

/* Inside apply. */
struct om_conn *om_txn_conn(struct om_txn *txn);
uint64_t om_txn_seq(const struct om_txn *txn);
struct om_arena *om_txn_arena(struct om_txn *txn); /* lives until the publish steps have run */
/* Runs after the commit is durable and before commit_seq moves, on the leader's thread, in order;
 * dropped when the record fails. It cannot fail: reserve what it needs in apply. */
OMEGA_MUST_CHECK omega_status om_txn_on_commit(struct om_txn *txn,
                                               void (*publish)(void *context, uint64_t seq,
                                                               void *data),
                                               void *context, void *data);
/* A line of the change feed: which row of which space changed. Kinds are the owner's numbers. */
OMEGA_MUST_CHECK omega_status om_txn_change(struct om_txn *txn, uint32_t kind, int64_t row,
                                            int64_t space);
/* An event row in this transaction: `json` is its stable text (with a `type` field); after the
 * commit options.on_event gets it with `payload` (at most OM_EVENT_PAYLOAD bytes). */
OMEGA_MUST_CHECK omega_status om_txn_event(struct om_txn *txn, uint32_t type, omega_str json,
                                           const void *payload, size_t size);
/* Empties the kept inputs and reply of operation `seq` (its row stays, so that its op_id is still
 * known: a repetition then gives an empty result). Nothing happens when it was trimmed already. */
OMEGA_MUST_CHECK omega_status om_txn_forget_op(struct om_txn *txn, uint64_t seq);

/* One record on its way. The caller owns it until om_store_commit returns. */
struct om_write {
    struct om_record record;
    /* results */
    omega_status status;
    struct om_error error;
    uint64_t seq;
    enum om_durability reached;
    bool repeated;        /* the op_id was known: `result` is the first one's */
    struct om_buf result; /* initialised by the caller, freed by the caller */
    /* the queue's own */
    struct om_write *next;
    struct om_commit_call *call;
    bool applied;
};

/* Applies `count` records and returns when all are done; each has its own status, the call returns
 * the first that is not OMEGA_OK. The same op_id with another request_hash is OMEGA_ECONFLICT. */
omega_status om_store_commit(struct om_store *store, struct om_write *writes, size_t count);

/* ---- Open and close -------------------------------------------------------------------------- */

struct om_store;

struct om_store_event {
    uint64_t row; /* outbox row; the event's id is "<row>.<n>" */
    uint32_t n;
    uint32_t type;
    int64_t at_ms;
    omega_str json;
    const void *payload; /* NULL when read back from the outbox */
    size_t payload_size;
};

struct om_store_options {
    struct om_alloc *alloc;
    const struct om_clock *clock;
    const char *dir;
    bool must_exist;                        /* OMEGA_ENOTFOUND instead of making a new store */
    bool read_only;                         /* takes no lock, writes nothing */
    bool accept_loss;                       /* clears a mark that is ahead of the database */
    bool keep_operations;                   /* records keep their body: the log can be replayed */
    unsigned reader_max;                    /* connections for readers; 0: 8 */
    const struct om_schema *const *schemas; /* besides the store's own */
    size_t schema_count;
    const struct om_record_kind *const *kinds; /* all kinds, for replay */
    size_t kind_count;
    void (*on_event)(void *context, const struct om_store_event *event);
    void *on_event_context;
    const char *vfs; /* NULL: SQLite's own; tests name theirs */
};

/* OMEGA_EBUSY (another process owns the directory; the message names its pid and the socket's path
 * <dir>/omega.sock), OMEGA_EFORMAT (foreign or newer; says both versions and what to do),
 * OMEGA_ECORRUPT (says what to do), OMEGA_EDENIED, OMEGA_ENOSPC, OMEGA_EIO, OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_store_open(const struct om_store_options *options,
                                            struct om_store **out);
/* Checkpoints, closes, unlocks. NULL is allowed. No call may be under way. */
void om_store_close(struct om_store *store);

struct om_store_info {
    struct om_uuid database_id;
    struct om_uuid incarnation; /* changes with every restore */
    unsigned format_version;
    uint64_t last_seq;     /* published */
    uint64_t missing_from; /* operations that omega.mark knows and the database does not: */
    uint64_t missing_to;   /* first and last, 0 when none */
    bool read_only;
    char read_only_reason[160];
    uint64_t db_bytes, wal_bytes, disk_free_bytes;
    uint64_t commits, operations; /* since open: their ratio is the grouping */
    double fsync_p50_us, fsync_p99_us;
};
void om_store_info(struct om_store *store, struct om_store_info *out);
uint64_t om_store_commit_seq(const struct om_store *store);
/* A secret of this store (32 bytes, made with it): the key of tombstones. */
const unsigned char *om_store_key(const struct om_store *store);

/* ---- Reading --------------------------------------------------------------------------------- */

struct om_reader {
    struct om_conn *conn;
    uint64_t seq; /* published before the snapshot was taken */
    struct om_store *store;
};
/* Waits at most timeout_ms for a free connection (OMEGA_EAGAIN). */
OMEGA_MUST_CHECK omega_status om_store_read(struct om_store *store, unsigned timeout_ms,
                                            struct om_reader *out);
void om_store_read_end(struct om_reader *reader); /* a zeroed one is allowed */

/* Changes with seq > after, in order, at most `max` and then the rest of the last sequence (it is
 * never cut); false from `each` stops. OMEGA_ENOTFOUND: the feed begins after `after`, so what
 * follows from it must be rebuilt. */
OMEGA_MUST_CHECK omega_status om_store_changes(struct om_reader *reader, uint64_t after, size_t max,
                                               bool (*each)(void *context, uint64_t seq,
                                                            uint32_t kind, int64_t row,
                                                            int64_t space),
                                               void *context);
/* Events after (after_row, after_n) whose type bit is in `mask`, in order, at most `max`; false
 * from `each` stops. *trimmed (may be NULL): some before were removed. A row whose checksum is
 * wrong is left out, the others are given, and the call ends with OMEGA_ECORRUPT naming it. */
struct om_outbox_query {
    uint64_t after_row;
    uint32_t after_n;
    uint64_t mask;
    size_t max;
    bool (*each)(void *context, const struct om_store_event *event);
    void *context;
};
OMEGA_MUST_CHECK omega_status om_store_events(struct om_reader *reader,
                                              const struct om_outbox_query *query, bool *trimmed);
/* Kept operations with seq > after (options.keep_operations). */
OMEGA_MUST_CHECK omega_status om_store_operations(struct om_reader *reader, uint64_t after,
                                                  bool (*each)(void *context, uint64_t seq,
                                                               const struct om_record *record),
                                                  void *context);

/* ---- Upkeep ---------------------------------------------------------------------------------- */

/* Copies the WAL into the database; `truncate` also empties the file (waits for readers at most
 * timeout_ms). OMEGA_EAGAIN when readers or a writer stand in the way: try again later. */
OMEGA_MUST_CHECK omega_status om_store_checkpoint(struct om_store *store, bool truncate,
                                                  unsigned timeout_ms);
/* True when a checkpoint is worth its cost: the WAL is over 16 MiB, or not empty and idle. */
bool om_store_wants_checkpoint(struct om_store *store);
/* Trims outbox (1M rows, 7 days), change feed (1M rows) and operations (7 days) by a slice. */
OMEGA_MUST_CHECK omega_status om_store_trim(struct om_store *store, bool *more);
/* Erasure: marks that deleted bytes must leave the files (inside apply), and does it: truncates
 * the WAL, overwrites free pages and the slack of pages. A store killed in between finishes at
 * open. */
OMEGA_MUST_CHECK omega_status om_txn_mark_erase(struct om_txn *txn);
bool om_store_wants_erase(struct om_store *store);
OMEGA_MUST_CHECK omega_status om_store_erase(struct om_store *store, unsigned timeout_ms,
                                             uint64_t *overwritten_bytes);

/* A running count for long work: false cancels (OMEGA_ECANCELLED). May be NULL. */
typedef bool (*om_progress)(void *context, uint64_t done, uint64_t total);

/* One read snapshot into a new file (0600; OMEGA_ECONFLICT if it exists), verified; listed in the
 * store, so that deletions can name the backups that still hold a row. */
OMEGA_MUST_CHECK omega_status om_store_backup(struct om_store *store, const char *file,
                                              om_progress progress, void *context);
struct om_backup_row {
    int64_t at_ms;
    uint64_t seq;
    char file[1024];
};
OMEGA_MUST_CHECK omega_status om_store_backups(struct om_reader *reader,
                                               bool (*each)(void *context,
                                                            const struct om_backup_row *row),
                                               void *context);
/* Puts a backup in place of the store in `dir` (no owner may live; what was there is kept beside as
 * omega.db.before-<stamp>), with a new incarnation and a fresh mark. */
OMEGA_MUST_CHECK omega_status om_store_restore(const struct om_store_options *options,
                                               const char *file);

/* What a check found. `each` gets one sentence per fault. */
struct om_check {
    void (*each)(void *context, const char *fault);
    void *context;
    uint64_t rows;   /* looked at */
    uint64_t faults; /* reported */
    om_progress progress;
    void *progress_context;
};
void om_check_fault(struct om_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* SQLite's integrity check, the store's invariants (sequence, mark, op ids, outbox), then each
 * schema's. OMEGA_OK also when faults were found: look at check->faults. */
OMEGA_MUST_CHECK omega_status om_store_check(struct om_store *store, struct om_check *check);
/* Copies every readable row of a damaged store in `dir` into a new store directory `out_dir`;
 * `*lost` counts rows that could not be read or whose checksum is wrong. */
OMEGA_MUST_CHECK omega_status om_store_salvage(const struct om_store_options *options,
                                               const char *out_dir, uint64_t *copied,
                                               uint64_t *lost);

/* ---- Checksums ------------------------------------------------------------------------------- */

/* XXH3-64 over a row's columns, each with its length, in the order they are added; the row's id
 * goes in first. NULLs count as such. */
struct om_row_sum {
    struct om_hasher hasher;
};
void om_row_sum_init(struct om_row_sum *sum, int64_t row);
void om_row_sum_i64(struct om_row_sum *sum, int64_t value);
void om_row_sum_double(struct om_row_sum *sum, double value);
void om_row_sum_str(struct om_row_sum *sum, omega_str value);
void om_row_sum_blob(struct om_row_sum *sum, const void *bytes, size_t size);
int64_t om_row_sum_result(const struct om_row_sum *sum);

#endif
