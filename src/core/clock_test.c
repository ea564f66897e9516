/* clock_test.c -- stamps against gmtime and timegm, the fake clock. */
#include "support/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/rng.h"
#include "core/str.h"

static int64_t parsed(const char *text)
{
    int64_t ms = -1;
    if (om_time_parse(omega_str_of(text), &ms) != OMEGA_OK) {
        fail_msg("'%s' was refused", text);
    }
    return ms;
}

static void check_against_libc(int64_t wall_ms)
{
    char got[OM_TIME_TEXT_SIZE], wanted[64];
    int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm parts;
    assert_non_null(gmtime_r(&seconds, &parts));
    (void)snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, (int)ms);
    om_time_format(wall_ms, got);
    assert_string_equal(got, wanted);
    assert_true(parsed(got) == wall_ms);
    assert_true(timegm(&parts) * 1000 + ms == wall_ms);
}

static void test_against_libc(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 2);
    static const int64_t edges[] = {0,
                                    -1,
                                    1,
                                    999,
                                    1000,
                                    951782400000,
                                    951868799999,
                                    -62167219200000,
                                    253402300799999,
                                    -2208988800000};
    for (size_t i = 0; i < OM_COUNT_OF(edges); i++) {
        check_against_libc(edges[i]);
    }
    uint64_t range = UINT64_C(253402300799999) + 62167219200000 + 1;
    for (int i = 0; i < 200000; i++) {
        check_against_libc((int64_t)om_rng_below(&rng, range) - 62167219200000);
    }
    /* Every day of four centuries. */
    for (int64_t day = -146097; day < 0; day++) {
        check_against_libc(day * 86400000);
    }
}

static void test_clamps(void **state)
{
    (void)state;
    char text[OM_TIME_TEXT_SIZE];
    om_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    om_time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void test_forms_that_are_read(void **state)
{
    (void)state;
    int64_t noon = 1785585600000;
    assert_true(parsed("2026-08-01T12:00:00.000Z") == noon);
    assert_true(parsed("2026-08-01t12:00:00z") == noon);
    assert_true(parsed("2026-08-01 12:00:00Z") == noon);
    assert_true(parsed("2026-08-01T14:30:00+02:30") == noon);
    assert_true(parsed("2026-08-01T01:00:00-11:00") == noon);
    assert_true(parsed("2026-08-01T12:00:00-00:00") == noon);
    assert_true(parsed("2026-08-01T12:00:00.5Z") == noon + 500);
    assert_true(parsed("2026-08-01T12:00:00,5Z") == noon + 500);
    assert_true(parsed("2026-08-01T12:00:00.123999999999999999Z") == noon + 123);
    assert_true(parsed("2026-08-01") == noon - 43200000);
    assert_true(parsed("2024-02-29") == 1709164800000);
    /* A leap second is the first of the next minute. */
    assert_true(parsed("2016-12-31T23:59:60Z") == parsed("2017-01-01T00:00:00Z"));
}

static void test_forms_that_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-8-1",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-01-00",
                                      "2026-04-31",
                                      "2023-02-29",
                                      "1900-02-29",
                                      "2026-08-01T",
                                      "2026-08-01T12:00",
                                      "2026-08-01T12:00:00",
                                      "2026-08-01T24:00:00Z",
                                      "2026-08-01T12:60:00Z",
                                      "2026-08-01T12:00:61Z",
                                      "2026-08-01T12:00:00.Z",
                                      "2026-08-01T12:00:00+2:00",
                                      "2026-08-01T12:00:00+24:00",
                                      "2026-08-01T12:00:00+02:60",
                                      "2026-08-01T12:00:00Zx",
                                      " 2026-08-01",
                                      "2026-08-01 ",
                                      "+2026-08-01",
                                      "2026-08-01T12:00:00+0200",
                                      "yesterday"};
    int64_t ms = 7;
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        if (om_time_parse(omega_str_of(bad[i]), &ms) != OMEGA_EINVAL) {
            fail_msg("'%s' was read", bad[i]);
        }
        assert_error_says("2026-08-01T12:00:00Z");
    }
    assert_true(ms == 7);
    assert_status(om_time_parse((omega_str){NULL, 0}, &ms), OMEGA_EINVAL);
    assert_status(om_time_parse((omega_str){"2026-08-01\0", 11}, &ms), OMEGA_EINVAL);
}

static void test_system_clock(void **state)
{
    (void)state;
    const struct om_clock *clock = om_clock_system();
    int64_t before = om_mono_ns(clock);
    assert_true(om_mono_ns(clock) >= before);
    int64_t wall = om_wall_ms(clock) / 1000;
    assert_true(llabs((long long)(wall - time(NULL))) <= 1);
}

static void test_fake_clock(void **state)
{
    (void)state;
    struct om_fake_clock fake;
    om_fake_clock_init(&fake, 1000);
    assert_true(om_wall_ms(&fake.clock) == 1000);
    int64_t start = om_mono_ns(&fake.clock);
    om_fake_clock_advance_ms(&fake, 31556952000);
    assert_true(om_wall_ms(&fake.clock) == 31556953000);
    assert_true(om_mono_ns(&fake.clock) - start == INT64_C(31556952000) * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libc),        cmocka_unit_test(test_clamps),
        cmocka_unit_test(test_forms_that_are_read), cmocka_unit_test(test_forms_that_are_refused),
        cmocka_unit_test(test_system_clock),        cmocka_unit_test(test_fake_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
