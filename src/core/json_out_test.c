/* json_out_test.c -- writing JSON, and that what is written reads back. */
#include "support/support.h"

#include <locale.h>
#include <math.h>

#include "core/json.h"
#include "core/rng.h"
#include "core/str.h"

static void check_text(const struct om_buf *buf, const char *wanted)
{
    assert_ok(buf->status);
    assert_string_equal(buf->ptr, wanted);
}

static void test_everything_once(void **state)
{
    (void)state;
    struct om_buf buf;
    struct om_json_out out;
    static const float floats[] = {1, -0.5F, 0.1F};
    om_buf_init(&buf, om_alloc_default(), 4096);
    om_json_out_init(&out, &buf);
    om_json_open(&out, NULL, '{');
    om_json_put_text(&out, "t", "a\"b\\c\n\x01\xC3\xA9/");
    om_json_put_text(&out, "none", NULL);
    om_json_put_str(&out, "z", (omega_str){"a\0b", 3});
    om_json_put_i64(&out, "i", INT64_MIN);
    om_json_put_u64(&out, "u", UINT64_MAX);
    om_json_put_double(&out, "d", 0.1);
    om_json_put_double(&out, "nan", (double)NAN);
    om_json_put_bool(&out, "yes", true);
    om_json_put_null(&out, "null");
    om_json_put_time(&out, "at", 0);
    om_json_put_time(&out, "never", OMEGA_TIME_UNSET);
    om_json_put_floats(&out, "v", floats, 3);
    om_json_open(&out, "list", '[');
    om_json_open(&out, NULL, '{');
    om_json_close(&out, '}');
    om_json_put_raw(&out, NULL, OM_STR("[1]"));
    om_json_put_bool(&out, NULL, false);
    om_json_close(&out, ']');
    om_json_put_floats(&out, "empty", NULL, 0);
    om_json_close(&out, '}');
    check_text(&buf,
               "{\"t\":\"a\\\"b\\\\c\\n\\u0001\xC3\xA9/\",\"none\":null,\"z\":\"a\\u0000b\","
               "\"i\":-9223372036854775808,\"u\":18446744073709551615,\"d\":0.1,\"nan\":null,"
               "\"yes\":true,\"null\":null,\"at\":\"1970-01-01T00:00:00.000Z\",\"never\":null,"
               "\"v\":[1,-0.5,0.1],\"list\":[{},[1],false],\"empty\":[]}");
    om_buf_fini(&buf);
}

/* Every code point below U+0800 as a key and a value. */
static void test_texts_read_back(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 4096);
    for (uint32_t point = 1; point < 0x800; point++) {
        char text[6] = "x";
        struct om_json_doc *doc;
        struct om_json_out out;
        text[1 + om_utf8_put(text + 1, point)] = '\0';
        om_buf_clear(&buf);
        om_json_out_init(&out, &buf);
        om_json_open(&out, NULL, '{');
        om_json_put_text(&out, text, text);
        om_json_close(&out, '}');
        assert_ok(om_json_parse(om_alloc_default(), om_buf_str(&buf), NULL, &doc));
        assert_true(om_str_eq_text(om_json_str(om_json_get(om_json_root(doc), text)), text));
        om_json_free(doc);
    }
    om_buf_fini(&buf);
}

static void check_dump(const char *text, const char *wanted)
{
    static const char *const keys[] = {"vec", NULL};
    struct om_json_doc *doc;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 4096);
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(text), keys, &doc));
    om_json_dump(om_json_root(doc), &buf);
    check_text(&buf, wanted);
    om_json_free(doc);
    /* A dump of a dump is itself. */
    assert_ok(om_json_parse(om_alloc_default(), omega_str_of(wanted), keys, &doc));
    om_buf_clear(&buf);
    om_json_dump(om_json_root(doc), &buf);
    check_text(&buf, wanted);
    om_json_free(doc);
    om_buf_fini(&buf);
}

static void test_dumps(void **state)
{
    (void)state;
    check_dump("{ \"b\" : 1 , \"a\" : [ true , null ] , \"\" : { } }",
               "{\"\":{},\"a\":[true,null],\"b\":1}");
    check_dump("[1.0, 1, 1e2, 0.1, -0.0, 1e300, 123456789012345678]",
               "[1.0,1,100.0,0.1,-0.0,1e+300,123456789012345678]");
    check_dump("{\"vec\":[1, 0.10],\"x\":[]}", "{\"vec\":[1,0.1],\"x\":[]}");
    check_dump("{\"B\":1,\"a\":2,\"\xC3\xA9\":3,\"ab\":4}",
               "{\"B\":1,\"a\":2,\"ab\":4,\"\xC3\xA9\":3}");
    check_dump("\"\\u00e9\\u0001\"", "\"\xC3\xA9\\u0001\"");
    check_dump("[[1],[2,[3]],{\"a\":{\"b\":1}},{\"a\":2}]",
               "[[1],[2,[3]],{\"a\":{\"b\":1}},{\"a\":2}]");
    check_dump("false", "false");
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 4096);
    om_json_dump(NULL, &buf);
    check_text(&buf, "null");
    om_buf_fini(&buf);
}

/* The deepest document that is read can be written. */
static void test_depth(void **state)
{
    (void)state;
    char text[129] = "";
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    check_dump(text, text);
}

static void test_any_locale(void **state)
{
    (void)state;
    /* Where such a locale is installed; elsewhere the C locale repeats the other tests. */
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        print_message("no locale with a decimal comma here\n");
    }
    check_dump("[0.5,1.25e-7,{\"vec\":[0.001,1e-30]}]", "[0.5,1.25e-07,{\"vec\":[0.001,1e-30]}]");
    (void)setlocale(LC_ALL, "C");
}

static omega_status dump_once(void *context)
{
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 1 << 16);
    om_json_dump(context, &buf);
    omega_status status = buf.status;
    om_buf_fini(&buf);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct om_json_doc *doc;
    assert_ok(om_json_parse(om_alloc_default(),
                            OM_STR("{\"b\":{\"c\":[1,2,{\"d\":null}]},\"a\":\"text\"}"), NULL,
                            &doc));
    union {
        const struct om_json *value;
        void *context;
    } root = {.value = om_json_root(doc)};
    assert_int_equal(om_test_oom_sweep(dump_once, root.context), 4);
    om_json_free(doc);
}

static void test_limits_stick(void **state)
{
    (void)state;
    struct om_buf buf;
    struct om_json_out out;
    om_buf_init(&buf, om_alloc_default(), 10);
    om_json_out_init(&out, &buf);
    om_json_open(&out, NULL, '[');
    om_json_put_text(&out, NULL, "far too long for it");
    om_json_put_null(&out, NULL);
    om_json_close(&out, ']');
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    om_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_once), cmocka_unit_test(test_texts_read_back),
        cmocka_unit_test(test_dumps),           cmocka_unit_test(test_depth),
        cmocka_unit_test(test_any_locale),      cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_limits_stick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
