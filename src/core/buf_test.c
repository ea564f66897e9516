/* buf_test.c -- growing, the ceiling, the sticky failure. */
#include "support/support.h"

#include "core/buf.h"
#include "core/str.h"

static void test_appends(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 1000);
    assert_string_equal(om_buf_str(&buf).ptr, "");
    om_buf_add_text(&buf, "ab");
    om_buf_add_char(&buf, 'c');
    om_buf_add_str(&buf, OM_STR("de"));
    om_buf_add_str(&buf, (omega_str){NULL, 0});
    om_buf_addf(&buf, "%d:%s", 42, "x");
    memcpy(om_buf_extend(&buf, 3), "yzw", 3);
    assert_ok(buf.status);
    assert_string_equal(buf.ptr, "abcde42:xyzw");
    assert_int_equal(om_buf_str(&buf).len, 12);
    om_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.ptr, "");
    om_buf_fini(&buf);
    om_buf_fini(&buf);
    om_buf_fini(NULL);
}

/* Whatever the pieces, the whole is their concatenation. */
static void test_grows_piece_by_piece(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 1 << 20);
    for (int i = 0; i < 2000; i++) {
        om_buf_addf(&buf, "%04d", i);
    }
    assert_ok(buf.status);
    assert_int_equal(buf.len, 8000);
    for (int i = 0; i < 2000; i++) {
        int64_t value;
        assert_true(om_str_to_i64((omega_str){buf.ptr + i * 4, 4}, &value));
        assert_int_equal(value, i);
    }
    om_buf_fini(&buf);
}

static void test_the_ceiling_sticks(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 10);
    om_buf_add_text(&buf, "0123456789");
    assert_ok(buf.status);
    om_buf_add_char(&buf, 'x');
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    assert_error_says("10 bytes");
    assert_null(om_buf_extend(&buf, 0));
    om_buf_add_text(&buf, "");
    assert_string_equal(buf.ptr, "0123456789");
    char *text;
    assert_status(om_buf_take(&buf, &text, NULL), OMEGA_ELIMIT);
    assert_null(text);
    om_buf_clear(&buf);
    om_buf_addf(&buf, "%s", "01234567890");
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    om_buf_clear(&buf);
    om_buf_add(&buf, "", SIZE_MAX);
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    om_buf_fini(&buf);
}

static void test_take(void **state)
{
    (void)state;
    struct om_buf buf;
    char *text;
    size_t len;
    om_buf_init(&buf, om_alloc_default(), 100);
    assert_ok(om_buf_take(&buf, &text, &len));
    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    omega_text_free(text);
    om_buf_add(&buf, "a\0b", 3);
    assert_ok(om_buf_take(&buf, &text, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a\0b", 4);
    assert_null(buf.ptr);
    om_buf_add_text(&buf, "again");
    assert_string_equal(buf.ptr, "again");
    omega_text_free(text);
    om_buf_fini(&buf);
}

static omega_status write_much(void *context)
{
    (void)context;
    struct om_buf buf;
    char *text;
    om_buf_init(&buf, om_alloc_default(), 1 << 20);
    for (int i = 0; i < 1000; i++) {
        om_buf_addf(&buf, "%d,", i);
    }
    omega_status status = om_buf_take(&buf, &text, NULL);
    omega_text_free(text);
    om_buf_fini(&buf);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_in_range(om_test_oom_sweep(write_much, NULL), 4, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_grows_piece_by_piece),
        cmocka_unit_test(test_the_ceiling_sticks),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
