/* str_test.c -- text, numbers in text, UTF-8 against a naive reading of RFC 3629. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>

#include "core/rng.h"
#include "core/str.h"

static void test_comparing(void **state)
{
    (void)state;
    omega_str none = {NULL, 0};
    assert_true(om_str_eq(none, OM_STR("")));
    assert_true(om_str_eq_text(OM_STR("ab"), "ab"));
    assert_false(om_str_eq_text(OM_STR("ab"), "abc"));
    assert_true(om_str_eq_nocase(OM_STR("aBz"), OM_STR("AbZ")));
    assert_false(om_str_eq_nocase(OM_STR("@"), OM_STR("`")));
    assert_int_equal(om_str_cmp(OM_STR("ab"), OM_STR("abc")), -1);
    assert_int_equal(om_str_cmp(OM_STR("b"), OM_STR("abc")), 1);
    assert_int_equal(om_str_cmp(OM_STR("\xFF"), OM_STR("a")), 1);
    assert_int_equal(om_str_cmp(none, OM_STR("")), 0);
    assert_true(om_str_starts(OM_STR("abc"), OM_STR("ab")));
    assert_true(om_str_starts(none, none));
    assert_false(om_str_starts(OM_STR("a"), OM_STR("ab")));
    assert_true(om_str_ends(OM_STR("abc"), OM_STR("bc")));
    assert_true(om_str_ends(none, OM_STR("")));
    assert_false(om_str_ends(OM_STR("c"), OM_STR("bc")));
    assert_false(om_str_given(none));
    assert_true(om_str_given(OM_STR("")));
}

static void test_cutting(void **state)
{
    (void)state;
    omega_str rest;
    assert_true(om_str_eq_text(om_str_trim(OM_STR(" \t\r\n a b \v\f")), "a b"));
    assert_int_equal(om_str_trim(OM_STR(" \n")).len, 0);
    assert_true(om_str_eq_text(om_str_cut(OM_STR("k=v=w"), '=', &rest), "k"));
    assert_true(om_str_eq_text(rest, "v=w"));
    assert_true(om_str_eq_text(om_str_cut(OM_STR("k="), '=', &rest), "k"));
    assert_true(om_str_given(rest));
    assert_int_equal(rest.len, 0);
    assert_true(om_str_eq_text(om_str_cut(OM_STR("k"), '=', &rest), "k"));
    assert_false(om_str_given(rest));
    assert_int_equal(om_str_cut((omega_str){NULL, 0}, '=', &rest).len, 0);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    int64_t i = 5;
    uint64_t u = 5;
    assert_true(om_str_to_i64(OM_STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(om_str_to_i64(OM_STR("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_true(om_str_to_i64(OM_STR("-0"), &i));
    assert_true(i == 0);
    assert_true(om_str_to_i64(OM_STR("+12"), &i));
    assert_true(i == 12);
    assert_true(om_str_to_u64(OM_STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    const char *const bad[] = {"",
                               "-",
                               "+",
                               "1 ",
                               " 1",
                               "1x",
                               "0x1",
                               "--1",
                               "+-1",
                               "9223372036854775808",
                               "-9223372036854775809",
                               "1e3",
                               "1.0"};
    for (size_t k = 0; k < OM_COUNT_OF(bad); k++) {
        assert_false(om_str_to_i64(omega_str_of(bad[k]), &i));
    }
    assert_true(i == 12);
    assert_false(om_str_to_u64(OM_STR("18446744073709551616"), &u));
    assert_false(om_str_to_u64(OM_STR("99999999999999999999"), &u));
    assert_false(om_str_to_u64(OM_STR("-1"), &u));
    assert_false(om_str_to_u64((omega_str){NULL, 0}, &u));
}

static void test_real_numbers(void **state)
{
    (void)state;
    double d = 7;
    assert_true(om_str_to_double(OM_STR("-1.5e3"), &d));
    assert_true(d <= -1500 && d >= -1500);
    assert_true(om_str_to_double(OM_STR(".5"), &d));
    assert_true(om_str_to_double(OM_STR("5."), &d));
    assert_true(om_str_to_double(OM_STR("+007"), &d));
    assert_true(om_str_to_double(OM_STR("1e-400"), &d)); /* rounds to 0 */
    d = 7;
    const char *const bad[] = {"",      ".",        "-",   "nan", "inf", "-inf", "0x10",
                               "1e999", "1e",       "1e+", "1 ",  " 1",  "1,5",  "1..2",
                               "5.e",   "infinity", "1f",  "+-1", "e5",  "1_0",  "1e5.5"};
    for (size_t k = 0; k < OM_COUNT_OF(bad); k++) {
        if (om_str_to_double(omega_str_of(bad[k]), &d)) {
            fail_msg("'%s' was read as %g", bad[k], d);
        }
    }
    assert_true(d <= 7 && d >= 7);
    assert_false(om_str_to_double((omega_str){"1\0", 2}, &d));
}

/* Every code point: its bytes by definition, read back, and valid exactly if no surrogate. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        char text[4], wanted[4];
        size_t len;
        if (point < 0x80) {
            len = 1;
            wanted[0] = (char)point;
        } else if (point < 0x800) {
            len = 2;
            wanted[0] = (char)(0xC0 | point >> 6);
            wanted[1] = (char)(0x80 | (point & 63));
        } else if (point < 0x10000) {
            len = 3;
            wanted[0] = (char)(0xE0 | point >> 12);
            wanted[1] = (char)(0x80 | (point >> 6 & 63));
            wanted[2] = (char)(0x80 | (point & 63));
        } else {
            len = 4;
            wanted[0] = (char)(0xF0 | point >> 18);
            wanted[1] = (char)(0x80 | (point >> 12 & 63));
            wanted[2] = (char)(0x80 | (point >> 6 & 63));
            wanted[3] = (char)(0x80 | (point & 63));
        }
        bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
        uint32_t read = 0;
        if (om_utf8_put(text, point) != len || memcmp(text, wanted, len) != 0 ||
            om_utf8_valid((omega_str){text, len}) == is_surrogate ||
            om_utf8_next((omega_str){text, len}, &read) != len || read != point) {
            fail_msg("code point U+%04X", point);
        }
    }
}

/* Does one code point's encoding begin here? By decoding and encoding again: the naive oracle. */
static size_t naive_length(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len == 0 || p[0] > 0xF7 || left < len) {
        return 0;
    }
    uint32_t point = len == 1 ? p[0] : p[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2) {
            return 0;
        }
        point = point << 6 | (p[i] & 63U);
    }
    char again[4];
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
        return 0;
    }
    return om_utf8_put(again, point) == len && memcmp(again, p, len) == 0 ? len : 0;
}

static bool naive_valid(const unsigned char *p, size_t left)
{
    while (left > 0) {
        size_t len = naive_length(p, left);
        if (len == 0) {
            return false;
        }
        p += len;
        left -= len;
    }
    return true;
}

static void test_validity_against_the_oracle(void **state)
{
    (void)state;
    /* Bytes from the borders of the ranges, so that near misses are common. */
    static const unsigned char pool[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                         0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
                                         0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    struct om_rng rng;
    size_t valid = 0;
    om_rng_seed(&rng, 3);
    for (int round = 0; round < 400000; round++) {
        unsigned char text[24];
        /* A run of ASCII in front moves the sequence over the eight-byte step. */
        size_t lead = (size_t)om_rng_below(&rng, 10);
        size_t len = lead + (size_t)om_rng_below(&rng, 6);
        memset(text, 'a', lead);
        for (size_t i = lead; i < len; i++) {
            text[i] = pool[om_rng_below(&rng, sizeof pool)];
        }
        bool wanted = naive_valid(text, len);
        valid += wanted && len > lead ? 1 : 0;
        assert_int_equal(om_utf8_valid((omega_str){(const char *)text, len}), wanted);
    }
    assert_true(valid > 1000);
}

static void test_bad_sequences(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xC3",             /* cut */
        "\xE2\x82",         /* cut */
        "\xF0\x9F\x98",     /* cut */
        "\xC0\xAF",         /* overlong '/' */
        "\xE0\x80\xAF",     /* overlong */
        "\xF0\x80\x80\xAF", /* overlong */
        "\xED\xA0\x80",     /* a surrogate */
        "\xED\xBF\xBF",     /* a surrogate */
        "\xF4\x90\x80\x80", /* over U+10FFFF */
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
        "ok then \xE2\x28\xA1",
        "12345678\x80",
    };
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        assert_false(om_utf8_valid(omega_str_of(bad[i])));
    }
    assert_true(om_utf8_valid((omega_str){NULL, 0}));
    assert_false(om_utf8_valid((omega_str){NULL, 3}));
    assert_true(om_utf8_valid(OM_STR("a\0b")));
    assert_true(om_utf8_valid(OM_STR("\xF4\x8F\xBF\xBF\xEE\x80\x80\xED\x9F\xBF")));
}

static void test_clipping(void **state)
{
    (void)state;
    omega_str text = OM_STR("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < OM_COUNT_OF(kept); max++) {
        assert_int_equal(om_utf8_clip(text, max).len, kept[max]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparing),        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_whole_numbers),    cmocka_unit_test(test_real_numbers),
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_validity_against_the_oracle),
        cmocka_unit_test(test_bad_sequences),    cmocka_unit_test(test_clipping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
