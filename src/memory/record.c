/* record.c -- operation records of memories: their packed form, and their way to the store.
 *
 *   body   := form(1) actor  parts of the kind (kinds.c)
 *   item   := caller's fields in the order of pack_input, then id, version id, importance, digest,
 *             text vector
 *   vector := space, floats (with their count; 0: none)
 *
 * Unset numbers are a flag, not a NaN, so that one request has one form and one hash. Unpacking
 * copies nothing. Changing the form means a new number in front, and reading both. */
#include "memory/record_int.h"

static const char *const actor_names[] = {
    [OMEGA_ACTOR_MODEL] = "model", [OMEGA_ACTOR_HUMAN] = "human", [OMEGA_ACTOR_SYSTEM] = "system"};

/* ---- Parts ----------------------------------------------------------------------------------- */

void om_pack_uuid(struct om_buf *buf, struct om_uuid uuid)
{
    om_pack_bytes(buf, uuid.bytes, sizeof uuid.bytes);
}

struct om_uuid om_unpack_uuid(struct om_unpack *in)
{
    struct om_uuid uuid = {{0}};
    om_unpack_bytes(in, uuid.bytes, sizeof uuid.bytes);
    return uuid;
}

void om_pack_scope(struct om_buf *buf, const omega_scope *scope)
{
    om_pack_str(buf, scope->user);
    om_pack_str(buf, scope->agent);
    om_pack_str(buf, scope->session);
}

void om_unpack_scope(struct om_unpack *in, omega_scope *scope)
{
    scope->user = om_unpack_str(in);
    scope->agent = om_unpack_str(in);
    scope->session = om_unpack_str(in);
}

static void pack_number(struct om_buf *buf, double value)
{
    om_pack_bool(buf, !omega_is_unset(value));
    if (!omega_is_unset(value)) {
        om_pack_double(buf, value);
    }
}

static double unpack_number(struct om_unpack *in)
{
    return om_unpack_bool(in) ? om_unpack_double(in) : OMEGA_UNSET;
}

static void pack_vector(struct om_buf *buf, const struct om_packed_vector *vector)
{
    om_pack_str(buf, vector->space);
    om_pack_u64(buf, vector->dimension);
    om_pack_bytes(buf, vector->floats, (size_t)vector->dimension * sizeof(float));
}

static void unpack_vector(struct om_unpack *in, struct om_packed_vector *vector)
{
    vector->space = om_unpack_str(in);
    vector->floats = om_unpack_floats(in, &vector->dimension);
    if (vector->dimension > OM_LIMIT_DIMENSION) {
        in->failed = true;
    }
}

static unsigned unpack_below(struct om_unpack *in, unsigned bound)
{
    uint64_t value = om_unpack_u64(in);
    if (value >= bound) {
        in->failed = true;
        return 0;
    }
    return (unsigned)value;
}

static omega_tier unpack_tier(struct om_unpack *in)
{
    unsigned tier = unpack_below(in, OMEGA_TIER_COUNT + 1);
    return tier == OMEGA_TIER_COUNT ? OMEGA_TIER_UNSET : (omega_tier)tier;
}

static void pack_tier(struct om_buf *buf, omega_tier tier)
{
    om_pack_u64(buf, tier == OMEGA_TIER_UNSET ? OMEGA_TIER_COUNT : (unsigned)tier);
}

/* ---- Items ----------------------------------------------------------------------------------- */

static void pack_input(struct om_buf *buf, const struct om_item *item)
{
    const omega_memory_input *input = &item->input;
    pack_tier(buf, input->tier);
    om_pack_str(buf, input->content);
    om_pack_scope(buf, &input->scope);
    om_pack_str(buf, input->key);
    om_pack_str(buf, input->type);
    om_pack_str(buf, input->role);
    om_pack_str(buf, input->name);
    om_pack_str(buf, input->language);
    om_pack_str(buf, input->metadata_json);
    om_pack_str(buf, input->source_kind);
    om_pack_str(buf, input->source_uri);
    pack_number(buf, input->importance);
    pack_number(buf, input->confidence);
    om_pack_i64(buf, input->occurred_at_ms);
    om_pack_i64(buf, input->valid_from_ms);
    om_pack_i64(buf, input->valid_to_ms);
    om_pack_i64(buf, input->expires_at_ms);
    om_pack_i64(buf, input->created_at_ms);
    om_pack_i64(buf, input->position);
    om_pack_bool(buf, input->pinned);
    om_pack_bool(buf, input->override_tombstone);
    om_pack_uuid(buf, item->given_id);
    pack_vector(buf, &item->given);
}

void om_item_pack(struct om_draft *draft, const struct om_item *item)
{
    struct om_buf *buf = &draft->body;
    size_t from = buf->len;
    pack_input(buf, item);
    om_draft_hash(draft, from);
    om_pack_uuid(buf, item->id);
    om_pack_uuid(buf, item->version_id);
    om_pack_double(buf, item->importance);
    om_pack_bytes(buf, item->digest, sizeof item->digest);
    pack_vector(buf, &item->text);
}

static void unpack_input(struct om_unpack *in, struct om_item *item)
{
    omega_memory_input *input = &item->input;
    input->tier = unpack_tier(in);
    input->content = om_unpack_str(in);
    om_unpack_scope(in, &input->scope);
    input->key = om_unpack_str(in);
    input->type = om_unpack_str(in);
    input->role = om_unpack_str(in);
    input->name = om_unpack_str(in);
    input->language = om_unpack_str(in);
    input->metadata_json = om_unpack_str(in);
    input->source_kind = om_unpack_str(in);
    input->source_uri = om_unpack_str(in);
    input->importance = unpack_number(in);
    input->confidence = unpack_number(in);
    input->occurred_at_ms = om_unpack_i64(in);
    input->valid_from_ms = om_unpack_i64(in);
    input->valid_to_ms = om_unpack_i64(in);
    input->expires_at_ms = om_unpack_i64(in);
    input->created_at_ms = om_unpack_i64(in);
    input->position = om_unpack_i64(in);
    input->pinned = om_unpack_bool(in);
    input->override_tombstone = om_unpack_bool(in);
    item->given_id = om_unpack_uuid(in);
    unpack_vector(in, &item->given);
}

void om_item_unpack(struct om_unpack *in, struct om_item *item)
{
    memset(item, 0, sizeof *item);
    unpack_input(in, item);
    item->id = om_unpack_uuid(in);
    item->version_id = om_unpack_uuid(in);
    item->importance = om_unpack_double(in);
    om_unpack_bytes(in, item->digest, sizeof item->digest);
    unpack_vector(in, &item->text);
}

static void copy_id(struct om_uuid *out, const omega_id *id)
{
    if (id->text[0] == '\0' ||
        om_uuid_parse((omega_str){id->text, sizeof id->text - 1}, out) != OMEGA_OK) {
        memset(out, 0, sizeof *out);
    }
}

omega_status om_item_init(struct om_item *item, struct om_draft *draft,
                          const omega_memory_input *input)
{
    struct om_memory *memory = draft->memory;
    memset(item, 0, sizeof *item);
    item->input = *input;
    omega_status status = om_check_input(memory, &draft->arena, &item->input);
    if (status != OMEGA_OK) {
        return status;
    }
    if (input->override_tombstone && draft->options->actor != OMEGA_ACTOR_HUMAN) {
        return om_fail(OMEGA_EINVAL, "override_tombstone is set, but only a human actor may store "
                                     "what was forgotten");
    }
    copy_id(&item->given_id, &input->id);
    item->given =
        (struct om_packed_vector){item->input.space, item->input.dimension, item->input.embedding};
    item->id = om_uuid_is_nil(item->given_id) ? om_uuid_new(memory->options.ids) : item->given_id;
    item->version_id = om_uuid_new(memory->options.ids);
    item->importance = input->importance;
    status = om_tombstone_digest(memory, &item->input.scope, item->input.content, item->digest);
    if (status == OMEGA_OK) {
        status = om_draw_vector(memory, &draft->arena, item->input.content, &item->text);
    }
    return status;
}

/* ---- Changes --------------------------------------------------------------------------------- */

void om_change_pack(struct om_draft *draft, const struct om_change *change)
{
    struct om_buf *buf = &draft->body;
    size_t from = buf->len;
    pack_tier(buf, change->tier);
    om_pack_str(buf, change->content);
    om_pack_str(buf, change->type);
    om_pack_str(buf, change->name);
    om_pack_str(buf, change->metadata);
    pack_vector(buf, &change->given);
    om_pack_i64(buf, change->pinned);
    om_pack_i64(buf, change->state);
    pack_number(buf, change->importance);
    pack_number(buf, change->confidence);
    om_pack_i64(buf, change->valid_from);
    om_pack_i64(buf, change->valid_to);
    om_pack_i64(buf, change->expires_at);
    om_draft_hash(draft, from);
    om_pack_uuid(buf, change->version_id);
    om_pack_bytes(buf, change->digest, sizeof change->digest);
    pack_vector(buf, &change->text);
}

void om_change_unpack(struct om_unpack *in, struct om_change *change)
{
    memset(change, 0, sizeof *change);
    change->tier = unpack_tier(in);
    change->content = om_unpack_str(in);
    change->type = om_unpack_str(in);
    change->name = om_unpack_str(in);
    change->metadata = om_unpack_str(in);
    unpack_vector(in, &change->given);
    change->pinned = (int)om_unpack_i64(in);
    change->state = (int)om_unpack_i64(in);
    change->importance = unpack_number(in);
    change->confidence = unpack_number(in);
    change->valid_from = om_unpack_i64(in);
    change->valid_to = om_unpack_i64(in);
    change->expires_at = om_unpack_i64(in);
    change->version_id = om_unpack_uuid(in);
    om_unpack_bytes(in, change->digest, sizeof change->digest);
    unpack_vector(in, &change->text);
}

omega_status om_change_init(struct om_change *change, struct om_draft *draft,
                            const omega_update_options *options,
                            const struct om_memory_row *current)
{
    struct om_memory *memory = draft->memory;
    *change = (struct om_change){
        .tier = options->tier,
        .content = options->content,
        .type = options->type,
        .name = options->name,
        .metadata = options->metadata_json,
        .given = {options->space, options->dimension, options->embedding},
        .pinned = options->pinned,
        .state = options->state,
        .importance = options->importance,
        .confidence = options->confidence,
        .valid_from = options->valid_from_ms,
        .valid_to = options->valid_to_ms,
        .expires_at = options->expires_at_ms,
        .version_id = om_uuid_new(memory->options.ids),
    };
    if (!om_str_given(options->content)) {
        return OMEGA_OK;
    }
    omega_scope home = {current->user, current->agent, current->session};
    omega_status status = om_tombstone_digest(memory, &home, change->content, change->digest);
    if (status == OMEGA_OK) {
        status = om_draw_vector(memory, &draft->arena, change->content, &change->text);
    }
    return status;
}

/* ---- Drafts ---------------------------------------------------------------------------------- */

omega_status om_draft_init(struct om_draft *draft, struct om_memory *memory,
                           enum om_memory_kind kind, const omega_write_options *options)
{
    static const omega_write_options defaults;
    struct om_alloc *alloc = memory->options.alloc;
    memset(&draft->write, 0, sizeof draft->write);
    draft->memory = memory;
    draft->kind = kind;
    draft->options = options != NULL ? options : &defaults;
    om_arena_init(&draft->arena, alloc, OM_RECORD_CEILING);
    om_buf_init(&draft->body, alloc, OM_RECORD_CEILING);
    om_buf_init(&draft->write.result, alloc, OM_LIMIT_BULK);
    om_hasher_init(&draft->hash, (uint64_t)kind);
    omega_status status = om_check_write(draft->options);
    om_pack_u64(&draft->body, OM_RECORD_FORM);
    om_pack_u64(&draft->body, (uint64_t)draft->options->actor);
    return status;
}

void om_draft_fini(struct om_draft *draft)
{
    om_buf_fini(&draft->write.result);
    om_buf_fini(&draft->body);
    om_arena_fini(&draft->arena);
}

void om_draft_hash(struct om_draft *draft, size_t from)
{
    if (draft->body.status == OMEGA_OK) {
        om_hasher_add(&draft->hash, draft->body.ptr + from, draft->body.len - from);
    }
}

static void fill_receipt(const struct om_draft *draft)
{
    omega_receipt *receipt = draft->options->receipt;
    if (receipt == NULL) {
        return;
    }
    memset(receipt, 0, sizeof *receipt);
    receipt->seq = draft->write.seq;
    receipt->reached = (omega_durability)draft->write.reached;
    receipt->repeated = draft->write.repeated;
}

static omega_status choose_op_id(const struct om_draft *draft, struct om_uuid *out)
{
    if (draft->options->op_id.len > 0) {
        return om_uuid_parse(draft->options->op_id, out);
    }
    *out = om_uuid_new(draft->memory->options.ids);
    return OMEGA_OK;
}

omega_status om_draft_commit(struct om_draft *draft, const omega_scope *scope,
                             const struct om_uuid *op_id)
{
    static const omega_scope shared;
    struct om_memory *memory = draft->memory;
    struct om_record *record = &draft->write.record;
    omega_status status = draft->body.status;
    if (status == OMEGA_ELIMIT) {
        return om_fail(status, "the request is over %d MiB with its vectors",
                       OM_RECORD_CEILING >> 20);
    }
    if (status == OMEGA_OK && op_id == NULL) {
        status = choose_op_id(draft, &record->op_id);
    } else if (status == OMEGA_OK) {
        record->op_id = *op_id;
    }
    if (status != OMEGA_OK) {
        return status == OMEGA_ENOMEM ? om_nomem() : status;
    }
    record->kind = memory->kind_list[draft->kind];
    record->at_ms = om_wall_ms(memory->options.clock);
    record->actor = omega_str_of(actor_names[draft->options->actor]);
    record->scope = scope != NULL ? *scope : shared;
    record->request_hash = om_hasher_result(&draft->hash);
    record->body = om_buf_str(&draft->body);
    record->durability = draft->options->durability == OMEGA_DURABILITY_DEFAULT
                             ? memory->options.durability
                             : (enum om_durability)draft->options->durability;
    status = om_store_commit(memory->store, &draft->write, 1);
    if (status == OMEGA_OK) {
        fill_receipt(draft);
    }
    return status;
}
