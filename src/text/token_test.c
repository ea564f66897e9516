/* token_test.c -- words, pairs, stop words, stems, and the walk that joins them. */
#include "support/support.h"

#include "text/fold.h"
#include "text/terms.h"

struct joined {
    char text[1024];
    size_t count;
};

static void append(struct joined *joined, omega_str part)
{
    size_t at = strlen(joined->text);
    assert_true(at + part.len + 2 < sizeof(joined->text));
    if (joined->count++ > 0) {
        joined->text[at++] = '|';
    }
    memcpy(joined->text + at, part.ptr, part.len);
    joined->text[at + part.len] = '\0';
}

static void assert_tokens(const char *text, const char *wanted)
{
    struct om_buf folded;
    om_buf_init(&folded, om_alloc_default(), 4096);
    assert_ok(om_text_fold(omega_str_of(text), &folded));
    struct joined joined = {"", 0};
    struct om_tokens tokens = {.text = om_buf_str(&folded)};
    struct om_token token;
    size_t last = 0;
    while (om_token_next(&tokens, &token)) {
        append(&joined, token.text);
        assert_true(token.offset >= last);
        assert_ptr_equal(token.text.ptr, folded.ptr + token.offset);
        assert_true(token.text.len > 0 && token.text.len <= OM_TOKEN_SIZE);
        last = token.offset;
    }
    assert_string_equal(joined.text, wanted);
    assert_false(om_token_next(&tokens, &token));
    om_buf_fini(&folded);
}

static void test_words(void **state)
{
    (void)state;
    assert_tokens("", "");
    assert_tokens(" .,;! ", "");
    assert_tokens("The quick-brown fox, isn't 3.14!", "the|quick|brown|fox|isn|t|3|14");
    assert_tokens("snake_case camelCase x86_64", "snake|case|camelcase|x86|64");
    assert_tokens("na\u00efve \u0434\u043e\u043c \u03b1\u03b2", "naive|дом|αβ");
    assert_tokens("\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e", "हिन्दी|भा");
    assert_tokens("a \u2260 b", "a|b");
}

static void test_pairs(void **state)
{
    (void)state;
    assert_tokens("\u6771\u4eac\u90fd", "東京|京都");
    assert_tokens("\u6c34", "水");
    assert_tokens("\u6c34 \u6c34\u706b", "水|水火");
    assert_tokens("abc\u6c34\u706bdef\u571f", "abc|水火|def|土");
    assert_tokens("\ud55c\uad6d\uc5b4", "한국|국어");
    assert_tokens("\u3072\u3089\u30ab\u30ca", "ひら|らカ|カナ");
    assert_tokens("\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48\u0e01", "ที่นี่|นี่ก");
    assert_tokens("\u6771\u4eac\u3002\u5927\u962a", "東京|大阪");
}

static void test_long_words_are_cut(void **state)
{
    (void)state;
    char text[203];
    memset(text, 'x', sizeof(text));
    memcpy(text + 200, " y", 3);
    char wanted[67];
    memset(wanted, 'x', 64);
    memcpy(wanted + 64, "|y", 3);
    assert_tokens(text, wanted);
    /* A cut falls between characters. */
    for (size_t i = 0; i + 1 < 200; i += 2) {
        memcpy(text + i, "\u0434", 2);
    }
    memcpy(text, "a \u0434", 4);
    struct om_tokens tokens = {.text = {text, 200}};
    struct om_token token;
    while (om_token_next(&tokens, &token)) {
        assert_true(om_utf8_valid(token.text));
    }
}

static void test_stop_words(void **state)
{
    (void)state;
    static const char *const stops[] = {"a", "the", "isn", "yourselves", "you", "t", "of"};
    static const char *const others[] = {"", "th", "thee", "cat", "won", "zzzzzzzzzzzzz", "\u0434"};
    for (size_t i = 0; i < OM_COUNT_OF(stops); i++) {
        assert_true(om_token_is_stop(omega_str_of(stops[i])));
        assert_false(om_token_is_stop(omega_str_of(others[i])));
    }
}

static omega_status join_stems(void *context, const struct om_term *term)
{
    if (!term->stop) {
        append(context, term->stem);
    }
    return OMEGA_OK;
}

static void assert_stems(struct om_stemmers *stemmers, const char *text, const char *wanted)
{
    struct joined joined = {"", 0};
    assert_ok(om_text_terms(stemmers, omega_str_of(text), join_stems, &joined));
    assert_string_equal(joined.text, wanted);
}

static void test_stems(void **state)
{
    (void)state;
    struct om_stemmers stemmers;
    om_stemmers_init(&stemmers, om_alloc_default());
    /* Pairs from the vocabularies that Snowball publishes with its algorithms. */
    assert_stems(&stemmers, "The Consistency of consigned consolations", "consist|consign|consol");
    assert_stems(&stemmers, "\u0432\u0430\u0433\u043e\u043d\u043e\u0432", "вагон");
    assert_stems(&stemmers, "\u041d\u043e\u0432\u044b\u0439", "нов");
    assert_stems(&stemmers, "\u6771\u4eac\u90fd 1990", "東京|京都|1990");
    assert_stems(&stemmers, "of the and", "");
    om_stemmers_fini(&stemmers);
}

static omega_status stop_at_second(void *context, const struct om_term *term)
{
    (void)term;
    size_t *seen = context;
    return ++*seen == 2 ? OMEGA_ECANCELLED : OMEGA_OK;
}

static void test_a_callback_ends_the_walk(void **state)
{
    (void)state;
    struct om_stemmers stemmers;
    om_stemmers_init(&stemmers, om_alloc_default());
    size_t seen = 0;
    omega_status status = om_text_terms(&stemmers, OM_STR("one two three"), stop_at_second, &seen);
    assert_int_equal(status, OMEGA_ECANCELLED);
    assert_int_equal(seen, 2);
    om_stemmers_fini(&stemmers);
}

enum { THREADS = 4, ROUNDS = 300 };

static omega_status count_stem(void *context, const struct om_term *term)
{
    size_t *right = context;
    *right += om_str_eq_text(term->stem, "run") || om_str_eq_text(term->stem, "вагон");
    return OMEGA_OK;
}

struct shared {
    struct om_stemmers stemmers;
    atomic_size_t right;
};

static void stem_often(void *context)
{
    struct shared *shared = context;
    for (int i = 0; i < ROUNDS; i++) {
        size_t right = 0;
        omega_str text = OM_STR("running runs \u0432\u0430\u0433\u043e\u043d\u043e\u0432");
        if (om_text_terms(&shared->stemmers, text, count_stem, &right) == OMEGA_OK) {
            atomic_fetch_add(&shared->right, right);
        }
    }
}

static void test_threads_share_a_pool(void **state)
{
    (void)state;
    struct shared shared;
    om_stemmers_init(&shared.stemmers, om_alloc_default());
    atomic_init(&shared.right, 0);
    struct om_thread threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_ok(om_thread_start(&threads[i], "stem", stem_often, &shared));
    }
    for (size_t i = 0; i < THREADS; i++) {
        om_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&shared.right), THREADS * ROUNDS * 3);
    om_stemmers_fini(&shared.stemmers);
}

static void test_more_stemmers_than_places(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    struct om_stemmers stemmers;
    om_stemmers_init(&stemmers, &alloc);
    struct om_stemmer *taken[OM_STEMMERS_IDLE + 3] = {NULL};
    for (size_t i = 0; i < OM_COUNT_OF(taken); i++) {
        assert_ok(om_stemmers_take(&stemmers, &taken[i]));
    }
    for (size_t i = 0; i < OM_COUNT_OF(taken); i++) {
        om_stemmers_give(&stemmers, taken[i]);
    }
    om_stemmers_give(&stemmers, NULL);
    om_stemmers_fini(&stemmers);
    assert_int_equal(atomic_load(&alloc.live_count), 0);
}

static omega_status terms_of_some(void *context)
{
    (void)context;
    struct om_stemmers stemmers;
    om_stemmers_init(&stemmers, om_alloc_default());
    struct joined joined = {"", 0};
    omega_status status =
        om_text_terms(&stemmers, OM_STR("Running with \u0434\u043e\u043c"), join_stems, &joined);
    om_stemmers_fini(&stemmers);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_true(om_test_oom_sweep(terms_of_some, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_stop_words),
        cmocka_unit_test(test_stems),
        cmocka_unit_test(test_a_callback_ends_the_walk),
        cmocka_unit_test(test_threads_share_a_pool),
        cmocka_unit_test(test_more_stemmers_than_places),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
