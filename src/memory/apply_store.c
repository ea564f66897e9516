/* apply_store.c -- new memories: the kinds memory.store and memory.messages.
 *
 * A key that stands in the same user and agent makes the store a change of that memory: what the
 * input gives replaces, what it leaves open stays, an archived one becomes active again. All or
 * nothing comes from the record's savepoint; the message names the item.
 * The session of messages without one is found here, not by the caller: the last message of the
 * same user and agent, if it is no further away than the gap, else the new name that the record
 * brings. Positions go on behind the session's highest. So two callers that speak at once get one
 * order. */
#include "memory/apply_int.h"
#include "memory/schema_int.h"

static omega_str or_default(omega_str text, omega_str otherwise)
{
    return text.len > 0 ? text : otherwise;
}

static int64_t or_time(int64_t time, int64_t otherwise)
{
    return time != OMEGA_TIME_UNSET ? time : otherwise;
}

static omega_str kept_metadata(omega_str json)
{
    return json.len > 2 ? json : (omega_str){NULL, 0};
}

static void row_of_item(const struct om_apply *a, const struct om_item *item,
                        struct om_memory_row *row)
{
    const omega_memory_input *in = &item->input;
    omega_str type = or_default(in->type, OM_STR("note"));
    int64_t created = or_time(in->created_at_ms, a->at);
    *row = (struct om_memory_row){
        .id = item->id,
        .tier = in->tier == OMEGA_TIER_UNSET ? OMEGA_TIER_EPISODIC : in->tier,
        .state = OMEGA_MEMORY_ACTIVE,
        .actor = a->actor,
        .pinned = in->pinned || om_str_eq_text(type, "block"),
        .content = in->content,
        .key = in->key,
        .type = type,
        .role = in->role,
        .name = in->name,
        .language = in->language,
        .metadata = kept_metadata(in->metadata_json),
        .user = in->scope.user,
        .agent = in->scope.agent,
        .session = in->scope.session,
        .source_kind = in->source_kind,
        .source_uri = in->source_uri,
        .importance = item->importance,
        .confidence = omega_is_unset(in->confidence) ? 1.0 : in->confidence,
        .position = in->position,
        .occurred_at = or_time(in->occurred_at_ms, a->at),
        .valid_from = in->valid_from_ms,
        .valid_to = in->valid_to_ms,
        .created_at = created,
        .updated_at = created,
        .believed_to = OMEGA_TIME_UNSET,
        .expires_at = in->expires_at_ms,
        .state_at = a->at,
        .version = 1,
        .accessed_at = OMEGA_TIME_UNSET,
        .difficulty = om_initial_difficulty(),
    };
    row->stability = om_initial_stability(row->tier);
    memcpy(row->digest, item->digest, sizeof row->digest);
}

static omega_status change_by_key(struct om_apply *a, const struct om_item *item,
                                  struct om_memory_row *row)
{
    const omega_memory_input *in = &item->input;
    struct om_change change = {
        .tier = in->tier,
        .content = in->content,
        .type = in->type,
        .name = in->name,
        .metadata = in->metadata_json,
        .given = item->given,
        .text = item->text,
        .pinned = in->pinned ? 1 : -1,
        .state = OMEGA_MEMORY_ACTIVE,
        .importance = in->importance,
        .confidence = in->confidence,
        .valid_from = in->valid_from_ms,
        .valid_to = in->valid_to_ms,
        .expires_at = in->expires_at_ms,
        .version_id = item->version_id,
        .override_tombstone = in->override_tombstone,
    };
    memcpy(change.digest, item->digest, sizeof change.digest);
    return om_apply_revision(a, row, &change);
}

static omega_status add_item(struct om_apply *a, const struct om_item *item,
                             struct om_uuid supersedes)
{
    struct om_memory_row row;
    struct om_row_vectors vectors = {.count = 0};
    omega_status status =
        om_apply_tombstones(a, &item->input.scope, item->digest, item->input.override_tombstone);
    if (status == OMEGA_OK) {
        status = om_apply_vector(a, &item->text, &vectors);
    }
    if (status == OMEGA_OK) {
        status = om_apply_vector(a, &item->given, &vectors);
    }
    if (status == OMEGA_OK) {
        row_of_item(a, item, &row);
        row.supersedes = supersedes;
        status = om_apply_add_row(a, &row, &vectors);
    }
    return status == OMEGA_OK ? om_apply_event(a, OMEGA_EVENT_MEMORY_STORED, &row) : status;
}

/* An id of the caller that is known: the same memory again is fine, another is not. */
static omega_status meet_id(struct om_apply *a, const struct om_item *item, bool *known)
{
    struct om_memory_row row;
    omega_status status = om_row_by_id(a->conn, item->given_id, &row);
    *known = status == OMEGA_OK;
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    bool same = status == OMEGA_OK && om_str_eq(row.content, item->input.content) &&
                om_str_eq(row.user, item->input.scope.user) &&
                om_str_eq(row.agent, item->input.scope.agent) &&
                om_str_eq(row.session, item->input.scope.session) &&
                om_str_eq(row.key, item->input.key);
    if (status == OMEGA_OK && !same) {
        return om_fail(OMEGA_ECONFLICT, "the id %s is known with other contents",
                       om_uuid_text(item->given_id).text);
    }
    return status == OMEGA_OK ? om_apply_repeat(a, row.row) : status;
}

/* A memory whose time is over makes room for its key, as if upkeep had come by before. */
static omega_status erase_expired(struct om_apply *a, struct om_memory_row *row)
{
    struct om_erasure erasure = {.log = {.kind = "expire"}, .no_tombstone = true};
    omega_status status = om_apply_erase(a, row, &erasure);
    return status == OMEGA_OK ? om_apply_erased(a, &erasure) : status;
}

static omega_status find_key(struct om_apply *a, const struct om_item *item,
                             struct om_memory_row *row)
{
    const omega_memory_input *in = &item->input;
    if (in->key.len == 0) {
        return OMEGA_ENOTFOUND;
    }
    omega_status status = om_row_by_key(a->conn, in->scope.user, in->scope.agent, in->key, row);
    if (status == OMEGA_OK) {
        status = om_row_copy(a->arena, row);
    }
    if (status == OMEGA_OK && row->expires_at != OMEGA_TIME_UNSET && row->expires_at <= a->at) {
        status = erase_expired(a, row);
        return status == OMEGA_OK ? OMEGA_ENOTFOUND : status;
    }
    return status;
}

omega_status om_apply_item(struct om_apply *a, const struct om_item *item,
                           struct om_uuid supersedes, struct om_uuid *id)
{
    struct om_memory_row row;
    bool known = false;
    omega_status status = find_key(a, item, &row);
    if (status == OMEGA_OK && !om_uuid_is_nil(supersedes)) {
        return om_fail(OMEGA_ECONFLICT, "the key '%.*s' belongs to memory %s",
                       OM_STR_ARG(om_utf8_clip(item->input.key, 64)), om_uuid_text(row.id).text);
    }
    if (status == OMEGA_OK) {
        *id = row.id;
        return change_by_key(a, item, &row);
    }
    if (status == OMEGA_ENOTFOUND && !om_uuid_is_nil(item->given_id)) {
        status = meet_id(a, item, &known);
    } else if (status == OMEGA_ENOTFOUND) {
        status = OMEGA_OK;
    }
    *id = item->id;
    return status == OMEGA_OK && !known ? add_item(a, item, supersedes) : status;
}

/* ---- memory.store ---------------------------------------------------------------------------- */

static size_t read_count(struct om_apply *a)
{
    uint64_t count = om_unpack_u64(&a->in);
    if (count > OM_LIMIT_BATCH) {
        a->in.failed = true;
        return 0;
    }
    return (size_t)count;
}

omega_status om_apply_store(void *context, struct om_txn *txn, const struct om_record *record,
                            struct om_buf *result)
{
    struct om_apply a;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    size_t count = status == OMEGA_OK ? read_count(&a) : 0;
    om_pack_u64(result, count);
    for (size_t i = 0; i < count && status == OMEGA_OK; i++) {
        struct om_item item;
        struct om_uuid id;
        om_item_unpack(&a.in, &item);
        if (a.in.failed) {
            break;
        }
        status = om_apply_item(&a, &item, (struct om_uuid){{0}}, &id);
        if (status != OMEGA_OK && count > 1) {
            return om_error_prefix(status, "memory %zu", i);
        }
        om_pack_uuid(result, id);
    }
    return status == OMEGA_OK ? om_apply_read(&a) : status;
}

/* ---- memory.messages ------------------------------------------------------------------------- */

/* The session of the last message that this user and agent exchanged. */
static omega_status last_session(struct om_apply *a, const omega_scope *scope, omega_str *session,
                                 int64_t *occurred_at)
{
    struct om_stmt *stmt;
    bool found;
    *session = (omega_str){NULL, 0};
    omega_status status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_SESSION_LAST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, scope->user);
    om_bind_str(stmt, 1, scope->agent);
    status = om_step(stmt, &found);
    if (status == OMEGA_OK && found) {
        *session = om_arena_str(a->arena, om_col_str(stmt, 0));
        *occurred_at = om_col_i64(stmt, 1);
        status = session->ptr != NULL ? OMEGA_OK : om_nomem();
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status resolve_session(struct om_apply *a, omega_scope *scope, omega_str fresh,
                                    int64_t gap_ms, int64_t first_at)
{
    if (scope->session.len > 0) {
        return OMEGA_OK;
    }
    omega_str last;
    int64_t last_at = 0;
    omega_status status = last_session(a, scope, &last, &last_at);
    if (status == OMEGA_OK) {
        int64_t away = first_at > last_at ? first_at - last_at : last_at - first_at;
        scope->session = last.len > 0 && away <= gap_ms ? last : fresh;
    }
    return status;
}

static omega_status next_position(struct om_apply *a, const omega_scope *scope, int64_t *out)
{
    struct om_stmt *stmt;
    bool found;
    *out = 0;
    omega_status status = om_sql(a->conn, &om_memory_schema, OM_MEMORY_SQL_SESSION_END, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, scope->session);
    om_bind_str(stmt, 1, scope->user);
    om_bind_str(stmt, 2, scope->agent);
    status = om_step(stmt, &found);
    if (status == OMEGA_OK && found && !om_col_is_null(stmt, 0)) {
        *out = OM_MAX(om_col_i64(stmt, 0), -1) + 1;
    }
    om_stmt_reset(stmt);
    return status;
}

/* What a message did not bring itself. A known key keeps its own session and position. */
static void place_message(struct om_item *item, const omega_scope *scope, int64_t position)
{
    item->input.scope = *scope;
    item->input.tier = OMEGA_TIER_SESSION;
    item->input.position = position;
}

static omega_status add_messages(struct om_apply *a, const omega_scope *scope, size_t count,
                                 const struct om_item *items)
{
    int64_t position;
    omega_status status = next_position(a, scope, &position);
    for (size_t i = 0; i < count && status == OMEGA_OK; i++) {
        struct om_item item = items[i];
        struct om_uuid id;
        place_message(&item, scope, position);
        status = om_apply_item(a, &item, (struct om_uuid){{0}}, &id);
        if (status != OMEGA_OK) {
            return om_error_prefix(status, "message %zu", i);
        }
        position += om_uuid_eq(id, item.id) ? 1 : 0;
        om_pack_uuid(a->result, id);
    }
    return status;
}

static omega_status read_items(struct om_apply *a, size_t count, struct om_item **out)
{
    *out = om_arena_get0(a->arena, OM_MAX(count, (size_t)1), sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < count && !a->in.failed; i++) {
        om_item_unpack(&a->in, &(*out)[i]);
    }
    return om_apply_read(a);
}

omega_status om_apply_messages(void *context, struct om_txn *txn, const struct om_record *record,
                               struct om_buf *result)
{
    struct om_apply a;
    omega_scope scope;
    struct om_item *items = NULL;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    om_unpack_scope(&a.in, &scope);
    omega_str fresh = om_unpack_str(&a.in);
    int64_t gap_ms = om_unpack_i64(&a.in);
    size_t count = read_count(&a);
    status = read_items(&a, count, &items);
    if (status == OMEGA_OK) {
        int64_t first_at = count > 0 ? or_time(items[0].input.occurred_at_ms, a.at) : a.at;
        status = resolve_session(&a, &scope, fresh, gap_ms, first_at);
    }
    om_pack_str(result, scope.session);
    om_pack_u64(result, count);
    return status == OMEGA_OK ? add_messages(&a, &scope, count, items) : status;
}
