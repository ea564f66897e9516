/* fsrs_test.c -- FSRS-6 against the fixtures of its reference implementation. */
#include "support/support.h"

#include <math.h>

#include "memory/fsrs_int.h"

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance)) {
        fail_msg("%.9f is not %.9f", got, wanted);
    }
}

/* Grades 1, 3, 3, 3, 3, 3 at gaps of 0, 0, 1, 3, 8, 21 days. */
static void test_fixture_of_growing_gaps(void **state)
{
    (void)state;
    static const double gaps[] = {0, 0, 1, 3, 8, 21};
    static const double stability[] = {0.212, 0.246689, 2.021477, 7.863699, 21.917713, 53.626903};
    static const double difficulty[] = {6.4133, 6.402115, 6.390941, 6.379779, 6.368627, 6.357487};
    struct om_fsrs memory = om_fsrs_first(OM_GRADE_AGAIN);
    for (size_t i = 0; i < OM_COUNT_OF(gaps); i++) {
        if (i > 0) {
            memory = om_fsrs_review(memory, OM_GRADE_GOOD, gaps[i]);
        }
        assert_near(memory.stability, stability[i], 1e-5);
        assert_near(memory.difficulty, difficulty[i], 1e-5);
    }
}

/* Good x6, Again x2, Good x5, each on its due day; a failed card and a new one are seen again after
 * 10 minutes (learning steps 1 and 10 minutes, relearning 10 minutes). */
static void test_fixture_of_intervals(void **state)
{
    (void)state;
    static const enum om_grade grades[] = {3, 3, 3, 3, 3, 3, 1, 1, 3, 3, 3, 3, 3};
    static const double wanted[] = {0, 2, 11, 46, 163, 498, 0, 0, 2, 4, 7, 12, 21};
    const double ten_minutes = 10.0 / 1440.0;
    struct om_fsrs memory = om_fsrs_first(grades[0]);
    double gap = ten_minutes;
    for (size_t i = 0; i < OM_COUNT_OF(grades); i++) {
        if (i > 0) {
            memory = om_fsrs_review(memory, grades[i], gap);
        }
        bool is_learning = i == 0 || grades[i] == OM_GRADE_AGAIN;
        double interval = is_learning ? 0.0 : om_fsrs_interval(memory.stability, 0.9);
        assert_near(interval, wanted[i], 0.0);
        gap = is_learning ? ten_minutes : interval;
    }
}

static void test_retrievability_falls(void **state)
{
    (void)state;
    const int64_t day = 86400000;
    for (omega_tier tier = OMEGA_TIER_IMMEDIATE; tier < OMEGA_TIER_COUNT; tier++) {
        double stability = om_initial_stability(tier);
        assert_true(tier == 0 || stability >= om_initial_stability(tier - 1));
        assert_near(om_retrievability(tier, stability, 0), 1.0, 0.0);
        assert_near(om_retrievability(tier, stability, -day), 1.0, 0.0);
        double last = 1.0;
        for (int64_t t = 1; t < INT64_C(100000) * day; t *= 7) {
            double now = om_retrievability(tier, stability, t);
            assert_true(now <= last && now >= 0.0);
            last = now;
        }
    }
    assert_near(om_retrievability(OMEGA_TIER_SEMANTIC, 30.0, 30 * day), 0.9, 1e-12);
    assert_near(om_retrievability(OMEGA_TIER_SHORT_TERM, 1.0, day), exp(-1.0), 1e-12);
    assert_near(om_retrievability(OMEGA_TIER_EPISODIC, 0.0, day), 0.0, 0.1);
}

/* Decay must never be a gain: a failure leaves less than before, a success never less. */
static void test_reviews_keep_their_direction(void **state)
{
    (void)state;
    for (double s = 0.01; s < 40000.0; s *= 3.0) {
        for (double d = 1.0; d <= 10.0; d += 1.5) {
            for (double gap = 0.0; gap < 1000.0; gap = gap * 2.0 + 0.5) {
                struct om_fsrs memory = {.difficulty = d, .stability = s};
                struct om_fsrs again = om_fsrs_review(memory, OM_GRADE_AGAIN, gap);
                struct om_fsrs good = om_fsrs_review(memory, OM_GRADE_GOOD, gap);
                struct om_fsrs easy = om_fsrs_review(memory, OM_GRADE_EASY, gap);
                assert_true(again.stability < good.stability && good.stability >= s);
                assert_true(easy.stability >= good.stability);
                assert_true(again.difficulty >= good.difficulty);
                assert_true(good.difficulty >= easy.difficulty);
                assert_true(again.difficulty <= 10.0 && easy.difficulty >= 1.0);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixture_of_growing_gaps),
        cmocka_unit_test(test_fixture_of_intervals),
        cmocka_unit_test(test_retrievability_falls),
        cmocka_unit_test(test_reviews_keep_their_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
