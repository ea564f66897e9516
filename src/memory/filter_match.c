/* filter_match.c -- evaluates a compiled filter over a catalogue entry or a row.
 *
 * Both are brought into one subject (the fields, and the packed rest), so that the two cannot
 * disagree. The walk is a recursion over the tree, whose depth the compiler bounds; it stops as
 * soon as the answer is known.
 * Cost: about 20 ns for one condition on metadata of a few members; no allocation and no lock over
 * entries. A row is packed on the fly (its metadata is parsed). */
#include "memory/filter_tree_int.h"
#include "memory/memory_int.h"

struct subject {
    omega_tier tier;
    double importance, confidence;
    int64_t occurred_at, created_at;
    bool pinned;
    omega_str type, role, name;
    const unsigned char *packed;
};

/* How a compares with b: < 0, 0, > 0 into *order; false when they cannot be compared. */
static bool compare(const struct om_filter_value *a, const struct om_filter_value *b, int *order)
{
    if (a->type != b->type || a->type == OM_VALUE_CONTAINER) {
        return false;
    }
    if (a->type == OM_VALUE_NULL) {
        *order = 0;
    } else if (a->type != OM_VALUE_TEXT) {
        *order = (a->number > b->number) - (a->number < b->number);
    } else if (a->is_stamp && b->is_stamp) {
        *order = (a->stamp > b->stamp) - (a->stamp < b->stamp);
    } else {
        *order = om_str_cmp(a->text, b->text);
    }
    return true;
}

static bool is_one_of(const struct om_filter_node *test, const struct om_filter_value *value)
{
    for (size_t i = 0; i < test->value_count; i++) {
        int order = 0;
        if (compare(value, &test->values[i], &order) && order == 0) {
            return true;
        }
    }
    return false;
}

/* Does this value fulfil the test? Negations are the caller's. */
static bool value_fits(const void *context, const struct om_filter_value *value)
{
    const struct om_filter_node *test = context;
    int order = 0;
    if (test->op == OM_OP_EXISTS) {
        return true;
    }
    if (test->op == OM_OP_IN || test->op == OM_OP_NOT_IN) {
        return is_one_of(test, value);
    }
    if (!compare(value, &test->values[0], &order)) {
        return false;
    }
    switch (test->op) {
    case OM_OP_GT:
        return order > 0;
    case OM_OP_GTE:
        return order >= 0;
    case OM_OP_LT:
        return order < 0;
    case OM_OP_LTE:
        return order <= 0;
    case OM_OP_IN:
    case OM_OP_NOT_IN:
    case OM_OP_EXISTS:
        break;
    }
    return false;
}

/* The field's value; false when it is missing. */
static bool field_value(const struct subject *subject, enum om_filter_target target,
                        struct om_filter_value *out)
{
    memset(out, 0, sizeof *out);
    out->type = OM_VALUE_NUMBER;
    switch (target) {
    case OM_TARGET_TIER:
        out->number = (double)subject->tier;
        return true;
    case OM_TARGET_IMPORTANCE:
        out->number = subject->importance;
        return true;
    case OM_TARGET_CONFIDENCE:
        out->number = subject->confidence;
        return true;
    case OM_TARGET_PINNED:
        out->type = OM_VALUE_BOOL;
        out->number = subject->pinned ? 1 : 0;
        return true;
    case OM_TARGET_OCCURRED_AT:
    case OM_TARGET_CREATED_AT:
        out->type = OM_VALUE_TEXT;
        out->is_stamp = true;
        out->stamp = target == OM_TARGET_OCCURRED_AT ? subject->occurred_at : subject->created_at;
        return true;
    case OM_TARGET_TYPE:
        out->text = subject->type;
        break;
    case OM_TARGET_ROLE:
        out->text = subject->role;
        break;
    case OM_TARGET_NAME:
        out->text = subject->name;
        break;
    case OM_TARGET_PACKED:
        break;
    }
    out->type = OM_VALUE_TEXT;
    return out->text.len > 0;
}

static bool test_passes(const struct om_filter_node *test, const struct subject *subject)
{
    struct om_filter_value value;
    bool any = false;
    if (test->target == OM_TARGET_PACKED) {
        any = om_packed_any(subject->packed, test->path_hash, value_fits, test);
    } else if (field_value(subject, test->target, &value)) {
        any = value_fits(test, &value);
    }
    if (test->op == OM_OP_NOT_IN) {
        return !any;
    }
    return test->op == OM_OP_EXISTS ? any == test->wanted : any;
}

static bool node_passes(const struct om_filter_node *node, const struct subject *subject)
{
    if (node->kind == OM_FILTER_TEST) {
        return test_passes(node, subject);
    }
    if (node->kind == OM_FILTER_NOT) {
        return !node_passes(node->first, subject);
    }
    bool wanted = node->kind == OM_FILTER_OR; /* the answer that ends the walk */
    for (const struct om_filter_node *child = node->first; child != NULL; child = child->next) {
        if (node_passes(child, subject) == wanted) {
            return wanted;
        }
    }
    return !wanted;
}

bool om_filter_entry(const struct om_filter *filter, const struct om_catalog *catalog,
                     const struct om_entry *entry)
{
    struct subject subject = {.packed = NULL};
    if (filter == NULL) {
        return true;
    }
    subject.packed = atomic_load_explicit(&entry->packed, memory_order_relaxed);
    if (filter->looks_at_fields) {
        subject.tier = (omega_tier)atomic_load_explicit(&entry->tier, memory_order_relaxed);
        subject.importance = atomic_load_explicit(&entry->importance, memory_order_relaxed);
        subject.confidence = atomic_load_explicit(&entry->confidence, memory_order_relaxed);
        subject.pinned = atomic_load_explicit(&entry->pinned, memory_order_relaxed) != 0;
        subject.occurred_at = entry->occurred_at;
        subject.created_at = entry->created_at;
        subject.type = om_catalog_name_text(catalog, entry->type);
        subject.role = om_catalog_name_text(catalog, entry->role);
        subject.name = om_catalog_name_text(catalog, entry->name);
    }
    return node_passes(filter->root, &subject);
}

omega_status om_filter_row(const struct om_filter *filter, const struct om_memory_row *row,
                           bool *pass)
{
    struct om_buf packed;
    omega_status status = OMEGA_OK;
    *pass = true;
    if (filter == NULL) {
        return OMEGA_OK;
    }
    om_buf_init(&packed, filter->alloc, 64u << 20);
    if (filter->looks_at_packed) {
        status = om_filter_pack(row, &packed);
    }
    if (status == OMEGA_OK) {
        struct subject subject = {.tier = row->tier,
                                  .importance = row->importance,
                                  .confidence = row->confidence,
                                  .occurred_at = row->occurred_at,
                                  .created_at = row->created_at,
                                  .pinned = row->pinned,
                                  .type = row->type,
                                  .role = row->role,
                                  .name = row->name};
        subject.packed = packed.len > 0 ? (const unsigned char *)packed.ptr : NULL;
        *pass = node_passes(filter->root, &subject);
    }
    om_buf_fini(&packed);
    return status;
}

/* ---- Hooks ---------------------------------------------------------------------------------- */

omega_status om_memory_filter_count(struct om_memory *memory, omega_str filter_json, uint64_t *out)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    uint64_t seq = om_store_commit_seq(memory->store);
    om_arena_init(&arena, memory->options.alloc, 0);
    *out = 0;
    omega_status status = om_filter_compile(&arena, filter_json, &filter);
    unsigned ticket = om_catalog_enter(memory->catalog);
    uint32_t limit = status == OMEGA_OK ? om_catalog_limit(memory->catalog) : 0;
    for (uint32_t item = 0; item < limit; item++) {
        const struct om_entry *entry = om_catalog_entry(memory->catalog, item);
        om_catalog_look_ahead(memory->catalog, item);
        bool pass = om_entry_stands(entry, seq) && om_filter_entry(filter, memory->catalog, entry);
        *out += pass ? 1 : 0;
    }
    om_catalog_leave(memory->catalog, ticket);
    om_arena_fini(&arena);
    return status;
}

static omega_status try_entry(const struct om_filter *filter, const struct om_memory_row *row,
                              bool *pass)
{
    struct om_catalog *catalog = NULL;
    uint32_t item = 0;
    omega_status status = om_catalog_new(om_alloc_default(), &catalog);
    if (status == OMEGA_OK) {
        status = om_catalog_prepare(catalog, row, &item);
    }
    if (status == OMEGA_OK) {
        om_catalog_add(catalog, item, 1);
        *pass = om_filter_entry(filter, catalog, om_catalog_entry(catalog, item));
    }
    om_catalog_free(catalog);
    return status;
}

omega_status om_memory_filter_try(omega_str filter_json, omega_str metadata_json, unsigned *out)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    bool by_row = false;
    bool by_entry = false;
    struct om_memory_row row;
    memset(&row, 0, sizeof row);
    row.row = 1;
    row.tier = OMEGA_TIER_EPISODIC;
    row.type = OM_STR("note");
    row.importance = 0.5;
    row.key = OM_STR("key");
    row.metadata = metadata_json;
    om_arena_init(&arena, om_alloc_default(), 0);
    omega_status status = om_filter_compile(&arena, filter_json, &filter);
    if (status == OMEGA_OK) {
        status = try_entry(filter, &row, &by_entry);
    }
    if (status == OMEGA_OK) {
        status = om_filter_row(filter, &row, &by_row);
    }
    om_arena_fini(&arena);
    *out = (by_row ? 1u : 0) | (by_entry ? 2u : 0);
    return status;
}
