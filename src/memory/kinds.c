/* kinds.c -- the kinds of operation record that memories have. A name never changes its meaning: it
 * stands with each operation in the store.
 *
 * Bodies, behind the head of record.c:
 *   memory.store      count, items                       -> count, ids
 *   memory.messages   scope, new session, gap, count, items -> session, count, ids
 *   memory.update     id, scope, if_version, change      -> version
 *   memory.supersede  old id, scope, tombstone id, item  -> id
 *   memory.delete     scope, flags, tombstone id, count, (id, version) -> what was deleted
 *   memory.retain     kind, count, (row, state_at)       -> how many
 *   memory.access     count, (row, stamp, times) */
#include "memory/apply_int.h"

static const struct {
    const char *name;
    omega_status (*apply)(void *context, struct om_txn *txn, const struct om_record *record,
                          struct om_buf *result);
} kinds[OM_MEMORY_KIND_COUNT] = {
    [OM_MEMORY_KIND_STORE] = {"memory.store", om_apply_store},
    [OM_MEMORY_KIND_MESSAGES] = {"memory.messages", om_apply_messages},
    [OM_MEMORY_KIND_UPDATE] = {"memory.update", om_apply_update},
    [OM_MEMORY_KIND_SUPERSEDE] = {"memory.supersede", om_apply_supersede},
    [OM_MEMORY_KIND_DELETE] = {"memory.delete", om_apply_delete},
    [OM_MEMORY_KIND_RETAIN] = {"memory.retain", om_apply_retain},
    [OM_MEMORY_KIND_ACCESS] = {"memory.access", om_apply_access},
};

void om_memory_bind_kinds(struct om_memory *memory)
{
    for (size_t i = 0; i < OM_MEMORY_KIND_COUNT; i++) {
        memory->kinds[i] = (struct om_record_kind){kinds[i].name, kinds[i].apply, memory};
        memory->kind_list[i] = &memory->kinds[i];
    }
}
