/* ops.c -- the one table of operations, and running a row: parse, refuse what the row does not
 * list, do, hand the text over. */
#include "ops/ops.h"

#include "ops/ops_int.h"

/* A request holds at most a batch with its vectors as text. */
enum { INPUT_MAX = 64 << 20, OUTPUT_MAX = 256 << 20, ARENA_MAX = 128 << 20 };

struct section {
    const struct om_op_row *rows;
    const size_t *count;
};

static const struct section sections[] = {
    {om_ops_memory, &om_ops_memory_count},
    {om_ops_change, &om_ops_change_count},
    {om_ops_vectors, &om_ops_vectors_count},
    {om_ops_system, &om_ops_system_count},
};

size_t om_ops_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < OM_COUNT_OF(sections); i++) {
        count += *sections[i].count;
    }
    return count;
}

const struct om_op_row *om_ops_at(size_t index)
{
    for (size_t i = 0; i < OM_COUNT_OF(sections); i++) {
        if (index < *sections[i].count) {
            return &sections[i].rows[index];
        }
        index -= *sections[i].count;
    }
    return NULL;
}

const struct om_op_row *om_ops_find(omega_str name)
{
    const struct om_op_row *row = NULL;
    for (size_t i = 0; (row = om_ops_at(i)) != NULL; i++) {
        if (om_str_eq_text(name, row->name)) {
            return row;
        }
    }
    return NULL;
}

static bool lists(const struct om_op_row *row, omega_str name)
{
    for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
        if (om_str_eq_text(name, field->name)) {
            return true;
        }
    }
    return false;
}

/* Every member known, every required one there. */
static omega_status check_members(const struct om_op_row *row, const struct om_json *input)
{
    omega_str name;
    const struct om_json *value = NULL;
    size_t at = 0;
    if (om_json_type_of(input) != OM_JSON_OBJECT) {
        return om_fail(OMEGA_EINVAL, "the input of %s must be a JSON object", row->name);
    }
    while (om_json_next(input, &at, &name, &value)) {
        if (!lists(row, name)) {
            return om_fail(OMEGA_EINVAL, "%s has no member '%.*s'", row->name,
                           OM_STR_ARG(om_utf8_clip(name, 64)));
        }
    }
    for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
        if (field->required && om_json_get(input, field->name) == NULL) {
            return om_fail(OMEGA_EINVAL, "%s needs '%s': %s", row->name, field->name, field->doc);
        }
    }
    return OMEGA_OK;
}

static omega_status run_row(const struct om_op_row *row, struct om_op_call *call,
                            struct om_buf *buf)
{
    struct om_json_out out;
    om_json_out_init(&out, buf);
    call->out = &out;
    om_json_open(&out, NULL, '{');
    const omega_status status = row->run(call);
    om_json_close(&out, '}');
    return status == OMEGA_OK ? buf->status : status;
}

omega_status om_ops_run(omega_runtime *rt, struct om_alloc *alloc,
                        const struct om_op_request *request, char **out, size_t *len)
{
    const struct om_op_row *row = om_ops_find(request->name);
    struct om_json_doc *doc = NULL;
    struct om_arena arena;
    struct om_buf buf;
    *out = NULL;
    if (row == NULL) {
        return om_fail(OMEGA_ENOTFOUND, "there is no operation '%.*s'",
                       OM_STR_ARG(om_utf8_clip(request->name, 64)));
    }
    const omega_str input = request->input.len > 0 ? request->input : OM_STR("{}");
    if (input.len > INPUT_MAX) {
        return om_fail(OMEGA_ELIMIT, "the input has %zu bytes: at most %d are allowed", input.len,
                       (int)INPUT_MAX);
    }
    om_arena_init(&arena, alloc, ARENA_MAX);
    om_buf_init(&buf, alloc, OUTPUT_MAX);
    omega_status status = om_json_parse(alloc, input, om_form_float_keys, &doc);
    if (status == OMEGA_OK) {
        status = check_members(row, om_json_root(doc));
    }
    if (status == OMEGA_OK) {
        struct om_op_call call = {.rt = rt,
                                  .input = om_json_root(doc),
                                  .arena = &arena,
                                  .progress = request->progress,
                                  .progress_context = request->progress_context};
        status = run_row(row, &call, &buf);
    }
    if (status == OMEGA_OK) {
        status = om_buf_take(&buf, out, len);
    }
    om_json_free(doc);
    om_buf_fini(&buf);
    om_arena_fini(&arena);
    return status;
}

/* ---- Schemas -------------------------------------------------------------------------------- */

static void put_type(struct om_json_out *out, const char *type)
{
    const omega_str text = omega_str_of(type);
    if (om_str_starts(text, OM_STR("array of "))) {
        om_json_put_text(out, "type", "array");
        om_json_open(out, "items", '{');
        const omega_str item = {text.ptr + 9, text.len - 9};
        om_json_put_str(out, "type",
                        om_str_eq_text(item, "numbers")   ? OM_STR("number")
                        : om_str_eq_text(item, "strings") ? OM_STR("string")
                                                          : OM_STR("object"));
        om_json_close(out, '}');
    } else {
        om_json_put_text(out, "type", type);
    }
}

void om_ops_schema(const struct om_op_row *row, struct om_json_out *out, const char *key)
{
    om_json_open(out, key, '{');
    om_json_put_text(out, "type", "object");
    om_json_open(out, "properties", '{');
    for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
        om_json_open(out, field->name, '{');
        put_type(out, field->type);
        om_json_put_text(out, "description", field->doc);
        om_json_close(out, '}');
    }
    om_json_close(out, '}');
    om_json_open(out, "required", '[');
    for (const struct om_op_field *field = row->fields; field->name[0] != '\0'; field++) {
        if (field->required) {
            om_json_put_text(out, NULL, field->name);
        }
    }
    om_json_close(out, ']');
    om_json_put_bool(out, "additionalProperties", false);
    om_json_close(out, '}');
}
