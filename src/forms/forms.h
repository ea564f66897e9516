/* forms.h -- the JSON form of the contract's types: one place for every skin, import and export.
 *
 * Reading checks types and names the member ("memories[3].importance must be a number"); ranges are
 * checked where the value is used. An unknown member is an error that names the nearest known one;
 * null is the same as not given. Texts and floats of what is read point into the document, which
 * must outlive its use; arrays come from the arena. Writing appends to an om_json_out.
 * Threads: any. */
#ifndef OM_FORMS_H
#define OM_FORMS_H

#include "core/core.h"
#include "omega/omega.h"

/* Members of a document whose arrays are lifted into floats: for om_json_parse. */
extern const char *const om_form_float_keys[];

struct om_form {
    struct om_arena *arena; /* for arrays, metadata and base64 vectors */
    const char *where;      /* prefix of messages, "" or "memories[3]." */
};

/* {"content", "tier", "embedding" | "embedding_b64", "space", "importance", "confidence", "scope":
 * {"user","agent","session"}, "key", "type", "role", "name", "language", "metadata", "source":
 * {"kind","uri","actor"}, "occurred_at", "valid_from", "valid_to", "expires_at", "position",
 * "pinned", "id", "created_at", "override_tombstone"}. Sets all of *out; the actor stands in
 * out->write.actor. Members that an export adds (state, version, score ...) and the write options
 * of an operation (op_id, durability, actor) are read over when `lenient`.
 * OMEGA_EINVAL naming the member; OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_form_memory_input(const struct om_form *form,
                                                   const struct om_json *value, bool lenient,
                                                   omega_memory_input *out);
OMEGA_MUST_CHECK omega_status om_form_scope(const struct om_form *form, const struct om_json *value,
                                            omega_scope *out);
/* A stamp: RFC 3339 text. `name` is the member's, for the message. */
OMEGA_MUST_CHECK omega_status om_form_time(const struct om_form *form, const char *name,
                                           const struct om_json *value, int64_t *out);
/* "active", "superseded", "archived"; "model", "human", "system"; "?" for a value that is none. */
const char *om_form_state_name(omega_memory_state state);
const char *om_form_actor_name(omega_actor actor);

/* The same members plus state, version, supersedes, superseded_by, updated_at, believed_to,
 * accessed_at, access_count, stability_days, retrievability, vectors, and score and explain when
 * `scored`. What is not given is left out; where absence says something (validity, links, reads) it
 * is null. */
void om_form_memory(struct om_json_out *out, const char *key, const omega_memory *memory,
                    bool scored);
/* The members alone, into an object that the caller opened and adds to. */
void om_form_memory_members(struct om_json_out *out, const omega_memory *memory, bool scored);
/* "embedding_b64" (little-endian 32-bit floats) and, unless it is "default", "space". */
void om_form_vector(struct om_json_out *out, omega_str space, const float *values, size_t count);
void om_form_health(struct om_json_out *out, const char *key, const omega_health_report *report);
void om_form_loop(struct om_json_out *out, const char *key, const omega_loop_info *info);
void om_form_operation(struct om_json_out *out, const char *key, const omega_operation_info *info);
void om_form_deletion(struct om_json_out *out, const char *key, const omega_deletion *deletion);

#endif
