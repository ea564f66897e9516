/* filter_test.c -- filters against a plain evaluator over random documents, and what is refused.
 *
 * The oracle keeps documents as its own trees, prints them as JSON for the code under test, and
 * evaluates filters on the trees by the words of filter_int.h: no JSON parser, no hashes. */
#include "support/support.h"

#include <stdio.h>

#include "memory/memory_int.h"

/* ---- Documents ------------------------------------------------------------------------------ */

enum kind { NUL, BOOL, NUMBER, TEXT, LIST, OBJECT };
enum { CHILDREN = 3, POOL = 512 };

struct value {
    enum kind kind;
    bool flag;
    double number;
    int text; /* into texts */
    int count;
    int names[CHILDREN]; /* into names */
    struct value *children[CHILDREN];
};

static const char *const names[] = {"a", "b", "a.b", "c"};
static const struct {
    const char *text;
    int64_t stamp; /* 0: none */
} texts[] = {
    {"x", 0},
    {"y", 0},
    {"", 0},
    {"2026-01-01", INT64_C(1767225600000)},
    {"2026-01-01T01:00:00+01:00", INT64_C(1767225600000)},
    {"2026-02-30", 0},
    {"2027-01-01T00:00:00.500Z", INT64_C(1798761600500)},
};
static const char *const paths[] = {"a", "b", "c", "a.b", "a.a", "b.c", "a.b.c", "c.a.b", "d"};

static struct value pool[POOL];
static int pool_used;
static struct om_rng rng;

static int below(int bound)
{
    return (int)om_rng_below(&rng, (uint64_t)bound);
}

static struct value *random_value(int depth)
{
    struct value *v = &pool[pool_used++];
    memset(v, 0, sizeof *v);
    v->kind = (enum kind)below(depth > 0 ? 6 : 4);
    v->flag = below(2) == 1;
    v->number = below(7) - 3 + (below(3) == 0 ? 0.5 : 0);
    v->text = below((int)OM_COUNT_OF(texts));
    if (v->kind != LIST && v->kind != OBJECT) {
        return v;
    }
    int first = below((int)OM_COUNT_OF(names));
    v->count = below(CHILDREN + 1);
    for (int i = 0; i < v->count; i++) {
        v->names[i] = (first + i) % (int)OM_COUNT_OF(names); /* no name twice */
        v->children[i] = random_value(depth - 1);
    }
    return v;
}

static void print_value(struct om_buf *out, const struct value *v)
{
    switch (v->kind) {
    case NUL:
        om_buf_add_text(out, "null");
        return;
    case BOOL:
        om_buf_add_text(out, v->flag ? "true" : "false");
        return;
    case NUMBER:
        om_buf_addf(out, "%g", v->number);
        return;
    case TEXT:
        om_buf_addf(out, "\"%s\"", texts[v->text].text);
        return;
    case LIST:
    case OBJECT:
        break;
    }
    om_buf_add_char(out, v->kind == LIST ? '[' : '{');
    for (int i = 0; i < v->count; i++) {
        om_buf_add_text(out, i > 0 ? "," : "");
        if (v->kind == OBJECT) {
            om_buf_addf(out, "\"%s\":", names[v->names[i]]);
        }
        print_value(out, v->children[i]);
    }
    om_buf_add_char(out, v->kind == LIST ? ']' : '}');
}

/* ---- The oracle ----------------------------------------------------------------------------- */

struct found {
    const struct value *rows[POOL];
    int count;
};

static void collect(struct found *found, const struct value *v)
{
    found->rows[found->count++] = v;
    for (int i = 0; v->kind == LIST && i < v->count; i++) {
        collect(found, v->children[i]);
    }
}

static void descend(struct found *found, const struct value *v, const char *path)
{
    for (int i = 0; i < v->count && (v->kind == LIST || v->kind == OBJECT); i++) {
        if (v->kind == LIST) {
            descend(found, v->children[i], path);
            continue;
        }
        const char *name = names[v->names[i]];
        size_t len = strlen(name);
        if (strcmp(path, name) == 0) {
            collect(found, v->children[i]);
        } else if (strncmp(path, name, len) == 0 && path[len] == '.') {
            descend(found, v->children[i], path + len + 1);
        }
    }
}

/* -2: they cannot be compared. */
static int order_of(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind || a->kind == LIST || a->kind == OBJECT) {
        return -2;
    }
    if (a->kind == NUMBER) {
        return (a->number > b->number) - (a->number < b->number);
    }
    if (a->kind == BOOL) {
        return a->flag - b->flag;
    }
    if (a->kind == NUL) {
        return 0;
    }
    int64_t x = texts[a->text].stamp;
    int64_t y = texts[b->text].stamp;
    if (x != 0 && y != 0) {
        return (x > y) - (x < y);
    }
    int order = strcmp(texts[a->text].text, texts[b->text].text);
    return (order > 0) - (order < 0);
}

static const char *const ops[] = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists"};
enum { EQ, NE, GT, GTE, LT, LTE, IN, EXISTS, OP_COUNT };

static bool value_holds(int op, const struct value *v, struct value *const *literals, int count)
{
    int order = order_of(v, literals[0]);
    if (op == EQ || op == NE || op == IN) {
        for (int i = 0; i < count; i++) {
            if (order_of(v, literals[i]) == 0) {
                return true;
            }
        }
        return false;
    }
    return order != -2 && (op == GT    ? order > 0
                           : op == GTE ? order >= 0
                           : op == LT  ? order < 0
                                       : order <= 0);
}

/* Prints a random condition and says whether the document fulfils it. */
static bool random_test(struct om_buf *out, const struct value *document)
{
    struct found found = {.count = 0};
    struct value *literals[3];
    const char *path = paths[below((int)OM_COUNT_OF(paths))];
    int op = below(OP_COUNT);
    int count = op == IN ? below(3) + 1 : 1;
    bool wanted = below(2) == 1;
    bool any = false;
    for (int i = 0; i < count; i++) {
        do {
            literals[i] = random_value(0);
        } while (op >= GT && op <= LTE && (literals[i]->kind == NUL || literals[i]->kind == BOOL));
    }
    bool is_short = op == EQ && below(2) == 0;
    om_buf_addf(out, is_short ? "\"%s\":" : "\"%s\":{\"%s\":", path, ops[op]);
    if (op == EXISTS) {
        om_buf_add_text(out, wanted ? "true" : "false");
    } else if (op == IN) {
        om_buf_add_char(out, '[');
        for (int i = 0; i < count; i++) {
            om_buf_add_text(out, i > 0 ? "," : "");
            print_value(out, literals[i]);
        }
        om_buf_add_char(out, ']');
    } else {
        print_value(out, literals[0]);
    }
    om_buf_add_text(out, is_short ? "" : "}");
    descend(&found, document, path);
    if (op == EXISTS) {
        return (found.count > 0) == wanted;
    }
    for (int i = 0; i < found.count; i++) {
        any = any || value_holds(op, found.rows[i], literals, count);
    }
    return op == NE ? !any : any;
}

static bool random_filter(struct om_buf *out, const struct value *document, int depth)
{
    int kind = depth > 0 ? below(5) : 0;
    bool pass;
    om_buf_add_char(out, '{');
    if (kind <= 1) {
        pass = random_test(out, document);
    } else if (kind == 2) {
        om_buf_add_text(out, "\"$not\":");
        pass = !random_filter(out, document, depth - 1);
    } else {
        int count = below(3) + 1;
        pass = kind == 3;
        om_buf_addf(out, "\"%s\":[", kind == 3 ? "$and" : "$or");
        for (int i = 0; i < count; i++) {
            om_buf_add_text(out, i > 0 ? "," : "");
            bool part = random_filter(out, document, depth - 1);
            pass = kind == 3 ? pass && part : pass || part;
        }
        om_buf_add_char(out, ']');
    }
    om_buf_add_char(out, '}');
    return pass;
}

/* ---- Both ways over one row ------------------------------------------------------------------ */

static void check_both(const char *json, const struct om_memory_row *row, bool wanted)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    struct om_catalog *catalog = NULL;
    uint32_t item = 0;
    bool pass = !wanted;
    om_arena_init(&arena, om_alloc_default(), 0);
    assert_ok(om_filter_compile(&arena, omega_str_of(json), &filter));
    assert_ok(om_filter_row(filter, row, &pass));
    if (pass != wanted) {
        print_error("row: %s over %.*s\n", json, OM_STR_ARG(row->metadata));
    }
    assert_int_equal(pass, wanted);
    assert_ok(om_catalog_new(om_alloc_default(), &catalog));
    assert_ok(om_catalog_prepare(catalog, row, &item));
    om_catalog_add(catalog, item, 1);
    pass = om_filter_entry(filter, catalog, om_catalog_entry(catalog, item));
    if (pass != wanted) {
        print_error("entry: %s over %.*s\n", json, OM_STR_ARG(row->metadata));
    }
    assert_int_equal(pass, wanted);
    om_catalog_free(catalog);
    om_arena_fini(&arena);
}

static struct om_memory_row plain_row(void)
{
    struct om_memory_row row;
    memset(&row, 0, sizeof row);
    row.row = 1;
    row.tier = OMEGA_TIER_SEMANTIC;
    row.type = OM_STR("note");
    row.importance = 0.7;
    row.confidence = 1;
    row.occurred_at = INT64_C(1767225600000);
    row.created_at = INT64_C(1767225600500);
    return row;
}

static void test_random(void **state)
{
    enum { RUNS = 20000 };
    struct om_buf document;
    struct om_buf filter;
    int passed = 0;
    (void)state;
    om_rng_seed(&rng, 11);
    om_buf_init(&document, om_alloc_default(), 1 << 20);
    om_buf_init(&filter, om_alloc_default(), 1 << 20);
    for (int run = 0; run < RUNS; run++) {
        struct om_memory_row row = plain_row();
        pool_used = 0;
        om_buf_clear(&document);
        om_buf_clear(&filter);
        struct value *root = random_value(3);
        root->kind = OBJECT;
        if (root->count == 0) {
            root->count = 1;
            root->names[0] = 0;
            root->children[0] = random_value(2);
        }
        print_value(&document, root);
        bool wanted = random_filter(&filter, root, 3);
        row.metadata = om_buf_str(&document);
        check_both(filter.ptr, &row, wanted);
        passed += wanted ? 1 : 0;
    }
    assert_in_range(passed, RUNS / 5, RUNS * 4 / 5); /* the test can tell both answers */
    om_buf_fini(&document);
    om_buf_fini(&filter);
}

/* ---- Fields --------------------------------------------------------------------------------- */

static void test_fields(void **state)
{
    static const struct {
        const char *filter;
        bool pass;
    } rows[] = {
        {"{\"@tier\":\"semantic\"}", true},
        {"{\"@tier\":\"SEMANTIC\"}", true},
        {"{\"@tier\":{\"$gte\":\"episodic\"}}", true},
        {"{\"@tier\":{\"$in\":[\"working\",\"session\"]}}", false},
        {"{\"@importance\":0.7}", true}, /* a double, not rounded on the way */
        {"{\"@importance\":{\"$gt\":0.7}}", false},
        {"{\"@confidence\":{\"$lte\":1}}", true},
        {"{\"@occurred_at\":\"2026-01-01\"}", true},
        {"{\"@created_at\":{\"$gt\":\"2026-01-01T00:00:00.499Z\"}}", true},
        {"{\"@created_at\":{\"$gt\":\"2026-01-01T00:00:00.500Z\"}}", false},
        {"{\"@pinned\":false}", true},
        {"{\"@pinned\":{\"$ne\":false}}", false},
        {"{\"@type\":\"note\"}", true},
        {"{\"@role\":\"user\"}", true},
        {"{\"@role\":{\"$exists\":false}}", false},
        {"{\"@name\":{\"$exists\":false}}", true},
        {"{\"@name\":{\"$ne\":\"Ann\"}}", true},
        {"{\"@key\":{\"$gte\":\"k1\"}}", true},
        {"{\"@source.kind\":\"chat\"}", true},
        {"{\"@source.uri\":{\"$exists\":true}}", false},
        {"{\"key\":\"k1\"}", false}, /* a member, not the field */
        {"{\"source.kind\":{\"$exists\":false}}", true},
        {"{}", true},
        {"{\"$not\":{}}", false},
    };
    (void)state;
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        struct om_memory_row row = plain_row();
        row.role = OM_STR("user");
        row.key = OM_STR("k1");
        row.source_kind = OM_STR("chat");
        check_both(rows[i].filter, &row, rows[i].pass);
    }
}

/* ---- Refused -------------------------------------------------------------------------------- */

static void refuse(const char *json, const char *part)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    om_arena_init(&arena, om_alloc_default(), 0);
    assert_status(om_filter_compile(&arena, omega_str_of(json), &filter), OMEGA_EINVAL);
    assert_error_says(part);
    assert_null(filter);
    om_arena_fini(&arena);
}

/* `depth` times {"$not": around `inner`. */
static void nest(char *out, size_t size, int depth, const char *inner)
{
    size_t len = 0;
    for (int i = 0; i < depth; i++) {
        len += (size_t)snprintf(out + len, size - len, "{\"$not\":");
    }
    len += (size_t)snprintf(out + len, size - len, "%s", inner);
    for (int i = 0; i < depth; i++) {
        len += (size_t)snprintf(out + len, size - len, "}");
    }
}

/* {"a": {"$in": [7, 7 ...]}} */
static void list_of(char *out, size_t size, int count)
{
    size_t len = (size_t)snprintf(out, size, "{\"a\":{\"$in\":[7");
    for (int i = 1; i < count; i++) {
        len += (size_t)snprintf(out + len, size - len, ",7");
    }
    (void)snprintf(out + len, size - len, "]}}");
}

static void test_misuse(void **state)
{
    char deep[512];
    char many[8192];
    (void)state;
    refuse("{\"a\":", "filter");
    refuse("[]", "filter: expected an object, found a list");
    refuse("{\"$xor\":[]}", "filter.$xor: expected $and, $or, $not or a path");
    refuse("{\"$or\":[]}", "filter.$or: expected 1 to 256 filters, found 0");
    refuse("{\"$and\":{}}", "filter.$and: expected a list of filters, found an object");
    refuse("{\"$or\":[{\"a\":1},3]}", "filter.$or[1]: expected an object, found a number");
    refuse("{\"$not\":1}", "filter.$not: expected an object, found a number");
    refuse("{\"price\":{}}", "filter.price: expected an operator");
    refuse("{\"price\":{\"gt\":3}}", "filter.price.gt: expected an operator");
    refuse("{\"price\":{\"$gt\":true}}",
           "filter.price.$gt: expected a number, a text or a stamp, found a boolean");
    refuse("{\"price\":[1]}", "filter.price: expected a text, a number, a boolean or null");
    refuse("{\"price\":{\"$in\":3}}", "filter.price.$in: expected a list, found a number");
    refuse("{\"price\":{\"$in\":[[]]}}", "filter.price.$in: expected a text");
    refuse("{\"price\":{\"$exists\":1}}", "filter.price.$exists: expected true or false");
    refuse("{\"@rank\":1}", "filter.@rank: expected a field (@tier");
    refuse("{\"@tier\":\"attic\"}", "filter.@tier");
    refuse("{\"@tier\":3}", "filter.@tier: expected the name of a tier, found a number");
    refuse("{\"@importance\":\"high\"}", "filter.@importance: expected a number, found a text");
    refuse("{\"@created_at\":\"yesterday\"}", "expected an RFC 3339 stamp, found 'yesterday'");
    refuse("{\"@pinned\":{\"$gt\":false}}", "filter.@pinned.$gt: expected true or false");
    nest(deep, sizeof deep, 16, "{}");
    refuse(deep, "a filter is at most 16 deep");
    list_of(many, sizeof many, 257);
    refuse(many, "at most 256 conditions");
}

static void test_limits_are_met(void **state)
{
    struct om_memory_row row = plain_row();
    char deep[512];
    char many[8192];
    (void)state;
    row.metadata = OM_STR("{\"a\":7}");
    nest(deep, sizeof deep, 15, "{\"a\":7}");
    check_both(deep, &row, false);
    list_of(many, sizeof many, 256);
    check_both(many, &row, true);
}

/* ---- Out of memory --------------------------------------------------------------------------- */

static omega_status step_all(void *context)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    struct om_memory_row row = plain_row();
    bool pass = false;
    (void)context;
    row.metadata = OM_STR("{\"a\":{\"b\":[1,\"2026-01-01\"]},\"c\":null}");
    om_arena_init(&arena, om_alloc_default(), 0);
    omega_status status = om_filter_compile(
        &arena,
        OM_STR("{\"$or\":[{\"a.b\":{\"$in\":[3,\"2026-01-01\"]}},{\"$not\":{\"c\":null}}]}"),
        &filter);
    if (status == OMEGA_OK) {
        status = om_filter_row(filter, &row, &pass);
    }
    assert_true(status != OMEGA_OK || pass);
    om_arena_fini(&arena);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(step_all, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_misuse),        cmocka_unit_test(test_limits_are_met),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
