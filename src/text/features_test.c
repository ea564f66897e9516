/* features_test.c -- the vectors against a plain second implementation, and what they are good
 * for. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/fold.h"
#include "text/terms.h"
#include "text/text.h"
#include "text/word_counts_int.h"

enum { DIM = OM_FEATURES_DIMENSION };

static struct om_stemmers pool;

static int set_up(void **state)
{
    (void)state;
    om_stemmers_init(&pool, om_alloc_default());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    om_stemmers_fini(&pool);
    return 0;
}

static void embed(const char *text, float *out)
{
    assert_ok(om_text_features(&pool, omega_str_of(text), out));
}

static double similarity(const char *a, const char *b)
{
    float left[DIM];
    float right[DIM];
    embed(a, left);
    embed(b, right);
    double sum = 0;
    for (size_t i = 0; i < DIM; i++) {
        sum += (double)left[i] * (double)right[i];
    }
    return sum;
}

/* ---- A second implementation, in doubles and after the text of the header -------------------- */

static void oracle_add(double *sums, const char *name, size_t size, uint64_t seed, double weight)
{
    uint64_t hash = om_hash(name, size, seed);
    double sign = (hash & 1) != 0 ? 1 : -1;
    sums[(size_t)((double)(hash >> 32) / 4294967296.0 * DIM)] += sign * weight;
}

static omega_status oracle_term(void *context, const struct om_term *term)
{
    double *sums = context;
    omega_str word = term->token.text;
    double weight = (double)om_text_word_weight(word);
    oracle_add(sums, term->stem.ptr, term->stem.len, 1, weight);
    char marked[OM_TOKEN_SIZE + 3];
    (void)snprintf(marked, sizeof(marked), "<%.*s>", OM_STR_ARG(word));
    size_t len = strlen(marked);
    size_t count = 0;
    for (size_t size = 3; size <= 5; size++) {
        count += len >= size ? len - size + 1 : 0;
    }
    for (size_t size = 3; size <= 5; size++) {
        for (size_t at = 0; at + size <= len; at++) {
            oracle_add(sums, marked + at, size, 2, 0.7 * weight / sqrt((double)count));
        }
    }
    return OMEGA_OK;
}

static void test_against_a_second_implementation(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a",
        "The cat sat on the mat.",
        "Running runners run 42 times, isn't it?",
        "antidisestablishmentarianism and some of the words of an ordinary English sentence",
    };
    for (size_t i = 0; i < OM_COUNT_OF(texts); i++) {
        double sums[DIM] = {0};
        assert_ok(om_text_terms(&pool, omega_str_of(texts[i]), oracle_term, sums));
        double squares = 0;
        for (size_t d = 0; d < DIM; d++) {
            squares += sums[d] * sums[d];
        }
        float got[DIM];
        embed(texts[i], got);
        for (size_t d = 0; d < DIM; d++) {
            assert_true(fabs((double)got[d] - sums[d] / sqrt(squares)) < 1e-4);
        }
    }
}

static double length_of(const float *vector)
{
    double squares = 0;
    for (size_t i = 0; i < DIM; i++) {
        squares += (double)vector[i] * (double)vector[i];
    }
    return sqrt(squares);
}

static void test_length(void **state)
{
    (void)state;
    float out[DIM];
    embed("Omega keeps what an agent lives through.", out);
    assert_true(fabs(length_of(out) - 1) < 1e-5);
    embed("\u6771\u4eac\u90fd \u0434\u043e\u043c", out);
    assert_true(fabs(length_of(out) - 1) < 1e-5);
    static const char *const empty[] = {"", "  ...  ", "\U0001F44D"};
    for (size_t i = 0; i < OM_COUNT_OF(empty); i++) {
        embed(empty[i], out);
        for (size_t d = 0; d < DIM; d++) {
            assert_true(out[d] == 0.0F);
        }
    }
}

/* The space's name promises these numbers: a change of them is a new space. */
static void test_the_space_is_stable(void **state)
{
    (void)state;
    float out[DIM];
    embed("The quick brown fox jumps over the lazy dog", out);
    int64_t checks[3] = {0, 0, 0};
    for (size_t i = 0; i < DIM; i++) {
        int64_t scaled = lround((double)out[i] * 1e6);
        checks[0] += scaled;
        checks[1] += scaled * (int64_t)i;
        checks[2] += llabs(scaled);
    }
    assert_int_equal(checks[0], 1513739);
    assert_int_equal(checks[1], 370395040);
    assert_int_equal(checks[2], 6467829);
}

static void test_a_very_long_text(void **state)
{
    (void)state;
    enum { TIMES = 60000 };
    static const char word[] = "zyzzyva ";
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    for (int i = 0; i < TIMES; i++) {
        om_buf_add_text(&text, word);
    }
    float many[DIM];
    float once[DIM];
    assert_ok(om_text_features(&pool, om_buf_str(&text), many));
    embed(word, once);
    for (size_t i = 0; i < DIM; i++) {
        assert_true(fabs((double)many[i] - (double)once[i]) < 1e-5);
    }
    om_buf_fini(&text);
}

static void test_what_it_is_good_for(void **state)
{
    (void)state;
    const char *query = "the deployment failed because the certificate expired";
    assert_true(similarity(query, query) > 0.9999);
    double typo = similarity(query, "the deploymnet failed becuase the certifcate expired");
    double order = similarity(query, "expired certificate: failed deployment");
    double other = similarity(query, "my sister bakes bread on sunday mornings");
    assert_true(typo > 0.4);
    assert_true(order > 0.85);
    assert_true(other < 0.2);
    assert_true(similarity("the of and", "the of and cat") < 0.5);
    assert_true(similarity("\u6771\u4eac\u90fd\u5e81", "\u6771\u4eac\u90fd") > 0.5);
}

static void test_weights(void **state)
{
    (void)state;
    float the = om_text_word_weight(OM_STR("the"));
    float dog = om_text_word_weight(OM_STR("dog"));
    float rare = om_text_word_weight(OM_STR("zyzzyva"));
    assert_true(the > 0.005F && the < 0.05F);
    assert_true(dog > 0.6F && dog < 1.0F);
    assert_true(rare == 1.0F);
    assert_true(om_text_word_weight(OM_STR("of")) < 0.1F);
    assert_true(om_word_count * 5 + sizeof(om_word_weights) <= 256 << 10);
    for (size_t i = 1; i < om_word_count; i++) {
        assert_true(om_word_hashes[i - 1] < om_word_hashes[i]);
    }
    for (size_t level = 0; level < 256; level++) {
        double p = pow(2, -(double)level / OM_WORD_LEVELS_PER_OCTAVE);
        double wanted = 1e-3 / (1e-3 + p) * OM_WORD_WEIGHT_ONE;
        assert_true(fabs(wanted - om_word_weights[level]) <= 0.5001);
    }
}

static omega_status embed_some(void *context)
{
    float out[DIM];
    struct om_stemmers stemmers;
    (void)context;
    om_stemmers_init(&stemmers, om_alloc_default());
    omega_status status = om_text_features(&stemmers, OM_STR("Some text to embed"), out);
    om_stemmers_fini(&stemmers);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(embed_some, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_second_implementation),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_the_space_is_stable),
        cmocka_unit_test(test_a_very_long_text),
        cmocka_unit_test(test_what_it_is_good_for),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
