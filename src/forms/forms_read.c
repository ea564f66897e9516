/* forms_read.c -- a memory and a scope from their JSON form.
 *
 * One table says for each member which field it fills and how: a new member is a new row. The
 * members of the document are walked, not those of the table, so that what is not known is found in
 * the same pass; the nearest known name is offered by Levenshtein's distance with one row kept.
 * Rejected: reading by asking for each known name (unknown members would go unseen, and a second
 * walk would be needed to find them). */
#include "forms/forms.h"

const char *const om_form_float_keys[] = {"embedding", NULL};

enum { NAME_MAX_LEN = 32, SHOWN = 64 };

enum member_kind {
    MEMBER_TEXT,
    MEMBER_NUMBER,
    MEMBER_TIME,
    MEMBER_BOOL,
    MEMBER_POSITION,
    MEMBER_TIER,
    MEMBER_SCOPE,
    MEMBER_SOURCE,
    MEMBER_METADATA,
    MEMBER_ID,
    MEMBER_ACTOR,
    MEMBER_FLOATS,
    MEMBER_BASE64,
    MEMBER_READ_OVER /* of an export or an operation: nothing to store */
};

struct member {
    const char *name;
    enum member_kind kind;
    size_t offset; /* of the field in the struct that is filled */
};

#define FIELD(name) offsetof(omega_memory_input, name)
static const struct member memory_members[] = {
    {"content", MEMBER_TEXT, FIELD(content)},
    {"tier", MEMBER_TIER, FIELD(tier)},
    {"embedding", MEMBER_FLOATS, 0},
    {"embedding_b64", MEMBER_BASE64, 0},
    {"space", MEMBER_TEXT, FIELD(space)},
    {"importance", MEMBER_NUMBER, FIELD(importance)},
    {"confidence", MEMBER_NUMBER, FIELD(confidence)},
    {"scope", MEMBER_SCOPE, FIELD(scope)},
    {"key", MEMBER_TEXT, FIELD(key)},
    {"type", MEMBER_TEXT, FIELD(type)},
    {"role", MEMBER_TEXT, FIELD(role)},
    {"name", MEMBER_TEXT, FIELD(name)},
    {"language", MEMBER_TEXT, FIELD(language)},
    {"metadata", MEMBER_METADATA, FIELD(metadata_json)},
    {"source", MEMBER_SOURCE, 0},
    {"occurred_at", MEMBER_TIME, FIELD(occurred_at_ms)},
    {"valid_from", MEMBER_TIME, FIELD(valid_from_ms)},
    {"valid_to", MEMBER_TIME, FIELD(valid_to_ms)},
    {"expires_at", MEMBER_TIME, FIELD(expires_at_ms)},
    {"position", MEMBER_POSITION, FIELD(position)},
    {"pinned", MEMBER_BOOL, FIELD(pinned)},
    {"id", MEMBER_ID, FIELD(id)},
    {"created_at", MEMBER_TIME, FIELD(created_at_ms)},
    {"override_tombstone", MEMBER_BOOL, FIELD(override_tombstone)},
    {"state", MEMBER_READ_OVER, 0},
    {"version", MEMBER_READ_OVER, 0},
    {"supersedes", MEMBER_READ_OVER, 0},
    {"superseded_by", MEMBER_READ_OVER, 0},
    {"updated_at", MEMBER_READ_OVER, 0},
    {"believed_to", MEMBER_READ_OVER, 0},
    {"accessed_at", MEMBER_READ_OVER, 0},
    {"access_count", MEMBER_READ_OVER, 0},
    {"stability_days", MEMBER_READ_OVER, 0},
    {"retrievability", MEMBER_READ_OVER, 0},
    {"vectors", MEMBER_READ_OVER, 0},
    {"score", MEMBER_READ_OVER, 0},
    {"explain", MEMBER_READ_OVER, 0},
    {"op_id", MEMBER_READ_OVER, 0},
    {"durability", MEMBER_READ_OVER, 0},
    {"actor", MEMBER_READ_OVER, 0},
};
static const struct member source_members[] = {
    {"kind", MEMBER_TEXT, FIELD(source_kind)},
    {"uri", MEMBER_TEXT, FIELD(source_uri)},
    {"actor", MEMBER_ACTOR, 0},
};
#undef FIELD
static const struct member scope_members[] = {
    {"user", MEMBER_TEXT, offsetof(omega_scope, user)},
    {"agent", MEMBER_TEXT, offsetof(omega_scope, agent)},
    {"session", MEMBER_TEXT, offsetof(omega_scope, session)},
};

/* An object being read: its members go into `target`. */
struct reading {
    const struct om_form *form;
    const char *inside; /* "scope." and the like, after form->where */
    const struct member *members;
    size_t count;
    bool lenient;
    void *target;
};

static omega_status read_object(const struct reading *reading, const struct om_json *value);

/* ---- Messages ------------------------------------------------------------------------------- */

static omega_status refuse(const struct reading *reading, const struct member *member,
                           const char *expected)
{
    return om_fail(OMEGA_EINVAL, "%s%s%s must be %s", reading->form->where, reading->inside,
                   member->name, expected);
}

static omega_status prefix(omega_status status, const struct reading *reading,
                           const struct member *member)
{
    return status == OMEGA_OK || status == OMEGA_ENOMEM
               ? status
               : om_error_prefix(status, "%s%s%s", reading->form->where, reading->inside,
                                 member->name);
}

/* Both at most NAME_MAX_LEN long. */
static size_t edit_distance(omega_str a, omega_str b)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            const size_t replace = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = OM_MIN(replace, OM_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

/* What the object being read is called: "memories[3].scope", "the input". */
struct object_name {
    omega_str where, inside;
};

static struct object_name name_object(const struct reading *reading)
{
    struct object_name name = {omega_str_of(reading->form->where), omega_str_of(reading->inside)};
    if (name.inside.len > 0) {
        name.inside.len--; /* the stop */
    } else if (name.where.len > 0) {
        name.where.len--;
    } else {
        name.where = OM_STR("the input");
    }
    return name;
}

static omega_status refuse_unknown(const struct reading *reading, omega_str name)
{
    const char *nearest = reading->members[0].name;
    const omega_str compared = {name.ptr, OM_MIN(name.len, (size_t)NAME_MAX_LEN)};
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < reading->count; i++) {
        const size_t distance = edit_distance(compared, omega_str_of(reading->members[i].name));
        if (reading->members[i].kind != MEMBER_READ_OVER && distance < best) {
            best = distance;
            nearest = reading->members[i].name;
        }
    }
    const struct object_name object = name_object(reading);
    return om_fail(OMEGA_EINVAL, "%.*s%.*s has no member '%.*s'; the nearest is '%s'",
                   OM_STR_ARG(object.where), OM_STR_ARG(object.inside),
                   OM_STR_ARG(om_utf8_clip(name, SHOWN)), nearest);
}

/* ---- Values --------------------------------------------------------------------------------- */

static omega_status read_text(const struct reading *reading, const struct member *member,
                              const struct om_json *value, void *field)
{
    const omega_str text = om_json_str(value);
    if (om_json_type_of(value) != OM_JSON_STRING) {
        return refuse(reading, member, "a string");
    }
    memcpy(field, &text, sizeof text);
    return OMEGA_OK;
}

static omega_status read_number(const struct reading *reading, const struct member *member,
                                const struct om_json *value, void *field)
{
    const double number = om_json_number(value);
    if (om_json_type_of(value) != OM_JSON_NUMBER) {
        return refuse(reading, member, "a number");
    }
    memcpy(field, &number, sizeof number);
    return OMEGA_OK;
}

static omega_status read_bool(const struct reading *reading, const struct member *member,
                              const struct om_json *value, void *field)
{
    const bool truth = om_json_bool(value);
    if (om_json_type_of(value) != OM_JSON_BOOL) {
        return refuse(reading, member, "true or false");
    }
    memcpy(field, &truth, sizeof truth);
    return OMEGA_OK;
}

static omega_status read_time(const struct reading *reading, const struct member *member,
                              const struct om_json *value, void *field)
{
    int64_t wall_ms;
    if (om_json_type_of(value) != OM_JSON_STRING) {
        return refuse(reading, member, "a time like \"2026-08-01T12:00:00Z\"");
    }
    const omega_status status = om_time_parse(om_json_str(value), &wall_ms);
    if (status == OMEGA_OK) {
        memcpy(field, &wall_ms, sizeof wall_ms);
    }
    return prefix(status, reading, member);
}

static omega_status read_position(const struct reading *reading, const struct member *member,
                                  const struct om_json *value, void *field)
{
    int64_t position;
    if (!om_json_is_int(value, &position)) {
        return refuse(reading, member, "a whole number");
    }
    memcpy(field, &position, sizeof position);
    return OMEGA_OK;
}

static omega_status read_tier(const struct reading *reading, const struct member *member,
                              const struct om_json *value, omega_memory_input *input)
{
    if (om_json_type_of(value) != OM_JSON_STRING) {
        return refuse(reading, member, "a tier's name");
    }
    return prefix(omega_tier_parse(om_json_str(value), &input->tier), reading, member);
}

static omega_status read_id(const struct reading *reading, const struct member *member,
                            const struct om_json *value, omega_memory_input *input)
{
    struct om_uuid id;
    if (om_json_type_of(value) != OM_JSON_STRING) {
        return refuse(reading, member, "a UUID");
    }
    const omega_status status = om_uuid_parse(om_json_str(value), &id);
    if (status == OMEGA_OK) {
        input->id = om_uuid_text(id);
    }
    return prefix(status, reading, member);
}

static omega_status read_actor(const struct reading *reading, const struct member *member,
                               const struct om_json *value, omega_memory_input *input)
{
    const omega_str name = om_json_str(value);
    for (int actor = OMEGA_ACTOR_MODEL; actor <= OMEGA_ACTOR_SYSTEM; actor++) {
        if (om_str_given(name) && om_str_eq_text(name, om_form_actor_name((omega_actor)actor))) {
            input->write.actor = (omega_actor)actor;
            return OMEGA_OK;
        }
    }
    return refuse(reading, member, "model, human or system");
}

static omega_status read_metadata(const struct reading *reading, const struct member *member,
                                  const struct om_json *value, omega_memory_input *input)
{
    struct om_buf text;
    if (om_json_type_of(value) != OM_JSON_OBJECT) {
        return refuse(reading, member, "an object");
    }
    om_buf_init(&text, reading->form->arena->alloc, OM_LIMIT_BULK);
    om_json_dump(value, &text);
    omega_status status = text.status;
    if (status == OMEGA_OK) {
        input->metadata_json = om_arena_str(reading->form->arena, om_buf_str(&text));
        status = om_str_given(input->metadata_json) ? OMEGA_OK : om_nomem();
    } else if (status == OMEGA_ELIMIT) {
        status = refuse(reading, member, "at most 16 MiB as text");
    }
    om_buf_fini(&text);
    return status;
}

/* ---- Vectors -------------------------------------------------------------------------------- */

static omega_status keep_vector(const struct reading *reading, const struct member *member,
                                const float *values, size_t count)
{
    omega_memory_input *input = (omega_memory_input *)reading->target;
    if (count < 1 || count > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "%s%s%s has %zu numbers; 1 to %d are allowed",
                       reading->form->where, reading->inside, member->name, count,
                       (int)OM_LIMIT_DIMENSION);
    }
    if (input->embedding != NULL) {
        return om_fail(OMEGA_EINVAL, "%sembedding and %sembedding_b64 are both given",
                       reading->form->where, reading->form->where);
    }
    input->embedding = values;
    input->dimension = (uint32_t)count;
    return OMEGA_OK;
}

static omega_status read_floats(const struct reading *reading, const struct member *member,
                                const struct om_json *value)
{
    size_t count = 0;
    const float *values = om_json_floats(value, &count);
    if (om_json_type_of(value) != OM_JSON_FLOATS) {
        return refuse(reading, member, "an array of numbers");
    }
    return keep_vector(reading, member, values, count);
}

static float float_of(const char bytes[4])
{
    uint32_t bits = 0;
    float value;
    for (unsigned i = 0; i < 4; i++) {
        bits |= (uint32_t)(unsigned char)bytes[i] << (8 * i);
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

static omega_status unpack_floats(const struct reading *reading, const struct member *member,
                                  omega_str bytes)
{
    const size_t count = bytes.len / sizeof(float);
    if (bytes.len % sizeof(float) != 0) {
        return refuse(reading, member, "base64 of 32-bit floats, four bytes each");
    }
    if (count < 1 || count > OM_LIMIT_DIMENSION) {
        return keep_vector(reading, member, NULL, count);
    }
    float *values = (float *)om_arena_get(reading->form->arena, bytes.len);
    if (values == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = float_of(bytes.ptr + i * sizeof(float));
    }
    return keep_vector(reading, member, values, count);
}

static omega_status read_base64(const struct reading *reading, const struct member *member,
                                const struct om_json *value)
{
    struct om_buf bytes;
    if (om_json_type_of(value) != OM_JSON_STRING) {
        return refuse(reading, member, "base64 text");
    }
    om_buf_init(&bytes, reading->form->arena->alloc, OM_LIMIT_BULK);
    omega_status status = prefix(om_base64_decode(om_json_str(value), &bytes), reading, member);
    if (status == OMEGA_OK) {
        status = unpack_floats(reading, member, om_buf_str(&bytes));
    }
    om_buf_fini(&bytes);
    return status;
}

/* ---- Objects -------------------------------------------------------------------------------- */

static omega_status read_source(const struct reading *reading, const struct om_json *value)
{
    const struct reading source = {
        .form = reading->form,
        .inside = "source.",
        .members = source_members,
        .count = OM_COUNT_OF(source_members),
        .target = reading->target,
    };
    return read_object(&source, value);
}

static omega_status read_member(const struct reading *reading, const struct member *member,
                                const struct om_json *value)
{
    void *field = (char *)reading->target + member->offset;
    omega_memory_input *input = (omega_memory_input *)reading->target;
    switch (member->kind) {
    case MEMBER_TEXT:
        return read_text(reading, member, value, field);
    case MEMBER_NUMBER:
        return read_number(reading, member, value, field);
    case MEMBER_TIME:
        return read_time(reading, member, value, field);
    case MEMBER_BOOL:
        return read_bool(reading, member, value, field);
    case MEMBER_POSITION:
        return read_position(reading, member, value, field);
    case MEMBER_TIER:
        return read_tier(reading, member, value, input);
    case MEMBER_SCOPE:
        return om_form_scope(reading->form, value, &input->scope);
    case MEMBER_SOURCE:
        return read_source(reading, value);
    case MEMBER_METADATA:
        return read_metadata(reading, member, value, input);
    case MEMBER_ID:
        return read_id(reading, member, value, input);
    case MEMBER_ACTOR:
        return read_actor(reading, member, value, input);
    case MEMBER_FLOATS:
        return read_floats(reading, member, value);
    case MEMBER_BASE64:
        return read_base64(reading, member, value);
    case MEMBER_READ_OVER:
        break;
    }
    return OMEGA_OK;
}

static const struct member *find_member(const struct reading *reading, omega_str name)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct member *member = &reading->members[i];
        if (om_str_eq_text(name, member->name)) {
            return member->kind != MEMBER_READ_OVER || reading->lenient ? member : NULL;
        }
    }
    return NULL;
}

static omega_status read_object(const struct reading *reading, const struct om_json *value)
{
    omega_str name;
    const struct om_json *member_value = NULL;
    size_t at = 0;
    if (om_json_type_of(value) != OM_JSON_OBJECT) {
        const struct object_name object = name_object(reading);
        return om_fail(OMEGA_EINVAL, "%.*s%.*s must be an object", OM_STR_ARG(object.where),
                       OM_STR_ARG(object.inside));
    }
    while (om_json_next(value, &at, &name, &member_value)) {
        const struct member *member = find_member(reading, name);
        if (member == NULL) {
            return refuse_unknown(reading, name);
        }
        if (om_json_type_of(member_value) == OM_JSON_NULL) {
            continue;
        }
        const omega_status status = read_member(reading, member, member_value);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

omega_status om_form_memory_input(const struct om_form *form, const struct om_json *value,
                                  bool lenient, omega_memory_input *out)
{
    const struct reading reading = {
        .form = form,
        .inside = "",
        .members = memory_members,
        .count = OM_COUNT_OF(memory_members),
        .lenient = lenient,
        .target = out,
    };
    *out = omega_memory_input_default();
    return read_object(&reading, value);
}

omega_status om_form_scope(const struct om_form *form, const struct om_json *value,
                           omega_scope *out)
{
    const struct reading reading = {
        .form = form,
        .inside = "scope.",
        .members = scope_members,
        .count = OM_COUNT_OF(scope_members),
        .target = out,
    };
    memset(out, 0, sizeof *out);
    return read_object(&reading, value);
}

omega_status om_form_time(const struct om_form *form, const char *name, const struct om_json *value,
                          int64_t *out)
{
    const struct reading reading = {.form = form, .inside = ""};
    const struct member member = {name, MEMBER_TIME, 0};
    return read_time(&reading, &member, value, out);
}
