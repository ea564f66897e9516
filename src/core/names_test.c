/* names_test.c -- the closed lists and their names. */
#include "support/support.h"

#include "omega/loops.h"
#include "core/alloc.h"
#include "core/str.h"

static void test_status_rows(void **state)
{
    (void)state;
    for (int value = 0; value >= OMEGA_STATUS_MIN_; value--) {
        omega_status status = (omega_status)value;
        assert_true(strncmp(omega_status_name(status), "OMEGA_", 6) == 0);
        assert_string_not_equal(omega_status_name(status), "OMEGA_?");
        assert_true(strlen(omega_status_text(status)) > 0);
        assert_in_range(omega_status_http(status), 200, 599);
        /* Exit codes tell statuses apart, and 1 is left for what is none of them. */
        assert_int_equal(omega_status_exit_code(status), value == 0 ? 0 : 1 - value);
    }
    assert_string_equal(omega_status_name(OMEGA_ESPEC_UNMET), "OMEGA_ESPEC_UNMET");
    assert_int_equal(omega_status_http(OMEGA_ENOTFOUND), 404);
}

static void test_status_that_is_none(void **state)
{
    (void)state;
    assert_string_equal(omega_status_name((omega_status)-99), "OMEGA_?");
    assert_int_equal(omega_status_http((omega_status)-99), 500);
    assert_int_equal(omega_status_exit_code((omega_status)-99), 1);
    assert_true(strlen(omega_status_text((omega_status)-99)) > 0);
}

static omega_tier tier_of(const char *name)
{
    omega_tier tier = OMEGA_TIER_UNSET;
    assert_ok(omega_tier_parse(omega_str_of(name), &tier));
    return tier;
}

static void test_tiers(void **state)
{
    (void)state;
    for (int i = 0; i < OMEGA_TIER_COUNT; i++) {
        assert_int_equal(tier_of(omega_tier_name((omega_tier)i)), i);
    }
    assert_int_equal(tier_of("SHORT-TERM"), OMEGA_TIER_SHORT_TERM);
    assert_int_equal(tier_of("Short_Term"), OMEGA_TIER_SHORT_TERM);
    assert_int_equal(tier_of("Instant"), OMEGA_TIER_IMMEDIATE);
    assert_int_equal(tier_of("working"), OMEGA_TIER_SHORT_TERM);
    assert_int_equal(tier_of("collective"), OMEGA_TIER_CIVILIZATIONAL);
    assert_int_equal(tier_of("universal"), OMEGA_TIER_COSMIC);
    assert_int_equal(tier_of("Omega"), OMEGA_TIER_COSMIC);
    assert_string_equal(omega_tier_name(OMEGA_TIER_UNSET), "?");
}

static void test_tiers_that_are_none(void **state)
{
    (void)state;
    omega_tier tier = OMEGA_TIER_SEMANTIC;
    const char *const bad[] = {"", "semantics", "semanti", "short term", " semantic"};
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        assert_status(omega_tier_parse(omega_str_of(bad[i]), &tier), OMEGA_EINVAL);
        assert_error_says("immediate, short_term");
        assert_error_says("cosmic");
        assert_int_equal(tier, OMEGA_TIER_SEMANTIC);
    }
    assert_status(omega_tier_parse((omega_str){NULL, 0}, &tier), OMEGA_EINVAL);
}

static void test_loops_and_health(void **state)
{
    (void)state;
    omega_loop loop;
    for (int i = 0; i < OMEGA_LOOP_COUNT; i++) {
        assert_ok(omega_loop_parse(omega_str_of(omega_loop_name((omega_loop)i)), &loop));
        assert_int_equal(loop, i);
    }
    assert_ok(omega_loop_parse(OM_STR("Retention"), &loop));
    assert_int_equal(loop, OMEGA_LOOP_RETENTION);
    assert_string_equal(omega_loop_name((omega_loop)OMEGA_LOOP_ERASURE), "erasure");
    assert_status(omega_loop_parse(OM_STR("reflex"), &loop), OMEGA_EINVAL);
    assert_error_says("'reflex'");
    assert_error_says("transcendent");
    assert_string_equal(omega_loop_name(OMEGA_LOOP_COUNT), "?");
    assert_string_equal(omega_health_name(OMEGA_HEALTHY), "healthy");
    assert_string_equal(omega_health_name(OMEGA_UNHEALTHY), "unhealthy");
    assert_string_equal(omega_health_name((omega_health)9), "?");
}

static void test_texts_are_handed_over(void **state)
{
    (void)state;
    assert_string_equal(omega_version(), OMEGA_VERSION_STRING);
    size_t live = om_alloc_default()->live_count;
    char *text = om_get_text(om_alloc_default(), OM_STR("handed over"));
    assert_int_equal(om_alloc_default()->live_count, live + 1);
    omega_text_free(text);
    omega_text_free(NULL);
    assert_int_equal(om_alloc_default()->live_count, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_rows),
        cmocka_unit_test(test_status_that_is_none),
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_tiers_that_are_none),
        cmocka_unit_test(test_loops_and_health),
        cmocka_unit_test(test_texts_are_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
