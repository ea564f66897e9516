/* access.c -- reads, written down later.
 *
 * A read counts in the catalogue only; here the counts become records, SLICE rows in each. What a
 * record takes along is taken away from the catalogue first and given back if it fails, so a count
 * is neither lost while the process lives nor written twice. A crash loses the reads since the last
 * flush: they were never promised. */
#include "memory/record_int.h"

enum { SLICE = 4096 };

struct access {
    uint32_t item;
    uint32_t times;
    int64_t row, stamp;
};

/* The next rows that were read, from item `from` on; returns how many. */
static size_t gather(struct om_memory *memory, uint32_t *from, struct access *out)
{
    size_t count = 0;
    unsigned ticket = om_catalog_enter(memory->catalog);
    uint64_t seq = om_store_commit_seq(memory->store);
    uint32_t limit = om_catalog_limit(memory->catalog);
    for (; *from < limit && count < SLICE; ++*from) {
        struct om_entry *entry = om_catalog_entry(memory->catalog, *from);
        /* Relaxed: counters that nothing else hangs on. */
        if (!om_entry_stands(entry, seq) ||
            atomic_load_explicit(&entry->access_pending, memory_order_relaxed) == 0) {
            continue;
        }
        out[count++] = (struct access){
            *from, atomic_exchange_explicit(&entry->access_pending, 0, memory_order_relaxed),
            entry->row, atomic_load_explicit(&entry->accessed_at, memory_order_relaxed)};
    }
    om_catalog_leave(memory->catalog, ticket);
    return count;
}

static void give_back(struct om_memory *memory, const struct access *rows, size_t count)
{
    unsigned ticket = om_catalog_enter(memory->catalog);
    for (size_t i = 0; i < count; i++) {
        uint32_t item;
        if (om_catalog_find(memory->catalog, rows[i].row, &item) && item == rows[i].item) {
            atomic_fetch_add_explicit(&om_catalog_entry(memory->catalog, item)->access_pending,
                                      rows[i].times, memory_order_relaxed);
        }
    }
    om_catalog_leave(memory->catalog, ticket);
}

static omega_status write_slice(struct om_memory *memory, const struct access *rows, size_t count)
{
    static const omega_write_options options = {.actor = OMEGA_ACTOR_SYSTEM,
                                                .durability = OMEGA_DURABILITY_PROCESS};
    struct om_draft draft;
    omega_status status = om_draft_init(&draft, memory, OM_MEMORY_KIND_ACCESS, &options);
    om_pack_u64(&draft.body, count);
    for (size_t i = 0; i < count; i++) {
        om_pack_i64(&draft.body, rows[i].row);
        om_pack_i64(&draft.body, rows[i].stamp);
        om_pack_u64(&draft.body, rows[i].times);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, NULL, NULL);
    }
    om_draft_fini(&draft);
    return status;
}

omega_status om_memory_flush_access(struct om_memory *memory)
{
    struct access *rows = om_get(memory->options.alloc, SLICE * sizeof *rows);
    if (rows == NULL) {
        return om_nomem();
    }
    omega_status status = OMEGA_OK;
    uint32_t from = 0;
    size_t count;
    while (status == OMEGA_OK && (count = gather(memory, &from, rows)) > 0) {
        status = write_slice(memory, rows, count);
        if (status != OMEGA_OK) {
            give_back(memory, rows, count);
        }
    }
    om_put(memory->options.alloc, rows);
    return status;
}
