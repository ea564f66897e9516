/* forms_write.c -- memories, health, loops, operations and deletions as JSON.
 *
 * Optional texts are left out when empty; members whose absence says something (validity, links,
 * the last read) are null, so that a reader need not know which members there could be. */
#include "forms/forms.h"

static const char *name_of(const char *const *names, size_t count, int value)
{
    return value >= 0 && (size_t)value < count ? names[value] : "?";
}

const char *om_form_state_name(omega_memory_state state)
{
    static const char *const names[] = {
        [OMEGA_MEMORY_ACTIVE] = "active",
        [OMEGA_MEMORY_SUPERSEDED] = "superseded",
        [OMEGA_MEMORY_ARCHIVED] = "archived",
    };
    return name_of(names, OM_COUNT_OF(names), (int)state);
}

const char *om_form_actor_name(omega_actor actor)
{
    static const char *const names[] = {
        [OMEGA_ACTOR_MODEL] = "model",
        [OMEGA_ACTOR_HUMAN] = "human",
        [OMEGA_ACTOR_SYSTEM] = "system",
    };
    return name_of(names, OM_COUNT_OF(names), (int)actor);
}

static const char *operation_state_name(omega_operation_state state)
{
    static const char *const names[] = {
        [OMEGA_OPERATION_RUNNING] = "running",         [OMEGA_OPERATION_DONE] = "done",
        [OMEGA_OPERATION_FAILED] = "failed",           [OMEGA_OPERATION_CANCELLED] = "cancelled",
        [OMEGA_OPERATION_INTERRUPTED] = "interrupted",
    };
    return name_of(names, OM_COUNT_OF(names), (int)state);
}

static void put_given(struct om_json_out *out, const char *key, omega_str text)
{
    if (text.len > 0) {
        om_json_put_str(out, key, text);
    }
}

/* "" is null. */
static void put_id(struct om_json_out *out, const char *key, const omega_id *id)
{
    if (id->text[0] != '\0') {
        om_json_put_text(out, key, id->text);
    } else {
        om_json_put_null(out, key);
    }
}

/* ---- A memory ------------------------------------------------------------------------------- */

static void put_what(struct om_json_out *out, const omega_memory *memory)
{
    om_json_put_text(out, "id", memory->id.text);
    put_given(out, "key", memory->key);
    om_json_put_text(out, "tier", omega_tier_name(memory->tier));
    put_given(out, "type", memory->type);
    om_json_put_text(out, "state", om_form_state_name(memory->state));
    om_json_put_bool(out, "pinned", memory->pinned);
    put_given(out, "role", memory->role);
    put_given(out, "name", memory->name);
    om_json_put_str(out, "content", memory->content);
    put_given(out, "language", memory->language);
    om_json_put_double(out, "importance", memory->importance);
    om_json_put_double(out, "confidence", memory->confidence);
    om_json_put_raw(out, "metadata",
                    memory->metadata_json.len > 0 ? memory->metadata_json : OM_STR("{}"));
}

static void put_where(struct om_json_out *out, const omega_memory *memory)
{
    om_json_open(out, "scope", '{');
    put_given(out, "user", memory->user);
    put_given(out, "agent", memory->agent);
    put_given(out, "session", memory->session);
    om_json_close(out, '}');
    if (memory->position >= 0) {
        om_json_put_i64(out, "position", memory->position);
    }
    om_json_open(out, "source", '{');
    put_given(out, "kind", memory->source_kind);
    put_given(out, "uri", memory->source_uri);
    om_json_put_text(out, "actor", om_form_actor_name(memory->actor));
    om_json_close(out, '}');
}

static void put_when(struct om_json_out *out, const omega_memory *memory)
{
    om_json_put_time(out, "occurred_at", memory->occurred_at_ms);
    om_json_put_time(out, "valid_from", memory->valid_from_ms);
    om_json_put_time(out, "valid_to", memory->valid_to_ms);
    om_json_put_time(out, "created_at", memory->created_at_ms);
    om_json_put_time(out, "updated_at", memory->updated_at_ms);
    om_json_put_time(out, "believed_to", memory->believed_to_ms);
    if (memory->expires_at_ms != OMEGA_TIME_UNSET) {
        om_json_put_time(out, "expires_at", memory->expires_at_ms);
    }
    om_json_put_time(out, "accessed_at", memory->accessed_at_ms);
}

static void put_vectors(struct om_json_out *out, const omega_memory *memory)
{
    om_json_open(out, "vectors", '[');
    for (size_t i = 0; i < memory->vector_count; i++) {
        const omega_memory_vector *vector = &memory->vectors[i];
        om_json_open(out, NULL, '{');
        om_json_put_str(out, "space", vector->space);
        om_json_put_u64(out, "dimension", vector->dimension);
        om_json_put_text(out, "status", vector->pending ? "pending" : "ready");
        om_json_close(out, '}');
    }
    om_json_close(out, ']');
}

void om_form_memory_members(struct om_json_out *out, const omega_memory *memory, bool scored)
{
    put_what(out, memory);
    put_where(out, memory);
    put_when(out, memory);
    om_json_put_u64(out, "version", memory->version);
    put_id(out, "supersedes", &memory->supersedes);
    put_id(out, "superseded_by", &memory->superseded_by);
    put_vectors(out, memory);
    om_json_put_u64(out, "access_count", memory->access_count);
    om_json_put_double(out, "stability_days", memory->stability_days);
    om_json_put_double(out, "retrievability", memory->retrievability);
    if (scored) {
        om_json_put_double(out, "score", memory->score);
    }
    if (scored && memory->explain_json.len > 0) {
        om_json_put_raw(out, "explain", memory->explain_json);
    }
}

void om_form_memory(struct om_json_out *out, const char *key, const omega_memory *memory,
                    bool scored)
{
    om_json_open(out, key, '{');
    om_form_memory_members(out, memory, scored);
    om_json_close(out, '}');
}

void om_form_vector(struct om_json_out *out, omega_str space, const float *values, size_t count)
{
    struct om_buf bytes, text;
    om_buf_init(&bytes, out->buf->alloc, OM_LIMIT_BULK);
    om_buf_init(&text, out->buf->alloc, 2 * (size_t)OM_LIMIT_BULK);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        const char little[4] = {(char)(bits & 0xff), (char)(bits >> 8 & 0xff),
                                (char)(bits >> 16 & 0xff), (char)(bits >> 24)};
        om_buf_add(&bytes, little, sizeof little);
    }
    om_base64_encode(&text, bytes.ptr, bytes.len);
    const omega_status status = bytes.status != OMEGA_OK ? bytes.status : text.status;
    if (status == OMEGA_OK) {
        om_json_put_str(out, "embedding_b64", om_buf_str(&text));
    } else if (out->buf->status == OMEGA_OK) {
        out->buf->status = status;
    }
    if (!om_str_eq_text(space, "default")) {
        put_given(out, "space", space);
    }
    om_buf_fini(&bytes);
    om_buf_fini(&text);
}

/* ---- The runtime itself --------------------------------------------------------------------- */

static void put_subsystem(struct om_json_out *out, const omega_subsystem_health *part)
{
    om_json_open(out, part->name, '{');
    om_json_put_text(out, "status", omega_health_name(part->status));
    om_json_put_time(out, "since", part->since_ms);
    om_json_put_text(out, "reason", part->reason);
    om_json_put_double(out, "latency_us", part->latency_us);
    om_json_close(out, '}');
}

void om_form_health(struct om_json_out *out, const char *key, const omega_health_report *report)
{
    const size_t count = OM_MIN((size_t)report->subsystem_count, (size_t)OMEGA_SUBSYSTEM_MAX);
    om_json_open(out, key, '{');
    om_json_put_text(out, "overall", omega_health_name(report->overall));
    om_json_open(out, "subsystems", '{');
    for (size_t i = 0; i < count; i++) {
        put_subsystem(out, &report->subsystems[i]);
    }
    om_json_close(out, '}');
    om_json_close(out, '}');
}

void om_form_loop(struct om_json_out *out, const char *key, const omega_loop_info *info)
{
    om_json_open(out, key, '{');
    om_json_put_text(out, "name", info->name);
    om_json_put_bool(out, "enabled", info->enabled);
    om_json_put_bool(out, "running", info->running);
    om_json_put_i64(out, "interval_ms", info->interval_ms);
    om_json_put_time(out, "next_due", info->next_due_ms);
    om_json_put_time(out, "last_start", info->last_start_ms);
    om_json_put_i64(out, "last_duration_us", info->last_duration_us);
    om_json_put_u64(out, "cycles", info->cycles);
    om_json_put_u64(out, "failures", info->failures);
    om_json_put_u64(out, "idle", info->idle);
    if (info->last_error[0] != '\0') {
        om_json_put_text(out, "last_error", info->last_error);
    }
    om_json_close(out, '}');
}

void om_form_operation(struct om_json_out *out, const char *key, const omega_operation_info *info)
{
    om_json_open(out, key, '{');
    om_json_put_text(out, "id", info->id.text);
    om_json_put_text(out, "name", info->name);
    om_json_put_text(out, "state", operation_state_name(info->state));
    om_json_put_text(out, "phase", info->phase);
    om_json_put_text(out, "subject", info->subject);
    if (info->error[0] != '\0') {
        om_json_put_text(out, "error", info->error);
    }
    om_json_put_u64(out, "done", info->done);
    om_json_put_u64(out, "total", info->total);
    om_json_put_double(out, "rate_per_s", info->rate_per_s);
    om_json_put_time(out, "started_at", info->started_ms);
    om_json_put_time(out, "updated_at", info->updated_ms);
    om_json_close(out, '}');
}

void om_form_deletion(struct om_json_out *out, const char *key, const omega_deletion *deletion)
{
    om_json_open(out, key, '{');
    om_json_put_u64(out, "matched", deletion->matched);
    om_json_put_u64(out, "deleted", deletion->deleted);
    om_json_put_u64(out, "rows", deletion->rows);
    om_json_put_u64(out, "tombstones", deletion->tombstones);
    om_json_put_bool(out, "erased", deletion->erased);
    om_json_put_u64(out, "overwritten_bytes", deletion->overwritten_bytes);
    om_json_put_u64(out, "backup_count", deletion->backup_count);
    om_json_open(out, "backups", '[');
    omega_str rest = omega_str_of(deletion->backups);
    while (rest.len > 0) {
        const omega_str path = om_str_cut(rest, '\n', &rest);
        if (path.len > 0) {
            om_json_put_str(out, NULL, om_utf8_clip(path, om_utf8_valid_len(path)));
        }
    }
    om_json_close(out, ']');
    om_json_close(out, '}');
}
