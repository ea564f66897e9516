/* apply_upkeep.c -- what time does to memories: the kinds memory.retain and memory.access.
 *
 * Both come from a look at the store that may be a moment old, so they ask again: a row that has
 * changed its state since is left alone; a row that has become a past version hands its accesses to
 * the memory. What retention removes leaves no tombstone: nobody said that it was wrong. */
#include "memory/apply_int.h"

/* ---- memory.retain --------------------------------------------------------------------------- */

static omega_status archive(struct om_apply *a, struct om_memory_row *row)
{
    row->state = OMEGA_MEMORY_ARCHIVED;
    row->state_at = a->at;
    row->version++;
    omega_status status = om_apply_change_row(a, row);
    return status == OMEGA_OK ? om_apply_event(a, OMEGA_EVENT_MEMORY_ARCHIVED, row) : status;
}

static bool still_due(const struct om_apply *a, const struct om_memory_row *row,
                      enum om_retain_kind kind, int64_t state_at)
{
    switch (kind) {
    case OM_RETAIN_ARCHIVE:
        return row->state == OMEGA_MEMORY_ACTIVE && row->state_at == state_at && !row->pinned;
    case OM_RETAIN_EXPIRE:
        return row->expires_at != OMEGA_TIME_UNSET && row->expires_at <= a->at;
    case OM_RETAIN_REMOVE:
        return row->state == OMEGA_MEMORY_ARCHIVED && row->state_at == state_at && !row->pinned;
    }
    return false;
}

static omega_status retain_row(struct om_apply *a, enum om_retain_kind kind,
                               struct om_erasure *erasure, uint64_t *done)
{
    struct om_memory_row row;
    int64_t number = om_unpack_i64(&a->in);
    int64_t state_at = om_unpack_i64(&a->in);
    omega_status status = a->in.failed ? OMEGA_ENOTFOUND : om_row_by_number(a->conn, number, &row);
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    if (status != OMEGA_OK || !om_uuid_is_nil(row.version_of) ||
        !still_due(a, &row, kind, state_at)) {
        return status;
    }
    ++*done;
    status = om_row_copy(a->arena, &row);
    if (status != OMEGA_OK) {
        return status;
    }
    return kind == OM_RETAIN_ARCHIVE ? archive(a, &row) : om_apply_erase(a, &row, erasure);
}

omega_status om_apply_retain(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result)
{
    struct om_apply a;
    uint64_t done = 0;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    uint64_t kind = om_unpack_u64(&a.in);
    uint64_t count = om_unpack_u64(&a.in);
    if (kind > OM_RETAIN_REMOVE) {
        a.in.failed = true;
    }
    struct om_erasure erasure = {.log = {.kind = kind == OM_RETAIN_EXPIRE ? "expire" : "retain"},
                                 .no_tombstone = true};
    for (uint64_t i = 0; i < count && !a.in.failed && status == OMEGA_OK; i++) {
        status = retain_row(&a, (enum om_retain_kind)kind, &erasure, &done);
    }
    if (status == OMEGA_OK) {
        status = om_apply_read(&a);
    }
    if (status == OMEGA_OK) {
        status = om_apply_erased(&a, &erasure);
    }
    om_pack_u64(result, done);
    return status;
}

/* ---- memory.access --------------------------------------------------------------------------- */

/* Shown, not known whether it was used: a Hard review, once a day at most. Showing again on the
 * same day says nothing new about how well it is remembered, and must not wear it down. */
static void review(struct om_memory_row *row, int64_t stamp)
{
    static const int64_t day_ms = 86400000;
    int64_t last = row->accessed_at != OMEGA_TIME_UNSET ? row->accessed_at : row->created_at;
    int64_t elapsed = stamp - last;
    if (row->tier <= OMEGA_TIER_SHORT_TERM || elapsed < day_ms) {
        return;
    }
    struct om_fsrs state = om_fsrs_review((struct om_fsrs){row->difficulty, row->stability},
                                          OM_GRADE_HARD, (double)elapsed / (double)day_ms);
    row->difficulty = state.difficulty;
    row->stability = OM_MAX(state.stability, row->stability);
}

static omega_status access_row(struct om_apply *a, int64_t number, int64_t stamp, uint64_t times)
{
    struct om_memory_row row;
    omega_status status = om_row_by_number(a->conn, number, &row);
    if (status == OMEGA_OK && !om_uuid_is_nil(row.version_of)) {
        status = om_row_by_id(a->conn, row.version_of, &row);
    }
    if (status != OMEGA_OK) {
        /* Forgotten meanwhile; a damaged row is the business of whoever reads it. */
        return status == OMEGA_ENOTFOUND || status == OMEGA_ECORRUPT ? OMEGA_OK : status;
    }
    review(&row, stamp);
    bool newer = row.accessed_at == OMEGA_TIME_UNSET || stamp > row.accessed_at;
    row.accessed_at = newer ? stamp : row.accessed_at;
    row.access_count += times;
    status = om_row_write_access(a->conn, &row);
    if (status == OMEGA_OK) {
        status = om_row_copy(a->arena, &row);
    }
    return status == OMEGA_OK ? om_apply_publish_change(a, &row) : status;
}

omega_status om_apply_access(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result)
{
    struct om_apply a;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    uint64_t count = om_unpack_u64(&a.in);
    for (uint64_t i = 0; i < count && !a.in.failed && status == OMEGA_OK; i++) {
        int64_t number = om_unpack_i64(&a.in);
        int64_t stamp = om_unpack_i64(&a.in);
        uint64_t times = om_unpack_u64(&a.in);
        if (!a.in.failed) {
            status = access_row(&a, number, stamp, times);
        }
    }
    om_pack_u64(result, count);
    return status == OMEGA_OK ? om_apply_read(&a) : status;
}
