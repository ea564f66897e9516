/* catalog.c -- the attributes of every memory, in memory.
 *
 * Entries stand beside the items of agentdb/items.h: mapped chunks that never move, indexed by
 * item. A reader asks `removed`, then `added`; only when both say that its snapshot shows the entry
 * does it read the rest. The publisher fills an entry before it sets `added`, and clears it only
 * when the grace period says that nobody is left who saw it; `added` goes to 0 first and `removed`
 * is cleared last, so a reader that sees `removed` cleared also sees `added` gone.
 *
 * A changed version of a memory ends its old row (state superseded, `ended` = the sequence) and
 * adds a new one at the same sequence: a snapshot before it still takes the old entry for what it
 * was. Tier, importance and the like have no past: a search beside such a change may see either.
 *
 * Rejected: reading rows during a search (2 us each and a lock in SQLite), and versions of every
 * field (a list for each entry, to be searched by each reader, for changes that nobody can order
 * against the search anyway).
 * Cost: 168 bytes for an entry, 24 for its item, 6-12 for its row's cell, and its packed metadata.
 *
 * Locks: none here; items.c and intern.c have leaf locks. */
#include "memory/catalog_int.h"

#include "memory/intern_int.h"
#include "memory/memory_int.h"

enum {
    CHUNK_LOG2 = 12,
    CHUNK_ENTRIES = 1 << CHUNK_LOG2,
    CHUNK_COUNT = OM_ITEMS_LIMIT / CHUNK_ENTRIES
};

struct om_catalog {
    struct om_alloc *alloc;
    struct om_items *items;
    struct om_names names;
    uint32_t shared_root; /* always taken */
    _Atomic(struct om_entry *) chunks[CHUNK_COUNT];
    _Atomic uint64_t packed_bytes, chunk_bytes;
    _Atomic uint64_t by_state[OMEGA_MEMORY_ARCHIVED + 1];
    _Atomic uint64_t by_tier[OMEGA_TIER_COUNT]; /* active ones */
};

struct om_entry *om_catalog_entry(const struct om_catalog *catalog, uint32_t item)
{
    /* Acquire: pairs with the release that published the chunk. */
    struct om_entry *chunk =
        atomic_load_explicit(&catalog->chunks[item >> CHUNK_LOG2], memory_order_acquire);
    return &chunk[item & (CHUNK_ENTRIES - 1)];
}

/* ---- Life ----------------------------------------------------------------------------------- */

/* Nobody can see the entry any more: its texts leave memory too. */
static void free_entry(void *context, uint32_t item)
{
    struct om_catalog *catalog = context;
    struct om_entry *entry = om_catalog_entry(catalog, item);
    const om_name_id names[] = {entry->user, entry->agent, entry->session, entry->root,
                                entry->type, entry->role,  entry->name};
    atomic_store_explicit(&entry->added, 0, memory_order_release);
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        om_names_drop(&catalog->names, names[i]);
    }
    unsigned char *packed = atomic_load_explicit(&entry->packed, memory_order_relaxed);
    atomic_store_explicit(&entry->packed, NULL, memory_order_relaxed);
    if (packed != NULL) {
        size_t size = om_filter_packed_size(packed);
        atomic_fetch_sub_explicit(&catalog->packed_bytes, size, memory_order_relaxed);
        memset(packed, 0, size);
        om_put(catalog->alloc, packed);
    }
    entry->user = entry->agent = entry->session = entry->root = 0;
    entry->type = entry->role = entry->name = 0;
}

omega_status om_catalog_new(struct om_alloc *alloc, struct om_catalog **out)
{
    struct om_catalog *catalog = om_get0(alloc, 1, sizeof *catalog);
    *out = NULL;
    if (catalog == NULL) {
        return om_nomem();
    }
    catalog->alloc = alloc;
    omega_status status = om_items_new(alloc, free_entry, catalog, &catalog->items);
    if (status == OMEGA_OK) {
        status = om_names_init(&catalog->names, alloc);
    }
    if (status == OMEGA_OK) {
        status = om_names_take(&catalog->names, OM_STR("s"), &catalog->shared_root);
    }
    if (status != OMEGA_OK) {
        om_catalog_free(catalog);
        return status;
    }
    *out = catalog;
    return OMEGA_OK;
}

void om_catalog_free(struct om_catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    uint32_t limit = catalog->items != NULL ? om_items_limit(catalog->items) : 0;
    for (uint32_t item = 0; item < limit; item++) {
        struct om_entry *entry = om_catalog_entry(catalog, item);
        om_put(catalog->alloc, atomic_load_explicit(&entry->packed, memory_order_relaxed));
    }
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        om_os_pages_free(atomic_load_explicit(&catalog->chunks[i], memory_order_relaxed),
                         CHUNK_ENTRIES * sizeof(struct om_entry));
    }
    om_names_fini(&catalog->names);
    om_items_free(catalog->items);
    om_put(catalog->alloc, catalog);
}

/* ---- Readers -------------------------------------------------------------------------------- */

unsigned om_catalog_enter(struct om_catalog *catalog)
{
    return om_items_enter(catalog->items);
}

void om_catalog_leave(struct om_catalog *catalog, unsigned ticket)
{
    om_items_leave(catalog->items, ticket);
}

bool om_catalog_find(struct om_catalog *catalog, int64_t row, uint32_t *item)
{
    return om_items_find(catalog->items, row, item);
}

void om_catalog_look_ahead(const struct om_catalog *catalog, uint32_t item)
{
    enum { NEAR = 6, FAR = 16, LINE = 64 };
    uint32_t place = item & (CHUNK_ENTRIES - 1);
    if (place >= CHUNK_ENTRIES - FAR) {
        return; /* the next chunk may not be there */
    }
    const struct om_entry *entry = om_catalog_entry(catalog, item);
    const char *far_entry = (const char *)(entry + FAR);
    const unsigned char *packed = atomic_load_explicit(&entry[NEAR].packed, memory_order_relaxed);
    __builtin_prefetch(far_entry);
    __builtin_prefetch(far_entry + LINE);
    if (packed != NULL) { /* perhaps freed by now: a prefetch does not mind */
        __builtin_prefetch(packed);
        __builtin_prefetch(packed + LINE);
        __builtin_prefetch(packed + 2 * LINE);
    }
}

uint32_t om_catalog_limit(const struct om_catalog *catalog)
{
    return om_items_limit(catalog->items);
}

bool om_entry_stands(const struct om_entry *entry, uint64_t seq)
{
    /* In this order, acquire: see the head of the file. */
    uint64_t removed = atomic_load_explicit(&entry->removed, memory_order_acquire);
    uint64_t added = atomic_load_explicit(&entry->added, memory_order_acquire);
    return added != 0 && added - 1 <= seq && (removed == 0 || removed > seq);
}

omega_memory_state om_entry_state(const struct om_entry *entry, uint64_t seq)
{
    /* Acquire: whoever sees the end also sees since when and what was before. */
    uint8_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
    if (state == OMEGA_MEMORY_SUPERSEDED &&
        atomic_load_explicit(&entry->ended, memory_order_relaxed) > seq) {
        state = atomic_load_explicit(&entry->state_before, memory_order_relaxed);
    }
    return (omega_memory_state)state;
}

void om_catalog_touch(struct om_catalog *catalog, uint32_t item, int64_t now_ms)
{
    struct om_entry *entry = om_catalog_entry(catalog, item);
    /* Relaxed: counters and a stamp that nothing else hangs on. */
    int64_t before = atomic_load_explicit(&entry->accessed_at, memory_order_relaxed);
    while (before < now_ms &&
           !atomic_compare_exchange_weak_explicit(&entry->accessed_at, &before, now_ms,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit(&entry->access_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->access_pending, 1, memory_order_relaxed);
}

bool om_catalog_find_name(struct om_catalog *catalog, omega_str text, om_name_id *out)
{
    return om_names_find(&catalog->names, text, out);
}

omega_str om_catalog_name_text(const struct om_catalog *catalog, om_name_id name)
{
    return om_names_text(&catalog->names, name);
}

/* The root's name: "s", "u<user>" or "a<agent>". */
static omega_str root_text(omega_str user, omega_str agent, char out[OM_LIMIT_NAME + 1])
{
    omega_str owner = user.len > 0 ? user : agent;
    if (owner.len == 0 || owner.len > OM_LIMIT_NAME) {
        return OM_STR("s");
    }
    out[0] = user.len > 0 ? 'u' : 'a';
    memcpy(out + 1, owner.ptr, owner.len);
    return (omega_str){out, owner.len + 1};
}

bool om_catalog_find_root(struct om_catalog *catalog, omega_str user, omega_str agent,
                          om_name_id *out)
{
    char text[OM_LIMIT_NAME + 1];
    return om_names_find(&catalog->names, root_text(user, agent, text), out);
}

void om_catalog_usage(struct om_catalog *catalog, struct om_catalog_usage *out)
{
    struct om_items_usage items;
    om_items_usage(catalog->items, &items);
    memset(out, 0, sizeof *out);
    out->waiting = items.waiting;
    out->bytes = items.bytes + sizeof *catalog +
                 atomic_load_explicit(&catalog->packed_bytes, memory_order_relaxed) +
                 om_items_limit(catalog->items) * sizeof(struct om_entry) +
                 om_names_bytes(&catalog->names);
    const _Atomic uint64_t *by_state = catalog->by_state;
    out->active = atomic_load_explicit(&by_state[OMEGA_MEMORY_ACTIVE], memory_order_relaxed);
    out->archived = atomic_load_explicit(&by_state[OMEGA_MEMORY_ARCHIVED], memory_order_relaxed);
    out->superseded =
        atomic_load_explicit(&by_state[OMEGA_MEMORY_SUPERSEDED], memory_order_relaxed);
    for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        out->by_tier[tier] = atomic_load_explicit(&catalog->by_tier[tier], memory_order_relaxed);
    }
}

/* ---- The publisher -------------------------------------------------------------------------- */

static void count_entry(struct om_catalog *catalog, unsigned state, unsigned tier, uint64_t change)
{
    atomic_fetch_add_explicit(&catalog->by_state[state], change, memory_order_relaxed);
    if (state == OMEGA_MEMORY_ACTIVE) {
        atomic_fetch_add_explicit(&catalog->by_tier[tier], change, memory_order_relaxed);
    }
}

/* Relaxed: a reader either came by `added`, which releases all of them, or beside a change, where
 * each field for itself may be old or new. */
static void set_mutable(struct om_entry *entry, const struct om_memory_row *values)
{
    atomic_store_explicit(&entry->stability, (float)values->stability, memory_order_relaxed);
    atomic_store_explicit(&entry->difficulty, (float)values->difficulty, memory_order_relaxed);
    atomic_store_explicit(&entry->tier, (uint8_t)values->tier, memory_order_relaxed);
    atomic_store_explicit(&entry->pinned, values->pinned, memory_order_relaxed);
    atomic_store_explicit(&entry->valid_to, values->valid_to, memory_order_relaxed);
    atomic_store_explicit(&entry->updated_at, values->updated_at, memory_order_relaxed);
    atomic_store_explicit(&entry->believed_to, values->believed_to, memory_order_relaxed);
    atomic_store_explicit(&entry->expires_at, values->expires_at, memory_order_relaxed);
    atomic_store_explicit(&entry->importance, values->importance, memory_order_relaxed);
    atomic_store_explicit(&entry->confidence, values->confidence, memory_order_relaxed);
}

static omega_status make_chunk(struct om_catalog *catalog, uint32_t item)
{
    _Atomic(struct om_entry *) *slot = &catalog->chunks[item >> CHUNK_LOG2];
    void *chunk = NULL;
    if (atomic_load_explicit(slot, memory_order_relaxed) != NULL) {
        return OMEGA_OK;
    }
    omega_status status = om_os_pages(CHUNK_ENTRIES * sizeof(struct om_entry), &chunk);
    if (status == OMEGA_OK) {
        atomic_store_explicit(slot, chunk, memory_order_release);
    }
    return status;
}

static omega_status take_names(struct om_catalog *catalog, const struct om_memory_row *values,
                               struct om_entry *entry)
{
    char root[OM_LIMIT_NAME + 1];
    const struct {
        omega_str text;
        om_name_id *name;
    } rows[] = {
        {values->user, &entry->user},
        {values->agent, &entry->agent},
        {values->session, &entry->session},
        {values->type, &entry->type},
        {values->role, &entry->role},
        {values->name, &entry->name},
        {root_text(values->user, values->agent, root), &entry->root},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        omega_status status = om_names_take(&catalog->names, rows[i].text, rows[i].name);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

static omega_status take_packed(struct om_catalog *catalog, const struct om_memory_row *values,
                                struct om_entry *entry)
{
    struct om_buf packed;
    om_buf_init(&packed, catalog->alloc, 64u << 20);
    omega_status status = om_filter_pack(values, &packed);
    if (status == OMEGA_OK && packed.len > 0) {
        unsigned char *copy = om_get(catalog->alloc, packed.len);
        if (copy == NULL) {
            status = om_nomem();
        } else {
            memcpy(copy, packed.ptr, packed.len);
            atomic_fetch_add_explicit(&catalog->packed_bytes, packed.len, memory_order_relaxed);
        }
        /* Relaxed: `added` releases it; looking ahead only wants the address. */
        atomic_store_explicit(&entry->packed, copy, memory_order_relaxed);
    }
    om_buf_fini(&packed);
    return status;
}

omega_status om_catalog_prepare(struct om_catalog *catalog, const struct om_memory_row *values,
                                uint32_t *item)
{
    uint32_t got = 0;
    /* A failure behind this leaves the item prepared: it is given back with what it has. */
    omega_status status = make_chunk(catalog, om_items_limit(catalog->items));
    if (status == OMEGA_OK) {
        status = om_items_prepare(catalog->items, values->row, &got);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_entry *entry = om_catalog_entry(catalog, got);
    entry->row = values->row;
    entry->occurred_at = values->occurred_at;
    entry->valid_from = values->valid_from;
    entry->created_at = values->created_at;
    set_mutable(entry, values);
    atomic_store_explicit(&entry->state, (uint8_t)values->state, memory_order_relaxed);
    atomic_store_explicit(&entry->ended, 0, memory_order_relaxed);
    atomic_store_explicit(&entry->accessed_at, values->accessed_at, memory_order_relaxed);
    atomic_store_explicit(&entry->access_count, (uint32_t)values->access_count,
                          memory_order_relaxed);
    atomic_store_explicit(&entry->access_pending, 0, memory_order_relaxed);
    status = take_names(catalog, values, entry);
    if (status == OMEGA_OK) {
        status = take_packed(catalog, values, entry);
    }
    *item = got;
    return status;
}

void om_catalog_add(struct om_catalog *catalog, uint32_t item, uint64_t seq)
{
    struct om_entry *entry = om_catalog_entry(catalog, item);
    count_entry(catalog, atomic_load_explicit(&entry->state, memory_order_relaxed),
                atomic_load_explicit(&entry->tier, memory_order_relaxed), 1);
    om_items_add(catalog->items, item);
    /* Release, `removed` first: see the head of the file. */
    atomic_store_explicit(&entry->removed, 0, memory_order_release);
    atomic_store_explicit(&entry->added, seq + 1, memory_order_release);
}

void om_catalog_remove(struct om_catalog *catalog, uint32_t item, uint64_t seq)
{
    struct om_entry *entry = om_catalog_entry(catalog, item);
    count_entry(catalog, atomic_load_explicit(&entry->state, memory_order_relaxed),
                atomic_load_explicit(&entry->tier, memory_order_relaxed), UINT64_MAX);
    atomic_store_explicit(&entry->removed, OM_MAX(seq, (uint64_t)1), memory_order_release);
    om_items_remove(catalog->items, item);
}

void om_catalog_change(struct om_catalog *catalog, uint32_t item, uint64_t seq,
                       const struct om_memory_row *values)
{
    struct om_entry *entry = om_catalog_entry(catalog, item);
    uint8_t state = atomic_load_explicit(&entry->state, memory_order_relaxed);
    count_entry(catalog, state, atomic_load_explicit(&entry->tier, memory_order_relaxed),
                UINT64_MAX);
    set_mutable(entry, values);
    if (values->state == OMEGA_MEMORY_SUPERSEDED && state != OMEGA_MEMORY_SUPERSEDED) {
        atomic_store_explicit(&entry->state_before, state, memory_order_relaxed);
        atomic_store_explicit(&entry->ended, seq, memory_order_relaxed);
    }
    /* Release: with the two above. */
    atomic_store_explicit(&entry->state, (uint8_t)values->state, memory_order_release);
    count_entry(catalog, (unsigned)values->state, (unsigned)values->tier, 1);
}

size_t om_catalog_reclaim(struct om_catalog *catalog)
{
    struct om_items_usage usage;
    if (om_items_reclaim(catalog->items)) {
        om_names_age(&catalog->names);
    }
    om_items_usage(catalog->items, &usage);
    return usage.waiting;
}

const char *om_catalog_validate(struct om_catalog *catalog)
{
    struct om_catalog_usage usage;
    struct om_items_usage items;
    const char *wrong = om_items_validate(catalog->items);
    om_catalog_usage(catalog, &usage);
    om_items_usage(catalog->items, &items);
    if (wrong == NULL && usage.active + usage.archived + usage.superseded != items.live) {
        return "the states of the memories do not add up";
    }
    uint64_t tiers = 0;
    for (int tier = 0; tier < OMEGA_TIER_COUNT; tier++) {
        tiers += usage.by_tier[tier];
    }
    return wrong == NULL && tiers != usage.active ? "the tiers do not add up" : wrong;
}
