/* json.c -- the tree, by jansson, and the lifted floats in it.
 *
 * After parsing, each stand-in (json_scan.c) is replaced in the tree by a node of our own: it
 * begins like a json_t, its type is one that jansson does not have and its reference count is
 * jansson's mark for immortal values (as json_true has), so that jansson carries it along and never
 * looks inside. All such nodes are one array of the document.
 * jansson takes its memory from the malloc that this library was linked with, so that tests can
 * fail it; a host that gave jansson functions of its own keeps them. A flag tells when memory was
 * refused, since jansson reports that as a syntax error in places. */
#include "core/json.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/json_int.h"

enum { FLOATS_TYPE = 100 };

struct floats_node {
    json_t base;
    const float *values;
    size_t count;
};

struct om_json_doc {
    struct om_alloc *alloc;
    json_t *root;
    struct floats_node *nodes;
    size_t node_count;
    float *values;
};

static _Thread_local bool memory_was_refused;

static void *allocate_node(size_t size)
{
    void *ptr = malloc(size);
    memory_was_refused = memory_was_refused || ptr == NULL;
    return ptr;
}

static void join_jansson(void)
{
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    if (release == free) {
        json_set_alloc_funcs(allocate_node, free);
    }
}

/* jansson's calls take values without const, and do not change them. */
static json_t *tree_of(const struct om_json *value)
{
    return (json_t *)(uintptr_t)value;
}

static const struct om_json *value_of(const json_t *tree)
{
    return (const struct om_json *)(const void *)tree;
}

static int type_of(const json_t *tree)
{
    return tree != NULL ? (int)tree->type : (int)JSON_NULL;
}

/* ---- Parsing ------------------------------------------------------------------------------- */

/* Takes the lifted values over from the scan. */
static omega_status adopt_floats(struct om_json_doc *doc, struct om_json_scan *scan)
{
    doc->node_count = om_json_scan_count(scan);
    if (doc->node_count == 0) {
        return OMEGA_OK;
    }
    doc->nodes = om_get0(doc->alloc, doc->node_count, sizeof *doc->nodes);
    if (doc->nodes == NULL) {
        return om_nomem();
    }
    doc->values = (float *)(void *)scan->values.ptr;
    scan->values.ptr = NULL;
    for (size_t i = 0; i < doc->node_count; i++) {
        struct om_json_lift lift;
        memcpy(&lift, scan->lifts.ptr + i * sizeof lift, sizeof lift);
        struct floats_node *node = &doc->nodes[i];
        node->base.type = (json_type)FLOATS_TYPE;
        node->base.refcount = (size_t)-1;
        node->values = doc->values != NULL ? doc->values + lift.first : NULL; /* all are empty */
        node->count = lift.count;
    }
    return OMEGA_OK;
}

static bool is_float_key(const char *const *float_keys, const char *key)
{
    for (size_t i = 0; float_keys[i] != NULL; i++) {
        if (strcmp(float_keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* The node that a stand-in stands for, or NULL for any other value. */
static json_t *node_for(struct om_json_doc *doc, const json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) != 1) {
        return NULL;
    }
    const json_t *number = json_array_get(value, 0);
    json_int_t index = json_integer_value(number);
    if (!json_is_integer(number) || index < 0 || (uint64_t)index >= doc->node_count) {
        return NULL;
    }
    return &doc->nodes[index].base;
}

/* Depth is bounded by the scan. */
static void place_floats(struct om_json_doc *doc, json_t *tree, const char *const *float_keys)
{
    if (json_is_array(tree)) {
        for (size_t i = 0; i < json_array_size(tree); i++) {
            place_floats(doc, json_array_get(tree, i), float_keys);
        }
        return;
    }
    if (!json_is_object(tree)) {
        return;
    }
    for (void *at = json_object_iter(tree); at != NULL; at = json_object_iter_next(tree, at)) {
        json_t *value = json_object_iter_value(at);
        json_t *node = NULL;
        if (is_float_key(float_keys, json_object_iter_key(at))) {
            node = node_for(doc, value);
        }
        if (node != NULL) {
            (void)json_object_iter_set_new(tree, at, node);
        } else {
            place_floats(doc, value, float_keys);
        }
    }
}

static omega_status parse_tree(struct om_json_doc *doc, const struct om_json_scan *scan)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, join_jansson);
    omega_str text = om_json_scan_count(scan) > 0 ? om_buf_str(&scan->reduced) : scan->text;
    json_error_t error;
    memory_was_refused = false;
    doc->root = json_loadb(text.len > 0 ? text.ptr : "", text.len,
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (doc->root != NULL) {
        return OMEGA_OK;
    }
    if (memory_was_refused || json_error_code(&error) == json_error_out_of_memory) {
        return om_nomem();
    }
    size_t offset = error.position > 0 ? (size_t)error.position : 0;
    const char *what = error.text;
    if (json_error_code(&error) == json_error_null_character) {
        what = "\\u0000 is not allowed";
    }
    return om_json_fail_at(scan->text, om_json_scan_offset(scan, offset), what);
}

omega_status om_json_parse(struct om_alloc *alloc, omega_str text, const char *const *float_keys,
                           struct om_json_doc **out)
{
    *out = NULL;
    if (text.len > SIZE_MAX / 16) {
        return om_fail(OMEGA_ELIMIT, "a JSON text of %zu bytes is too long", text.len);
    }
    struct om_json_scan scan;
    om_json_scan_init(&scan, alloc, text, float_keys);
    struct om_json_doc *doc = om_get0(alloc, 1, sizeof *doc);
    omega_status status = doc != NULL ? OMEGA_OK : om_nomem();
    if (status == OMEGA_OK) {
        doc->alloc = alloc;
        status = om_json_scan_run(&scan);
    }
    if (status == OMEGA_OK) {
        status = parse_tree(doc, &scan);
    }
    if (status == OMEGA_OK) {
        status = adopt_floats(doc, &scan);
    }
    om_json_scan_fini(&scan);
    if (status != OMEGA_OK) {
        om_json_free(doc);
        return status;
    }
    if (doc->node_count > 0) {
        place_floats(doc, doc->root, float_keys);
    }
    *out = doc;
    return OMEGA_OK;
}

void om_json_free(struct om_json_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    json_decref(doc->root);
    om_put(doc->alloc, doc->nodes);
    om_put(doc->alloc, doc->values);
    om_put(doc->alloc, doc);
}

const struct om_json *om_json_root(const struct om_json_doc *doc)
{
    return value_of(doc->root);
}

/* ---- Looking ------------------------------------------------------------------------------- */

enum om_json_type om_json_type_of(const struct om_json *value)
{
    switch (type_of(tree_of(value))) {
    case JSON_OBJECT:
        return OM_JSON_OBJECT;
    case JSON_ARRAY:
        return OM_JSON_ARRAY;
    case JSON_STRING:
        return OM_JSON_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return OM_JSON_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return OM_JSON_BOOL;
    case FLOATS_TYPE:
        return OM_JSON_FLOATS;
    default:
        return OM_JSON_NULL;
    }
}

const struct om_json *om_json_get(const struct om_json *object, const char *key)
{
    return value_of(json_object_get(tree_of(object), key));
}

size_t om_json_count(const struct om_json *value)
{
    const json_t *tree = tree_of(value);
    switch (type_of(tree)) {
    case JSON_OBJECT:
        return json_object_size(tree);
    case JSON_ARRAY:
        return json_array_size(tree);
    case FLOATS_TYPE:
        return ((const struct floats_node *)(const void *)value)->count;
    default:
        return 0;
    }
}

const struct om_json *om_json_at(const struct om_json *array, size_t index)
{
    return value_of(json_array_get(tree_of(array), index));
}

/* *at is 0 at first, then jansson's iterator, then AT_END (iterators are aligned pointers). */
bool om_json_next(const struct om_json *object, size_t *at, omega_str *key,
                  const struct om_json **value)
{
    enum { AT_END = 1 };
    json_t *tree = tree_of(object);
    if (!json_is_object(tree) || *at == AT_END) {
        return false;
    }
    void *iterator = *at == 0 ? json_object_iter(tree) : (void *)(uintptr_t)*at;
    if (iterator == NULL) {
        *at = AT_END;
        return false;
    }
    *key = omega_str_of(json_object_iter_key(iterator));
    *value = value_of(json_object_iter_value(iterator));
    void *next = json_object_iter_next(tree, iterator);
    *at = next != NULL ? (size_t)(uintptr_t)next : AT_END;
    return true;
}

omega_str om_json_str(const struct om_json *value)
{
    const json_t *tree = tree_of(value);
    if (!json_is_string(tree)) {
        return (omega_str){NULL, 0};
    }
    return (omega_str){json_string_value(tree), json_string_length(tree)};
}

double om_json_number(const struct om_json *value)
{
    const json_t *tree = tree_of(value);
    return json_is_number(tree) ? json_number_value(tree) : (double)NAN;
}

bool om_json_is_whole(const struct om_json *value, int64_t *out)
{
    const json_t *tree = tree_of(value);
    if (!json_is_integer(tree)) {
        return false;
    }
    *out = json_integer_value(tree);
    return true;
}

bool om_json_is_int(const struct om_json *value, int64_t *out)
{
    if (om_json_is_whole(value, out)) {
        return true;
    }
    double number = om_json_number(value);
    /* Up to 2^53 a double still tells neighbours apart. */
    if (!(fabs(number) <= 0x1p53) || number != nearbyint(number)) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

bool om_json_bool(const struct om_json *value)
{
    return json_is_true(tree_of(value));
}

const float *om_json_floats(const struct om_json *value, size_t *count)
{
    *count = 0;
    if (type_of(tree_of(value)) != FLOATS_TYPE) {
        return NULL;
    }
    const struct floats_node *node = (const struct floats_node *)(const void *)value;
    *count = node->count;
    return node->values;
}
