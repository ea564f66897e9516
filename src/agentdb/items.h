/* items.h -- dense numbers for the rows of one owner.
 *
 * Spaces and words know a row by its item: a small number that is used again when no reader can
 * hold it any more, so that tables indexed by item stay as large as what is stored, whatever the
 * rows are called. The life of an item: prepared in apply (may fail), added in the publish step
 * (cannot), removed in a later one, freed by reclaim after a grace period.
 * Threads: one publisher at a time; any number of readers beside it. find takes a lock for a few
 *          instructions, the rest of the readers' calls none.
 * Memory:  24 bytes for each item, 6 to 12 for each row. */
#ifndef OM_ITEMS_H
#define OM_ITEMS_H

#include "core/core.h"

struct om_items;

enum { OM_ITEMS_LIMIT = 1 << 24 };

/* `freed` is told of each item that ends: reclaimed after its grace period, or prepared and never
 * added. Its data can then be destroyed. */
OMEGA_MUST_CHECK omega_status om_items_new(struct om_alloc *alloc,
                                           void (*freed)(void *context, uint32_t item),
                                           void *context, struct om_items **out);
void om_items_free(struct om_items *items); /* tells nobody; NULL is allowed */

/* ---- The publisher -------------------------------------------------------------------------- */

/* An item for a row (> 0), invisible until it is added. What was prepared before the last add and
 * not added is freed first: its record has failed. OMEGA_ENOMEM, OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_items_prepare(struct om_items *items, int64_t row, uint32_t *out);
/* From here on find gives it for its row, instead of the one before. */
void om_items_add(struct om_items *items, uint32_t item);
/* Its row is no longer found, unless a newer item has taken it over. */
void om_items_remove(struct om_items *items, uint32_t item);
/* Frees what was removed before the call before, if no reader is left from then; true when the
 * grace period of that call has passed. */
bool om_items_reclaim(struct om_items *items);

/* ---- Readers -------------------------------------------------------------------------------- */

unsigned om_items_enter(struct om_items *items);
void om_items_leave(struct om_items *items, unsigned ticket);
/* False when the row has no item. */
bool om_items_find(struct om_items *items, int64_t row, uint32_t *item);
/* The item's row; 0 when it is not in use. */
int64_t om_items_row(const struct om_items *items, uint32_t item);
/* Items ever given are 0 .. this - 1. */
uint32_t om_items_limit(const struct om_items *items);

struct om_items_usage {
    uint64_t live, waiting, bytes;
};
void om_items_usage(struct om_items *items, struct om_items_usage *out);
/* NULL, or what is wrong (static text). Publisher's side. */
const char *om_items_validate(struct om_items *items);

#endif
