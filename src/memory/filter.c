/* filter.c -- compiles a filter expression.
 *
 * The JSON text becomes a tree of tests under and / or / not, in the caller's arena; everything
 * that can be decided once is decided here: paths become hashes, texts that are stamps become
 * times, tiers numbers. $eq is $in with one value, $ne its negation, so that evaluation knows six
 * tests.
 *
 * Rejected: a bytecode (the tree has at most 256 small nodes and is walked in cache), and keeping
 * the JSON tree (each evaluation would compare names and parse stamps again).
 * Invariant: a compiled filter is never changed; its texts live in the arena. */
#include "memory/filter_tree_int.h"

struct compiler {
    struct om_arena *arena;
    struct om_filter *filter;
    size_t conditions;
};

/* What a literal must be, by the target. */
enum expected { EXPECT_ANY, EXPECT_TIER, EXPECT_NUMBER, EXPECT_STAMP, EXPECT_BOOL, EXPECT_TEXT };

struct field {
    const char *name; /* without the "@" */
    enum om_filter_target target;
    enum expected expected;
};

static const struct field fields[] = {
    {"tier", OM_TARGET_TIER, EXPECT_TIER},
    {"type", OM_TARGET_TYPE, EXPECT_TEXT},
    {"role", OM_TARGET_ROLE, EXPECT_TEXT},
    {"name", OM_TARGET_NAME, EXPECT_TEXT},
    {"key", OM_TARGET_PACKED, EXPECT_TEXT},
    {"importance", OM_TARGET_IMPORTANCE, EXPECT_NUMBER},
    {"confidence", OM_TARGET_CONFIDENCE, EXPECT_NUMBER},
    {"occurred_at", OM_TARGET_OCCURRED_AT, EXPECT_STAMP},
    {"created_at", OM_TARGET_CREATED_AT, EXPECT_STAMP},
    {"source.kind", OM_TARGET_PACKED, EXPECT_TEXT},
    {"source.uri", OM_TARGET_PACKED, EXPECT_TEXT},
    {"pinned", OM_TARGET_PINNED, EXPECT_BOOL},
};
static const char field_names[] = "@tier, @type, @role, @name, @key, @importance, @confidence, "
                                  "@occurred_at, @created_at, @source.kind, @source.uri, @pinned";

struct operator_row {
    const char *name;
    enum om_filter_op op;
    bool takes_list;
};

static const struct operator_row operators[] = {
    {"$eq", OM_OP_IN, false},   {"$ne", OM_OP_NOT_IN, false},     {"$gt", OM_OP_GT, false},
    {"$gte", OM_OP_GTE, false}, {"$lt", OM_OP_LT, false},         {"$lte", OM_OP_LTE, false},
    {"$in", OM_OP_IN, true},    {"$exists", OM_OP_EXISTS, false},
};

static const char operator_names[] = "$eq $ne $gt $gte $lt $lte $in $exists";

/* A member of a filter's object, where it stands, and how deep. */
struct member {
    omega_str name;
    const struct om_json *value;
    const char *place;
    unsigned depth;
};

/* A condition under construction: where it stands, and what it looks at. */
struct condition {
    const char *place;
    enum expected expected;
    struct om_filter_node *node;
};

static omega_status parse_object(struct compiler *c, const struct om_json *object,
                                 const char *place, unsigned depth, struct om_filter_node **out);

static const char *type_text(const struct om_json *value)
{
    switch (om_json_type_of(value)) {
    case OM_JSON_NULL:
        return "null";
    case OM_JSON_BOOL:
        return "a boolean";
    case OM_JSON_NUMBER:
        return "a number";
    case OM_JSON_STRING:
        return "a text";
    case OM_JSON_ARRAY:
    case OM_JSON_FLOATS:
        return "a list";
    case OM_JSON_OBJECT:
        return "an object";
    }
    return "something else";
}

static omega_status new_node(struct compiler *c, enum om_filter_kind kind,
                             struct om_filter_node **out)
{
    *out = om_arena_get0(c->arena, 1, sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    (*out)->kind = kind;
    return OMEGA_OK;
}

static void add_child(struct om_filter_node *parent, struct om_filter_node *child)
{
    child->next = parent->first;
    parent->first = child;
}

static omega_status count_condition(struct compiler *c, const char *place)
{
    c->conditions += 1;
    if (c->conditions > OM_LIMIT_FILTER_NODES) {
        return om_fail(OMEGA_EINVAL, "%s: a filter has at most %d conditions", place,
                       OM_LIMIT_FILTER_NODES);
    }
    return OMEGA_OK;
}

/* "place.name", for messages. */
static omega_status inner_place(struct compiler *c, const char *place, omega_str name,
                                const char **out)
{
    omega_str clipped = om_utf8_clip(name, 64);
    *out = om_arena_printf(c->arena, "%s.%.*s%s", place, OM_STR_ARG(clipped),
                           clipped.len < name.len ? "..." : "");
    return *out != NULL ? OMEGA_OK : om_nomem();
}

/* ---- Literals ----------------------------------------------------------------------------- */

bool om_filter_stamp(omega_str text, int64_t *out)
{
    if (text.len < 10 || text.len > 40 || text.ptr[4] != '-' || text.ptr[7] != '-') {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return om_time_parse(text, out) == OMEGA_OK;
}

static const char *expected_text(enum expected expected, bool ordered)
{
    switch (expected) {
    case EXPECT_TIER:
        return "the name of a tier";
    case EXPECT_NUMBER:
        return "a number";
    case EXPECT_STAMP:
        return "an RFC 3339 stamp";
    case EXPECT_BOOL:
        return "true or false";
    case EXPECT_TEXT:
        return "a text";
    case EXPECT_ANY:
        break;
    }
    return ordered ? "a number, a text or a stamp" : "a text, a number, a boolean or null";
}

static bool fits(enum expected expected, enum om_json_type type, bool ordered)
{
    switch (expected) {
    case EXPECT_TIER:
    case EXPECT_STAMP:
    case EXPECT_TEXT:
        return type == OM_JSON_STRING;
    case EXPECT_NUMBER:
        return type == OM_JSON_NUMBER;
    case EXPECT_BOOL:
        return type == OM_JSON_BOOL && !ordered;
    case EXPECT_ANY:
        break;
    }
    return type == OM_JSON_STRING || type == OM_JSON_NUMBER ||
           (!ordered && (type == OM_JSON_BOOL || type == OM_JSON_NULL));
}

static omega_status parse_text(struct compiler *c, const struct condition *condition,
                               omega_str text, struct om_filter_value *out)
{
    omega_tier tier = OMEGA_TIER_UNSET;
    out->type = OM_VALUE_TEXT;
    switch (condition->expected) {
    case EXPECT_TIER:
        if (omega_tier_parse(text, &tier) != OMEGA_OK) {
            return om_error_prefix(OMEGA_EINVAL, "%s", condition->place);
        }
        out->type = OM_VALUE_NUMBER;
        out->number = (double)tier;
        return OMEGA_OK;
    case EXPECT_STAMP:
        if (!om_filter_stamp(text, &out->stamp)) {
            return om_fail(OMEGA_EINVAL, "%s: expected an RFC 3339 stamp, found '%.*s'",
                           condition->place, OM_STR_ARG(om_utf8_clip(text, 64)));
        }
        out->is_stamp = true;
        return OMEGA_OK;
    case EXPECT_ANY:
        out->is_stamp = om_filter_stamp(text, &out->stamp);
        break;
    case EXPECT_NUMBER:
    case EXPECT_BOOL:
    case EXPECT_TEXT:
        break;
    }
    out->text = om_arena_str(c->arena, text);
    return out->text.ptr != NULL ? OMEGA_OK : om_nomem();
}

static omega_status parse_value(struct compiler *c, const struct condition *condition,
                                const struct om_json *json, struct om_filter_value *out)
{
    enum om_filter_op op = condition->node->op;
    bool ordered = op != OM_OP_IN && op != OM_OP_NOT_IN;
    enum om_json_type type = om_json_type_of(json);
    memset(out, 0, sizeof *out);
    if (!fits(condition->expected, type, ordered)) {
        return om_fail(OMEGA_EINVAL, "%s: expected %s, found %s", condition->place,
                       expected_text(condition->expected, ordered), type_text(json));
    }
    omega_status status = count_condition(c, condition->place);
    if (status != OMEGA_OK) {
        return status;
    }
    switch (type) {
    case OM_JSON_STRING:
        return parse_text(c, condition, om_json_str(json), out);
    case OM_JSON_NUMBER:
        out->type = OM_VALUE_NUMBER;
        out->number = om_json_number(json);
        return OMEGA_OK;
    case OM_JSON_BOOL:
        out->type = OM_VALUE_BOOL;
        out->number = om_json_bool(json) ? 1 : 0;
        return OMEGA_OK;
    case OM_JSON_NULL:
    case OM_JSON_ARRAY:
    case OM_JSON_FLOATS:
    case OM_JSON_OBJECT:
        break;
    }
    out->type = OM_VALUE_NULL;
    return OMEGA_OK;
}

/* ---- Conditions --------------------------------------------------------------------------- */

static omega_status parse_one_value(struct compiler *c, const struct condition *condition,
                                    const struct om_json *json)
{
    struct om_filter_node *node = condition->node;
    node->values = om_arena_get0(c->arena, 1, sizeof *node->values);
    if (node->values == NULL) {
        return om_nomem();
    }
    node->value_count = 1;
    return parse_value(c, condition, json, node->values);
}

static omega_status parse_list(struct compiler *c, const struct condition *condition,
                               const struct om_json *json)
{
    struct om_filter_node *node = condition->node;
    size_t count = om_json_count(json);
    if (om_json_type_of(json) != OM_JSON_ARRAY) {
        return om_fail(OMEGA_EINVAL, "%s: expected a list, found %s", condition->place,
                       type_text(json));
    }
    if (count > OM_LIMIT_FILTER_NODES) {
        return om_fail(OMEGA_EINVAL, "%s: a filter has at most %d conditions", condition->place,
                       OM_LIMIT_FILTER_NODES);
    }
    node->values = om_arena_get0(c->arena, count + 1, sizeof *node->values);
    if (node->values == NULL) {
        return om_nomem();
    }
    node->value_count = count;
    for (size_t i = 0; i < count; i++) {
        omega_status status = parse_value(c, condition, om_json_at(json, i), &node->values[i]);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

static omega_status parse_exists(struct compiler *c, const struct condition *condition,
                                 const struct om_json *json)
{
    if (om_json_type_of(json) != OM_JSON_BOOL) {
        return om_fail(OMEGA_EINVAL, "%s: expected true or false, found %s", condition->place,
                       type_text(json));
    }
    condition->node->wanted = om_json_bool(json);
    return count_condition(c, condition->place);
}

/* What the path names, into a fresh node and what its literals must be. */
static omega_status resolve_path(struct compiler *c, struct condition *condition, omega_str path)
{
    struct om_filter_node *node = condition->node;
    if (path.len > OM_FILTER_PATH) {
        return om_fail(OMEGA_EINVAL, "%s: a path has at most %d bytes", condition->place,
                       OM_FILTER_PATH);
    }
    condition->expected = EXPECT_ANY;
    if (path.len == 0 || path.ptr[0] != '@') {
        node->target = OM_TARGET_PACKED;
        node->path_hash = om_path_hash(path, OM_PATH_OF_METADATA);
        c->filter->looks_at_packed = true;
        return OMEGA_OK;
    }
    omega_str name = {path.ptr + 1, path.len - 1};
    for (size_t i = 0; i < OM_COUNT_OF(fields); i++) {
        if (om_str_eq_text(name, fields[i].name)) {
            node->target = fields[i].target;
            node->path_hash = om_path_hash(name, OM_PATH_OF_FIELD);
            condition->expected = fields[i].expected;
            *(node->target == OM_TARGET_PACKED ? &c->filter->looks_at_packed
                                               : &c->filter->looks_at_fields) = true;
            return OMEGA_OK;
        }
    }
    return om_fail(OMEGA_EINVAL, "%s: expected a field (%s)", condition->place, field_names);
}

static omega_status new_condition(struct compiler *c, omega_str path, const char *place,
                                  struct condition *out)
{
    out->place = place;
    omega_status status = new_node(c, OM_FILTER_TEST, &out->node);
    if (status != OMEGA_OK) {
        return status;
    }
    out->node->op = OM_OP_IN;
    return resolve_path(c, out, path);
}

static const struct operator_row *find_operator(omega_str name)
{
    for (size_t i = 0; i < OM_COUNT_OF(operators); i++) {
        if (om_str_eq_text(name, operators[i].name)) {
            return &operators[i];
        }
    }
    return NULL;
}

static omega_status parse_operator(struct compiler *c, omega_str path,
                                   const struct operator_row *row, const struct member *member,
                                   struct om_filter_node *parent)
{
    struct condition condition;
    omega_status status = new_condition(c, path, member->place, &condition);
    if (status != OMEGA_OK) {
        return status;
    }
    condition.node->op = row->op;
    add_child(parent, condition.node);
    if (row->op == OM_OP_EXISTS) {
        return parse_exists(c, &condition, member->value);
    }
    return row->takes_list ? parse_list(c, &condition, member->value)
                           : parse_one_value(c, &condition, member->value);
}

/* {"$gt": 3, "$lte": 9} after a path. */
static omega_status parse_operators(struct compiler *c, const struct member *path,
                                    struct om_filter_node *parent)
{
    struct member inner = *path;
    size_t at = 0;
    if (om_json_count(path->value) == 0) {
        return om_fail(OMEGA_EINVAL, "%s: expected an operator (%s), found an empty object",
                       path->place, operator_names);
    }
    while (om_json_next(path->value, &at, &inner.name, &inner.value)) {
        omega_status status = inner_place(c, path->place, inner.name, &inner.place);
        if (status != OMEGA_OK) {
            return status;
        }
        const struct operator_row *row = find_operator(inner.name);
        if (row == NULL) {
            return om_fail(OMEGA_EINVAL, "%s: expected an operator (%s)", inner.place,
                           operator_names);
        }
        status = parse_operator(c, path->name, row, &inner, parent);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

static omega_status parse_path(struct compiler *c, const struct member *member,
                               struct om_filter_node *parent)
{
    if (om_json_type_of(member->value) == OM_JSON_OBJECT) {
        return parse_operators(c, member, parent);
    }
    struct condition condition;
    omega_status status = new_condition(c, member->name, member->place, &condition);
    if (status != OMEGA_OK) {
        return status;
    }
    add_child(parent, condition.node);
    return parse_one_value(c, &condition, member->value);
}

/* ---- And, or, not ------------------------------------------------------------------------- */

static omega_status parse_branches(struct compiler *c, const struct member *member,
                                   struct om_filter_node *parent)
{
    const struct om_json *list = member->value;
    size_t count = om_json_count(list);
    if (om_json_type_of(list) != OM_JSON_ARRAY) {
        return om_fail(OMEGA_EINVAL, "%s: expected a list of filters, found %s", member->place,
                       type_text(list));
    }
    if (count == 0 || count > OM_LIMIT_FILTER_NODES) {
        return om_fail(OMEGA_EINVAL, "%s: expected 1 to %d filters, found %zu", member->place,
                       OM_LIMIT_FILTER_NODES, count);
    }
    for (size_t i = 0; i < count; i++) {
        struct om_filter_node *child = NULL;
        const char *place = om_arena_printf(c->arena, "%s[%zu]", member->place, i);
        if (place == NULL) {
            return om_nomem();
        }
        omega_status status =
            parse_object(c, om_json_at(list, i), place, member->depth + 1, &child);
        if (status != OMEGA_OK) {
            return status;
        }
        add_child(parent, child);
    }
    return OMEGA_OK;
}

static omega_status parse_logic(struct compiler *c, const struct member *member,
                                struct om_filter_node *parent)
{
    bool is_not = om_str_eq_text(member->name, "$not");
    bool is_or = om_str_eq_text(member->name, "$or");
    if (!is_not && !is_or && !om_str_eq_text(member->name, "$and")) {
        return om_fail(OMEGA_EINVAL, "%s: expected $and, $or, $not or a path", member->place);
    }
    struct om_filter_node *node = NULL;
    struct om_filter_node *child = NULL;
    omega_status status =
        new_node(c, is_not ? OM_FILTER_NOT : (is_or ? OM_FILTER_OR : OM_FILTER_AND), &node);
    if (status != OMEGA_OK) {
        return status;
    }
    add_child(parent, node);
    if (!is_not) {
        return parse_branches(c, member, node);
    }
    status = parse_object(c, member->value, member->place, member->depth + 1, &child);
    if (status == OMEGA_OK) {
        add_child(node, child);
    }
    return status;
}

static omega_status parse_object(struct compiler *c, const struct om_json *object,
                                 const char *place, unsigned depth, struct om_filter_node **out)
{
    struct member member = {.depth = depth};
    size_t at = 0;
    if (om_json_type_of(object) != OM_JSON_OBJECT) {
        return om_fail(OMEGA_EINVAL, "%s: expected an object, found %s", place, type_text(object));
    }
    if (depth > OM_FILTER_DEPTH) {
        return om_fail(OMEGA_EINVAL, "%s: a filter is at most %d deep", place, OM_FILTER_DEPTH);
    }
    omega_status status = new_node(c, OM_FILTER_AND, out);
    while (status == OMEGA_OK && om_json_next(object, &at, &member.name, &member.value)) {
        status = inner_place(c, place, member.name, &member.place);
        if (status != OMEGA_OK) {
            return status;
        }
        bool is_logic = member.name.len > 0 && member.name.ptr[0] == '$';
        status = is_logic ? parse_logic(c, &member, *out) : parse_path(c, &member, *out);
    }
    return status;
}

omega_status om_filter_compile(struct om_arena *arena, omega_str json, struct om_filter **out)
{
    struct om_json_doc *doc = NULL;
    *out = NULL;
    if (!om_str_given(json) || json.len == 0) {
        return OMEGA_OK;
    }
    if (json.len > OM_LIMIT_METADATA) {
        return om_fail(OMEGA_ELIMIT, "filter: %zu bytes, at most %d are allowed", json.len,
                       OM_LIMIT_METADATA);
    }
    struct om_filter *filter = om_arena_get0(arena, 1, sizeof *filter);
    if (filter == NULL) {
        return om_nomem();
    }
    filter->alloc = arena->alloc;
    omega_status status = om_json_parse(arena->alloc, json, NULL, &doc);
    if (status != OMEGA_OK) {
        return om_error_prefix(status, "filter");
    }
    struct compiler compiler = {arena, filter, 0};
    status = parse_object(&compiler, om_json_root(doc), "filter", 1, &filter->root);
    om_json_free(doc);
    if (status == OMEGA_OK) {
        *out = filter;
    }
    return status;
}
