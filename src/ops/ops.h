/* ops.h -- the operations as the outside sees them: one table, of which HTTP, MCP and the command
 * line are skins. The facade of ops/.
 *
 * A row has the published name, a sentence, what its JSON input looks like, hints, the scope rule,
 * and how it is decoded, done and encoded. A skin looks a row up, hands over JSON and gets JSON: no
 * operation is known to it by name. Decoding and encoding are all that a row does itself; the work
 * is the C contract's.
 * Threads: any. */
#ifndef OM_OPS_H
#define OM_OPS_H

#include "forms/forms.h"

enum om_op_hints {
    OM_HINT_READ_ONLY = 1,
    OM_HINT_DESTRUCTIVE = 2,
    OM_HINT_IDEMPOTENT = 4,
    OM_HINT_LONG = 8 /* takes a while, tells its progress */
};

/* Whose memories an operation may reach: what a skin with bound scopes must hold it to. */
enum om_scope_rule {
    OM_SCOPE_NONE,   /* touches no memory */
    OM_SCOPE_CALLER, /* the scope of the arguments, which a binding narrows */
    OM_SCOPE_ADMIN   /* all roots */
};

/* One member of the input object, from which schemas and help are made. */
struct om_op_field {
    const char *name; /* "" ends the list */
    const char *type; /* a JSON Schema type: "string", "number", "integer", "boolean", "object",
                         "array of memories" ... */
    bool required;
    const char *doc;
};

struct om_op_call {
    omega_runtime *rt;
    const struct om_json *input; /* an object; NULL: {} */
    struct om_arena *arena;      /* of the call */
    struct om_json_out *out;     /* the result, an object */
    omega_progress progress;     /* of long rows; may be NULL */
    void *progress_context;
};

struct om_op_row {
    const char *name;
    const char *summary;
    unsigned hints;
    enum om_scope_rule scope;
    const struct om_op_field *fields;
    omega_status (*run)(struct om_op_call *call);
};

size_t om_ops_count(void);
const struct om_op_row *om_ops_at(size_t index);
const struct om_op_row *om_ops_find(omega_str name); /* NULL: none */

/* Decodes, does, encodes: JSON in (an object, "" for none), JSON out (transferred: om_put with
 * `alloc`). OMEGA_ENOTFOUND for an unknown operation, OMEGA_EINVAL for input that does not fit. */
struct om_op_request {
    omega_str name;
    omega_str input;
    omega_progress progress;
    void *progress_context;
};
OMEGA_MUST_CHECK omega_status om_ops_run(omega_runtime *rt, struct om_alloc *alloc,
                                         const struct om_op_request *request, char **out,
                                         size_t *len);
/* The JSON Schema (2020-12) of a row's input. */
void om_ops_schema(const struct om_op_row *row, struct om_json_out *out, const char *key);

#endif
