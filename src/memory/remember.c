/* remember.c -- storing memories: one, many, or one in the place of another.
 *
 * Everything that applying depends on is chosen here, on the caller's thread: ids, digests,
 * vectors, importance. What the caller gave makes the hash of the request; a repeated op_id gives
 * the first call's ids, which is why ids are always read from the result. */
#include "memory/record_int.h"

static omega_status gone(void)
{
    return om_fail(OMEGA_ENOTFOUND, "what this op_id stored was forgotten");
}

/* The ids of a result that begins with their count. */
static omega_status read_ids(const struct om_write *write, size_t skip, size_t count, omega_id *out)
{
    struct om_unpack in;
    om_unpack_init(&in, write->result.ptr, write->result.len);
    if (write->repeated && write->result.len == 0) {
        return gone();
    }
    for (size_t i = 0; i < skip; i++) {
        (void)om_unpack_str(&in);
    }
    if (om_unpack_u64(&in) != count) {
        in.failed = true;
    }
    for (size_t i = 0; i < count && !in.failed; i++) {
        out[i] = om_uuid_text(om_unpack_uuid(&in));
    }
    return om_unpack_finish(&in, "the kept result of an operation");
}

/* What the callers' texts and floats take together. */
static size_t input_bytes(const omega_memory_input *input)
{
    return input->content.len + input->metadata_json.len + input->source_uri.len +
           (size_t)input->dimension * sizeof(float);
}

static omega_status check_batch(const omega_memory_input *inputs, size_t count)
{
    if (inputs == NULL || count < 1 || count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "a batch has %zu memories; 1 to %d are allowed",
                       inputs != NULL ? count : 0, OM_LIMIT_BATCH);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += input_bytes(&inputs[i]);
        if (bytes > OM_LIMIT_BULK) {
            return om_fail(OMEGA_ELIMIT, "the batch is over %d MiB at memory %zu",
                           OM_LIMIT_BULK >> 20, i);
        }
    }
    return OMEGA_OK;
}

static omega_status pack_items(struct om_draft *draft, const omega_memory_input *inputs,
                               size_t count)
{
    struct om_item *items = om_arena_get0(&draft->arena, count, sizeof *items);
    if (items == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        omega_status status = om_item_init(&items[i], draft, &inputs[i]);
        if (status != OMEGA_OK) {
            return count > 1 ? om_error_prefix(status, "memory %zu", i) : status;
        }
    }
    om_draw_importance(draft->memory, items, count);
    size_t from = draft->body.len;
    om_pack_u64(&draft->body, count);
    om_draft_hash(draft, from);
    for (size_t i = 0; i < count; i++) {
        om_item_pack(draft, &items[i]);
    }
    return OMEGA_OK;
}

omega_status om_memory_store_batch(struct om_memory *memory, const omega_memory_input *inputs,
                                   size_t count, const omega_write_options *write, omega_id *out)
{
    struct om_draft draft;
    omega_status status = check_batch(inputs, count);
    if (status == OMEGA_OK && out == NULL) {
        status = om_fail(OMEGA_EINVAL, "out is missing");
    }
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_draft_init(&draft, memory, OM_MEMORY_KIND_STORE, write);
    if (status == OMEGA_OK) {
        status = pack_items(&draft, inputs, count);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, &inputs[0].scope, NULL);
    }
    if (status == OMEGA_OK) {
        status = read_ids(&draft.write, 0, count, out);
    }
    om_draft_fini(&draft);
    return status;
}

omega_status om_memory_store(struct om_memory *memory, const omega_memory_input *input,
                             omega_id *out)
{
    if (input == NULL) {
        return om_fail(OMEGA_EINVAL, "memory is missing");
    }
    return om_memory_store_batch(memory, input, 1, &input->write, out);
}

/* ---- Correcting ------------------------------------------------------------------------------ */

static omega_status pack_correction(struct om_draft *draft, struct om_uuid old_id,
                                    const omega_memory_input *input)
{
    struct om_item item;
    omega_status status = om_item_init(&item, draft, input);
    if (status != OMEGA_OK) {
        return status;
    }
    om_draw_importance(draft->memory, &item, 1);
    size_t from = draft->body.len;
    om_pack_uuid(&draft->body, old_id);
    om_pack_scope(&draft->body, &item.input.scope);
    om_draft_hash(draft, from);
    om_pack_uuid(&draft->body, om_uuid_new(draft->memory->options.ids));
    om_item_pack(draft, &item);
    return OMEGA_OK;
}

static omega_status read_id(const struct om_write *write, omega_id *out)
{
    struct om_unpack in;
    if (write->repeated && write->result.len == 0) {
        return gone();
    }
    om_unpack_init(&in, write->result.ptr, write->result.len);
    struct om_uuid id = om_unpack_uuid(&in);
    *out = om_uuid_text(id);
    return om_unpack_finish(&in, "the kept result of an operation");
}

omega_status om_memory_supersede(struct om_memory *memory, const char *old_id,
                                 const omega_memory_input *input, omega_id *out)
{
    struct om_draft draft;
    struct om_uuid old;
    if (input == NULL || out == NULL) {
        return om_fail(OMEGA_EINVAL, "%s is missing", input == NULL ? "memory" : "out");
    }
    omega_status status = om_check_id(old_id, &old);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_draft_init(&draft, memory, OM_MEMORY_KIND_SUPERSEDE, &input->write);
    if (status == OMEGA_OK) {
        status = pack_correction(&draft, old, input);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, &input->scope, NULL);
    }
    if (status == OMEGA_OK) {
        status = read_id(&draft.write, out);
    }
    om_draft_fini(&draft);
    return status;
}

/* ---- Messages -------------------------------------------------------------------------------- */

static omega_status message_item(struct om_item *item, struct om_draft *draft,
                                 const omega_scope *scope, const omega_message *given)
{
    omega_message message = *given;
    omega_status status = om_check_message(&draft->arena, &message);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_memory_input input = omega_memory_input_default();
    input.tier = OMEGA_TIER_SESSION;
    input.scope = *scope;
    input.type = OM_STR("message");
    input.content = message.content;
    input.role = message.role;
    input.name = message.name;
    input.key = message.key;
    input.metadata_json = message.metadata_json;
    input.occurred_at_ms = message.occurred_at_ms;
    return om_item_init(item, draft, &input);
}

static omega_status pack_messages(struct om_draft *draft, const omega_messages_options *options,
                                  const omega_scope *scope)
{
    struct om_memory *memory = draft->memory;
    struct om_item *items = om_arena_get0(&draft->arena, options->count, sizeof *items);
    if (items == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < options->count; i++) {
        omega_status status = message_item(&items[i], draft, scope, &options->messages[i]);
        if (status != OMEGA_OK) {
            return om_error_prefix(status, "message %zu", i);
        }
    }
    om_draw_importance(memory, items, options->count);
    omega_id fresh = om_uuid_text(om_uuid_new(memory->options.ids));
    size_t from = draft->body.len;
    om_pack_scope(&draft->body, scope);
    om_draft_hash(draft, from);
    om_pack_str(&draft->body, omega_str_of(fresh.text));
    om_pack_i64(&draft->body, (int64_t)memory->options.session_gap_secs * 1000);
    om_pack_u64(&draft->body, options->count);
    for (size_t i = 0; i < options->count; i++) {
        om_item_pack(draft, &items[i]);
    }
    return OMEGA_OK;
}

static omega_status check_messages(const omega_messages_options *options)
{
    if (options->struct_size < sizeof *options) {
        return om_fail(OMEGA_EINVAL, "struct_size of omega_messages_options is %u",
                       options->struct_size);
    }
    if (options->messages == NULL || options->count < 1 || options->count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "%zu messages are given; 1 to %d are allowed",
                       options->messages != NULL ? options->count : 0, OM_LIMIT_BATCH);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < options->count; i++) {
        bytes += options->messages[i].content.len + options->messages[i].metadata_json.len;
    }
    if (bytes > OM_LIMIT_BULK) {
        return om_fail(OMEGA_ELIMIT, "the messages are over %d MiB together", OM_LIMIT_BULK >> 20);
    }
    return om_check_scope(&options->scope);
}

static omega_status read_messages(const struct om_write *write, size_t count, omega_id *out,
                                  char *session)
{
    omega_status status = read_ids(write, 1, count, out);
    if (status == OMEGA_OK && session != NULL) {
        struct om_unpack in;
        om_unpack_init(&in, write->result.ptr, write->result.len);
        omega_str name = om_unpack_str(&in);
        size_t len = OM_MIN(name.len, (size_t)OM_LIMIT_NAME);
        if (len > 0) {
            memcpy(session, name.ptr, len);
        }
        session[len] = '\0';
    }
    return status;
}

static omega_str given_part(omega_str text)
{
    return text.len > 0 ? text : (omega_str){NULL, 0};
}

omega_status om_memory_add_messages(struct om_memory *memory, const omega_messages_options *options,
                                    omega_id *out, char *session)
{
    struct om_draft draft;
    if (options == NULL || out == NULL) {
        return om_fail(OMEGA_EINVAL, "%s is missing", options == NULL ? "options" : "out");
    }
    omega_status status = check_messages(options);
    if (status != OMEGA_OK) {
        return status;
    }
    omega_scope scope = {given_part(options->scope.user), given_part(options->scope.agent),
                         given_part(options->scope.session)};
    status = om_draft_init(&draft, memory, OM_MEMORY_KIND_MESSAGES, &options->write);
    if (status == OMEGA_OK) {
        status = pack_messages(&draft, options, &scope);
    }
    if (status == OMEGA_OK) {
        status = om_draft_commit(&draft, &scope, NULL);
    }
    if (status == OMEGA_OK) {
        status = read_messages(&draft.write, options->count, out, session);
    }
    om_draft_fini(&draft);
    return status;
}
