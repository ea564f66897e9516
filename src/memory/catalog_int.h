/* catalog_int.h -- the attributes of every memory, in memory. Private to memory/.
 *
 * Every row of the table memories (of any state) has an entry here, found by its item: the dense
 * number under which spaces and words know it. Searches ask entries, never the store.
 * Threads:  one publisher at a time (the store's leader, or the opener); any number of readers
 *           beside it. A reader stays inside a grace period while it holds items, entries or names.
 * Memory:   entries stand in chunks that never move; an item is used again when no reader can hold
 *           it any more. Names are counted and freed in the same way. */
#ifndef OM_CATALOG_INT_H
#define OM_CATALOG_INT_H

#include "agentdb/agentdb.h"
#include "core/core.h"

struct om_memory_row;

/* Interned texts (users, agents, sessions, scope roots, types, roles, speakers) have small numbers;
 * 0 is "none". */
typedef uint32_t om_name_id;

/* What the catalogue keeps of a row. Atomic fields change in place; a change of another is a new
 * row, hence a new entry. What every search asks for stands first, in one or two lines of the
 * cache. */
struct om_entry {
    _Atomic uint64_t added;   /* seq + 1: a snapshot from there on shows it; 0: not in use */
    _Atomic uint64_t removed; /* seq: a snapshot from there on does not; 0: stands */
    _Atomic uint8_t tier, state, pinned, state_before;
    om_name_id user, agent, session;
    _Atomic double importance;
    _Atomic int64_t expires_at;
    _Atomic(unsigned char *) packed; /* of om_filter_pack; NULL when empty */
    int64_t row;
    int64_t occurred_at, valid_from, created_at;
    om_name_id root, type, role, name;
    _Atomic uint64_t ended; /* seq: a snapshot before it still sees state_before; 0: none */
    _Atomic int64_t valid_to, updated_at, believed_to, accessed_at;
    _Atomic double confidence;
    _Atomic float stability, difficulty;
    _Atomic uint32_t access_count;   /* with those not yet written */
    _Atomic uint32_t access_pending; /* counted here, not yet written */
};

struct om_catalog;

OMEGA_MUST_CHECK omega_status om_catalog_new(struct om_alloc *alloc, struct om_catalog **out);
void om_catalog_free(struct om_catalog *catalog);

/* ---- Readers ------------------------------------------------------------------------------ */

unsigned om_catalog_enter(struct om_catalog *catalog);
void om_catalog_leave(struct om_catalog *catalog, unsigned ticket);
/* The newest item of a row; false when it has none. */
bool om_catalog_find(struct om_catalog *catalog, int64_t row, uint32_t *item);
/* Of any item under the limit; ask om_entry_stands before anything else. */
struct om_entry *om_catalog_entry(const struct om_catalog *catalog, uint32_t item);
/* Items ever given are 0 .. this - 1. */
uint32_t om_catalog_limit(const struct om_catalog *catalog);
/* Fetches into the cache what a filter will read of the items that follow this one: a search asks
 * nearly in the order of items, and waits for memory at each of them otherwise. */
void om_catalog_look_ahead(const struct om_catalog *catalog, uint32_t item);
/* True when a snapshot at `seq` shows the entry: its other fields may be read then. */
bool om_entry_stands(const struct om_entry *entry, uint64_t seq);
/* Its state as a snapshot at `seq` shows it. */
omega_memory_state om_entry_state(const struct om_entry *entry, uint64_t seq);
/* An access by a reader: counted, written later by om_memory_flush_access. */
void om_catalog_touch(struct om_catalog *catalog, uint32_t item, int64_t now_ms);
/* False when nothing has this name; not given is 0 and found. */
bool om_catalog_find_name(struct om_catalog *catalog, omega_str text, om_name_id *out);
omega_str om_catalog_name_text(const struct om_catalog *catalog, om_name_id name); /* no lock */
/* The scope root of a user, else of an agent, else the shared one; false when nothing has it. */
bool om_catalog_find_root(struct om_catalog *catalog, omega_str user, omega_str agent,
                          om_name_id *out);

struct om_catalog_usage {
    uint64_t bytes;
    uint64_t active, archived, superseded, waiting; /* waiting: removed, not yet reusable */
    uint64_t by_tier[OMEGA_TIER_COUNT];             /* active */
};
void om_catalog_usage(struct om_catalog *catalog, struct om_catalog_usage *out);

/* ---- The publisher -------------------------------------------------------------------------- */

/* Takes an item for the row and everything that its entry needs, so that om_catalog_add cannot
 * fail. What was prepared and not added is given back by itself: its record has failed.
 * OMEGA_ENOMEM, OMEGA_ELIMIT (memories of a store), OMEGA_EINVAL (metadata is no JSON object). */
OMEGA_MUST_CHECK omega_status om_catalog_prepare(struct om_catalog *catalog,
                                                 const struct om_memory_row *values,
                                                 uint32_t *item);
void om_catalog_add(struct om_catalog *catalog, uint32_t item, uint64_t seq);
/* From `seq` on it is gone. */
void om_catalog_remove(struct om_catalog *catalog, uint32_t item, uint64_t seq);
/* Puts the mutable fields of `values` in place. */
void om_catalog_change(struct om_catalog *catalog, uint32_t item, uint64_t seq,
                       const struct om_memory_row *values);
/* Gives removed items and unused names back when no reader can hold them. Only when every sequence
 * published so far is in force. Returns the items that still wait. */
size_t om_catalog_reclaim(struct om_catalog *catalog);
/* NULL, or what is wrong in its structure (static text). */
const char *om_catalog_validate(struct om_catalog *catalog);

#endif
