/* filter_tree_int.h -- the compiled form of a filter, shared by filter.c (compiles it),
 * filter_pack.c (the packed documents) and filter_match.c (evaluates it). */
#ifndef OM_FILTER_TREE_INT_H
#define OM_FILTER_TREE_INT_H

#include "memory/filter_int.h"

enum om_value_type {
    OM_VALUE_NULL,
    OM_VALUE_BOOL,
    OM_VALUE_NUMBER,
    OM_VALUE_TEXT,
    OM_VALUE_CONTAINER /* an array or object stands there; only $exists sees it */
};

/* A literal of a filter, or a value of a document. */
struct om_filter_value {
    enum om_value_type type;
    bool is_stamp; /* of a text: also an RFC 3339 stamp */
    double number; /* of a number; 1 or 0 of a boolean */
    int64_t stamp;
    omega_str text; /* borrowed from the arena or the packed form */
};

/* What a condition looks at. */
enum om_filter_target {
    OM_TARGET_PACKED, /* metadata, key, source: by the path's hash */
    OM_TARGET_TIER,
    OM_TARGET_IMPORTANCE,
    OM_TARGET_CONFIDENCE,
    OM_TARGET_OCCURRED_AT,
    OM_TARGET_CREATED_AT,
    OM_TARGET_PINNED,
    OM_TARGET_TYPE,
    OM_TARGET_ROLE,
    OM_TARGET_NAME
};

enum om_filter_op {
    OM_OP_IN,
    OM_OP_NOT_IN,
    OM_OP_GT,
    OM_OP_GTE,
    OM_OP_LT,
    OM_OP_LTE,
    OM_OP_EXISTS
};

enum om_filter_kind { OM_FILTER_AND, OM_FILTER_OR, OM_FILTER_NOT, OM_FILTER_TEST };

struct om_filter_node {
    enum om_filter_kind kind;
    struct om_filter_node *first, *next; /* children; the next sibling */
    /* of a test */
    enum om_filter_target target;
    enum om_filter_op op;
    bool wanted; /* of $exists */
    uint64_t path_hash;
    struct om_filter_value *values; /* $eq has one, $in any number */
    size_t value_count;
};

struct om_filter {
    struct om_filter_node *root;
    struct om_alloc *alloc; /* for packing a row on the fly */
    bool looks_at_packed;
    bool looks_at_fields;
};

/* Texts of the row itself are hashed apart from metadata, so that no member can pose as a field. */
enum { OM_PATH_OF_METADATA = 0, OM_PATH_OF_FIELD = 1 };
static inline uint64_t om_path_hash(omega_str path, uint64_t kind)
{
    return om_hash(path.ptr, path.len, kind);
}

/* True when a text is an RFC 3339 stamp or date. */
bool om_filter_stamp(omega_str text, int64_t *out);

/* Calls `each` for every value at the path; stops at the first true and returns it. */
bool om_packed_any(const unsigned char *packed, uint64_t path_hash,
                   bool (*each)(const void *context, const struct om_filter_value *value),
                   const void *context);

#endif
