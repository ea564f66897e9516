/* apply_int.h -- inside the application of a record: what its kinds share. Private to memory/.
 *
 * Everything here runs on the leader's thread inside the record's savepoint, depends on the record
 * and the store's state alone, and leaves nothing behind when it fails. */
#ifndef OM_APPLY_INT_H
#define OM_APPLY_INT_H

#include "memory/record_int.h"
#include "omega/events.h"

/* Lines of the change feed. */
enum om_memory_change_kind { OM_MEMORY_ADDED = 1, OM_MEMORY_REMOVED, OM_MEMORY_CHANGED };

struct om_apply {
    struct om_memory *memory;
    struct om_txn *txn;
    struct om_conn *conn;
    struct om_arena *arena;
    const struct om_record *record;
    struct om_unpack in;
    omega_actor actor;
    int64_t at;
    uint64_t seq;
    struct om_buf *result;
};
/* Reads the head of the body. OMEGA_ECORRUPT, OMEGA_EFORMAT (a newer form). */
OMEGA_MUST_CHECK omega_status om_apply_init(struct om_apply *a, struct om_memory *memory,
                                            struct om_txn *txn, const struct om_record *record,
                                            struct om_buf *result);
/* The body must have been read to its end. */
OMEGA_MUST_CHECK omega_status om_apply_read(const struct om_apply *a);

/* ---- apply.c --------------------------------------------------------------------------------- */

/* The vectors of one row. */
struct om_row_vectors {
    struct {
        const struct om_space *space;
        const void *floats;
    } rows[OM_ROW_VECTORS];
    unsigned count;
};
/* Finds or makes the space and adds the vector, in the place of one in the same space; none is
 * fine. */
OMEGA_MUST_CHECK omega_status om_apply_vector(struct om_apply *a,
                                              const struct om_packed_vector *vector,
                                              struct om_row_vectors *out);
/* Reads those of a row from the store into the arena. */
OMEGA_MUST_CHECK omega_status om_apply_load_vectors(struct om_apply *a, int64_t row,
                                                    struct om_row_vectors *out);
/* Announces a row as it stands now; its texts live in the arena or the record. */
OMEGA_MUST_CHECK omega_status om_apply_publish_change(struct om_apply *a,
                                                      const struct om_memory_row *row);
/* A row that was changed in place: writes it, announces it. */
OMEGA_MUST_CHECK omega_status om_apply_change_row(struct om_apply *a, struct om_memory_row *row);
/* A new row (row->row 0): writes it with its vectors, announces it. */
OMEGA_MUST_CHECK omega_status om_apply_add_row(struct om_apply *a, struct om_memory_row *row,
                                               const struct om_row_vectors *vectors);
/* Notes that this record brought the row's text once more without making a row: its kept inputs go
 * when the row is erased. */
OMEGA_MUST_CHECK omega_status om_apply_repeat(struct om_apply *a, int64_t row);
/* Removes a row and its vectors; `*removed` counts both. */
OMEGA_MUST_CHECK omega_status om_apply_remove_row(struct om_apply *a,
                                                  const struct om_memory_row *row,
                                                  uint64_t *removed);
OMEGA_MUST_CHECK omega_status om_apply_event(struct om_apply *a, omega_event_type type,
                                             const struct om_memory_row *row);
/* OMEGA_EREJECTED when a tombstone stands for the digest; a human's override passes and is logged.
 * */
OMEGA_MUST_CHECK omega_status om_apply_tombstones(struct om_apply *a, const omega_scope *scope,
                                                  const unsigned char digest[OM_DIGEST_SIZE],
                                                  bool override_tombstone);
/* Reads a row with its texts in the arena; OMEGA_ENOTFOUND unless it is visible in `scope` and has
 * not expired. */
OMEGA_MUST_CHECK omega_status om_apply_find(struct om_apply *a, struct om_uuid id,
                                            const omega_scope *scope, struct om_memory_row *out);

/* The receipt of a deletion, kept in the table deletions. */
struct om_deletion_row {
    const char *kind; /* "delete", "expire", "retain", "override" */
    omega_scope scope;
    struct om_uuid what; /* override: the tombstone */
    uint64_t memories, rows, tombstones, first_seq;
    int64_t row_limit; /* the highest row number that was removed */
};
OMEGA_MUST_CHECK omega_status om_apply_log_deletion(struct om_apply *a,
                                                    const struct om_deletion_row *row);

/* ---- apply_store.c --------------------------------------------------------------------------- */

/* Stores one item: a new memory, or a change of the one with its key. `supersedes` (or nil) is what
 * a new one corrects; then a known key is OMEGA_ECONFLICT. */
OMEGA_MUST_CHECK omega_status om_apply_item(struct om_apply *a, const struct om_item *item,
                                            struct om_uuid supersedes, struct om_uuid *id);

/* ---- apply_update.c -------------------------------------------------------------------------- */

/* Changes `row` (its texts in the arena), which becomes the current version. */
OMEGA_MUST_CHECK omega_status om_apply_revision(struct om_apply *a, struct om_memory_row *row,
                                                const struct om_change *change);

/* ---- apply_delete.c -------------------------------------------------------------------------- */

struct om_erasure {
    struct om_deletion_row log;
    bool no_tombstone;
    struct om_uuid tombstone_id; /* the first; further ones count up from it */
};
/* Removes a memory and its past versions, and mends the links of what it corrected or was corrected
 * by. */
OMEGA_MUST_CHECK omega_status om_apply_erase(struct om_apply *a, struct om_memory_row *row,
                                             struct om_erasure *erasure);
/* Logs it and marks that the bytes must leave the files; nothing was removed: does nothing. */
OMEGA_MUST_CHECK omega_status om_apply_erased(struct om_apply *a, struct om_erasure *erasure);

/* ---- apply_upkeep.c -------------------------------------------------------------------------- */

enum om_retain_kind {
    OM_RETAIN_ARCHIVE, /* unused for longer than its tier keeps, or one too many */
    OM_RETAIN_EXPIRE,  /* expires_at has passed */
    OM_RETAIN_REMOVE   /* archived for longer than the configured days */
};

/* ---- The kinds (kinds.c has their table) ----------------------------------------------------- */

omega_status om_apply_store(void *context, struct om_txn *txn, const struct om_record *record,
                            struct om_buf *result);
omega_status om_apply_messages(void *context, struct om_txn *txn, const struct om_record *record,
                               struct om_buf *result);
omega_status om_apply_update(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result);
omega_status om_apply_supersede(void *context, struct om_txn *txn, const struct om_record *record,
                                struct om_buf *result);
omega_status om_apply_delete(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result);
omega_status om_apply_retain(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result);
omega_status om_apply_access(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result);

#endif
