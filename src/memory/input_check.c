/* input_check.c -- what callers give, looked at before anything is queued.
 *
 * Every refusal is OMEGA_EINVAL (OMEGA_ELIMIT for what is only too big in sum) and says which
 * field, which value and what is allowed. Text is checked to be UTF-8 here, where it enters, and
 * trusted behind. Metadata is parsed once and goes on as compact JSON with sorted keys, so that
 * equal metadata is equal text: for "nothing has changed" and for the hash of a request. */
#include "memory/memory_int.h"

#include <math.h>

/* Years 0000 to 9999, what an RFC 3339 stamp can say. */
static const int64_t stamp_min = INT64_C(-62167219200000);
static const int64_t stamp_max = INT64_C(253402300799999);

static omega_status check_text(const char *field, omega_str *text, size_t max)
{
    if (text->len == 0) {
        *text = (omega_str){NULL, 0};
        return OMEGA_OK;
    }
    if (text->ptr == NULL) {
        return om_fail(OMEGA_EINVAL, "%s has a length of %zu but no text", field, text->len);
    }
    if (text->len > max) {
        return om_fail(OMEGA_EINVAL, "%s has %zu bytes; at most %zu are allowed", field, text->len,
                       max);
    }
    if (!om_utf8_valid(*text)) {
        return om_fail(OMEGA_EINVAL, "%s is not valid UTF-8", field);
    }
    return OMEGA_OK;
}

static bool has_control(omega_str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t c;
        at += om_utf8_next((omega_str){text.ptr + at, text.len - at}, &c);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            return true;
        }
    }
    return false;
}

static omega_status check_scope_part(const char *field, omega_str text)
{
    omega_status status = check_text(field, &text, OM_LIMIT_NAME);
    if (status == OMEGA_OK && has_control(text)) {
        return om_fail(OMEGA_EINVAL, "%s holds a control character; none is allowed", field);
    }
    return status;
}

omega_status om_check_scope(const omega_scope *scope)
{
    if (scope == NULL) {
        return OMEGA_OK;
    }
    omega_status status = check_scope_part("scope.user", scope->user);
    if (status == OMEGA_OK) {
        status = check_scope_part("scope.agent", scope->agent);
    }
    if (status == OMEGA_OK) {
        status = check_scope_part("scope.session", scope->session);
    }
    return status;
}

static bool is_blank(omega_str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t c;
        at += om_utf8_next((omega_str){text.ptr + at, text.len - at}, &c);
        bool space = c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 ||
                     c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 ||
                     c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
        if (!space) {
            return false;
        }
    }
    return true;
}

static omega_status check_content(omega_str *content)
{
    omega_status status = check_text("content", content, OM_LIMIT_CONTENT);
    if (status == OMEGA_OK && is_blank(*content)) {
        return om_fail(OMEGA_EINVAL, "content is empty; 1 byte to %d bytes of text are needed",
                       OM_LIMIT_CONTENT);
    }
    return status;
}

static omega_status check_unit(const char *field, double value)
{
    if (omega_is_unset(value) || (value >= 0.0 && value <= 1.0)) {
        return OMEGA_OK;
    }
    return om_fail(OMEGA_EINVAL, "%s is %g; 0 to 1 is allowed", field, value);
}

static omega_status check_stamp(const char *field, int64_t value)
{
    if (value == OMEGA_TIME_UNSET || (value >= stamp_min && value <= stamp_max)) {
        return OMEGA_OK;
    }
    return om_fail(OMEGA_EINVAL, "%s is %lld ms; the years 0000 to 9999 are allowed", field,
                   (long long)value);
}

static omega_status check_validity(int64_t from, int64_t to)
{
    omega_status status = check_stamp("valid_from_ms", from);
    if (status == OMEGA_OK) {
        status = check_stamp("valid_to_ms", to);
    }
    if (status == OMEGA_OK && from != OMEGA_TIME_UNSET && to != OMEGA_TIME_UNSET && to < from) {
        return om_fail(OMEGA_EINVAL, "valid_to_ms %lld is before valid_from_ms %lld", (long long)to,
                       (long long)from);
    }
    return status;
}

static omega_status check_tier(omega_tier tier)
{
    if (tier == OMEGA_TIER_UNSET || (unsigned)tier < OMEGA_TIER_COUNT) {
        return OMEGA_OK;
    }
    return om_fail(OMEGA_EINVAL, "tier is %d; 0 (immediate) to %d (cosmic) is allowed", (int)tier,
                   OMEGA_TIER_COUNT - 1);
}

static omega_status compact_metadata(struct om_arena *arena, const struct om_json *root,
                                     omega_str *metadata)
{
    if (om_json_type_of(root) != OM_JSON_OBJECT) {
        return om_fail(OMEGA_EINVAL, "metadata_json is not a JSON object");
    }
    struct om_buf text;
    om_buf_init(&text, arena->alloc, OM_LIMIT_METADATA);
    om_json_dump(root, &text);
    omega_status status = text.status;
    if (status == OMEGA_ELIMIT) {
        status = om_fail(OMEGA_EINVAL, "metadata_json is longer than %d bytes", OM_LIMIT_METADATA);
    } else if (status == OMEGA_OK) {
        *metadata = om_arena_str(arena, om_buf_str(&text));
        status = metadata->ptr != NULL ? OMEGA_OK : om_nomem();
    }
    om_buf_fini(&text);
    return status;
}

static omega_status check_metadata(struct om_arena *arena, omega_str *metadata)
{
    /* White space may make the text longer than what is kept, within reason. */
    omega_status status = check_text("metadata_json", metadata, 4 * (size_t)OM_LIMIT_METADATA);
    if (status != OMEGA_OK || metadata->len == 0) {
        return status;
    }
    struct om_json_doc *doc = NULL;
    status = om_json_parse(arena->alloc, *metadata, NULL, &doc);
    if (status == OMEGA_OK) {
        status = compact_metadata(arena, om_json_root(doc), metadata);
    } else {
        status = om_error_prefix(status, "metadata_json");
    }
    om_json_free(doc);
    return status;
}

static omega_status check_embedding(struct om_memory *memory, const float *embedding,
                                    uint32_t dimension, omega_str *space)
{
    omega_status status = check_text("space", space, OM_LIMIT_NAME);
    if (status != OMEGA_OK) {
        return status;
    }
    if (embedding == NULL) {
        return dimension == 0
                   ? OMEGA_OK
                   : om_fail(OMEGA_EINVAL, "dimension is %u but there is no embedding", dimension);
    }
    if (dimension == 0 || dimension > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "dimension is %u; 1 to %d is allowed", dimension,
                       OM_LIMIT_DIMENSION);
    }
    if (space->len == 0) {
        *space = OM_STR("default");
    }
    const struct om_embedder *embedder = memory->options.embedder;
    if (embedder != NULL && om_str_eq_text(*space, embedder->space)) {
        return om_fail(OMEGA_EINVAL, "the space '%s' is filled by the embedder; name another",
                       embedder->space);
    }
    return om_spaces_check(memory->options.spaces, *space, OM_SPACE_MEMORIES, embedding,
                           dimension);
}

/* ---- Whole structs --------------------------------------------------------------------------- */

static omega_status check_size(const char *what, uint32_t got, size_t wanted)
{
    if (got < wanted) {
        return om_fail(OMEGA_EINVAL, "struct_size of %s is %u; begin with its _INIT", what, got);
    }
    return OMEGA_OK;
}

struct text_rule {
    const char *field;
    size_t offset;
    size_t max;
};

static omega_status check_texts(void *object, const struct text_rule *rules, size_t count)
{
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < count && status == OMEGA_OK; i++) {
        omega_str text;
        char *field = (char *)object + rules[i].offset;
        memcpy(&text, field, sizeof text);
        status = check_text(rules[i].field, &text, rules[i].max);
        memcpy(field, &text, sizeof text);
    }
    return status;
}

#define INPUT_TEXT(field, max)                                                                     \
    {                                                                                              \
#field, offsetof(omega_memory_input, field), max                                           \
    }
static const struct text_rule input_texts[] = {
    INPUT_TEXT(key, OM_LIMIT_NAME),         INPUT_TEXT(type, OM_LIMIT_NAME),
    INPUT_TEXT(role, OM_LIMIT_NAME),        INPUT_TEXT(name, OM_LIMIT_NAME),
    INPUT_TEXT(language, OM_LIMIT_NAME),    INPUT_TEXT(source_kind, OM_LIMIT_NAME),
    INPUT_TEXT(source_uri, OM_LIMIT_URI),   INPUT_TEXT(scope.user, OM_LIMIT_NAME),
    INPUT_TEXT(scope.agent, OM_LIMIT_NAME), INPUT_TEXT(scope.session, OM_LIMIT_NAME),
};

static omega_status check_input_times(const omega_memory_input *input)
{
    omega_status status = check_stamp("occurred_at_ms", input->occurred_at_ms);
    if (status == OMEGA_OK) {
        status = check_stamp("expires_at_ms", input->expires_at_ms);
    }
    if (status == OMEGA_OK) {
        status = check_stamp("created_at_ms", input->created_at_ms);
    }
    if (status == OMEGA_OK) {
        status = check_validity(input->valid_from_ms, input->valid_to_ms);
    }
    if (status == OMEGA_OK && input->position < -1) {
        return om_fail(OMEGA_EINVAL, "position is %lld; -1 (none) or more is allowed",
                       (long long)input->position);
    }
    return status;
}

static omega_status check_input_id(const omega_memory_input *input)
{
    const char *end = memchr(input->id.text, '\0', sizeof input->id.text);
    struct om_uuid id;
    if (end == input->id.text) {
        return OMEGA_OK;
    }
    size_t len = end != NULL ? (size_t)(end - input->id.text) : sizeof input->id.text;
    omega_status status = om_uuid_parse((omega_str){input->id.text, len}, &id);
    return status == OMEGA_OK ? status : om_error_prefix(status, "id");
}

omega_status om_check_input(struct om_memory *memory, struct om_arena *arena,
                            omega_memory_input *input)
{
    omega_status status = check_size("omega_memory_input", input->struct_size, sizeof *input);
    if (status == OMEGA_OK) {
        status = check_tier(input->tier);
    }
    if (status == OMEGA_OK) {
        status = check_content(&input->content);
    }
    if (status == OMEGA_OK) {
        status = om_check_scope(&input->scope);
    }
    if (status == OMEGA_OK) {
        status = check_texts(input, input_texts, OM_COUNT_OF(input_texts));
    }
    if (status == OMEGA_OK) {
        status = check_unit("importance", input->importance);
    }
    if (status == OMEGA_OK) {
        status = check_unit("confidence", input->confidence);
    }
    if (status == OMEGA_OK) {
        status = check_input_times(input);
    }
    if (status == OMEGA_OK) {
        status = check_input_id(input);
    }
    if (status == OMEGA_OK) {
        status = check_embedding(memory, input->embedding, input->dimension, &input->space);
    }
    return status == OMEGA_OK ? check_metadata(arena, &input->metadata_json) : status;
}

static omega_status check_update_flags(const omega_update_options *options)
{
    if (options->pinned < -1 || options->pinned > 1) {
        return om_fail(OMEGA_EINVAL, "pinned is %d; -1 (stays), 0 or 1 is allowed",
                       options->pinned);
    }
    if (options->state != -1 && options->state != OMEGA_MEMORY_ACTIVE &&
        options->state != OMEGA_MEMORY_ARCHIVED) {
        return om_fail(OMEGA_EINVAL,
                       "state is %d; -1 (stays), %d (active) or %d (archived) is "
                       "allowed",
                       options->state, OMEGA_MEMORY_ACTIVE, OMEGA_MEMORY_ARCHIVED);
    }
    return check_tier(options->tier);
}

static omega_status check_update_numbers(const omega_update_options *options)
{
    omega_status status = check_unit("importance", options->importance);
    if (status == OMEGA_OK) {
        status = check_unit("confidence", options->confidence);
    }
    if (status == OMEGA_OK) {
        status = check_stamp("expires_at_ms", options->expires_at_ms);
    }
    if (status == OMEGA_OK) {
        status = check_validity(options->valid_from_ms, options->valid_to_ms);
    }
    return status;
}

#define UPDATE_TEXT(field, max)                                                                    \
    {                                                                                              \
#field, offsetof(omega_update_options, field), max                                         \
    }
static const struct text_rule update_texts[] = {
    UPDATE_TEXT(type, OM_LIMIT_NAME),          UPDATE_TEXT(name, OM_LIMIT_NAME),
    UPDATE_TEXT(scope.user, OM_LIMIT_NAME),    UPDATE_TEXT(scope.agent, OM_LIMIT_NAME),
    UPDATE_TEXT(scope.session, OM_LIMIT_NAME),
};

omega_status om_check_update(struct om_memory *memory, struct om_arena *arena,
                             omega_update_options *options)
{
    omega_status status = check_size("omega_update_options", options->struct_size, sizeof *options);
    if (status == OMEGA_OK) {
        status = check_update_flags(options);
    }
    if (status == OMEGA_OK && om_str_given(options->content)) {
        status = check_content(&options->content);
    }
    if (status == OMEGA_OK) {
        status = om_check_scope(&options->scope);
    }
    if (status == OMEGA_OK) {
        status = check_texts(options, update_texts, OM_COUNT_OF(update_texts));
    }
    if (status == OMEGA_OK) {
        status = check_update_numbers(options);
    }
    if (status == OMEGA_OK) {
        status = check_embedding(memory, options->embedding, options->dimension, &options->space);
    }
    return status == OMEGA_OK ? check_metadata(arena, &options->metadata_json) : status;
}

#define MESSAGE_TEXT(field, max)                                                                   \
    {                                                                                              \
#field, offsetof(omega_message, field), max                                                \
    }
static const struct text_rule message_texts[] = {
    MESSAGE_TEXT(role, OM_LIMIT_NAME),
    MESSAGE_TEXT(name, OM_LIMIT_NAME),
    MESSAGE_TEXT(key, OM_LIMIT_NAME),
};

omega_status om_check_message(struct om_arena *arena, omega_message *message)
{
    omega_status status = check_texts(message, message_texts, OM_COUNT_OF(message_texts));
    if (status == OMEGA_OK && message->role.len == 0) {
        return om_fail(OMEGA_EINVAL, "role is empty; a message needs one, like 'user'");
    }
    if (status == OMEGA_OK) {
        status = check_content(&message->content);
    }
    if (status == OMEGA_OK) {
        status = check_stamp("occurred_at_ms", message->occurred_at_ms);
    }
    return status == OMEGA_OK ? check_metadata(arena, &message->metadata_json) : status;
}

omega_status om_check_write(const omega_write_options *write)
{
    if ((unsigned)write->durability > OMEGA_DURABILITY_DISK) {
        return om_fail(OMEGA_EINVAL, "write.durability is %d; %d (default) to %d (disk) is allowed",
                       (int)write->durability, OMEGA_DURABILITY_DEFAULT, OMEGA_DURABILITY_DISK);
    }
    if ((unsigned)write->actor > OMEGA_ACTOR_SYSTEM) {
        return om_fail(OMEGA_EINVAL, "write.actor is %d; %d (model) to %d (system) is allowed",
                       (int)write->actor, OMEGA_ACTOR_MODEL, OMEGA_ACTOR_SYSTEM);
    }
    struct om_uuid op_id;
    if (write->op_id.len == 0) {
        return OMEGA_OK;
    }
    omega_status status = om_uuid_parse(write->op_id, &op_id);
    return status == OMEGA_OK ? status : om_error_prefix(status, "write.op_id");
}

static omega_status check_list_tiers(const omega_list_options *options)
{
    for (size_t i = 0; i < options->tier_count; i++) {
        if (options->tiers == NULL || (unsigned)options->tiers[i] >= OMEGA_TIER_COUNT) {
            return om_fail(OMEGA_EINVAL,
                           "tiers[%zu] is %d; 0 (immediate) to %d (cosmic) is "
                           "allowed",
                           i, options->tiers != NULL ? (int)options->tiers[i] : -1,
                           OMEGA_TIER_COUNT - 1);
        }
    }
    return OMEGA_OK;
}

omega_status om_check_list(const omega_list_options *options)
{
    omega_status status = check_size("omega_list_options", options->struct_size, sizeof *options);
    if (status == OMEGA_OK) {
        status = om_check_scope(&options->scope);
    }
    if (status == OMEGA_OK) {
        status = check_list_tiers(options);
    }
    if (status == OMEGA_OK) {
        omega_str type = options->type;
        status = check_text("type", &type, OM_LIMIT_NAME);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    if (options->limit > OM_LIMIT_LIST) {
        return om_fail(OMEGA_EINVAL, "limit is %u; 1 to %d is allowed", options->limit,
                       OM_LIMIT_LIST);
    }
    if ((options->include & ~(uint32_t)(OMEGA_INCLUDE_ARCHIVED | OMEGA_INCLUDE_SUPERSEDED)) != 0) {
        return om_fail(OMEGA_EINVAL,
                       "include is %u; OMEGA_INCLUDE_ARCHIVED and "
                       "OMEGA_INCLUDE_SUPERSEDED are allowed",
                       options->include);
    }
    if ((unsigned)options->order > OMEGA_ORDER_POSITION) {
        return om_fail(OMEGA_EINVAL, "order is %d; %d to %d is allowed", (int)options->order,
                       OMEGA_ORDER_CREATED, OMEGA_ORDER_POSITION);
    }
    bool needs_session = options->session_only || options->order == OMEGA_ORDER_POSITION;
    if (needs_session && options->scope.session.len == 0) {
        return om_fail(OMEGA_EINVAL, "scope.session is empty; session_only and the order by "
                                     "position need one");
    }
    return OMEGA_OK;
}

omega_status om_check_id(const char *text, struct om_uuid *out)
{
    if (text == NULL) {
        return om_fail(OMEGA_EINVAL, "id is missing");
    }
    omega_status status = om_uuid_parse(omega_str_of(text), out);
    return status == OMEGA_OK ? status : om_error_prefix(status, "id");
}
