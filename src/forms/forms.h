/* forms.h -- the JSON form of the contract's types: one place for every skin, import and export.
 *
 * Reading checks types and names the member ("memories[3].importance must be a number"); ranges are
 * checked where the value is used. An unknown member is an error that names the nearest known one.
 * Texts and floats of what is read point into the document, which must outlive its use; arrays come
 * from the arena. Writing appends to an om_json_out.
 * Threads: any. */
#ifndef OM_FORMS_H
#define OM_FORMS_H

#include "core/core.h"
#include "omega/omega.h"

/* Members of a document whose arrays are lifted into floats: for om_json_parse. */
extern const char *const om_form_float_keys[];

struct om_form {
    struct om_arena *arena; /* for arrays and base64 vectors */
    const char *where;      /* prefix of messages, "" or "memories[3]." */
};

/* {"content", "tier", "embedding" | "embedding_b64", "space", "importance", "confidence", "scope":
 * {"user","agent","session"}, "key", "type", "role", "name", "language", "metadata", "source":
 * {"kind","uri","actor"}, "occurred_at", "valid_from", "valid_to", "expires_at", "position",
 * "pinned", "id", "created_at", "override_tombstone"}. Members that an export adds (state, version,
 * score ...) are read over when `lenient`. */
OMEGA_MUST_CHECK omega_status om_form_memory_input(const struct om_form *form,
                                                   const struct om_json *value, bool lenient,
                                                   omega_memory_input *out);
OMEGA_MUST_CHECK omega_status om_form_scope(const struct om_form *form,
                                            const struct om_json *value, omega_scope *out);
/* The same members plus state, version, supersedes, superseded_by, updated_at, believed_to,
 * accessed_at, access_count, stability_days, retrievability, vectors, and score and explain when
 * `scored`. `embedding` (NULL: none) of the space "default" is written as embedding_b64. */
void om_form_memory(struct om_json_out *out, const char *key, const omega_memory *memory,
                    bool scored);
void om_form_health(struct om_json_out *out, const char *key, const omega_health_report *report);
void om_form_loop(struct om_json_out *out, const char *key, const omega_loop_info *info);
void om_form_operation(struct om_json_out *out, const char *key, const omega_operation_info *info);
void om_form_deletion(struct om_json_out *out, const char *key, const omega_deletion *deletion);

#endif
