/* ops_change.c -- the operations that change and forget memories. */
#include "ops/ops_int.h"

/* ---- update_memory -------------------------------------------------------------------------- */

static const struct om_op_field update_fields[] = {
    {"id", "string", true, "the memory's id"},
    {"scope", "object", false, "user, agent, session"},
    {"if_version", "integer", false, "only if this is its version"},
    {"content", "string", false, "a new text; the past one stays in its history"},
    {"embedding", "array of numbers", false, "a new vector"},
    {"space", "string", false, "the vector's space"},
    {"tier", "string", false, "a new tier"},
    {"importance", "number", false, "0..1"},
    {"confidence", "number", false, "0..1"},
    {"type", "string", false, "a new type"},
    {"name", "string", false, "a new name or label"},
    {"metadata", "object", false, "replaces all metadata"},
    {"valid_from", "string", false, "RFC 3339"},
    {"valid_to", "string", false, "RFC 3339"},
    {"expires_at", "string", false, "RFC 3339"},
    {"pinned", "boolean", false, "never forgotten by time"},
    {"state", "string", false, "active or archived"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static int32_t state_of(struct om_members *members)
{
    const omega_str state = om_member_str(members, "state");
    if (om_str_eq_text(state, "active")) {
        return OMEGA_MEMORY_ACTIVE;
    }
    if (om_str_eq_text(state, "archived")) {
        return OMEGA_MEMORY_ARCHIVED;
    }
    if (om_str_given(state) && members->status == OMEGA_OK) {
        members->status = om_fail(OMEGA_EINVAL, "'state' must be active or archived");
    }
    return -1;
}

static int32_t pinned_of(struct om_members *members)
{
    return om_json_get(members->input, "pinned") == NULL
               ? -1
               : (int32_t)om_member_bool(members, "pinned", false);
}

static omega_update_options read_update(struct om_members *members)
{
    omega_update_options update = OMEGA_UPDATE_OPTIONS_INIT;
    update.id = om_member_text(members, "id");
    update.scope = om_member_scope(members, "scope");
    update.if_version = (uint64_t)om_member_int(members, "if_version", 1, INT64_MAX, 0);
    update.content = om_member_str(members, "content");
    update.embedding = om_member_floats(members, "embedding", &update.dimension);
    update.space = om_member_str(members, "space");
    update.tier = om_member_tier(members, "tier");
    update.importance = om_member_number(members, "importance", OMEGA_UNSET);
    update.confidence = om_member_number(members, "confidence", OMEGA_UNSET);
    update.type = om_member_str(members, "type");
    update.name = om_member_str(members, "name");
    update.metadata_json = om_member_object(members, "metadata");
    update.valid_from_ms = om_member_time(members, "valid_from");
    update.valid_to_ms = om_member_time(members, "valid_to");
    update.expires_at_ms = om_member_time(members, "expires_at");
    update.pinned = pinned_of(members);
    update.state = state_of(members);
    update.write = om_member_write(members);
    return update;
}

static omega_status run_update(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_update_options update = read_update(&members);
    uint64_t version = 0;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_update(call->rt, &update, &version);
    if (status == OMEGA_OK) {
        om_json_put_text(call->out, "id", update.id);
        om_json_put_u64(call->out, "version", version);
    }
    return status;
}

/* ---- supersede_memory ----------------------------------------------------------------------- */

static const struct om_op_field supersede_fields[] = {
    {"old_id", "string", true, "the memory that is corrected"},
    {"memory", "object", true, "the correction, as in store_memory"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static omega_status run_supersede(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const struct om_form form = {call->arena, "memory."};
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    omega_id id;
    const char *old_id = om_member_text(&members, "old_id");
    omega_status status = members.status;
    if (status == OMEGA_OK) {
        status = om_form_memory_input(&form, om_json_get(call->input, "memory"), false, &input);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    input.write = om_member_write(&members);
    status = members.status == OMEGA_OK ? omega_memory_supersede(call->rt, old_id, &input, &id)
                                        : members.status;
    if (status == OMEGA_OK) {
        om_json_put_text(call->out, "id", id.text);
    }
    return status;
}

/* ---- delete_memory, delete_memories --------------------------------------------------------- */

static const struct om_op_field delete_fields[] = {
    {"id", "string", true, "the memory's id"},
    {"scope", "object", false, "user, agent, session"},
    {"if_version", "integer", false, "only if this is its version"},
    {"now", "boolean", false, "erase from every file before returning, else within 60 s"},
    {"no_tombstone", "boolean", false, "allow that it is learned again"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static omega_delete_options read_delete(struct om_members *members)
{
    omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
    options.now = om_member_bool(members, "now", false);
    options.no_tombstone = om_member_bool(members, "no_tombstone", false);
    options.write = om_member_write(members);
    return options;
}

static omega_status run_delete(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_delete_options options = read_delete(&members);
    omega_deletion deletion = {.struct_size = sizeof deletion};
    options.id = om_member_text(&members, "id");
    options.scope = om_member_scope(&members, "scope");
    options.if_version = (uint64_t)om_member_int(&members, "if_version", 1, INT64_MAX, 0);
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_delete(call->rt, &options, &deletion);
    if (status == OMEGA_OK) {
        om_form_deletion(call->out, "deletion", &deletion);
    }
    return status;
}

static const struct om_op_field delete_where_fields[] = {
    {"scope", "object", false, "user, agent, session"},
    {"session_only", "boolean", false, "only of scope.session"},
    {"all_roots", "boolean", false, "of every user and agent"},
    {"tiers", "array of strings", false, "only these"},
    {"type", "string", false, "only this type"},
    {"filter", "object", false, "over metadata and fields"},
    {"include", "array of strings", false, "archived, superseded"},
    {"order", "string", false, "oldest, newest"},
    {"limit", "integer", false, "at most so many"},
    {"cursor", "string", false, "not used"},
    {"dry_run", "boolean", false, "only count"},
    {"now", "boolean", false, "erase from every file before returning, else within 60 s"},
    {"no_tombstone", "boolean", false, "allow that they are learned again"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static omega_status run_delete_where(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_delete_options options = read_delete(&members);
    const omega_list_options where = om_member_list(&members);
    omega_deletion deletion = {.struct_size = sizeof deletion};
    options.where = &where;
    options.scope = where.scope;
    options.dry_run = om_member_bool(&members, "dry_run", false);
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_delete_where(call->rt, &options, &deletion);
    if (status == OMEGA_OK) {
        om_form_deletion(call->out, "deletion", &deletion);
    }
    return status;
}

const struct om_op_row om_ops_change[] = {
    {"update_memory", "Change a memory; its past version stays in its history.", OM_HINT_IDEMPOTENT,
     OM_SCOPE_CALLER, update_fields, run_update},
    {"supersede_memory", "Store a correction of a memory, which is not learned again.",
     OM_HINT_IDEMPOTENT, OM_SCOPE_CALLER, supersede_fields, run_supersede},
    {"delete_memory", "Erase one memory, its versions and vectors, with a receipt.",
     OM_HINT_DESTRUCTIVE | OM_HINT_IDEMPOTENT, OM_SCOPE_CALLER, delete_fields, run_delete},
    {"delete_memories", "Erase all memories that a filter describes; dry_run only counts.",
     OM_HINT_DESTRUCTIVE | OM_HINT_IDEMPOTENT, OM_SCOPE_CALLER, delete_where_fields,
     run_delete_where},
};
const size_t om_ops_change_count = OM_COUNT_OF(om_ops_change);
