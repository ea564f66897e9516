/* filter_int.h -- metadata filters: compiled once, asked for every memory. Private to memory/.
 *
 * The language stands in omega/memory.h (omega_recall_options). What it says of one document:
 *  - A path holds every value that stands there: the elements of an array stand at the array's own
 *    path, and a member "a.b" at the same path as member b of member a. A condition holds when it
 *    holds for one of them; a missing member fulfils no condition but $ne and {"$exists": false}.
 *  - $ne is the negation of $eq. Numbers compare with numbers and texts with texts, by their bytes;
 *    two texts that are both RFC 3339 stamps compare as times. Other pairs fulfil no condition.
 *  - true, false and null only stand with equality, $ne and $in.
 *  - Fields: @tier compares in the order of the tiers, @occurred_at and @created_at as stamps, the
 *    text fields by their bytes. Only text fields can be missing.
 * Threads: a compiled filter is read-only. */
#ifndef OM_FILTER_INT_H
#define OM_FILTER_INT_H

#include "core/core.h"

struct om_catalog;
struct om_entry;
struct om_memory_row;

enum {
    OM_FILTER_DEPTH = 16,
    OM_FILTER_PATH = 256 /* bytes of a path; deeper members are not seen */
};

struct om_filter; /* a compiled filter expression, in an arena */

/* OMEGA_EINVAL names the place in the filter and what was expected there. Not given: *out NULL,
 * everything passes. */
OMEGA_MUST_CHECK omega_status om_filter_compile(struct om_arena *arena, omega_str json,
                                                struct om_filter **out);
/* Over a row as read from the store. */
OMEGA_MUST_CHECK omega_status om_filter_row(const struct om_filter *filter,
                                            const struct om_memory_row *row, bool *pass);
/* Over a catalogue entry: no parsing, no allocation, no lock. */
bool om_filter_entry(const struct om_filter *filter, const struct om_catalog *catalog,
                     const struct om_entry *entry);

/* Appends what filters look at besides the entry's own fields (metadata, key, source) in its
 * packed form; nothing when there is none of it. OMEGA_EINVAL: the metadata is no JSON object. */
OMEGA_MUST_CHECK omega_status om_filter_pack(const struct om_memory_row *row, struct om_buf *out);
/* The size in bytes of a packed form. */
size_t om_filter_packed_size(const unsigned char *packed);

#endif
