/* ops_system.c -- the operations over the runtime itself: health, metrics, events, loops, long
 * work, moving data. */
#include "ops/ops_int.h"

enum { LIST_MAX = 100 };

static const struct om_op_field no_fields[] = {OM_FIELDS_END};

/* ---- health_status, metrics, events --------------------------------------------------------- */

static const struct om_op_field health_fields[] = {
    {"probe", "boolean", false, "look at every part now instead of showing the last results"},
    OM_FIELDS_END};

static omega_status run_health(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_health_report report = {.struct_size = sizeof report};
    const bool probe = om_member_bool(&members, "probe", false);
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status =
        probe ? omega_health_probe(call->rt, &report) : omega_health_status(call->rt, &report);
    if (status == OMEGA_OK) {
        om_form_health(call->out, "health", &report);
    }
    return status;
}

static omega_status run_metrics(struct om_op_call *call)
{
    char *text = NULL;
    const omega_status status = omega_metrics_json(call->rt, &text);
    if (status == OMEGA_OK) {
        om_json_put_raw(call->out, "metrics", omega_str_of(text));
    }
    omega_text_free(text);
    return status;
}

static const struct om_op_field events_fields[] = {
    {"after", "string", false, "an event's id, \"17.1\": only later ones"},
    {"types", "array of strings", false, "only these"},
    {"limit", "integer", false, "1..1000; 100 when not given"},
    OM_FIELDS_END};

static omega_status read_after(omega_str after, omega_events_query *query)
{
    omega_str rest = {NULL, 0};
    uint64_t second = 0;
    if (!om_str_given(after)) {
        return OMEGA_OK;
    }
    if (!om_str_to_u64(om_str_cut(after, '.', &rest), &query->row) ||
        !om_str_to_u64(rest, &second) || second > UINT32_MAX) {
        return om_fail(OMEGA_EINVAL, "'after' must be an event's id like \"17.1\"");
    }
    query->n = (uint32_t)second;
    return OMEGA_OK;
}

static omega_status read_types(const struct om_json *list, uint64_t *mask)
{
    *mask = OMEGA_EVENTS_ALL;
    if (om_json_type_of(list) == OM_JSON_NULL) {
        return OMEGA_OK;
    }
    if (om_json_type_of(list) != OM_JSON_ARRAY) {
        return om_fail(OMEGA_EINVAL, "'types' must be an array of names of events");
    }
    *mask = 0;
    for (size_t i = 0; i < om_json_count(list); i++) {
        omega_event_type type;
        const omega_status status = omega_event_parse(om_json_str(om_json_at(list, i)), &type);
        if (status != OMEGA_OK) {
            return status;
        }
        *mask |= OMEGA_EVENT_BIT(type);
    }
    return OMEGA_OK;
}

static omega_status run_events(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_events_query query = {.struct_size = sizeof query};
    bool trimmed = false;
    char *lines = NULL;
    query.max = (uint32_t)om_member_int(&members, "limit", 1, OM_LIMIT_LIST, 0);
    omega_status status = read_after(om_member_str(&members, "after"), &query);
    if (status == OMEGA_OK) {
        status = read_types(om_json_get(call->input, "types"), &query.type_mask);
    }
    if (status == OMEGA_OK) {
        status = members.status;
    }
    if (status == OMEGA_OK) {
        status = omega_events_since(call->rt, &query, &lines, &trimmed);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_json_open(call->out, "events", '[');
    omega_str rest = omega_str_of(lines);
    while (rest.len > 0) {
        const omega_str line = om_str_cut(rest, '\n', &rest);
        if (line.len > 0) {
            om_json_put_raw(call->out, NULL, line);
        }
    }
    om_json_close(call->out, ']');
    om_json_put_bool(call->out, "trimmed", trimmed);
    omega_text_free(lines);
    return OMEGA_OK;
}

/* ---- loop_status, execute_loop_cycle -------------------------------------------------------- */

static omega_status run_loop_status(struct om_op_call *call)
{
    omega_loop_info loops[32];
    size_t count = 0;
    const omega_status status = omega_loop_status(call->rt, loops, OM_COUNT_OF(loops), &count);
    if (status != OMEGA_OK) {
        return status;
    }
    om_json_open(call->out, "loops", '[');
    for (size_t i = 0; i < count; i++) {
        om_form_loop(call->out, NULL, &loops[i]);
    }
    om_json_close(call->out, ']');
    return OMEGA_OK;
}

static const struct om_op_field cycle_fields[] = {
    {"loop", "string", true, "a loop of loop_status"},
    {"data", "object", false, "for the cycle"},
    {"context", "string", false, "kept in the result"},
    OM_FIELDS_END};

static omega_status run_cycle(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_cycle_input input = OMEGA_CYCLE_INPUT_INIT;
    omega_cycle_output *output = NULL;
    omega_loop loop;
    omega_status status = omega_loop_parse(om_member_str(&members, "loop"), &loop);
    input.data = om_member_object(&members, "data");
    input.context = om_member_str(&members, "context");
    if (status == OMEGA_OK) {
        status = members.status;
    }
    if (status == OMEGA_OK) {
        status = omega_loop_execute_cycle(call->rt, loop, &input, &output);
    }
    if (status == OMEGA_OK) {
        om_json_put_raw(call->out, "cycle", omega_cycle_json(output));
    }
    omega_cycle_output_free(output);
    return status;
}

/* ---- operations ----------------------------------------------------------------------------- */

static omega_status run_operations(struct om_op_call *call)
{
    size_t count = 0;
    omega_operation_info *list =
        (omega_operation_info *)om_arena_get0(call->arena, LIST_MAX, sizeof *list);
    if (list == NULL) {
        return om_nomem();
    }
    const omega_status status = omega_operation_list(call->rt, list, LIST_MAX, &count);
    if (status != OMEGA_OK) {
        return status;
    }
    om_json_open(call->out, "operations", '[');
    for (size_t i = 0; i < count; i++) {
        om_form_operation(call->out, NULL, &list[i]);
    }
    om_json_close(call->out, ']');
    return OMEGA_OK;
}

static const struct om_op_field cancel_fields[] = {{"id", "string", true, "of a long operation"},
                                                   OM_FIELDS_END};

static omega_status run_cancel(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const char *id = om_member_text(&members, "id");
    return members.status == OMEGA_OK ? omega_operation_cancel(call->rt, id) : members.status;
}

/* ---- backup, check, import, export ---------------------------------------------------------- */

static const struct om_op_field backup_fields[] = {
    {"file", "string", true, "a new file, made with mode 0600"}, OM_FIELDS_END};

static omega_status run_backup(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const char *file = om_member_text(&members, "file");
    const omega_status status =
        members.status == OMEGA_OK
            ? omega_backup(call->rt, file, call->progress, call->progress_context)
            : members.status;
    if (status == OMEGA_OK) {
        om_json_put_text(call->out, "file", file);
    }
    return status;
}

/* Messages are written as they come, into an array that is open; the context serves the progress as
 * well. */
static void put_message(void *context, const char *message)
{
    om_json_put_text(((struct om_op_call *)context)->out, NULL, message);
}

static bool pass_progress(void *context, const char *phase, uint64_t done, uint64_t total)
{
    const struct om_op_call *call = (const struct om_op_call *)context;
    return call->progress == NULL || call->progress(call->progress_context, phase, done, total);
}

static omega_status run_check(struct om_op_call *call)
{
    omega_check_report report = {.struct_size = sizeof report};
    om_json_open(call->out, "found", '[');
    const omega_status status = omega_check(call->rt, put_message, pass_progress, call, &report);
    om_json_close(call->out, ']');
    om_json_put_u64(call->out, "rows", report.rows);
    om_json_put_u64(call->out, "faults", report.faults);
    return status;
}

static const struct om_op_field import_fields[] = {
    {"path", "string", true, "a file or folder"},
    {"format", "string", false, "auto (default), jsonl, chat, text"},
    {"tier", "string", false, "of what does not say its own"},
    {"scope", "object", false, "of what does not say its own"},
    {"stop_at_error", "boolean", false, "stop at the first bad line instead of naming it"},
    OM_FIELDS_END};

static omega_import_format format_of(struct om_members *members)
{
    static const char *const names[] = {"auto", "jsonl", "chat", "text"};
    const omega_str name = om_member_str(members, "format");
    for (unsigned i = 0; i < OM_COUNT_OF(names); i++) {
        if (om_str_eq_text(name, names[i])) {
            return (omega_import_format)i;
        }
    }
    if (om_str_given(name) && members->status == OMEGA_OK) {
        members->status = om_fail(OMEGA_EINVAL, "'format' must be auto, jsonl, chat or text");
    }
    return OMEGA_IMPORT_AUTO;
}

static omega_status run_import(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_import_report report = {.struct_size = sizeof report};
    const omega_import_options options = {
        .struct_size = sizeof options,
        .format = format_of(&members),
        .path = om_member_text(&members, "path"),
        .tier = om_member_tier(&members, "tier"),
        .all_or_stop = om_member_bool(&members, "stop_at_error", false),
        .scope = om_member_scope(&members, "scope"),
        .progress = pass_progress,
        .on_error = put_message,
        .context = call,
    };
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    om_json_open(call->out, "errors", '[');
    const omega_status status = omega_import(call->rt, &options, &report);
    om_json_close(call->out, ']');
    om_json_put_u64(call->out, "read", report.read);
    om_json_put_u64(call->out, "stored", report.stored);
    om_json_put_u64(call->out, "known", report.known);
    om_json_put_u64(call->out, "failed", report.failed);
    om_json_put_u64(call->out, "skipped", report.skipped);
    return status;
}

static const struct om_op_field export_fields[] = {
    {"path", "string", true, "a new file, or a folder with markdown"},
    {"markdown", "boolean", false, "one Markdown file a memory, for editing and re-import"},
    {"vectors", "boolean", false, "with the callers' vectors"},
    {"scope", "object", false, "only what is visible there; everything when not given"},
    OM_FIELDS_END};

static omega_status run_export(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_list_options where = OMEGA_LIST_OPTIONS_INIT;
    uint64_t count = 0;
    where.scope = om_member_scope(&members, "scope");
    where.include = OMEGA_INCLUDE_ARCHIVED | OMEGA_INCLUDE_SUPERSEDED;
    const bool scoped = om_json_get(call->input, "scope") != NULL;
    const omega_export_options options = {
        .struct_size = sizeof options,
        .markdown = om_member_bool(&members, "markdown", false),
        .vectors = om_member_bool(&members, "vectors", false),
        .path = om_member_text(&members, "path"),
        .where = scoped ? &where : NULL,
        .progress = call->progress,
        .context = call->progress_context,
    };
    const omega_status status =
        members.status == OMEGA_OK ? omega_export(call->rt, &options, &count) : members.status;
    if (status == OMEGA_OK) {
        om_json_put_u64(call->out, "count", count);
    }
    return status;
}

const struct om_op_row om_ops_system[] = {
    {"health_status", "How each part is, since when and why.", OM_HINT_READ_ONLY, OM_SCOPE_NONE,
     health_fields, run_health},
    {"metrics", "Everything that is counted.", OM_HINT_READ_ONLY, OM_SCOPE_NONE, no_fields,
     run_metrics},
    {"events", "Durable events after an id, oldest first.", OM_HINT_READ_ONLY, OM_SCOPE_ADMIN,
     events_fields, run_events},
    {"loop_status", "The loops, their due times and counts.", OM_HINT_READ_ONLY, OM_SCOPE_NONE,
     no_fields, run_loop_status},
    {"execute_loop_cycle", "Run one cycle of a loop now.", OM_HINT_LONG, OM_SCOPE_ADMIN,
     cycle_fields, run_cycle},
    {"operations", "Long operations, newest first.", OM_HINT_READ_ONLY, OM_SCOPE_ADMIN, no_fields,
     run_operations},
    {"cancel_operation", "Ask a long operation to end.", OM_HINT_IDEMPOTENT, OM_SCOPE_ADMIN,
     cancel_fields, run_cancel},
    {"backup", "Copy the store into one file, verified.", OM_HINT_LONG, OM_SCOPE_ADMIN,
     backup_fields, run_backup},
    {"check", "Look at every row, checksum and invariant.", OM_HINT_READ_ONLY | OM_HINT_LONG,
     OM_SCOPE_ADMIN, no_fields, run_check},
    {"import", "Bring memories in; again adds nothing twice.", OM_HINT_LONG | OM_HINT_IDEMPOTENT,
     OM_SCOPE_ADMIN, import_fields, run_import},
    {"export", "Write memories out.", OM_HINT_READ_ONLY | OM_HINT_LONG, OM_SCOPE_ADMIN,
     export_fields, run_export},
};
const size_t om_ops_system_count = OM_COUNT_OF(om_ops_system);
