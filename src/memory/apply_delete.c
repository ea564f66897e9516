/* apply_delete.c -- forgotten memories: the kind memory.delete, and erasing for retention.
 *
 * A memory goes with all its past versions: rows, vectors, access figures, and what the operations
 * that wrote them kept of inputs and replies. What it corrected and what corrected it are memories
 * of their own and stay; their links to it are cut. Every erased content leaves a tombstone unless
 * the caller does not want one; equal contents leave one together.
 * A chain is walked by `supersedes`: past versions of the memory first, then what it corrected. */
#include "memory/apply_int.h"

/* Tombstone ids count up from the one in the record, which is random in its last 8 bytes. */
static struct om_uuid next_id(struct om_uuid id)
{
    for (size_t i = sizeof id.bytes; i > 8; i--) {
        if (++id.bytes[i - 1] != 0) {
            break;
        }
    }
    return id;
}

static omega_status erase_row(struct om_apply *a, const struct om_memory_row *row,
                              struct om_erasure *erasure)
{
    struct om_deletion_row *log = &erasure->log;
    omega_status status = OMEGA_OK;
    if (!erasure->no_tombstone) {
        bool added;
        const struct om_tombstone tombstone = {erasure->tombstone_id, a->at, OM_TOMBSTONE_DELETED};
        status = om_tombstone_add(a->conn, &tombstone, row, &added);
        if (added) {
            log->tombstones++;
            erasure->tombstone_id = next_id(erasure->tombstone_id);
        }
    }
    log->first_seq = log->first_seq == 0 ? row->seq : OM_MIN(log->first_seq, row->seq);
    log->row_limit = OM_MAX(log->row_limit, row->row);
    return status == OMEGA_OK ? om_apply_remove_row(a, row, &log->rows) : status;
}

/* Reads the row that `id` names into the arena; *found false when there is none. */
static omega_status follow(struct om_apply *a, struct om_uuid id, struct om_memory_row *row,
                           bool *found)
{
    *found = false;
    if (om_uuid_is_nil(id)) {
        return OMEGA_OK;
    }
    omega_status status = om_row_by_id(a->conn, id, row);
    *found = status == OMEGA_OK;
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    return status == OMEGA_OK ? om_row_copy(a->arena, row) : status;
}

/* What the memory had corrected no longer leads anywhere. */
static omega_status cut_older(struct om_apply *a, struct om_memory_row *older, struct om_uuid id)
{
    if (!om_uuid_eq(older->superseded_by, id)) {
        return OMEGA_OK;
    }
    memset(&older->superseded_by, 0, sizeof older->superseded_by);
    return om_apply_change_row(a, older);
}

/* The version of the newer memory that says it corrected this one. */
static omega_status cut_newer(struct om_apply *a, const struct om_memory_row *row)
{
    struct om_uuid at = row->superseded_by;
    struct om_memory_row newer;
    bool found = true;
    omega_status status = OMEGA_OK;
    while (status == OMEGA_OK && found) {
        status = follow(a, at, &newer, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        if (om_uuid_eq(newer.supersedes, row->id)) {
            memset(&newer.supersedes, 0, sizeof newer.supersedes);
            return om_apply_change_row(a, &newer);
        }
        at = newer.supersedes;
    }
    return status;
}

static omega_status erase_chain(struct om_apply *a, const struct om_memory_row *head,
                                struct om_erasure *erasure)
{
    struct om_uuid at = head->supersedes;
    omega_status status = OMEGA_OK;
    for (bool found = true; status == OMEGA_OK && found;) {
        struct om_memory_row row;
        status = follow(a, at, &row, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        if (!om_uuid_eq(row.version_of, head->id)) {
            return cut_older(a, &row, head->id);
        }
        at = row.supersedes;
        status = erase_row(a, &row, erasure);
    }
    return status;
}

omega_status om_apply_erase(struct om_apply *a, struct om_memory_row *row,
                            struct om_erasure *erasure)
{
    omega_status status = cut_newer(a, row);
    if (status == OMEGA_OK) {
        status = erase_chain(a, row, erasure);
    }
    if (status == OMEGA_OK) {
        status = erase_row(a, row, erasure);
    }
    erasure->log.memories++;
    return status == OMEGA_OK ? om_apply_event(a, OMEGA_EVENT_MEMORY_FORGOTTEN, row) : status;
}

omega_status om_apply_erased(struct om_apply *a, struct om_erasure *erasure)
{
    if (erasure->log.rows == 0) {
        return OMEGA_OK;
    }
    omega_status status = om_apply_log_deletion(a, &erasure->log);
    return status == OMEGA_OK ? om_txn_mark_erase(a->txn) : status;
}

/* ---- memory.delete --------------------------------------------------------------------------- */

struct target {
    struct om_uuid id;
    uint64_t version; /* 0: any */
};

/* One that must be there and must be right, or one of many that may have changed meanwhile. */
static omega_status erase_target(struct om_apply *a, const omega_scope *scope, bool strict,
                                 const struct target *target, struct om_erasure *erasure)
{
    struct om_memory_row row;
    omega_status status = om_row_by_id(a->conn, target->id, &row);
    if (status == OMEGA_OK && strict && !om_row_visible(&row, scope, false)) {
        return om_fail(OMEGA_ENOTFOUND, "no memory '%s'", om_uuid_text(target->id).text);
    }
    if (status == OMEGA_ENOTFOUND && !strict) {
        return OMEGA_OK;
    }
    if (status == OMEGA_OK && !om_uuid_is_nil(row.version_of)) {
        return om_fail(OMEGA_ECONFLICT, "%s is a past version of memory %s; name that one",
                       om_uuid_text(row.id).text, om_uuid_text(row.version_of).text);
    }
    if (status == OMEGA_OK && target->version != 0 && target->version != row.version) {
        return !strict ? OMEGA_OK
                       : om_fail(OMEGA_ECONFLICT, "memory %s has version %llu, not %llu",
                                 om_uuid_text(row.id).text, (unsigned long long)row.version,
                                 (unsigned long long)target->version);
    }
    if (status == OMEGA_OK) {
        status = om_row_copy(a->arena, &row);
    }
    return status == OMEGA_OK ? om_apply_erase(a, &row, erasure) : status;
}

static void pack_result(struct om_apply *a, const struct om_erasure *erasure, uint64_t asked)
{
    om_pack_u64(a->result, asked);
    om_pack_u64(a->result, erasure->log.memories);
    om_pack_u64(a->result, erasure->log.rows);
    om_pack_u64(a->result, erasure->log.tombstones);
    om_pack_u64(a->result, erasure->log.first_seq);
}

omega_status om_apply_delete(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result)
{
    struct om_apply a;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_erasure erasure = {.log = {.kind = "delete"}};
    om_unpack_scope(&a.in, &erasure.log.scope);
    bool strict = om_unpack_bool(&a.in);
    erasure.no_tombstone = om_unpack_bool(&a.in);
    erasure.tombstone_id = om_unpack_uuid(&a.in);
    uint64_t count = om_unpack_u64(&a.in);
    for (uint64_t i = 0; i < count && !a.in.failed && status == OMEGA_OK; i++) {
        struct target target = {.id = om_unpack_uuid(&a.in)};
        target.version = om_unpack_u64(&a.in);
        if (!a.in.failed) {
            status = erase_target(&a, &erasure.log.scope, strict, &target, &erasure);
        }
    }
    if (status == OMEGA_OK) {
        status = om_apply_read(&a);
    }
    if (status == OMEGA_OK) {
        status = om_apply_erased(&a, &erasure);
    }
    pack_result(&a, &erasure, count);
    return status;
}
