/* ops_memory.c -- the operations that keep and find memories. */
#include "ops/ops_int.h"

#define FIELDS_MEMORY                                                                              \
    {"tier", "string", false, "immediate .. cosmic; episodic when not given"},                     \
        {"embedding", "array of numbers", false, "the caller's vector"},                           \
        {"embedding_b64", "string", false, "the same as base64 of little-endian 32-bit floats"},   \
        {"space", "string", false, "the vector's space; default when not given"},                  \
        {"importance", "number", false, "0..1; measured novelty when not given"},                  \
        {"confidence", "number", false, "0..1; 1 when not given"},                                 \
        {"scope", "object", false, "user, agent, session"},                                        \
        {"key", "string", false, "the caller's own id: a known one is updated"},                   \
        {"type", "string", false, "note when not given; block is pinned"},                         \
        {"role", "string", false, "of a message"},                                                 \
        {"name", "string", false, "of the speaker, or a block's label"},                           \
        {"language", "string", false, "a BCP 47 tag"},                                             \
        {"metadata", "object", false, "anything, at most 64 KiB"},                                 \
        {"source", "object", false, "kind, uri"},                                                  \
        {"occurred_at", "string", false, "RFC 3339; now when not given"},                          \
        {"valid_from", "string", false, "RFC 3339"}, {"valid_to", "string", false, "RFC 3339"},    \
        {"expires_at", "string", false, "RFC 3339: erased after it"},                              \
        {"position", "integer", false, "inside its session"},                                      \
        {"pinned", "boolean", false, "never forgotten by time"},                                   \
        {"id", "string", false, "a UUID; a new one when not given"},                               \
        {"created_at", "string", false, "RFC 3339; of an import"},                                 \
    {                                                                                              \
        "override_tombstone", "boolean", false, "store although forgotten before; human only"      \
    }

/* ---- store_memory, store_memories, add_messages --------------------------------------------- */

static const struct om_op_field store_fields[] = {
    {"content", "string", true, "what to remember, 1 byte to 1 MiB"},
    FIELDS_MEMORY,
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static void put_receipt(struct om_json_out *out, const omega_receipt *receipt)
{
    om_json_put_u64(out, "seq", receipt->seq);
    om_json_put_text(out, "durability",
                     receipt->reached == OMEGA_DURABILITY_DISK ? "disk" : "process");
    om_json_put_bool(out, "repeated", receipt->repeated);
}

static omega_status run_store(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const struct om_form form = {call->arena, ""};
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    omega_receipt receipt = {.seq = 0};
    omega_id id;
    omega_status status = om_form_memory_input(&form, call->input, true, &input);
    if (status != OMEGA_OK) {
        return status;
    }
    input.write = om_member_write(&members);
    input.write.receipt = &receipt;
    status =
        members.status == OMEGA_OK ? omega_memory_store(call->rt, &input, &id) : members.status;
    if (status == OMEGA_OK) {
        om_json_put_text(call->out, "id", id.text);
        put_receipt(call->out, &receipt);
    }
    return status;
}

static const struct om_op_field store_batch_fields[] = {
    {"memories", "array of memories", true, "1 to 10,000, as in store_memory"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static void put_ids(struct om_json_out *out, const omega_id *ids, size_t count)
{
    om_json_open(out, "ids", '[');
    for (size_t i = 0; i < count; i++) {
        om_json_put_text(out, NULL, ids[i].text);
    }
    om_json_close(out, ']');
}

static omega_status read_memories(struct om_op_call *call, omega_memory_input **out, size_t *count)
{
    const struct om_json *list = om_json_get(call->input, "memories");
    *count = om_json_count(list);
    if (om_json_type_of(list) != OM_JSON_ARRAY || *count < 1 || *count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "'memories' must be an array of 1 to %d memories",
                       (int)OM_LIMIT_BATCH);
    }
    *out = (omega_memory_input *)om_arena_get0(call->arena, *count, sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < *count; i++) {
        const struct om_form form = {call->arena,
                                     om_arena_printf(call->arena, "memories[%zu].", i)};
        const struct om_json *one = om_json_at(list, i);
        const omega_status status =
            form.where != NULL ? om_form_memory_input(&form, one, false, &(*out)[i]) : om_nomem();
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

static omega_status run_store_batch(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_memory_input *memories = NULL;
    omega_receipt receipt = {.seq = 0};
    size_t count = 0;
    omega_status status = read_memories(call, &memories, &count);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_write_options write = om_member_write(&members);
    write.receipt = &receipt;
    omega_id *ids = (omega_id *)om_arena_get0(call->arena, count, sizeof *ids);
    status = ids != NULL ? members.status : om_nomem();
    if (status == OMEGA_OK) {
        status = omega_memory_store_batch(call->rt, memories, count, &write, ids);
    }
    if (status == OMEGA_OK) {
        put_ids(call->out, ids, count);
        put_receipt(call->out, &receipt);
    }
    return status;
}

static const struct om_op_field messages_fields[] = {
    {"messages", "array of messages", true, "role, content, name?, metadata?, occurred_at?, key?"},
    {"scope", "object", false, "user, agent, session; the current session when not given"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static omega_status read_messages(struct om_op_call *call, omega_message **out, size_t *count)
{
    static const char *const known[] = {"role",        "name", "content", "metadata",
                                        "occurred_at", "key",  NULL};
    const struct om_json *list = om_json_get(call->input, "messages");
    *count = om_json_count(list);
    if (om_json_type_of(list) != OM_JSON_ARRAY || *count < 1 || *count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "'messages' must be an array of 1 to %d messages",
                       (int)OM_LIMIT_BATCH);
    }
    *out = (omega_message *)om_arena_get0(call->arena, *count, sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < *count; i++) {
        struct om_members one = om_members_inside(call, om_json_at(list, i), known);
        (*out)[i] = (omega_message){
            .role = om_member_str(&one, "role"),
            .name = om_member_str(&one, "name"),
            .content = om_member_str(&one, "content"),
            .metadata_json = om_member_object(&one, "metadata"),
            .occurred_at_ms = om_member_time(&one, "occurred_at"),
            .key = om_member_str(&one, "key"),
        };
        if (one.status != OMEGA_OK) {
            return om_error_prefix(one.status, "messages[%zu]", i);
        }
    }
    return OMEGA_OK;
}

static omega_status run_messages(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_messages_options options = {.struct_size = sizeof options};
    omega_message *messages = NULL;
    char session[257] = "";
    omega_status status = read_messages(call, &messages, &options.count);
    if (status != OMEGA_OK) {
        return status;
    }
    options.messages = messages;
    options.scope = om_member_scope(&members, "scope");
    options.write = om_member_write(&members);
    omega_id *ids = (omega_id *)om_arena_get0(call->arena, options.count, sizeof *ids);
    status = ids != NULL ? members.status : om_nomem();
    if (status == OMEGA_OK) {
        status = omega_messages_add(call->rt, &options, ids, session);
    }
    if (status == OMEGA_OK) {
        om_json_put_text(call->out, "session", session);
        put_ids(call->out, ids, options.count);
    }
    return status;
}

/* ---- get_memory, memory_history, list_memories, count_memories ------------------------------ */

static void put_memories(struct om_json_out *out, const omega_memories *memories, bool scored)
{
    om_json_open(out, "memories", '[');
    for (size_t i = 0; i < omega_memories_count(memories); i++) {
        om_form_memory(out, NULL, omega_memories_at(memories, i), scored);
    }
    om_json_close(out, ']');
}

static const struct om_op_field get_fields[] = {{"id", "string", false, "the memory's id"},
                                                {"key", "string", false, "or the caller's own"},
                                                {"scope", "object", false, "user, agent, session"},
                                                OM_FIELDS_END};

static omega_status run_get(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_scope scope = om_member_scope(&members, "scope");
    const omega_str key = om_member_str(&members, "key");
    const char *id = om_member_text(&members, "id");
    omega_memories *memories = NULL;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    if ((id != NULL) == om_str_given(key)) {
        return om_fail(OMEGA_EINVAL, "get_memory needs either 'id' or 'key'");
    }
    const omega_status status = id != NULL
                                    ? omega_memory_get(call->rt, id, &scope, &memories)
                                    : omega_memory_get_by_key(call->rt, key, &scope, &memories);
    if (status == OMEGA_OK) {
        om_form_memory(call->out, "memory", omega_memories_at(memories, 0), false);
    }
    omega_memories_free(memories);
    return status;
}

static const struct om_op_field history_fields[] = {
    {"id", "string", true, "the memory's id"},
    {"scope", "object", false, "user, agent, session"},
    OM_FIELDS_END};

static omega_status run_history(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_scope scope = om_member_scope(&members, "scope");
    const char *id = om_member_text(&members, "id");
    omega_memories *memories = NULL;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_history(call->rt, id, &scope, &memories);
    if (status == OMEGA_OK) {
        put_memories(call->out, memories, false);
    }
    omega_memories_free(memories);
    return status;
}

#define FIELDS_WHICH                                                                               \
    {"scope", "object", false, "user, agent, session"},                                            \
        {"session_only", "boolean", false, "only of scope.session"},                               \
        {"all_roots", "boolean", false, "of every user and agent"},                                \
        {"tiers", "array of strings", false, "only these"},                                        \
        {"type", "string", false, "only this type"},                                               \
        {"filter", "object", false, "over metadata and fields"},                                   \
        {"include", "array of strings", false, "archived, superseded"},                            \
        {"order", "string", false, "oldest (default), newest, position"},                          \
        {"limit", "integer", false, "1..1000; 100 when not given"},                                \
    {                                                                                              \
        "cursor", "string", false, "of the page before"                                            \
    }

static const struct om_op_field list_fields[] = {FIELDS_WHICH, OM_FIELDS_END};

static omega_status run_list(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_list_options list = om_member_list(&members);
    omega_memories *memories = NULL;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_list(call->rt, &list, &memories);
    if (status == OMEGA_OK) {
        put_memories(call->out, memories, false);
        om_json_put_str(call->out, "cursor", omega_memories_cursor(memories));
    }
    omega_memories_free(memories);
    return status;
}

static omega_status run_count(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_list_options list = om_member_list(&members);
    uint64_t count = 0;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_count(call->rt, &list, &count);
    if (status == OMEGA_OK) {
        om_json_put_u64(call->out, "count", count);
    }
    return status;
}

/* ---- recall_memories, embed ----------------------------------------------------------------- */

static const struct om_op_field recall_fields[] = {
    {"query", "string", false, "what is looked for, in words"},
    {"embedding", "array of numbers", false, "or the caller's vector, or both"},
    {"space", "string", false, "the vector's space"},
    {"k", "integer", false, "1..10000; 10 when not given"},
    {"scope", "object", false, "user, agent, session"},
    {"session_only", "boolean", false, "only of scope.session"},
    {"all_roots", "boolean", false, "of every user and agent"},
    {"tiers", "array of strings", false, "only these"},
    {"filter", "object", false, "over metadata and fields"},
    {"include", "array of strings", false, "archived, superseded"},
    {"min_importance", "number", false, "0..1"},
    {"vector_weight", "number", false, "0..1: of the vectors against the words"},
    {"valid_at", "string", false, "RFC 3339: only what held then"},
    {"known_at", "string", false, "RFC 3339: only what was believed then"},
    {"as_of", "string", false, "sets both"},
    {"explain", "boolean", false, "say why"},
    {"no_fill", "boolean", false, "do not fill up with archived memories"},
    OM_FIELDS_END};

static omega_recall_options read_recall(struct om_members *members)
{
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.query = om_member_str(members, "query");
    recall.embedding = om_member_floats(members, "embedding", &recall.dimension);
    recall.space = om_member_str(members, "space");
    recall.k = (uint32_t)om_member_int(members, "k", 1, OM_LIMIT_K, 10);
    recall.scope = om_member_scope(members, "scope");
    recall.session_only = om_member_bool(members, "session_only", false);
    recall.all_roots = om_member_bool(members, "all_roots", false);
    recall.tiers = om_member_tiers(members, "tiers", &recall.tier_count);
    recall.filter_json = om_member_object(members, "filter");
    recall.include = om_member_include(members);
    recall.min_importance = om_member_number(members, "min_importance", OMEGA_UNSET);
    recall.vector_weight = om_member_number(members, "vector_weight", OMEGA_UNSET);
    recall.valid_at_ms = om_member_time(members, "valid_at");
    recall.known_at_ms = om_member_time(members, "known_at");
    recall.as_of_ms = om_member_time(members, "as_of");
    recall.explain = om_member_bool(members, "explain", false);
    recall.no_fill = om_member_bool(members, "no_fill", false);
    return recall;
}

static omega_status run_recall(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_recall_options recall = read_recall(&members);
    omega_memories *memories = NULL;
    const char *reason = NULL;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_memory_recall(call->rt, &recall, &memories);
    if (status == OMEGA_OK) {
        put_memories(call->out, memories, true);
        const bool degraded = omega_memories_degraded(memories, &reason);
        om_json_put_bool(call->out, "degraded", degraded);
        if (degraded) {
            om_json_put_text(call->out, "reason", reason);
        }
    }
    omega_memories_free(memories);
    return status;
}

static const struct om_op_field embed_fields[] = {
    {"text", "string", true, "what to embed"},
    {"dimension", "integer", false, "1..8192; 768 when not given"},
    OM_FIELDS_END};

static omega_status run_embed(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_str text = om_member_str(&members, "text");
    const uint32_t dimension =
        (uint32_t)om_member_int(&members, "dimension", 1, OM_LIMIT_DIMENSION, 768);
    float *values = (float *)om_arena_get(call->arena, dimension * sizeof *values);
    if (members.status != OMEGA_OK || values == NULL) {
        return members.status != OMEGA_OK ? members.status : om_nomem();
    }
    const omega_status status = omega_embed(call->rt, text, values, dimension);
    if (status == OMEGA_OK) {
        om_json_put_floats(call->out, "embedding", values, dimension);
    }
    return status;
}

const struct om_op_row om_ops_memory[] = {
    {"store_memory", "Keep one memory: durable and recallable when it returns.", OM_HINT_IDEMPOTENT,
     OM_SCOPE_CALLER, store_fields, run_store},
    {"store_memories", "Keep many memories in one commit, all or none.", OM_HINT_IDEMPOTENT,
     OM_SCOPE_CALLER, store_batch_fields, run_store_batch},
    {"add_messages", "Keep chat messages of a session, in order, all or none.", OM_HINT_IDEMPOTENT,
     OM_SCOPE_CALLER, messages_fields, run_messages},
    {"recall_memories", "Find memories by meaning, words, time and importance.", OM_HINT_READ_ONLY,
     OM_SCOPE_CALLER, recall_fields, run_recall},
    {"get_memory", "One memory by its id or key.", OM_HINT_READ_ONLY, OM_SCOPE_CALLER, get_fields,
     run_get},
    {"memory_history", "A memory's versions and what it corrected, newest first.",
     OM_HINT_READ_ONLY, OM_SCOPE_CALLER, history_fields, run_history},
    {"list_memories", "Memories page by page.", OM_HINT_READ_ONLY, OM_SCOPE_CALLER, list_fields,
     run_list},
    {"count_memories", "How many memories there are.", OM_HINT_READ_ONLY, OM_SCOPE_CALLER,
     list_fields, run_count},
    {"embed", "The built-in embedder's vector of a text.", OM_HINT_READ_ONLY, OM_SCOPE_NONE,
     embed_fields, run_embed},
};
const size_t om_ops_memory_count = OM_COUNT_OF(om_ops_memory);
