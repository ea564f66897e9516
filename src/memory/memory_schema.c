/* memory_schema.c -- the tables of memory/.
 *
 *   memories       one row for each memory and for each of its past versions. `row` is never used
 *                  again (vectors are stored under it, and readers of an older snapshot may still
 *                  hold it): a new row takes the number above both the highest that stands and the
 *                  `row_limit` of the last deletion. AUTOINCREMENT would say the same, at the price
 *                  of one more page in every commit. `sum` is XXH3-64 over the row and its columns
 *                  in the order of OM_ROW_FIELDS, which is the order of the table.
 *   memory_access  what reading changes: stamps, counts, FSRS state. Outside the sum, because it
 *   can                be lost without losing what was said; no row here means "never read".
 *   memory_repeats operations that brought a memory's text once more and made no row of their own
 *                  (a store that changed nothing): erasing the row empties what they kept, too
 *   tombstones     HMACs of what was forgotten or corrected (tombstone.c): no word of it
 *   deletions      the receipts: who erased how many rows when, never what they said. A row of kind
 *                  "override" says which tombstone a human stored across.
 *
 * Indexes: by id; by key among what stands; by user and creation (list, count: the shared root and
 * the user's own rows are merged in order); by creation (all roots); by session and position; by
 * the speaker's last message (which session is the current one); by expiry. */
#include "memory/rows_check_int.h"
#include "memory/schema_int.h"

static const char *const migrations[] = {
    "CREATE TABLE memories(row INTEGER PRIMARY KEY, id BLOB NOT NULL, version_of BLOB,"
    " supersedes BLOB, superseded_by BLOB, state INTEGER NOT NULL, tier INTEGER NOT NULL,"
    " actor INTEGER NOT NULL, pinned INTEGER NOT NULL, version INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, importance REAL NOT NULL, confidence REAL NOT NULL,"
    " position INTEGER NOT NULL, occurred_at INTEGER NOT NULL, valid_from INTEGER,"
    " valid_to INTEGER, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
    " believed_to INTEGER, expires_at INTEGER, state_at INTEGER NOT NULL, digest BLOB NOT NULL,"
    " user TEXT, agent TEXT, session TEXT, key TEXT, type TEXT NOT NULL, role TEXT, name TEXT,"
    " language TEXT, source_kind TEXT, source_uri TEXT, metadata TEXT, content TEXT NOT NULL,"
    " sum INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX memories_id ON memories(id);"
    "CREATE UNIQUE INDEX memories_key ON memories(ifnull(user, ''), ifnull(agent, ''), key)"
    " WHERE key IS NOT NULL AND state <> 1;"
    "CREATE INDEX memories_user ON memories(user, created_at);"
    "CREATE INDEX memories_created ON memories(created_at);"
    "CREATE INDEX memories_session ON memories(session, position) WHERE session IS NOT NULL;"
    "CREATE INDEX memories_said ON memories(user, agent, created_at)"
    " WHERE position >= 0 AND state <> 1 AND session IS NOT NULL;"
    "CREATE INDEX memories_expires ON memories(expires_at) WHERE expires_at IS NOT NULL;"
    "CREATE TABLE memory_access(row INTEGER PRIMARY KEY, accessed_at INTEGER,"
    " access_count INTEGER NOT NULL, difficulty REAL NOT NULL, stability REAL NOT NULL);"
    "CREATE TABLE memory_repeats(row INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY(row, seq)) WITHOUT ROWID;"
    "CREATE TABLE tombstones(id BLOB PRIMARY KEY, digest BLOB NOT NULL UNIQUE, user TEXT,"
    " agent TEXT, made_at INTEGER NOT NULL, reason INTEGER NOT NULL, sum INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE deletions(row INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor INTEGER NOT NULL,"
    " kind TEXT NOT NULL, user TEXT, agent TEXT, what BLOB, memories INTEGER NOT NULL,"
    " rows INTEGER NOT NULL, tombstones INTEGER NOT NULL, first_seq INTEGER NOT NULL,"
    " row_limit INTEGER NOT NULL);",
};

static const char *const statements[] = {
#define STATEMENT_TEXT(name, text) text,
    OM_MEMORY_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

static const char *const tables[] = {"memories",   "memory_access", "memory_repeats",
                                     "tombstones", "deletions",     NULL};

const struct om_schema om_memory_schema = {
    .name = "memory",
    .migrations = migrations,
    .migration_count = OM_COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OM_COUNT_OF(statements),
    .tables = tables,
    .check = om_memory_check_rows,
    .row_good = om_memory_row_good,
};
