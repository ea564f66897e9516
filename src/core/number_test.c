/* number_test.c -- numbers as text against the C library's strtof and strtod. */
#include "support/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/number.h"
#include "core/rng.h"
#include "core/str.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The text with a delimiter behind it gives strtof's float, bit for bit. */
static void check_float(const char *text)
{
    char list[1200];
    int len = snprintf(list, sizeof list, "%s]", text);
    float got = 0;
    const char *stop = om_number_float(list, list + len, &got);
    if (stop != list + len - 1 || bits_of(got) != bits_of(strtof(text, NULL))) {
        fail_msg("'%s': %.9g, wanted %.9g", text, (double)got, (double)strtof(text, NULL));
    }
}

static void test_floats_by_hand(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.000",
        "1",
        "-1",
        "0.1",
        "123456789",
        "1e10",
        "1E+5",
        "2.5e-3",
        "9999999999999999999",
        "18446744073709551616",
        "0.00000000000000000000000000000000001",
        "3.4028234663852886e38",
        "3.4028235e38",
        "3.4028236e38",
        "3.5e38",
        "1e39",
        "1e999",
        "1.17549435e-38",
        "1.4e-45",
        "7e-46",
        "1e-400",
        "0e999",
        "0.0e-999",
        /* exactly between two floats, and a hair above and below */
        "1.000000059604644775390625",
        "1.00000005960464477539062500001",
        "1.00000005960464477539062499999",
        "16777217",
        "16777219",
        "33554434.0000001",
        "123456789012345678901234567890",
        "0.30000001192092896",
        "4.0e-45",
        "1.0000000000000000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < OM_COUNT_OF(texts); i++) {
        check_float(texts[i]);
    }
}

static void test_floats_at_random(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 11);
    for (int i = 0; i < 300000; i++) {
        char text[64];
        float value = float_of((uint32_t)om_rng_u64(&rng));
        if (!isfinite(value)) {
            continue;
        }
        static const int digits[] = {5, 9, 12, 17, 25};
        double near = (double)value * (1 + (om_rng_unit(&rng) - 0.5) * 1e-7);
        (void)snprintf(text, sizeof text, "%.*g", digits[om_rng_below(&rng, 5)],
                       i % 2 == 0 ? (double)value : near);
        check_float(text);
        /* The usual embedding: small numbers with many digits. */
        (void)snprintf(text, sizeof text, "%.*g", digits[om_rng_below(&rng, 5)],
                       om_rng_unit(&rng) * 0.2 - 0.1);
        check_float(text);
        /* The midpoint of two neighbours, where rounding is hardest. */
        double next = (double)nextafterf(value, INFINITY);
        if (isfinite(next) && fabs((double)value) > 1e-30 && fabs((double)value) < 1e30) {
            (void)snprintf(text, sizeof text, "%.17g", ((double)value + next) / 2);
            check_float(text);
        }
    }
}

static void test_very_long_numbers(void **state)
{
    (void)state;
    char text[1100] = "0.";
    memset(text + 2, '0', 900);
    (void)snprintf(text + 902, sizeof text - 902, "1e901");
    check_float(text);
    memset(text, '9', 1000);
    (void)snprintf(text + 1000, sizeof text - 1000, "e-999");
    check_float(text);
    /* More places than the fast path counts. */
    enum { PLACES = 100050 };
    char *big = malloc(PLACES + 32);
    assert_non_null(big);
    memcpy(big, "0.", 2);
    memset(big + 2, '0', PLACES);
    int len = snprintf(big + 2 + PLACES, 30, "25e%d]", PLACES + 1);
    float got = 0;
    assert_non_null(om_number_float(big, big + 2 + PLACES + len, &got));
    assert_int_equal(bits_of(got), bits_of(2.5F));
    len = snprintf(big, 32, "1e99999999999999999999]");
    assert_non_null(om_number_float(big, big + len, &got));
    assert_true(isinf(got));
    free(big);
}

static void test_what_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"]",    "-]",   "+1]",    ".5]",  "1.]", "1e]",  "1e+]",
                                      "NaN]", "inf]", "\"1\"]", "-.5]", "e5]", "- 1]", "1.e5]"};
    float got = 4;
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        const char *end = bad[i] + strlen(bad[i]);
        assert_null(om_number_float(bad[i], end, &got));
        assert_null(om_number_end(bad[i], end - 1));
    }
    /* Cut by the end: the caller must never see a part as the whole. */
    const char *cut = "12345";
    assert_null(om_number_float(cut, cut, &got));
    assert_null(om_number_float(cut, cut + 5, &got));
    assert_ptr_equal(om_number_end(cut, cut + 5), cut + 5);
    const char *zero = "01]";
    assert_ptr_equal(om_number_float(zero, zero + 3, &got), zero + 1);
}

static void test_doubles_round_trip(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 5);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = om_rng_u64(&rng);
        double value, back;
        char text[OM_NUMBER_TEXT_SIZE];
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0) {
            value = om_rng_unit(&rng) * 1000;
        }
        if (!isfinite(value)) {
            continue;
        }
        size_t len = om_number_write(value, text);
        assert_int_equal(strlen(text), len);
        assert_ptr_equal(om_number_end(text, text + len), text + len);
        assert_true(om_number_read((omega_str){text, len}, &back));
        assert_memory_equal(&value, &back, sizeof value);
    }
}

static void check_written(float value)
{
    char text[OM_NUMBER_TEXT_SIZE], naive[64];
    size_t len = om_number_write_float(value, text);
    assert_int_equal(strlen(text), len);
    assert_ptr_equal(om_number_end(text, text + len), text + len);
    assert_int_equal(bits_of(strtof(text, NULL)), bits_of(value));
    /* No longer than the first of printf's texts that reads back. */
    int digits = 6;
    do {
        (void)snprintf(naive, sizeof naive, "%.*g", digits, (double)value);
    } while (strtof(naive, NULL) != value && ++digits < 10);
    double wanted = strtod(naive, NULL);
    if (fabs(strtod(text, NULL) - wanted) > 0) {
        fail_msg("%.9g was written as %s, printf has %s", (double)value, text, naive);
    }
}

static void test_floats_round_trip(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 6);
    static const float edges[] = {0.0F,      -0.0F,      1.0F,    -1.0F,    0.1F,
                                  100.0F,    9999999.0F, 1e7F,    1e-5F,    0.5F,
                                  123456.0F, FLT_MAX,    FLT_MIN, 1.4e-45F, 0.1234567F};
    for (size_t i = 0; i < OM_COUNT_OF(edges); i++) {
        check_written(edges[i]);
    }
    for (int i = 0; i < 200000; i++) {
        float value = float_of((uint32_t)om_rng_u64(&rng));
        if (isfinite(value)) {
            check_written(value);
        }
        check_written((float)(om_rng_unit(&rng) * 0.2 - 0.1));
        check_written((float)(om_rng_unit(&rng) * 2e7));
    }
    char text[OM_NUMBER_TEXT_SIZE];
    (void)om_number_write_float(0.1F, text);
    assert_string_equal(text, "0.1");
    (void)om_number_write(0.1, text);
    assert_string_equal(text, "0.1");
    (void)om_number_write(3, text);
    assert_string_equal(text, "3");
    (void)om_number_write_float(-250.0F, text);
    assert_string_equal(text, "-250");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_by_hand),     cmocka_unit_test(test_floats_at_random),
        cmocka_unit_test(test_very_long_numbers),  cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_doubles_round_trip), cmocka_unit_test(test_floats_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
