/* json_test.c -- reading JSON: values, errors with their place, lifted floats against the plain
 * tree. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "core/limits.h"
#include "core/rng.h"
#include "core/str.h"

static const char *const float_keys[] = {"embedding", "vec", NULL};

static struct om_json_doc *parse(const char *text)
{
    struct om_json_doc *doc;
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(text), float_keys, &doc));
    return doc;
}

static void test_values(void **state)
{
    (void)state;
    struct om_json_doc *doc =
        parse(" {\"s\": \"a\\u00e9\\n\\ud83d\\ude00\", \"i\": -9223372036854775808,"
              " \"u\": 9223372036854775807, \"r\": 1.5, \"t\": true,"
              " \"f\": false, \"n\": null, \"a\": [1, \"x\", []], \"w\": 3.0} ");
    const struct om_json *root = om_json_root(doc);
    int64_t i = 0;
    assert_int_equal(om_json_type_of(root), OM_JSON_OBJECT);
    assert_int_equal(om_json_count(root), 9);
    assert_true(om_str_eq_text(om_json_str(om_json_get(root, "s")), "a\xC3\xA9\n\xF0\x9F\x98\x80"));
    assert_true(om_json_is_int(om_json_get(root, "i"), &i) && i == INT64_MIN);
    assert_true(om_json_is_int(om_json_get(root, "u"), &i) && i == INT64_MAX);
    assert_false(om_json_is_int(om_json_get(root, "r"), &i));
    assert_true(om_json_is_int(om_json_get(root, "w"), &i) && i == 3);
    assert_true(fabs(om_json_number(om_json_get(root, "r")) - 1.5) < 1e-12);
    assert_true(om_json_bool(om_json_get(root, "t")));
    assert_false(om_json_bool(om_json_get(root, "f")));
    assert_int_equal(om_json_type_of(om_json_get(root, "f")), OM_JSON_BOOL);
    assert_int_equal(om_json_type_of(om_json_get(root, "n")), OM_JSON_NULL);
    const struct om_json *a = om_json_get(root, "a");
    assert_int_equal(om_json_count(a), 3);
    assert_true(om_str_eq_text(om_json_str(om_json_at(a, 1)), "x"));
    assert_int_equal(om_json_type_of(om_json_at(a, 2)), OM_JSON_ARRAY);
    om_json_free(doc);
    om_json_free(NULL);
}

/* Asking a value for what it is not gives nothing, and nothing breaks. */
static void test_wrong_questions(void **state)
{
    (void)state;
    struct om_json_doc *doc = parse("[1, {\"embedding\": [1, 2]}]");
    const struct om_json *root = om_json_root(doc);
    const struct om_json *lifted = om_json_get(om_json_at(root, 1), "embedding");
    const struct om_json *values[] = {NULL, root, om_json_at(root, 0), lifted};
    for (size_t i = 0; i < OM_COUNT_OF(values); i++) {
        size_t at = 0, count = 9;
        omega_str key;
        int64_t whole;
        const struct om_json *value;
        assert_null(om_json_get(values[i], "x"));
        assert_null(om_json_at(values[i], 9));
        assert_false(om_str_given(om_json_str(values[i])));
        assert_false(om_json_bool(values[i]));
        assert_false(om_json_next(values[i], &at, &key, &value));
        if (values[i] != lifted) {
            assert_null(om_json_floats(values[i], &count));
            assert_int_equal(count, 0);
        }
        if (i != 2) {
            assert_true(isnan(om_json_number(values[i])));
            assert_false(om_json_is_int(values[i], &whole));
        }
    }
    assert_int_equal(om_json_type_of(NULL), OM_JSON_NULL);
    assert_int_equal(om_json_count(NULL), 0);
    om_json_free(doc);
}

static void test_members_in_order(void **state)
{
    (void)state;
    struct om_json_doc *doc = parse("{\"z\":1,\"a\":2,\"\":3,\"m\":4}");
    static const char *const keys[] = {"z", "a", "", "m"};
    size_t at = 0, count = 0;
    omega_str key;
    const struct om_json *value;
    while (om_json_next(om_json_root(doc), &at, &key, &value)) {
        int64_t number;
        assert_true(om_str_eq_text(key, keys[count++]));
        assert_true(om_json_is_int(value, &number) && number == (int64_t)count);
    }
    assert_int_equal(count, 4);
    assert_false(om_json_next(om_json_root(doc), &at, &key, &value));
    om_json_free(doc);
    doc = parse("{}");
    at = 0;
    assert_false(om_json_next(om_json_root(doc), &at, &key, &value));
    om_json_free(doc);
}

static void test_errors_have_a_place(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"", "line 1 column 1", ""},
        {"{\"a\": }", "line 1", "'}'"},
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3", "':' expected"},
        {"{\"a\":1,\"a\":2}", "line 1", "duplicate"},
        {"[1,2", "line 1", "']' expected"},
        {"[NaN]", "line 1", "NaN"},
        {"[1e999]", "line 1", "overflow"},
        {"[9223372036854775808]", "line 1", "too big"},
        {"[01]", "line 1", ""},
        {"\"\\ud800\"", "line 1", ""},
        {"\"a\\u0000b\"", "line 1", "\\u0000 is not allowed"},
        {"\"\xFF\"", "line 1 column 2", "byte 0xff"},
        {"{} x", "line 1 column", "end of file"},
        {"{\"embedding\": [1, 2,]}", "line 1", ""},
        {"{\"embedding\": [1 2]}", "line 1", ""},
        {"{\"embedding\": [1.]}", "line 1", ""},
        {"{\"embedding\": [NaN]}", "line 1", "NaN"},
        {"{\"embedding\": [0, 1e39]}", "line 1 column 19", "item 1 of 'embedding'"},
        {"{\n\"vec\": [0,\n -3.5e38]}", "line 3 column 2", "item 1 of 'vec'"},
        /* The place is that of the text as given, not of the reduced one. */
        {"{\"embedding\": [1.25,\n2.5,\n3],\n\"b\" 2}", "line 4 column 6", "':' expected"},
        {"{\"vec\":[],\"embedding\": [111111111111111],\"b\" 2}", "column 47", "':' expected"},
        {"{\"vec\":[1],\"vec\":[2]}", "line 1", "duplicate"},
    };
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        struct om_json_doc *doc = (struct om_json_doc *)&doc;
        assert_status(om_json_parse(om_alloc_default(), omega_str_of(bad[i][0]), float_keys, &doc),
                      OMEGA_EINVAL);
        assert_null(doc);
        assert_error_says(bad[i][1]);
        assert_error_says(bad[i][2]);
    }
    struct om_json_doc *doc;
    assert_status(om_json_parse(om_alloc_default(), (omega_str){NULL, 0}, NULL, &doc),
                  OMEGA_EINVAL);
    assert_status(om_json_parse(om_alloc_default(), (omega_str){"[1]\0", 4}, NULL, &doc),
                  OMEGA_EINVAL);
    assert_status(om_json_parse(om_alloc_default(), (omega_str){"", SIZE_MAX}, NULL, &doc),
                  OMEGA_ELIMIT);
}

static void test_depth(void **state)
{
    (void)state;
    char text[300];
    struct om_json_doc *doc;
    for (size_t depth = 1; depth <= 100; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        omega_status wanted = depth <= OM_LIMIT_JSON_DEPTH ? OMEGA_OK : OMEGA_EINVAL;
        assert_status(om_json_parse(om_alloc_default(), (omega_str){text, 2 * depth}, NULL, &doc),
                      wanted);
        om_json_free(doc);
    }
    assert_error_says("line 1 column 65");
    assert_error_says("64");
    /* Brackets in strings do not nest. */
    text[0] = '"';
    memset(text + 1, '[', 200);
    text[201] = '"';
    assert_ok(om_json_parse(om_alloc_default(), (omega_str){text, 202}, float_keys, &doc));
    om_json_free(doc);
}

/* ---- Lifting -------------------------------------------------------------------------------- */

static void check_lifted(const char *text, const char *key, size_t wanted)
{
    struct om_json_doc *doc = parse(text);
    const struct om_json *value = om_json_get(om_json_root(doc), key);
    size_t count = 0;
    assert_int_equal(om_json_type_of(value), OM_JSON_FLOATS);
    const float *floats = om_json_floats(value, &count);
    assert_int_equal(count, wanted);
    assert_int_equal(om_json_count(value), wanted);
    for (size_t i = 0; i < count; i++) {
        assert_true(floats[i] >= (float)i && floats[i] <= (float)i);
    }
    om_json_free(doc);
}

static void test_what_is_lifted(void **state)
{
    (void)state;
    check_lifted("{\"embedding\":[0,1,2]}", "embedding", 3);
    check_lifted("{\"embedding\" : \n [ 0 ,\t1.0 , 2e0\r]}", "embedding", 3);
    check_lifted("{\"embedding\":[]}", "embedding", 0);
    check_lifted("{\"embedding\":[ ]}", "embedding", 0);
    check_lifted("{\"vec\":[],\"embedding\":[]}", "vec", 0);
    check_lifted("{\"embedding\":[0]}", "embedding", 1);
    check_lifted("{\"v\":1,\"vec\":[-0]}", "vec", 1);
    /* The key written with escapes is the same key: nobody can forge a stand-in. */
    check_lifted("{\"embe\\u0064ding\":[0]}", "embedding", 1);
    check_lifted("{\"\\u0076ec\":[0,1],\"embedding\":[0]}", "vec", 2);
    check_lifted("{\"a\":\"\\\"embedding\\\":[7]\",\"embedding\":[0,1]}", "embedding", 2);
}

static void test_what_is_not_lifted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"embedding\":[[0]]}",
        "{\"embedding\":[0,\"x\"]}",
        "{\"embedding\":\"[0]\"}",
        "{\"embedding\":0}",
        "{\"embedding\":[null]}",
        "{\"embedding\":{\"a\":[0]}}",
        "{\"Embedding\":[0]}",
        "{\"embeddings\":[0]}",
        "{\"embeddin\":[0]}",
        "{\"\":[0]}",
        "{\"x\":[\"embedding\",[0]]}",
        "[\"embedding\",[0]]",
        "{\"a\":\"embedding\",\"b\":[0]}",
        "{\"embedding\\u0000x\":1}",
        "{\"embedding\":[[0],1]}",
        "{\"embedding\\n\":[0]}",
    };
    for (size_t i = 0; i < OM_COUNT_OF(texts); i++) {
        struct om_json_doc *doc;
        if (om_json_parse(om_alloc_default(), omega_str_of(texts[i]), float_keys, &doc) !=
            OMEGA_OK) {
            assert_error_says("\\u0000");
            continue;
        }
        const struct om_json *value = om_json_get(om_json_root(doc), "embedding");
        assert_true(om_json_type_of(value) != OM_JSON_FLOATS);
        om_json_free(doc);
    }
    /* Without keys nothing is. */
    struct om_json_doc *doc;
    assert_ok(om_json_parse(om_alloc_default(), OM_STR("{\"embedding\":[0]}"), NULL, &doc));
    assert_int_equal(om_json_type_of(om_json_get(om_json_root(doc), "embedding")), OM_JSON_ARRAY);
    om_json_free(doc);
}

static void test_an_embedding(void **state)
{
    (void)state;
    enum { DIMENSION = 768, ROWS = 20 };
    struct om_buf text;
    struct om_rng rng;
    float wanted[ROWS][DIMENSION];
    om_rng_seed(&rng, 12);
    om_buf_init(&text, om_alloc_default(), 1 << 22);
    om_buf_add_char(&text, '[');
    for (size_t row = 0; row < ROWS; row++) {
        om_buf_addf(&text, "%s{\"embedding\":[", row > 0 ? "," : "");
        for (size_t i = 0; i < DIMENSION; i++) {
            char number[40];
            (void)snprintf(number, sizeof number, "%.*g", i % 2 == 0 ? 17 : 9,
                           om_rng_unit(&rng) * 0.2 - 0.1);
            wanted[row][i] = strtof(number, NULL);
            om_buf_addf(&text, "%s%s", i > 0 ? ", " : "", number);
        }
        om_buf_addf(&text, "],\"n\":[%zu]}", row);
    }
    om_buf_add_char(&text, ']');
    struct om_json_doc *doc = parse(text.ptr);
    for (size_t row = 0; row < ROWS; row++) {
        const struct om_json *item = om_json_at(om_json_root(doc), row);
        size_t count;
        const float *got = om_json_floats(om_json_get(item, "embedding"), &count);
        assert_int_equal(count, DIMENSION);
        assert_memory_equal(got, wanted[row], sizeof wanted[row]);
        int64_t n;
        assert_true(om_json_is_int(om_json_at(om_json_get(item, "n"), 0), &n) && n == (int64_t)row);
    }
    om_json_free(doc);
    om_buf_fini(&text);
}

/* ---- Lifting against the plain tree --------------------------------------------------------- */

static void write_number(struct om_rng *rng, struct om_buf *out)
{
    switch (om_rng_below(rng, 4)) {
    case 0:
        om_buf_addf(out, "%d", (int)om_rng_below(rng, 4));
        break;
    case 1:
        om_buf_addf(out, "-%d.%05d", (int)om_rng_below(rng, 9), (int)om_rng_below(rng, 99999));
        break;
    case 2:
        om_buf_addf(out, "%de-%d", (int)om_rng_below(rng, 99), (int)om_rng_below(rng, 20));
        break;
    default:
        om_buf_addf(out, "0.%09d", (int)om_rng_below(rng, 999999999));
        break;
    }
}

static void write_value(struct om_rng *rng, struct om_buf *out, int depth);

static void write_items(struct om_rng *rng, struct om_buf *out, int depth, bool is_object)
{
    static const char *const keys[] = {"embedding", "vec",     "\\u0076ec\\u0020",
                                       "a\\\"[1]",  "x",       "embe\\u0064ding\\t",
                                       "\\\\",      "\xC3\xA9"};
    uint64_t count = om_rng_below(rng, 5);
    uint64_t first = om_rng_below(rng, OM_COUNT_OF(keys));
    bool numbers_only = !is_object && om_rng_below(rng, 2) == 0;
    for (uint64_t i = 0; i < count; i++) {
        om_buf_add_text(out, i > 0 ? "," : "");
        om_buf_add_text(out, om_rng_below(rng, 3) == 0 ? "\n " : "");
        if (is_object) {
            om_buf_addf(out, "\"%s\":", keys[(first + i) % OM_COUNT_OF(keys)]);
        }
        if (numbers_only) {
            write_number(rng, out);
        } else {
            write_value(rng, out, depth + 1);
        }
    }
}

static void write_value(struct om_rng *rng, struct om_buf *out, int depth)
{
    static const char *const scalars[] = {"null",  "true",     "\"\"",  "\"\\\"embedding\\\":[1]\"",
                                          "\"]\"", "\"\\\\\"", "\"{\"", "\"e\\u0301\""};
    uint64_t kind = depth == 0 ? 3 : depth < 5 ? om_rng_below(rng, 6) : om_rng_below(rng, 2);
    if (kind == 0) {
        write_number(rng, out);
    } else if (kind == 1) {
        om_buf_add_text(out, scalars[om_rng_below(rng, OM_COUNT_OF(scalars))]);
    } else {
        bool is_object = kind > 3 || depth == 0;
        om_buf_add_char(out, is_object ? '{' : '[');
        write_items(rng, out, depth, is_object);
        om_buf_add_char(out, is_object ? '}' : ']');
    }
}

static size_t compare_floats(const struct om_json *plain, const struct om_json *lifted)
{
    size_t count;
    const float *floats = om_json_floats(lifted, &count);
    assert_int_equal(om_json_type_of(plain), OM_JSON_ARRAY);
    assert_int_equal(om_json_count(plain), count);
    for (size_t i = 0; i < count; i++) {
        double number = om_json_number(om_json_at(plain, i));
        assert_true(fabs((double)floats[i] - number) <= fabs(number) * 6e-8);
    }
    return 1;
}

/* Returns how many arrays were lifted. */
static size_t compare(const struct om_json *plain, const struct om_json *lifted)
{
    enum om_json_type type = om_json_type_of(lifted);
    size_t lifts = 0;
    if (type == OM_JSON_FLOATS) {
        return compare_floats(plain, lifted);
    }
    assert_int_equal(om_json_type_of(plain), type);
    assert_int_equal(om_json_count(plain), om_json_count(lifted));
    if (type == OM_JSON_ARRAY) {
        for (size_t i = 0; i < om_json_count(plain); i++) {
            lifts += compare(om_json_at(plain, i), om_json_at(lifted, i));
        }
    } else if (type == OM_JSON_OBJECT) {
        size_t a = 0, b = 0;
        omega_str key_a, key_b;
        const struct om_json *value_a, *value_b;
        while (om_json_next(plain, &a, &key_a, &value_a)) {
            assert_true(om_json_next(lifted, &b, &key_b, &value_b));
            assert_true(om_str_eq(key_a, key_b));
            lifts += compare(value_a, value_b);
        }
    } else if (type == OM_JSON_STRING) {
        assert_true(om_str_eq(om_json_str(plain), om_json_str(lifted)));
    } else if (type == OM_JSON_NUMBER) {
        assert_true(om_json_number(plain) <= om_json_number(lifted) &&
                    om_json_number(plain) >= om_json_number(lifted));
    }
    return lifts;
}

/* Both ways agree on the values, and on broken texts about what is wrong and where. */
static size_t check_both_ways(omega_str text)
{
    struct om_json_doc *plain, *lifted;
    char said[OM_ERROR_MESSAGE_SIZE] = "";
    size_t lifts = 0;
    omega_status status = om_json_parse(om_alloc_default(), text, NULL, &plain);
    if (status != OMEGA_OK) {
        (void)snprintf(said, sizeof said, "%s", omega_error_message());
    }
    omega_status again = om_json_parse(om_alloc_default(), text, float_keys, &lifted);
    if (strstr(said, "too big") != NULL || strstr(said, "overflow") != NULL) {
        /* What is too big for 64 bits may well be a float. */
    } else if (again != status ||
               (status != OMEGA_OK && strcmp(said, omega_error_message()) != 0)) {
        if (strstr(omega_error_message(), "range of a float") == NULL) {
            fail_msg("'%.*s': plain says '%s', lifted says '%s'", OM_STR_ARG(text), said,
                     omega_error_message());
        }
    }
    if (status == OMEGA_OK && again == OMEGA_OK) {
        lifts = compare(om_json_root(plain), om_json_root(lifted));
    }
    om_json_free(plain);
    om_json_free(lifted);
    return lifts;
}

static void test_lifting_against_the_plain_tree(void **state)
{
    (void)state;
    struct om_rng rng;
    struct om_buf text;
    size_t lifts = 0;
    om_rng_seed(&rng, 77);
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    for (int round = 0; round < 6000; round++) {
        om_buf_clear(&text);
        write_value(&rng, &text, 0);
        lifts += check_both_ways(om_buf_str(&text));
        /* Break it somewhere. */
        for (int i = 0; i < 4 && text.len > 1; i++) {
            static const char noise[] = "[]{},:\"\\ 0e-.n\n\x80";
            size_t at = (size_t)om_rng_below(&rng, text.len);
            text.ptr[at] = noise[om_rng_below(&rng, sizeof noise - 1)];
            lifts += check_both_ways(om_buf_str(&text));
        }
        (void)check_both_ways((omega_str){text.ptr, (size_t)om_rng_below(&rng, text.len + 1)});
    }
    assert_true(lifts > 1000);
    om_buf_fini(&text);
}

static omega_status parse_once(void *context)
{
    struct om_json_doc *doc;
    omega_status status =
        om_json_parse(om_alloc_default(), omega_str_of(context), float_keys, &doc);
    om_json_free(doc);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char text[] = "{\"a\":[1,\"two words\",{\"embedding\":[1,2,3]}],\"vec\":[4],\"long\":"
                  "\"0123456789012345678901234567890123456789\"}";
    assert_in_range(om_test_oom_sweep(parse_once, text), 15, 100);
    char plain[] = "{\"a\":[1,2.5,true]}";
    assert_in_range(om_test_oom_sweep(parse_once, plain), 5, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_questions),
        cmocka_unit_test(test_members_in_order),
        cmocka_unit_test(test_errors_have_a_place),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_what_is_lifted),
        cmocka_unit_test(test_what_is_not_lifted),
        cmocka_unit_test(test_an_embedding),
        cmocka_unit_test(test_lifting_against_the_plain_tree),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
