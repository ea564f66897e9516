/* apply.c -- what the kinds of record share: rows with their vectors, events, receipts.
 *
 * A row is written, its vectors are put, a line goes into the change feed and a publication is
 * announced, always in this order; om_memory_announce comes last, because it reserves what makes
 * publishing infallible. Publications and what they point to live in the transaction's arena or in
 * the record's body, which both outlive the publish steps. */
#include "memory/apply_int.h"
#include "memory/schema_int.h"

omega_status om_apply_init(struct om_apply *a, struct om_memory *memory, struct om_txn *txn,
                           const struct om_record *record, struct om_buf *result)
{
    *a = (struct om_apply){.memory = memory,
                           .txn = txn,
                           .conn = om_txn_conn(txn),
                           .arena = om_txn_arena(txn),
                           .record = record,
                           .at = record->at_ms,
                           .seq = om_txn_seq(txn),
                           .result = result};
    om_unpack_init(&a->in, record->body.ptr, record->body.len);
    uint64_t form = om_unpack_u64(&a->in);
    if (!a->in.failed && form > OM_RECORD_FORM) {
        return om_fail(OMEGA_EFORMAT, "a %s record has form %llu; this library knows %d",
                       record->kind->name, (unsigned long long)form, OM_RECORD_FORM);
    }
    uint64_t actor = om_unpack_u64(&a->in);
    if (form != OM_RECORD_FORM || actor > OMEGA_ACTOR_SYSTEM) {
        a->in.failed = true;
        return om_unpack_finish(&a->in, record->kind->name);
    }
    a->actor = (omega_actor)actor;
    return OMEGA_OK;
}

omega_status om_apply_read(const struct om_apply *a)
{
    return om_unpack_finish(&a->in, a->record->kind->name);
}

/* ---- Vectors --------------------------------------------------------------------------------- */

static omega_status set_vector(struct om_row_vectors *vectors, const struct om_space *space,
                               const void *floats)
{
    unsigned i = 0;
    while (i < vectors->count && vectors->rows[i].space != space) {
        i++;
    }
    if (i == OM_ROW_VECTORS) {
        return om_fail(OMEGA_ELIMIT, "a memory has vectors in at most %d spaces", OM_ROW_VECTORS);
    }
    vectors->rows[i].space = space;
    vectors->rows[i].floats = floats;
    vectors->count = OM_MAX(vectors->count, i + 1);
    return OMEGA_OK;
}

omega_status om_apply_vector(struct om_apply *a, const struct om_packed_vector *vector,
                             struct om_row_vectors *out)
{
    if (vector->dimension == 0) {
        return OMEGA_OK;
    }
    const char *name = om_arena_text(a->arena, vector->space);
    if (name == NULL) {
        return om_nomem();
    }
    const struct om_space wanted = {.owner = OM_SPACE_MEMORIES,
                                    .metric = OM_METRIC_COSINE,
                                    .dimension = vector->dimension,
                                    .name = name};
    const struct om_space *space;
    omega_status status = om_spaces_ensure(a->memory->options.spaces, a->txn, &wanted, &space);
    return status == OMEGA_OK ? set_vector(out, space, vector->floats) : status;
}

omega_status om_apply_load_vectors(struct om_apply *a, int64_t row, struct om_row_vectors *out)
{
    struct om_reader reader = {.conn = a->conn, .seq = a->seq, .store = a->memory->store};
    struct om_spaces *spaces = a->memory->options.spaces;
    omega_status status = OMEGA_OK;
    out->count = 0;
    for (uint32_t id = 1; id <= OM_LIMIT_SPACES && status == OMEGA_OK; id++) {
        const struct om_space *space = om_spaces_in_apply(spaces, id);
        if (space == NULL || space->owner != OM_SPACE_MEMORIES) {
            continue;
        }
        float *floats = om_arena_get(a->arena, space->dimension * sizeof *floats);
        if (floats == NULL) {
            return om_nomem();
        }
        status = om_spaces_get(&reader, space, row, floats);
        if (status == OMEGA_OK) {
            status = set_vector(out, space, floats);
        } else if (status == OMEGA_ENOTFOUND) {
            status = OMEGA_OK;
        }
    }
    return status;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct om_publication *new_publication(struct om_apply *a, int64_t row)
{
    struct om_publication *publication = om_arena_get0(a->arena, 1, sizeof *publication);
    if (publication != NULL) {
        publication->row = row;
    }
    return publication;
}

omega_status om_apply_publish_change(struct om_apply *a, const struct om_memory_row *row)
{
    struct om_publication *publication = new_publication(a, row->row);
    if (publication == NULL) {
        return om_nomem();
    }
    publication->what = OM_PUBLISH_CHANGE;
    publication->values = *row;
    return om_memory_announce(a->memory, a->txn, publication);
}

omega_status om_apply_change_row(struct om_apply *a, struct om_memory_row *row)
{
    omega_status status = om_row_write(a->conn, row);
    if (status == OMEGA_OK) {
        status = om_txn_change(a->txn, OM_MEMORY_CHANGED, row->row, 0);
    }
    return status == OMEGA_OK ? om_apply_publish_change(a, row) : status;
}

static omega_status put_vectors(struct om_apply *a, struct om_publication *publication,
                                const struct om_row_vectors *vectors)
{
    omega_status status = OMEGA_OK;
    for (unsigned i = 0; i < vectors->count && status == OMEGA_OK; i++) {
        status = om_spaces_put(a->txn, vectors->rows[i].space, publication->row,
                               vectors->rows[i].floats);
        publication->vectors[i].space = vectors->rows[i].space;
        publication->vectors[i].floats = vectors->rows[i].floats;
    }
    publication->vector_count = vectors->count;
    return status;
}

omega_status om_apply_add_row(struct om_apply *a, struct om_memory_row *row,
                              const struct om_row_vectors *vectors)
{
    struct om_publication *publication = new_publication(a, 0);
    if (publication == NULL) {
        return om_nomem();
    }
    row->seq = a->seq;
    omega_status status = om_row_write(a->conn, row);
    if (status == OMEGA_OK && row->has_access) {
        status = om_row_write_access(a->conn, row);
    }
    if (status == OMEGA_OK) {
        publication->row = row->row;
        status = put_vectors(a, publication, vectors);
    }
    if (status == OMEGA_OK) {
        status = om_txn_change(a->txn, OM_MEMORY_ADDED, row->row, 0);
    }
    if (status == OMEGA_OK) {
        status = om_row_text(a->arena, row, &publication->text);
    }
    if (status == OMEGA_OK) {
        publication->what = OM_PUBLISH_ADD;
        publication->values = *row;
        status = om_memory_announce(a->memory, a->txn, publication);
    }
    return status;
}

omega_status om_apply_repeat(struct om_apply *a, int64_t row)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_REPEAT_ADD, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row);
    om_bind_i64(stmt, 1, (int64_t)a->seq);
    return om_run(stmt);
}

/* The first operation behind *seq that repeated the row's text; 0: none is left. */
static omega_status next_repeat(struct om_apply *a, int64_t row, uint64_t *seq)
{
    struct om_stmt *stmt;
    bool found;
    omega_status status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_REPEATS, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row);
    om_bind_i64(stmt, 1, (int64_t)*seq);
    status = om_step(stmt, &found);
    *seq = status == OMEGA_OK && found ? (uint64_t)om_col_i64(stmt, 0) : 0;
    om_stmt_reset(stmt);
    return status;
}

/* Empties what the operations that brought the row's text have kept of it. */
static omega_status forget_operations(struct om_apply *a, const struct om_memory_row *row)
{
    uint64_t seq = 0;
    bool repeated = false;
    omega_status status = om_txn_forget_op(a->txn, row->seq);
    while (status == OMEGA_OK) {
        status = next_repeat(a, row->row, &seq);
        if (status != OMEGA_OK || seq == 0) {
            break;
        }
        repeated = true;
        status = om_txn_forget_op(a->txn, seq);
    }
    struct om_stmt *stmt;
    if (status == OMEGA_OK && repeated) {
        status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_REPEATS_REMOVE, &stmt);
        if (status == OMEGA_OK) {
            om_bind_i64(stmt, 0, row->row);
            status = om_run(stmt);
        }
    }
    return status;
}

omega_status om_apply_remove_row(struct om_apply *a, const struct om_memory_row *row,
                                 uint64_t *removed)
{
    uint64_t vectors = 0;
    struct om_publication *publication = new_publication(a, row->row);
    if (publication == NULL) {
        return om_nomem();
    }
    omega_status status = om_spaces_drop(a->memory->options.spaces, a->txn, row->row, &vectors);
    if (status == OMEGA_OK) {
        status = om_row_remove(a->conn, row->row);
    }
    if (status == OMEGA_OK) {
        status = forget_operations(a, row);
    }
    if (status == OMEGA_OK) {
        status = om_txn_change(a->txn, OM_MEMORY_REMOVED, row->row, 0);
    }
    if (status == OMEGA_OK) {
        publication->what = OM_PUBLISH_REMOVE;
        status = om_memory_announce(a->memory, a->txn, publication);
    }
    *removed += 1 + vectors;
    return status;
}

omega_status om_apply_find(struct om_apply *a, struct om_uuid id, const omega_scope *scope,
                           struct om_memory_row *out)
{
    omega_status status = om_row_by_id(a->conn, id, out);
    bool over =
        status == OMEGA_OK && out->expires_at != OMEGA_TIME_UNSET && out->expires_at <= a->at;
    if (over || (status == OMEGA_OK && !om_row_visible(out, scope, false))) {
        return om_fail(OMEGA_ENOTFOUND, "no memory '%s'", om_uuid_text(id).text);
    }
    return status == OMEGA_OK ? om_row_copy(a->arena, out) : status;
}

/* ---- Events, tombstones, receipts ------------------------------------------------------------ */

static const char *event_name(omega_event_type type)
{
    static const char *const names[OMEGA_EVENT_TYPE_COUNT] = {
#define EVENT_NAME(name, value, text, durable) [name] = text,
        OMEGA_EVENT_ROWS(EVENT_NAME)
#undef EVENT_NAME
    };
    return names[type];
}

omega_status om_apply_event(struct om_apply *a, omega_event_type type,
                            const struct om_memory_row *row)
{
    omega_event event;
    memset(&event, 0, sizeof event);
    event.u.memory.id = om_uuid_text(row->id);
    event.u.memory.tier = row->tier;
    /* Names and ids hold nothing that JSON would escape. */
    char *json =
        om_arena_printf(a->arena, "{\"type\":\"%s\",\"tier\":\"%s\",\"memory\":\"%s\"}",
                        event_name(type), omega_tier_name(row->tier), event.u.memory.id.text);
    if (json == NULL) {
        return om_nomem();
    }
    return om_txn_event(a->txn, (uint32_t)type, omega_str_of(json), &event.u.memory,
                        sizeof event.u.memory);
}

omega_status om_apply_tombstones(struct om_apply *a, const omega_scope *scope,
                                 const unsigned char digest[OM_DIGEST_SIZE],
                                 bool override_tombstone)
{
    struct om_uuid id;
    omega_status status = om_tombstone_find(a->conn, digest, &id);
    if (status != OMEGA_OK || om_uuid_is_nil(id)) {
        return status;
    }
    if (!override_tombstone || a->actor != OMEGA_ACTOR_HUMAN) {
        return om_fail(OMEGA_EREJECTED,
                       "this was forgotten or corrected: tombstone %s; a human actor may store it "
                       "with override_tombstone",
                       om_uuid_text(id).text);
    }
    return om_apply_log_deletion(
        a, &(struct om_deletion_row){.kind = "override", .scope = *scope, .what = id});
}

static omega_str given_text(omega_str text)
{
    return text.len > 0 ? text : (omega_str){NULL, 0};
}

omega_status om_apply_log_deletion(struct om_apply *a, const struct om_deletion_row *row)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_DELETION_ADD, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, a->at);
    om_bind_i64(stmt, 1, (int64_t)a->actor);
    om_bind_str(stmt, 2, omega_str_of(row->kind));
    om_bind_str(stmt, 3, given_text(row->scope.user));
    om_bind_str(stmt, 4, given_text(row->scope.agent));
    om_bind_uuid(stmt, 5, row->what);
    om_bind_i64(stmt, 6, (int64_t)row->memories);
    om_bind_i64(stmt, 7, (int64_t)row->rows);
    om_bind_i64(stmt, 8, (int64_t)row->tombstones);
    om_bind_i64(stmt, 9, (int64_t)row->first_seq);
    om_bind_i64(stmt, 10, row->row_limit);
    return om_run(stmt);
}
