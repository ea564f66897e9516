/* skeleton_test.c -- which texts are the same fact, and which are not. */
#include "support/support.h"

#include "text/fold.h"
#include "text/look_alikes_int.h"

static void skeleton_of(const char *text, char *out, size_t size)
{
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), size - 1);
    assert_ok(om_text_skeleton(omega_str_of(text), &buf));
    memset(out, 0, size);
    if (buf.len > 0) {
        memcpy(out, buf.ptr, buf.len);
    }
    om_buf_fini(&buf);
}

static void test_same_facts(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"The password is swordfish.", "the  PASSWORD is \u201cswordfish\u201d!"},
        {"paypal", "p\u0430yp\u0430l"},
        {"paypal", "\u0440\u0430\u0443\u0440\u0430l"},
        {"scope", "\u0455\u0441\u043e\u0440\u0435"},
        {"Hello", "\u041dello"},
        {"omega", "\u03bfmeg\u03b1"},
        {"secret", "s\u200be\u00adc\u2060ret"},
        {"secret plan", "\uff53\uff45\uff43\uff52\uff45\uff54\u3000plan"},
        {"Room 42", "room \u0664\u0662"},
        {"room 42", "ROOM \U0001D7D2\U0001D7D0"},
        {"It's state-of-the-art", "Its state of the art"},
        {"**bold** and _thin_", "bold and thin"},
        {"Wait\u2026 what?", "wait... what"},
        {"(a) [b] {c}", "a b c"},
        {"\u2212"
         "5 degrees",
         "-5 degrees"},
        {"\u1d18a\u026ass", "pAiss"},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        char a[256];
        char b[256];
        skeleton_of(rows[i][0], a, sizeof(a));
        skeleton_of(rows[i][1], b, sizeof(b));
        assert_string_equal(a, b);
    }
}

static void test_different_facts(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"-5 degrees", "5 degrees"},
        {"C++", "C"},
        {"C#", "C"},
        {"pi is 3.14", "pi is 314"},
        {"pi is 3.14", "pi is 3 14"},
        {"1/2 cup", "12 cup"},
        {"at 10:30", "at 1030"},
        {"$5", "5"},
        {"50%", "50"},
        {"a = b", "a \u2260 b"},
        {"x < y", "x > y"},
        {"5 mm", "5 \u03bcm"},
        {"room l", "room 1"},
        {"good \U0001F44D", "good \U0001F44E"},
        {"\u0436\u0443\u043a", "xyk"},
        {"\u0430", "a"},
        {"alice", "bob"},
        {"now here", "nowhere"},
        {".5 l", "5 l"},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        char a[256];
        char b[256];
        skeleton_of(rows[i][0], a, sizeof(a));
        skeleton_of(rows[i][1], b, sizeof(b));
        assert_string_not_equal(a, b);
    }
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"...", ""},
        {" \"Hi!\" ", "hi"},
        {"2024-01-02, 10:30", "2024-01-02 10:30"},
        {"see omega.conf(5)", "see omega conf 5"},
        {"a+b", "a+b"},
        {"# Title #1", "title #1"},
        {"100% of R&D @home", "100% of r&d @home"},
        {"a % b", "a b"},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        char got[256];
        skeleton_of(rows[i][0], got, sizeof(got));
        assert_string_equal(got, rows[i][1]);
    }
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(om_look_alike(0x0430), 'a');
    assert_int_equal(om_look_alike(0x03BC), 0);
    assert_int_equal(om_look_alike('a'), 0);
    assert_int_equal(om_digit_of(0x0669), '9');
    assert_int_equal(om_digit_of(0x066A), 0);
    assert_int_equal(om_digit_of('0'), '0');
    assert_int_equal(om_digit_of('/'), 0);
    /* A row that folding changes could never be met. */
    for (uint32_t c = 0x80; c < 0x10000; c++) {
        if (om_look_alike(c) == 0) {
            continue;
        }
        char bytes[4];
        omega_str text = {bytes, om_utf8_put(bytes, c)};
        struct om_buf out;
        om_buf_init(&out, om_alloc_default(), 64);
        assert_ok(om_text_fold(text, &out));
        assert_true(om_str_eq(om_buf_str(&out), text));
        om_buf_fini(&out);
    }
}

static omega_status skeleton_some(void *context)
{
    (void)context;
    struct om_buf out;
    om_buf_init(&out, om_alloc_default(), 4096);
    omega_status status = om_text_skeleton(
        OM_STR("A longer text, whose skeleton: (grows) more than once - as it has over sixty-four "
               "bytes, and then more than a hundred and twenty-eight of them, \u0440\u0430\u0443."),
        &out);
    om_buf_fini(&out);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(skeleton_some, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_facts),    cmocka_unit_test(test_different_facts),
        cmocka_unit_test(test_forms),         cmocka_unit_test(test_tables),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
