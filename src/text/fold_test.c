/* fold_test.c -- folding against examples, against utf8proc_map as an oracle, and its promises. */
#include "support/support.h"

#include "text/fold.h"

#include <stdio.h>

#include <utf8proc.h>

#include <stdlib.h>

static struct om_buf fold(omega_str text)
{
    struct om_buf out;
    om_buf_init(&out, om_alloc_default(), text.len * OM_FOLD_GROWTH + 8);
    assert_ok(om_text_fold(text, &out));
    return out;
}

static void assert_folds(const char *text, const char *wanted)
{
    struct om_buf out = fold(omega_str_of(text));
    om_buf_add_char(&out, '|');
    char line[512];
    (void)snprintf(line, sizeof(line), "%s|", wanted);
    assert_string_equal(out.ptr, line);
    om_buf_fini(&out);
}

static void test_examples(void **state)
{
    (void)state;
    assert_folds("", "");
    assert_folds("  \t\n ", "");
    assert_folds("  Hello,\r\n\tWorld  ", "hello, world");
    assert_folds("Caf\u00e9 CAFE\u0301", "cafe cafe");
    assert_folds("Stra\u00dfe", "strasse");
    assert_folds("\ufb01ne \u2460 \uff21\uff11", "fine 1 a1");
    assert_folds("a\u00a0b\u2003c\u2028d\001e\xc2\x85"
                 "f",
                 "a b c d e f");
    assert_folds("in\u200bvis\u00adi\u2060ble\ufe0f", "invisible");
    assert_folds("\u0391\u0398\u0397\u039d\u0391\u03a3 \u03bf\u03b4\u03cc\u03c2", "αθηνασ οδοσ");
    assert_folds("\u0130stanbul", "istanbul");
    assert_folds("\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd");
    assert_folds("\u0645\u064f\u062d\u064e", "\u0645\u062d");
}

static void test_marks_that_are_letters_stay(void **state)
{
    (void)state;
    assert_folds("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u093f\u0928\u094d\u0926\u0940");
    assert_folds("\u0e17\u0e35\u0e48", "\u0e17\u0e35\u0e48");
    assert_folds("\u304b\u3099 \uff76\uff9e", "\u304c \u30ac");
    assert_folds("\u041d\u043e\u0432\u044b\u0439 \u0451\u043b\u043a\u0430", "новый елка");
    assert_folds("\u0438\u0306", "\u0439");
    assert_folds("\u0f40\u0f74\u0f71", "\u0f40\u0f71\u0f74"); /* marks in canonical order */
    assert_folds("a \u2260 b", "a =\u0338 b");
    assert_folds("a\u0338", "a");
    assert_folds("\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00");
}

static void test_bad_bytes_are_spaces(void **state)
{
    (void)state;
    assert_folds("a\xff\xfe"
                 "b",
                 "a b");
    assert_folds("a\xc3", "a");
    assert_folds("\xed\xa0\x80x", "x");
    assert_folds("a\xf4\x90\x80\x80"
                 "b",
                 "a b");
}

static void test_appends(void **state)
{
    (void)state;
    struct om_buf out;
    om_buf_init(&out, om_alloc_default(), 64);
    om_buf_add_text(&out, "kept:");
    assert_ok(om_text_fold(OM_STR(" A  B "), &out));
    assert_string_equal(out.ptr, "kept:a b");
    om_buf_fini(&out);
}

static void test_ceiling(void **state)
{
    (void)state;
    struct om_buf out;
    om_buf_init(&out, om_alloc_default(), 4);
    assert_status(om_text_fold(OM_STR("abcdef"), &out), OMEGA_ELIMIT);
    om_buf_fini(&out);
}

static void add_code_point(struct om_buf *text, uint32_t c)
{
    char bytes[4];
    om_buf_add(text, bytes, om_utf8_put(bytes, c));
}

/* Letters of scripts that lose all their marks, so that utf8proc's own stripping is an oracle. */
static uint32_t random_plain(struct om_rng *rng)
{
    static const uint32_t ranges[][2] = {{0x21, 0x7E},     {0xA1, 0x17F},    {0x1E00, 0x1EFF},
                                         {0x386, 0x3CE},   {0x1F00, 0x1F15}, {0x300, 0x305},
                                         {0x4E00, 0x4E80}, {0xFF01, 0xFF5E}, {0x2100, 0x2138}};
    size_t row = (size_t)om_rng_below(rng, OM_COUNT_OF(ranges));
    uint64_t width = ranges[row][1] - ranges[row][0] + 1;
    return ranges[row][0] + (uint32_t)om_rng_below(rng, width);
}

static void test_against_utf8proc_map(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 7);
    for (int round = 0; round < 2000; round++) {
        struct om_buf text;
        om_buf_init(&text, om_alloc_default(), 4096);
        om_buf_add_char(&text, 'x');
        for (uint64_t n = om_rng_below(&rng, 300); n > 0; n--) {
            add_code_point(&text, random_plain(&rng));
        }
        utf8proc_uint8_t *wanted = NULL;
        utf8proc_ssize_t size =
            utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &wanted,
                         UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_COMPOSE |
                             UTF8PROC_STRIPMARK);
        assert_true(size >= 0);
        struct om_buf got = fold(om_buf_str(&text));
        /* The spacing accents become a space and a mark; spaces at places are our own business. */
        struct om_buf again = fold((omega_str){(const char *)wanted, (size_t)size});
        assert_string_equal(got.ptr, again.ptr);
        om_buf_fini(&again);
        om_buf_fini(&got);
        om_buf_fini(&text);
        free(wanted);
    }
}

static void assert_stable(omega_str text)
{
    struct om_buf once = fold(text);
    struct om_buf twice = fold(om_buf_str(&once));
    assert_true(om_utf8_valid(om_buf_str(&once)));
    assert_true(om_str_eq(om_buf_str(&once), om_buf_str(&twice)));
    om_buf_fini(&once);
    om_buf_fini(&twice);
}

static void test_folding_twice_changes_nothing(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 11);
    for (uint32_t c = 1; c < 0x110000; c++) {
        char bytes[4];
        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        assert_stable((omega_str){bytes, om_utf8_put(bytes, c)});
    }
    for (int round = 0; round < 3000; round++) {
        struct om_buf text;
        om_buf_init(&text, om_alloc_default(), 8192);
        for (uint64_t n = 1 + om_rng_below(&rng, 600); n > 0; n--) {
            uint32_t c = (uint32_t)om_rng_below(&rng, round % 3 == 0 ? 0x20000 : 0x3200);
            add_code_point(&text, c >= 0xD800 && c <= 0xDFFF ? 'a' : c);
        }
        assert_stable(om_buf_str(&text));
        om_buf_fini(&text);
    }
}

static void test_a_megabyte_of_accents_is_quick(void **state)
{
    (void)state;
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), 1 << 21);
    for (int i = 0; i < 200000; i++) {
        add_code_point(&text, i % 2 == 0 ? 0x0F71 : 0x0F39);
    }
    struct om_buf out = fold(om_buf_str(&text));
    assert_true(out.len <= 30 * 3);
    om_buf_fini(&out);
    om_buf_fini(&text);
}

static omega_status fold_some(void *context)
{
    (void)context;
    struct om_buf out;
    om_buf_init(&out, om_alloc_default(), 4096);
    omega_status status = om_text_fold(
        OM_STR("A text of more than a few bytes, \u00c9 so that its buffer grows, and grows again, "
               "and does not fit into the first block that the buffer takes."),
        &out);
    om_buf_fini(&out);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(fold_some, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_marks_that_are_letters_stay),
        cmocka_unit_test(test_bad_bytes_are_spaces),
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_against_utf8proc_map),
        cmocka_unit_test(test_folding_twice_changes_nothing),
        cmocka_unit_test(test_a_megabyte_of_accents_is_quick),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
