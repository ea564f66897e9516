/* json.h -- JSON behind one seam (jansson; no other file includes its header).
 *
 * Reading: a parsed document is a tree owned by an om_json_doc; values are borrowed pointers. Depth
 * at most OM_LIMIT_JSON_DEPTH, duplicate keys refused, size at most what the caller allows.
 * Long arrays of numbers do not become trees: om_json_parse lifts the values of members named in
 * `float_keys` straight into floats (a 768-number embedding costs microseconds, not a node each).
 * Writing: om_json_out appends to an om_buf; commas and escapes are its business.
 * Threads: a document belongs to one thread at a time. */
#ifndef OM_JSON_H
#define OM_JSON_H

#include "core/buf.h"

struct om_json; /* one value, borrowed */
struct om_json_doc;

enum om_json_type {
    OM_JSON_NULL,
    OM_JSON_BOOL,
    OM_JSON_NUMBER,
    OM_JSON_STRING,
    OM_JSON_ARRAY,
    OM_JSON_OBJECT,
    OM_JSON_FLOATS /* a lifted array of finite numbers */
};

/* `float_keys`: NULL-terminated ASCII names of members, at any depth, whose arrays of numbers are
 * lifted (also empty ones; an array that holds anything else stays an array); NULL lifts none. Each
 * number is rounded correctly to a float; one over the range is OMEGA_EINVAL naming its index.
 * Errors are OMEGA_EINVAL with line, column (in characters, just behind what is wrong) and what was
 * expected, or OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_json_parse(struct om_alloc *alloc, omega_str text,
                                            const char *const *float_keys,
                                            struct om_json_doc **out);
void om_json_free(struct om_json_doc *doc); /* NULL is allowed */
const struct om_json *om_json_root(const struct om_json_doc *doc);

enum om_json_type om_json_type_of(const struct om_json *value); /* NULL value: OM_JSON_NULL */
const struct om_json *om_json_get(const struct om_json *object, const char *key); /* NULL: none */
size_t om_json_count(const struct om_json *value); /* of an array, object or floats */
const struct om_json *om_json_at(const struct om_json *array, size_t index);
/* Members in the order of the text; `*at` starts as 0. */
bool om_json_next(const struct om_json *object, size_t *at, omega_str *key,
                  const struct om_json **value);
omega_str om_json_str(const struct om_json *value);             /* {NULL,0} unless a string */
double om_json_number(const struct om_json *value);             /* NaN unless a number */
bool om_json_is_int(const struct om_json *value, int64_t *out); /* 3, also 3.0 and 3e0 */
bool om_json_bool(const struct om_json *value);                 /* false unless true */
const float *om_json_floats(const struct om_json *value, size_t *count);
/* The value as compact text with keys sorted by bytes (for metadata and hashes). */
void om_json_dump(const struct om_json *value, struct om_buf *out);

/* Writing. Keys are literals or valid UTF-8; NULL key inside arrays. Non-finite numbers become
 * null. */
struct om_json_out {
    struct om_buf *buf;
    unsigned depth;
    bool comma[66];
};
void om_json_out_init(struct om_json_out *out, struct om_buf *buf);
void om_json_open(struct om_json_out *out, const char *key, char bracket);       /* '{' or '[' */
void om_json_close(struct om_json_out *out, char bracket);                       /* '}' or ']' */
void om_json_put_str(struct om_json_out *out, const char *key, omega_str value); /* or null */
void om_json_put_text(struct om_json_out *out, const char *key, const char *value);
void om_json_put_i64(struct om_json_out *out, const char *key, int64_t value);
void om_json_put_u64(struct om_json_out *out, const char *key, uint64_t value);
void om_json_put_double(struct om_json_out *out, const char *key, double value); /* shortest */
void om_json_put_bool(struct om_json_out *out, const char *key, bool value);
void om_json_put_null(struct om_json_out *out, const char *key);
void om_json_put_time(struct om_json_out *out, const char *key, int64_t wall_ms); /* unset: null */
void om_json_put_floats(struct om_json_out *out, const char *key, const float *values,
                        size_t count);
/* Text that is JSON already. */
void om_json_put_raw(struct om_json_out *out, const char *key, omega_str json);

#endif
