/* memory_int.h -- what the files of memory/ share: the handle, a row, the catalogue's entry.
 *
 * The way of a write: remember.c and its sisters check the input, choose ids, stamps and draws,
 * embed the text, pack a record (record.c) and commit it. Applying (apply_*.c) changes rows through
 * rows.c and announces om_publications. Publishing (publish.c) makes them visible.
 * The way of a recall: recall.c takes a snapshot, asks the arms (vector spaces, words) with a
 * filter over catalogue entries, fuses, then reads and verifies each row from its snapshot. */
#ifndef OM_MEMORY_INT_H
#define OM_MEMORY_INT_H

#include "memory/memory.h"

#include "memory/catalog_int.h"
#include "memory/filter_int.h"
#include "memory/fsrs_int.h"

/* Every column of a memory's row. Texts are borrowed from the statement or the record.
 *
 * What is searched (content, type, name, role, key, source, metadata, scope, vectors) and since
 * when it holds never change under a row number: a changed version is a new row that takes over the
 * id (CHANGE and ADD), and the old row stays, superseded, with an id of its own. So a search that
 * began before the change still finds the old row as it was. Tier, state, importance, confidence,
 * pinned, valid_to (by a correction), expires_at, updated_at, believed_to, id, links and the access
 * figures change in place. */
struct om_memory_row {
    int64_t row;
    struct om_uuid id, supersedes, superseded_by;
    struct om_uuid version_of; /* of a past version: the memory's id; else nil */
    omega_tier tier;
    omega_memory_state state;
    omega_actor actor;
    bool pinned;
    omega_str content, key, type, role, name, language, metadata;
    omega_str user, agent, session, source_kind, source_uri;
    double importance, confidence;
    int64_t position;
    int64_t occurred_at, valid_from, valid_to, created_at, updated_at, believed_to, expires_at;
    int64_t state_at; /* since when `state` stands */
    uint64_t version;
    uint64_t seq; /* of the operation that brought this text into the file */
    unsigned char digest[OM_DIGEST_SIZE]; /* tombstone.c: of scope root and skeleton */
    /* of the table memory_access, outside the row's checksum; without a row there, what its tier
     * starts with */
    bool has_access;
    int64_t accessed_at;
    uint64_t access_count;
    double difficulty, stability; /* FSRS-6; stability in days */
};

enum { OM_ROW_VECTORS = 4 /* spaces that hold a vector of one row: the embedder's, the caller's,
                             former embedders' */ };

/* What a record's apply hands to the publish step; lives in the transaction's arena with all that
 * it points to. */
struct om_publication {
    enum { OM_PUBLISH_ADD, OM_PUBLISH_REMOVE, OM_PUBLISH_CHANGE } what;
    int64_t row;
    struct om_memory_row values; /* ADD and CHANGE */
    omega_str text;              /* ADD: what the words index reads: name, role and content */
    struct {
        const struct om_space *space;
        const void *floats; /* unaligned, space->dimension of them */
    } vectors[OM_ROW_VECTORS]; /* ADD */
    unsigned vector_count;
    uint32_t item; /* of the publish step itself */
};

/* The kinds of record, in the order of kinds.c. */
enum om_memory_kind {
    OM_MEMORY_KIND_STORE,
    OM_MEMORY_KIND_MESSAGES,
    OM_MEMORY_KIND_UPDATE,
    OM_MEMORY_KIND_SUPERSEDE,
    OM_MEMORY_KIND_DELETE,
    OM_MEMORY_KIND_RETAIN,
    OM_MEMORY_KIND_ACCESS,
    OM_MEMORY_KIND_COUNT
};

enum { OM_READ_TIMEOUT_MS = 10000 /* waiting for a free reader */ };

struct om_memory {
    struct om_memory_options options;
    struct om_record_kind kinds[OM_MEMORY_KIND_COUNT]; /* om_memory_bind_kinds */
    const struct om_record_kind *kind_list[OM_MEMORY_KIND_COUNT];
    struct om_store *store;
    struct om_catalog *catalog;
    struct om_words *words;
    struct om_publisher *publisher; /* of publish.c */
    atomic_bool index_disabled;
    atomic_bool behind; /* a publication failed: the index lacks a row until it is repaired */
    _Atomic uint32_t probe_at; /* where the next probe looks for a row */
    _Atomic uint64_t damaged; /* rows and vectors that the last load left out */
};

/* kinds.c: fills kinds and kind_list for om_memory_kinds; om_memory_new calls it. */
void om_memory_bind_kinds(struct om_memory *memory);

/* ---- rows.c: rows of the tables memories and memory_access --------------------------------- */

/* Statement numbers of om_memory_schema stand in schema_int.h. */
/* Inserts (row 0: a new one, set in values->row) or replaces all columns; writes the checksum. */
OMEGA_MUST_CHECK omega_status om_row_write(struct om_conn *conn, struct om_memory_row *values);
/* Writes the row of memory_access: accessed_at, access_count, difficulty, stability. */
OMEGA_MUST_CHECK omega_status om_row_write_access(struct om_conn *conn,
                                                  const struct om_memory_row *values);
/* Removes it from both tables. */
OMEGA_MUST_CHECK omega_status om_row_remove(struct om_conn *conn, int64_t row);
/* Reads and verifies. OMEGA_ENOTFOUND; OMEGA_ECORRUPT naming the row. Texts live until the next use
 * of the connection's statement: om_row_copy moves them into an arena. */
OMEGA_MUST_CHECK omega_status om_row_by_number(struct om_conn *conn, int64_t row,
                                               struct om_memory_row *out);
OMEGA_MUST_CHECK omega_status om_row_by_id(struct om_conn *conn, struct om_uuid id,
                                           struct om_memory_row *out);
/* The key's row in the same user and agent (none is a value like another). */
OMEGA_MUST_CHECK omega_status om_row_by_key(struct om_conn *conn, omega_str user, omega_str agent,
                                            omega_str key, struct om_memory_row *out);
/* Every row in ascending row order; a damaged one gives its number with `damaged`. */
OMEGA_MUST_CHECK omega_status om_row_each(struct om_conn *conn,
                                          omega_status (*each)(void *context,
                                                               const struct om_memory_row *row,
                                                               bool damaged),
                                          void *context);
OMEGA_MUST_CHECK omega_status om_row_copy(struct om_arena *arena, struct om_memory_row *row);
/* When it was last stored, changed, put into its state or read. */
int64_t om_row_last_use(const struct om_memory_row *row);
/* The visibility rule of omega_scope. */
bool om_row_visible(const struct om_memory_row *row, const omega_scope *scope, bool session_only);

/* ---- publish.c: from rows to what is searched ------------------------------------------------ */

/* In apply, after the rows are written: makes sure that publishing cannot fail (items, names, room
 * in spaces and words) and puts it behind the commit. */
OMEGA_MUST_CHECK omega_status om_memory_announce(struct om_memory *memory, struct om_txn *txn,
                                                 struct om_publication *publication);
/* At load: publishes a row that was read from the store. */
OMEGA_MUST_CHECK omega_status om_memory_admit(struct om_memory *memory, uint64_t seq,
                                              struct om_publication *publication);
/* What the words index reads of a row: name, role and content, in the arena or borrowed. */
OMEGA_MUST_CHECK omega_status om_row_text(struct om_arena *arena, const struct om_memory_row *row,
                                          omega_str *out);
OMEGA_MUST_CHECK omega_status om_publisher_new(struct om_alloc *alloc, struct om_publisher **out);
void om_publisher_free(struct om_alloc *alloc, struct om_publisher *publisher);

/* ---- results.c: building an omega_memories -------------------------------------------------- */

/* A list under construction; everything in it lives in its arena. */
struct om_arena *om_results_arena(omega_memories *results);
OMEGA_MUST_CHECK omega_status om_results_new(struct om_memory *memory, omega_memories **out);
/* Appends a copy of the row, as *entry (may be NULL) for score and explain. */
OMEGA_MUST_CHECK omega_status om_results_add(omega_memories *results,
                                             const struct om_memory_row *row, omega_memory **entry);
/* Fills in the spaces in which each entry's row has a vector. */
OMEGA_MUST_CHECK omega_status om_results_vectors(omega_memories *results,
                                                 struct om_reader *reader);
void om_results_degrade(omega_memories *results, const char *reason /* static */);
OMEGA_MUST_CHECK omega_status om_results_set_cursor(omega_memories *results, omega_str cursor);

/* ---- tombstone.c: what must not be learned again --------------------------------------------- */

/* HMAC-SHA-256 under the store's key over the scope root and the content's skeleton. */
OMEGA_MUST_CHECK omega_status om_tombstone_digest(struct om_memory *memory,
                                                  const omega_scope *scope, omega_str content,
                                                  unsigned char out[OM_DIGEST_SIZE]);
struct om_tombstone {
    struct om_uuid id;
    int64_t made_at;
    enum { OM_TOMBSTONE_DELETED, OM_TOMBSTONE_CORRECTED } reason;
};
/* *id is nil when there is none. */
OMEGA_MUST_CHECK omega_status om_tombstone_find(struct om_conn *conn,
                                                const unsigned char digest[OM_DIGEST_SIZE],
                                                struct om_uuid *id);
/* In apply: makes one for the row's content unless it stands already; *added says whether. */
OMEGA_MUST_CHECK omega_status om_tombstone_add(struct om_conn *conn,
                                               const struct om_tombstone *tombstone,
                                               const struct om_memory_row *row, bool *added);

/* ---- input_check.c: what callers give -------------------------------------------------------- */

/* Each names the field, the value and what is allowed; nothing has been changed then. Texts of no
 * bytes become "not given". */
OMEGA_MUST_CHECK omega_status om_check_scope(const omega_scope *scope);
/* Metadata becomes its compact form with sorted keys, in the arena. */
OMEGA_MUST_CHECK omega_status om_check_input(struct om_memory *memory, struct om_arena *arena,
                                             omega_memory_input *input);
OMEGA_MUST_CHECK omega_status om_check_update(struct om_memory *memory, struct om_arena *arena,
                                              omega_update_options *options);
OMEGA_MUST_CHECK omega_status om_check_message(struct om_arena *arena, omega_message *message);
OMEGA_MUST_CHECK omega_status om_check_write(const omega_write_options *write);
OMEGA_MUST_CHECK omega_status om_check_list(const omega_list_options *options);
/* A required id of the caller. */
OMEGA_MUST_CHECK omega_status om_check_id(const char *text, struct om_uuid *out);

#endif
