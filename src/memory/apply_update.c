/* apply_update.c -- changed memories: the kinds memory.update and memory.supersede.
 *
 * A change of what a memory says (content, vector, metadata, name, type, validity) makes a version:
 * the current row becomes the past one under a new id (superseded, believed until now), and a new
 * row takes over the id, its links and its access figures. So the id is stable, and the row that a
 * running search holds keeps its text and its vectors. What was not given is taken over, the
 * vectors included; a new content brings the embedder's new vector.
 * A change of how it is kept (tier, state, importance, confidence, pinned, expiry) happens in
 * place. Both count the version up; what changes nothing does nothing at all.
 * A correction (supersede) is another memory with an id of its own. */
#include "memory/apply_int.h"

static bool differs_text(omega_str given, omega_str current)
{
    return om_str_given(given) && !om_str_eq(given, current);
}

static bool differs_number(double given, double current)
{
    return !omega_is_unset(given) && (given < current || given > current);
}

static bool differs_time(int64_t given, int64_t current)
{
    return given != OMEGA_TIME_UNSET && given != current;
}

static omega_str plain_metadata(omega_str given)
{
    return given.len > 2 || !om_str_given(given) ? given : OM_STR("");
}

/* `current`: the row's vectors. */
static bool differs_vector(const struct om_packed_vector *given,
                           const struct om_row_vectors *current)
{
    for (unsigned i = 0; i < current->count; i++) {
        const struct om_space *space = current->rows[i].space;
        if (om_str_eq_text(given->space, space->name) && given->dimension == space->dimension) {
            size_t size = (size_t)given->dimension * sizeof(float);
            return memcmp(current->rows[i].floats, given->floats, size) != 0;
        }
    }
    return true;
}

/* Whether the memory says something else then. */
static omega_status says_otherwise(struct om_apply *a, const struct om_memory_row *row,
                                   const struct om_change *change, bool *out)
{
    *out = true;
    if (differs_text(change->content, row->content) || differs_text(change->type, row->type) ||
        differs_text(change->name, row->name) ||
        differs_text(plain_metadata(change->metadata), row->metadata) ||
        differs_time(change->valid_from, row->valid_from) ||
        differs_time(change->valid_to, row->valid_to)) {
        return OMEGA_OK;
    }
    *out = false;
    struct om_row_vectors vectors;
    omega_status status = OMEGA_OK;
    if (change->given.dimension > 0) {
        status = om_apply_load_vectors(a, row->row, &vectors);
        *out = status == OMEGA_OK && differs_vector(&change->given, &vectors);
    }
    return status;
}

static bool is_kept_otherwise(const struct om_memory_row *row, const struct om_change *change)
{
    return (change->tier != OMEGA_TIER_UNSET && change->tier != row->tier) ||
           (change->pinned >= 0 && (change->pinned != 0) != row->pinned) ||
           (change->state >= 0 && change->state != (int)row->state) ||
           differs_number(change->importance, row->importance) ||
           differs_number(change->confidence, row->confidence) ||
           differs_time(change->expires_at, row->expires_at);
}

static void keep_otherwise(const struct om_apply *a, struct om_memory_row *row,
                           const struct om_change *change)
{
    if (change->tier != OMEGA_TIER_UNSET && change->tier != row->tier) {
        row->tier = change->tier;
        double least = om_initial_stability(change->tier);
        row->stability = row->has_access ? OM_MAX(row->stability, least) : least;
    }
    if (change->pinned >= 0) {
        row->pinned = change->pinned != 0;
    }
    if (change->state >= 0 && change->state != (int)row->state) {
        row->state = (omega_memory_state)change->state;
        row->state_at = a->at;
    }
    row->importance = omega_is_unset(change->importance) ? row->importance : change->importance;
    row->confidence = omega_is_unset(change->confidence) ? row->confidence : change->confidence;
    if (change->expires_at != OMEGA_TIME_UNSET) {
        row->expires_at = change->expires_at;
    }
}

static void say_otherwise(struct om_memory_row *row, const struct om_change *change)
{
    if (om_str_given(change->content)) {
        row->content = change->content;
        memcpy(row->digest, change->digest, sizeof row->digest);
    }
    row->type = om_str_given(change->type) ? change->type : row->type;
    row->name = om_str_given(change->name) ? change->name : row->name;
    row->metadata =
        om_str_given(change->metadata) ? plain_metadata(change->metadata) : row->metadata;
    row->valid_from = change->valid_from != OMEGA_TIME_UNSET ? change->valid_from : row->valid_from;
    row->valid_to = change->valid_to != OMEGA_TIME_UNSET ? change->valid_to : row->valid_to;
}

/* The row as it stands becomes the past version. */
static omega_status make_past(struct om_apply *a, const struct om_memory_row *row,
                              struct om_uuid version_id)
{
    struct om_memory_row past = *row;
    past.id = version_id;
    past.version_of = row->id;
    past.superseded_by = row->id;
    past.state = OMEGA_MEMORY_SUPERSEDED;
    past.state_at = a->at;
    past.believed_to = a->at;
    return om_apply_change_row(a, &past);
}

/* Drops the vector of another caller's space when a new one comes: a memory has one. */
static void drop_given(struct om_apply *a, struct om_row_vectors *vectors)
{
    const struct om_embedder *embedder = a->memory->options.embedder;
    unsigned kept = 0;
    for (unsigned i = 0; i < vectors->count; i++) {
        if (embedder != NULL && strcmp(vectors->rows[i].space->name, embedder->space) == 0) {
            vectors->rows[kept++] = vectors->rows[i];
        }
    }
    vectors->count = kept;
}

static void drop_space(struct om_row_vectors *vectors, const char *name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < vectors->count; i++) {
        if (strcmp(vectors->rows[i].space->name, name) != 0) {
            vectors->rows[kept++] = vectors->rows[i];
        }
    }
    vectors->count = kept;
}

static omega_status new_vectors(struct om_apply *a, int64_t row, const struct om_change *change,
                                bool new_text, struct om_row_vectors *out)
{
    omega_status status = om_apply_load_vectors(a, row, out);
    if (status != OMEGA_OK) {
        return status;
    }
    if (change->given.dimension > 0) {
        drop_given(a, out);
    }
    if (new_text && a->memory->options.embedder != NULL) {
        drop_space(out, a->memory->options.embedder->space);
    }
    if (new_text) {
        status = om_apply_vector(a, &change->text, out);
    }
    return status == OMEGA_OK ? om_apply_vector(a, &change->given, out) : status;
}

static omega_status make_version(struct om_apply *a, struct om_memory_row *row,
                                 const struct om_change *change)
{
    struct om_row_vectors vectors;
    bool new_text = differs_text(change->content, row->content);
    omega_scope home = {row->user, row->agent, {NULL, 0}};
    omega_status status = OMEGA_OK;
    if (new_text && !om_digest_eq(change->digest, row->digest)) {
        status = om_apply_tombstones(a, &home, change->digest, change->override_tombstone);
    }
    if (status == OMEGA_OK) {
        status = new_vectors(a, row->row, change, new_text, &vectors);
    }
    if (status == OMEGA_OK) {
        status = make_past(a, row, change->version_id);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    say_otherwise(row, change);
    keep_otherwise(a, row, change);
    row->row = 0;
    row->supersedes = change->version_id;
    row->updated_at = a->at;
    row->actor = a->actor;
    row->version++;
    return om_apply_add_row(a, row, &vectors);
}

/* Whether the record holds something of what the memory says. */
static bool brings_text(const struct om_change *change)
{
    return om_str_given(change->content) || om_str_given(change->name) ||
           om_str_given(change->metadata) || change->given.dimension > 0;
}

static omega_status keep_in_place(struct om_apply *a, struct om_memory_row *row,
                                  const struct om_change *change)
{
    keep_otherwise(a, row, change);
    row->version++;
    omega_status status = row->has_access ? om_row_write_access(a->conn, row) : OMEGA_OK;
    return status == OMEGA_OK ? om_apply_change_row(a, row) : status;
}

omega_status om_apply_revision(struct om_apply *a, struct om_memory_row *row,
                               const struct om_change *change)
{
    bool otherwise;
    bool was_archived = row->state == OMEGA_MEMORY_ARCHIVED;
    omega_status status = says_otherwise(a, row, change, &otherwise);
    if (status == OMEGA_OK && !otherwise && brings_text(change)) {
        status = om_apply_repeat(a, row->row);
    }
    if (status != OMEGA_OK || (!otherwise && !is_kept_otherwise(row, change))) {
        return status;
    }
    status = otherwise ? make_version(a, row, change) : keep_in_place(a, row, change);
    if (status != OMEGA_OK) {
        return status;
    }
    bool archived = row->state == OMEGA_MEMORY_ARCHIVED && !was_archived;
    return om_apply_event(a, archived ? OMEGA_EVENT_MEMORY_ARCHIVED : OMEGA_EVENT_MEMORY_UPDATED,
                          row);
}

/* ---- memory.update --------------------------------------------------------------------------- */

static omega_status refuse_past(const struct om_memory_row *row)
{
    if (!om_uuid_is_nil(row->version_of)) {
        return om_fail(OMEGA_ECONFLICT, "%s is a past version of memory %s; name that one",
                       om_uuid_text(row->id).text, om_uuid_text(row->version_of).text);
    }
    return OMEGA_OK;
}

static omega_status refuse_superseded(const struct om_memory_row *row)
{
    omega_status status = refuse_past(row);
    if (status == OMEGA_OK && row->state == OMEGA_MEMORY_SUPERSEDED) {
        return om_fail(OMEGA_ECONFLICT, "memory %s was corrected by %s; change that one",
                       om_uuid_text(row->id).text,
                       om_uuid_is_nil(row->superseded_by) ? "another that is gone"
                                                          : om_uuid_text(row->superseded_by).text);
    }
    return status;
}

omega_status om_apply_update(void *context, struct om_txn *txn, const struct om_record *record,
                             struct om_buf *result)
{
    struct om_apply a;
    struct om_memory_row row;
    struct om_change change;
    omega_scope scope;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_uuid id = om_unpack_uuid(&a.in);
    om_unpack_scope(&a.in, &scope);
    uint64_t if_version = om_unpack_u64(&a.in);
    om_change_unpack(&a.in, &change);
    status = om_apply_read(&a);
    if (status == OMEGA_OK) {
        status = om_apply_find(&a, id, &scope, &row);
    }
    if (status == OMEGA_OK) {
        status = refuse_superseded(&row);
    }
    if (status == OMEGA_OK && if_version != 0 && if_version != row.version) {
        return om_fail(OMEGA_ECONFLICT, "memory %s has version %llu, not %llu",
                       om_uuid_text(id).text, (unsigned long long)row.version,
                       (unsigned long long)if_version);
    }
    if (status == OMEGA_OK) {
        status = om_apply_revision(&a, &row, &change);
        om_pack_u64(result, row.version);
    }
    return status;
}

/* ---- memory.supersede ------------------------------------------------------------------------ */

static omega_status retire(struct om_apply *a, struct om_memory_row *old, struct om_uuid by,
                           struct om_uuid tombstone_id, const struct om_item *item)
{
    old->state = OMEGA_MEMORY_SUPERSEDED;
    old->state_at = a->at;
    old->believed_to = a->at;
    old->superseded_by = by;
    old->valid_to = old->valid_to == OMEGA_TIME_UNSET ? a->at : old->valid_to;
    omega_status status = om_apply_change_row(a, old);
    /* A correction in the same words (spelling, case) must not forbid itself. */
    if (status == OMEGA_OK && !om_digest_eq(old->digest, item->digest)) {
        bool added;
        const struct om_tombstone tombstone = {tombstone_id, a->at, OM_TOMBSTONE_CORRECTED};
        status = om_tombstone_add(a->conn, &tombstone, old, &added);
    }
    return status == OMEGA_OK ? om_apply_event(a, OMEGA_EVENT_MEMORY_UPDATED, old) : status;
}

omega_status om_apply_supersede(void *context, struct om_txn *txn, const struct om_record *record,
                                struct om_buf *result)
{
    struct om_apply a;
    struct om_memory_row old;
    struct om_item item;
    omega_scope scope;
    omega_status status = om_apply_init(&a, context, txn, record, result);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_uuid old_id = om_unpack_uuid(&a.in);
    om_unpack_scope(&a.in, &scope);
    struct om_uuid tombstone_id = om_unpack_uuid(&a.in);
    om_item_unpack(&a.in, &item);
    status = om_apply_read(&a);
    if (status == OMEGA_OK) {
        status = om_apply_find(&a, old_id, &scope, &old);
    }
    if (status == OMEGA_OK) {
        status = refuse_superseded(&old);
    }
    if (status == OMEGA_OK) {
        status = retire(&a, &old, item.id, tombstone_id, &item);
    }
    struct om_uuid id = item.id;
    if (status == OMEGA_OK) {
        status = om_apply_item(&a, &item, old_id, &id);
    }
    om_pack_uuid(result, id);
    return status;
}
