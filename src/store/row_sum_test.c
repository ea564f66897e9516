/* row_sum_test.c -- two rows that differ anywhere have different sums. */
#include "support/support.h"

#include <math.h>

#include "store/store.h"

static int64_t texts(int64_t row, const char *a, const char *b)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, row);
    om_row_sum_str(&sum, omega_str_of(a));
    om_row_sum_str(&sum, omega_str_of(b));
    return om_row_sum_result(&sum);
}

static void test_differences(void **state)
{
    (void)state;
    const int64_t sums[] = {
        texts(1, "ab", "c"),   texts(1, "a", "bc"),  texts(2, "ab", "c"),
        texts(1, "abc", ""),   texts(1, "", "abc"),  texts(1, NULL, "abc"),
        texts(1, "abc", NULL), texts(1, NULL, NULL), texts(1, "", ""),
    };
    for (size_t i = 0; i < OM_COUNT_OF(sums); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(sums[i] != sums[k]);
        }
    }
    assert_true(texts(1, "ab", "c") == sums[0]);
}

static int64_t number(double real, int64_t whole)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, 0);
    om_row_sum_double(&sum, real);
    om_row_sum_i64(&sum, whole);
    return om_row_sum_result(&sum);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_true(number(1.5, 2) == number(1.5, 2));
    assert_true(number(1.5, 2) != number(1.5, 3));
    assert_true(number(0.0, 2) != number(-0.0, 2));                 /* SQLite keeps the sign */
    assert_true(number((double)NAN, 2) == number(-(double)NAN, 2)); /* kept as NULL */
}

/* Files outlive builds: these values are part of the format. */
static void test_values_are_stable(void **state)
{
    (void)state;
    assert_true(texts(1, "ab", "c") == INT64_C(5864921726490686677));
    assert_true(number(1.5, 2) == INT64_C(-188574671543244607));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
