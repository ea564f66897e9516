/* items.c -- dense numbers for rows.
 *
 * Slots stand in mapped chunks that never move; a slot holds its row and its links: of the free
 * slots, of one of two lists of removed slots (before and after the last successful grace period),
 * and of what was prepared since the last batch. Rows are found by a hash table with linear probing
 * and backward-shift deletion, which needs no marks for removed rows.
 *
 * Rejected: the row number itself as the item (rows are never used again, so churn would grow every
 * table that is indexed by item), and a lock-free map (only writers and rare reads look a row up).
 * Invariants: a slot's row is 0 exactly when it is free; the map holds live items only, and has
 * room for the prepared ones.
 *
 * Locks: `mutex` (leaf) guards the map; everything else belongs to the publisher. */
#include "agentdb/items.h"

enum {
    CHUNK_LOG2 = 14,
    CHUNK_SLOTS = 1 << CHUNK_LOG2,
    CHUNK_COUNT = OM_ITEMS_LIMIT / CHUNK_SLOTS,
    MAP_START = 64
};
#define END UINT32_MAX

enum slot_state { SLOT_FREE, SLOT_PREPARED, SLOT_LIVE, SLOT_REMOVED };

struct slot {
    _Atomic int64_t row;
    uint32_t next;          /* on the list of free or of removed slots */
    uint32_t prepared_next; /* on the list of what was prepared, which may be live by now */
    uint32_t state;
};

struct om_items {
    void *block; /* what holds this struct, which is aligned to its cache lines */
    struct om_alloc *alloc;
    void (*freed)(void *context, uint32_t item);
    void *context;
    struct om_grace grace;
    _Atomic(struct slot *) chunks[CHUNK_COUNT];
    _Atomic uint32_t limit;
    uint32_t free_first, prepared_first;
    uint32_t removed_first, aged_first; /* since the last grace period, and before */
    uint64_t prepared;
    bool added; /* since the last prepare */
    _Atomic uint64_t live, waiting;
    struct om_mutex mutex;
    uint32_t *cells;   /* item + 1; 0: empty. The item's slot has the row */
    size_t cell_count; /* a power of two */
    size_t cell_used;
};

static struct slot *slot_at(const struct om_items *items, uint32_t item)
{
    /* Acquire: pairs with the release that published the chunk. */
    struct slot *chunk =
        atomic_load_explicit(&items->chunks[item >> CHUNK_LOG2], memory_order_acquire);
    return &chunk[item & (CHUNK_SLOTS - 1)];
}

/* ---- The map ------------------------------------------------------------------------------ */

static size_t cell_of(int64_t row, size_t cell_count)
{
    /* Fibonacci hashing (Knuth 6.4): rows that follow each other spread. */
    return (size_t)(((uint64_t)row * 0x9E3779B97F4A7C15u) >> 20) & (cell_count - 1);
}

static int64_t row_of_cell(const struct om_items *items, uint32_t cell)
{
    return atomic_load_explicit(&slot_at(items, cell - 1)->row, memory_order_relaxed);
}

/* The row's cell in a table, or the empty one where it would stand. */
static uint32_t *find_cell(const struct om_items *items, uint32_t *cells, size_t cell_count,
                           int64_t row)
{
    size_t at = cell_of(row, cell_count);
    while (cells[at] != 0 && row_of_cell(items, cells[at]) != row) {
        at = (at + 1) & (cell_count - 1);
    }
    return &cells[at];
}

/* Makes the table large enough for `wanted` rows at a load of at most 7/10. */
static omega_status grow_map(struct om_items *items, uint64_t wanted)
{
    size_t cell_count = OM_MAX(items->cell_count, (size_t)MAP_START);
    while (wanted * 10 > cell_count * 7) {
        cell_count *= 2;
    }
    if (cell_count == items->cell_count) {
        return OMEGA_OK;
    }
    uint32_t *cells = om_get0(items->alloc, cell_count, sizeof *cells);
    if (cells == NULL) {
        return om_nomem();
    }
    om_mutex_lock(&items->mutex);
    for (size_t i = 0; i < items->cell_count; i++) {
        uint32_t cell = items->cells[i];
        if (cell != 0) {
            *find_cell(items, cells, cell_count, row_of_cell(items, cell)) = cell;
        }
    }
    uint32_t *old = items->cells;
    items->cells = cells;
    items->cell_count = cell_count;
    om_mutex_unlock(&items->mutex);
    om_put(items->alloc, old);
    return OMEGA_OK;
}

static void map_set(struct om_items *items, int64_t row, uint32_t item)
{
    om_mutex_lock(&items->mutex);
    uint32_t *cell = find_cell(items, items->cells, items->cell_count, row);
    items->cell_used += *cell == 0 ? 1 : 0;
    *cell = item + 1;
    om_mutex_unlock(&items->mutex);
}

/* Empties a cell and moves those behind it forward (Knuth 6.4, algorithm R). */
static void clear_cell(struct om_items *items, size_t hole)
{
    size_t mask = items->cell_count - 1;
    size_t at = hole;
    for (;;) {
        at = (at + 1) & mask;
        if (items->cells[at] == 0) {
            break;
        }
        size_t home = cell_of(row_of_cell(items, items->cells[at]), items->cell_count);
        /* May it move? Yes unless its home lies cyclically in (hole, at]. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            items->cells[hole] = items->cells[at];
            hole = at;
        }
    }
    items->cells[hole] = 0;
    items->cell_used -= 1;
}

static void map_clear(struct om_items *items, int64_t row, uint32_t item)
{
    om_mutex_lock(&items->mutex);
    uint32_t *cell = find_cell(items, items->cells, items->cell_count, row);
    if (*cell == item + 1) {
        clear_cell(items, (size_t)(cell - items->cells));
    }
    om_mutex_unlock(&items->mutex);
}

/* ---- Slots -------------------------------------------------------------------------------- */

static omega_status fresh_slot(struct om_items *items, uint32_t *out)
{
    uint32_t limit = atomic_load_explicit(&items->limit, memory_order_relaxed);
    if (limit >= OM_ITEMS_LIMIT) {
        return om_fail(OMEGA_ELIMIT, "a store holds at most %d rows of a kind", OM_ITEMS_LIMIT);
    }
    if ((limit & (CHUNK_SLOTS - 1)) == 0) {
        void *chunk = NULL;
        omega_status status = om_os_pages(CHUNK_SLOTS * sizeof(struct slot), &chunk);
        if (status != OMEGA_OK) {
            return status;
        }
        atomic_store_explicit(&items->chunks[limit >> CHUNK_LOG2], chunk, memory_order_release);
    }
    *out = limit;
    atomic_store_explicit(&items->limit, limit + 1, memory_order_release);
    return OMEGA_OK;
}

static void set_free(struct om_items *items, uint32_t item)
{
    struct slot *slot = slot_at(items, item);
    items->freed(items->context, item);
    atomic_store_explicit(&slot->row, 0, memory_order_relaxed);
    slot->state = SLOT_FREE;
    slot->next = items->free_first;
    items->free_first = item;
}

/* What is still only prepared belongs to a record that failed. */
static void forget_prepared(struct om_items *items)
{
    uint32_t item = items->prepared_first;
    items->prepared_first = END;
    items->prepared = 0;
    while (item != END) {
        struct slot *slot = slot_at(items, item);
        if (slot->state == SLOT_PREPARED) {
            set_free(items, item);
        }
        item = slot->prepared_next;
    }
}

/* ---- Life ----------------------------------------------------------------------------------- */

omega_status om_items_new(struct om_alloc *alloc, void (*freed)(void *context, uint32_t item),
                          void *context, struct om_items **out)
{
    const size_t align = _Alignof(struct om_items);
    char *block = om_get0(alloc, 1, sizeof(struct om_items) + align - 1);
    *out = NULL;
    if (block == NULL) {
        return om_nomem();
    }
    size_t lead = (align - (uintptr_t)block % align) % align;
    struct om_items *items = (struct om_items *)(void *)(block + lead);
    items->block = block;
    items->alloc = alloc;
    items->freed = freed;
    items->context = context;
    om_grace_init(&items->grace);
    om_mutex_init(&items->mutex, OM_RANK_LEAF);
    items->free_first = items->prepared_first = END;
    items->removed_first = items->aged_first = END;
    *out = items;
    return OMEGA_OK;
}

void om_items_free(struct om_items *items)
{
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        om_os_pages_free(atomic_load_explicit(&items->chunks[i], memory_order_relaxed),
                         CHUNK_SLOTS * sizeof(struct slot));
    }
    om_mutex_fini(&items->mutex);
    om_put(items->alloc, items->cells);
    om_put(items->alloc, items->block);
}

omega_status om_items_prepare(struct om_items *items, int64_t row, uint32_t *out)
{
    OM_ASSERT(row > 0);
    if (items->added) {
        items->added = false;
        forget_prepared(items);
    }
    uint64_t live = atomic_load_explicit(&items->live, memory_order_relaxed);
    omega_status status = grow_map(items, live + items->prepared + 1);
    if (status != OMEGA_OK) {
        return status;
    }
    uint32_t item = items->free_first;
    if (item != END) {
        items->free_first = slot_at(items, item)->next;
    } else {
        status = fresh_slot(items, &item);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    struct slot *slot = slot_at(items, item);
    atomic_store_explicit(&slot->row, row, memory_order_relaxed);
    slot->state = SLOT_PREPARED;
    slot->prepared_next = items->prepared_first;
    items->prepared_first = item;
    items->prepared += 1;
    *out = item;
    return OMEGA_OK;
}

void om_items_add(struct om_items *items, uint32_t item)
{
    struct slot *slot = slot_at(items, item);
    OM_ASSERT(slot->state == SLOT_PREPARED);
    slot->state = SLOT_LIVE; /* it stays on the list of prepared ones until that is walked */
    items->added = true;
    atomic_fetch_add_explicit(&items->live, 1, memory_order_relaxed);
    map_set(items, atomic_load_explicit(&slot->row, memory_order_relaxed), item);
}

void om_items_remove(struct om_items *items, uint32_t item)
{
    struct slot *slot = slot_at(items, item);
    OM_ASSERT(slot->state == SLOT_LIVE);
    map_clear(items, atomic_load_explicit(&slot->row, memory_order_relaxed), item);
    slot->state = SLOT_REMOVED;
    slot->next = items->removed_first;
    items->removed_first = item;
    atomic_fetch_sub_explicit(&items->live, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&items->waiting, 1, memory_order_relaxed);
}

bool om_items_reclaim(struct om_items *items)
{
    if (!om_grace_try(&items->grace)) {
        return false;
    }
    uint32_t item = items->aged_first;
    items->aged_first = items->removed_first;
    items->removed_first = END;
    while (item != END) {
        uint32_t next = slot_at(items, item)->next;
        set_free(items, item);
        atomic_fetch_sub_explicit(&items->waiting, 1, memory_order_relaxed);
        item = next;
    }
    return true;
}

/* ---- Readers -------------------------------------------------------------------------------- */

unsigned om_items_enter(struct om_items *items)
{
    return om_grace_enter(&items->grace);
}

void om_items_leave(struct om_items *items, unsigned ticket)
{
    om_grace_leave(&items->grace, ticket);
}

bool om_items_find(struct om_items *items, int64_t row, uint32_t *item)
{
    bool found = false;
    om_mutex_lock(&items->mutex);
    if (items->cell_count > 0) {
        uint32_t cell = *find_cell(items, items->cells, items->cell_count, row);
        found = cell != 0;
        *item = found ? cell - 1 : 0;
    }
    om_mutex_unlock(&items->mutex);
    return found;
}

int64_t om_items_row(const struct om_items *items, uint32_t item)
{
    /* Relaxed: whoever holds an item got it from something published after the row was set. */
    return atomic_load_explicit(&slot_at(items, item)->row, memory_order_relaxed);
}

uint32_t om_items_limit(const struct om_items *items)
{
    return atomic_load_explicit(&items->limit, memory_order_acquire);
}

void om_items_usage(struct om_items *items, struct om_items_usage *out)
{
    out->live = atomic_load_explicit(&items->live, memory_order_relaxed);
    out->waiting = atomic_load_explicit(&items->waiting, memory_order_relaxed);
    out->bytes = sizeof *items + om_items_limit(items) * sizeof(struct slot);
    om_mutex_lock(&items->mutex);
    out->bytes += items->cell_count * sizeof *items->cells;
    om_mutex_unlock(&items->mutex);
}

/* Counts the slots of a list that are in `state`; UINT64_MAX when one is in another. */
static uint64_t count_list(const struct om_items *items, uint32_t first, enum slot_state state)
{
    uint64_t count = 0;
    for (uint32_t item = first; item != END; item = slot_at(items, item)->next) {
        const struct slot *slot = slot_at(items, item);
        if (slot->state != state || count > OM_ITEMS_LIMIT) {
            return UINT64_MAX;
        }
        count += 1;
    }
    return count;
}

static const char *validate_slots(struct om_items *items)
{
    for (uint32_t item = 0; item < om_items_limit(items); item++) {
        const struct slot *slot = slot_at(items, item);
        int64_t row = atomic_load_explicit(&slot->row, memory_order_relaxed);
        if ((slot->state == SLOT_FREE) != (row == 0)) {
            return "a slot's row does not fit its state";
        }
    }
    for (size_t i = 0; i < items->cell_count; i++) {
        uint32_t cell = items->cells[i];
        if (cell != 0 && slot_at(items, cell - 1)->state != SLOT_LIVE) {
            return "the map names an item that is not live";
        }
    }
    return NULL;
}

const char *om_items_validate(struct om_items *items)
{
    uint64_t free_slots = count_list(items, items->free_first, SLOT_FREE);
    uint64_t removed = count_list(items, items->removed_first, SLOT_REMOVED);
    uint64_t aged = count_list(items, items->aged_first, SLOT_REMOVED);
    struct om_items_usage usage;
    om_items_usage(items, &usage);
    if (free_slots == UINT64_MAX || removed == UINT64_MAX || aged == UINT64_MAX) {
        return "a list of slots is broken";
    }
    if (removed + aged != usage.waiting) {
        return "the count of waiting slots is wrong";
    }
    if (items->cell_used > usage.live) {
        return "more rows are mapped than live";
    }
    return validate_slots(items);
}
