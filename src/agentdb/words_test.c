/* words_test.c -- the words index against naive BM25 over strings, its erasure, its threads. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agentdb/words_int.h"

enum { HITS = 100 };

/* ---- Helpers --------------------------------------------------------------------------------- */

struct found {
    struct om_words_hit rows[HITS];
    size_t count;
};

static struct found find_in(struct om_words *w, const char *text, uint64_t snapshot, size_t k,
                            const struct om_item_filter *filter)
{
    struct om_arena arena;
    struct om_words_query *query = NULL;
    struct om_words_hits hits = {0};
    struct found found = {.count = 0};
    om_arena_init(&arena, w->alloc, 0);
    unsigned ticket = om_words_enter(w);
    assert_ok(om_words_parse(w, omega_str_of(text), filter, &arena, &query));
    assert_ok(om_words_search(w, query, snapshot, k, &hits));
    om_words_leave(w, ticket);
    assert_true(hits.count <= HITS);
    found.count = hits.count;
    if (hits.count > 0) {
        memcpy(found.rows, hits.rows, hits.count * sizeof(hits.rows[0]));
    }
    om_arena_fini(&arena);
    return found;
}

static void assert_finds(struct om_words *w, const char *text, uint64_t snapshot,
                         const char *wanted)
{
    char got[256] = "";
    size_t at = 0;
    struct found found = find_in(w, text, snapshot, HITS, NULL);
    for (size_t i = 0; i < found.count; i++) {
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%u ", found.rows[i].item);
    }
    assert_string_equal(got, wanted);
}

static void add(struct om_words *w, uint32_t item, uint32_t root, uint64_t seq, const char *text)
{
    assert_ok(om_words_add(w, item, root, seq, omega_str_of(text)));
}

static void assert_sound(struct om_words *w)
{
    const char *wrong = om_words_validate(w);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static struct om_words *new_words(void)
{
    struct om_words *w = NULL;
    assert_ok(om_words_new(om_alloc_default(), &w));
    return w;
}

/* What waits after as many calls as a thousand removals need. */
static size_t reclaim_all(struct om_words *w)
{
    size_t waiting = 1;
    for (int i = 0; i < 32 && waiting > 0; i++) {
        waiting = om_words_reclaim(w);
    }
    return waiting;
}

/* ---- Examples -------------------------------------------------------------------------------- */

static void test_ranking(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 1, 1, "The deployment failed because the certificate expired");
    add(w, 2, 1, 2, "Deployment went well");
    add(w, 3, 1, 3, "My sister bakes bread");
    add(w, 4, 1, 4, "Deployments of the year: deployment after deployment");
    assert_finds(w, "certificates", 9, "1 ");
    assert_finds(w, "deploying certificate", 9, "1 4 2 ");
    assert_finds(w, "bread", 2, "");
    assert_finds(w, "unknownword42", 9, "");
    assert_finds(w, "", 9, "");
    struct found one = find_in(w, "deployment", 9, 1, NULL);
    assert_int_equal(one.count, 1);
    assert_int_equal(one.rows[0].item, 4);
    assert_sound(w);
    om_words_free(w);
    om_words_free(NULL);
}

static void test_ties_older_first(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    for (uint32_t item = 40; item > 0; item--) {
        add(w, item, 0, 1, "same words");
    }
    struct found found = find_in(w, "words", 1, 7, NULL);
    assert_int_equal(found.count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(found.rows[i].item, i + 1);
    }
    om_words_free(w);
}

static void test_stop_words(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 0, 1, "To be or not to be");
    add(w, 2, 0, 2, "not to be found in the garden");
    add(w, 3, 0, 3, "");
    add(w, 4, 0, 4, "...");
    assert_finds(w, "to be or not to be", 9, "1 ");
    assert_finds(w, "the garden", 9, "2 ");
    assert_true(om_words_remove(w, 3, 5));
    assert_sound(w);
    om_words_free(w);
}

static void test_replacing_and_removing(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 7, 0, 10, "red apples");
    add(w, 7, 0, 20, "green pears");
    assert_finds(w, "apples", 10, "7 ");
    assert_finds(w, "apples", 19, "7 ");
    assert_finds(w, "apples", 20, "");
    assert_finds(w, "pears", 19, "");
    assert_finds(w, "pears", 20, "7 ");
    assert_true(om_words_remove(w, 7, 30));
    assert_false(om_words_remove(w, 7, 31));
    assert_false(om_words_remove(w, 8000, 31));
    assert_finds(w, "pears", 29, "7 ");
    assert_finds(w, "pears", 30, "");
    assert_sound(w);
    assert_int_equal(om_words_reclaim(w), 0);
    assert_sound(w);
    struct om_words_usage usage;
    om_words_usage(w, &usage);
    assert_int_equal(usage.items + usage.waiting + usage.terms + usage.roots, 0);
    add(w, 7, 0, 40, "apples again");
    assert_finds(w, "apples", 40, "7 ");
    om_words_free(w);
}

static bool only_even(void *context, uint32_t item)
{
    (*(int *)context)++;
    return item % 2 == 0;
}

static void test_filter(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    for (uint32_t item = 0; item < 60; item++) {
        add(w, item, item % 3, 1, "apples");
    }
    int asked = 0;
    const uint32_t roots[] = {1, 2, 1};
    struct om_item_filter filter = {only_even, &asked, roots, 3};
    struct found found = find_in(w, "apples", 1, HITS, &filter);
    assert_int_equal(found.count, 20);
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.rows[i].item % 2 == 0 && found.rows[i].item % 3 != 0);
    }
    assert_int_equal(asked, 40);
    const uint32_t none[] = {99};
    struct om_item_filter nowhere = {NULL, NULL, none, 1};
    assert_int_equal(find_in(w, "apples", 1, HITS, &nowhere).count, 0);
    om_words_free(w);
}

/* What one root stores changes no score of another. */
static void test_roots_do_not_influence_each_other(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 5, 1, "red apples in the garden");
    add(w, 2, 5, 2, "garden chairs");
    const uint32_t mine[] = {5};
    struct om_item_filter filter = {NULL, NULL, mine, 1};
    struct found before = find_in(w, "apples gardne", 99, HITS, &filter);
    for (uint32_t item = 10; item < 200; item++) {
        add(w, item, 6 + item % 7, 3, "apples gardne and very many other words about apples");
    }
    struct found after = find_in(w, "apples gardne", 99, HITS, &filter);
    assert_int_equal(before.count, 2);
    assert_int_equal(after.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(before.rows[i].item, after.rows[i].item);
        assert_true(before.rows[i].score == after.rows[i].score);
    }
    om_words_free(w);
}

/* ---- Corrections ----------------------------------------------------------------------------- */

static void assert_corrects(struct om_words *w, const char *word, const char *wanted)
{
    char got[256] = "";
    size_t at = 0;
    struct om_arena arena;
    struct om_words_query *query = NULL;
    om_arena_init(&arena, w->alloc, 0);
    unsigned ticket = om_words_enter(w);
    assert_ok(om_words_parse(w, omega_str_of(word), NULL, &arena, &query));
    for (size_t i = 0; i < query->term_count; i++) {
        const struct om_words_term *term = &query->terms[i];
        bool corrected = om_str_given(term->found);
        assert_true(fabs(term->weight - (corrected ? 0.5 : 1)) < 1e-12);
        at += (size_t)snprintf(got + at, sizeof(got) - at, "%.*s ",
                               OM_STR_ARG(corrected ? term->found : term->stem));
    }
    om_words_leave(w, ticket);
    om_arena_fini(&arena);
    assert_string_equal(got, wanted);
}

static void test_corrections(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 0, 1, "the deployment failed because its certificate expired in March 2024");
    add(w, 2, 0, 2, "cats and cars and carts; cars");
    add(w, 3, 0, 3, "cars");
    add(w, 4, 0, 4, "planting after planning and planking");
    assert_corrects(w, "deploymnet", "deployment ");
    assert_corrects(w, "certifcate", "certificate ");
    assert_corrects(w, "sertificat", "certificate ");
    assert_corrects(w, "xpired", "expired ");
    assert_corrects(w, "deployments", "deploy "); /* the same stem: no correction */
    assert_corrects(w, "caks", "cars cats ");
    assert_corrects(w, "mrach", "march ");
    assert_corrects(w, "plannnig", "planning ");     /* nearer than the others */
    assert_corrects(w, "cxt", "cxt ");               /* too short */
    assert_corrects(w, "2023", "2023 ");             /* numbers are never corrected */
    assert_corrects(w, "sertifikat", "sertifikat "); /* three edits */
    assert_finds(w, "deploymnet", 9, "1 ");
    assert_true(om_words_remove(w, 1, 10));
    assert_corrects(w, "deploymnet", "deploymnet ");
    om_words_free(w);
}

/* The definition, by recursion over prefixes. */
static unsigned slow_distance(const char *a, size_t i, const char *b, size_t j)
{
    if (i == 0 || j == 0) {
        return (unsigned)(i + j);
    }
    unsigned best = slow_distance(a, i - 1, b, j) + 1;
    best = OM_MIN(best, slow_distance(a, i, b, j - 1) + 1);
    best = OM_MIN(best, slow_distance(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]));
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        best = OM_MIN(best, slow_distance(a, i - 2, b, j - 2) + 1);
    }
    return best;
}

static void test_distance_against_its_definition(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 5);
    for (int round = 0; round < 3000; round++) {
        char a[6];
        char b[6];
        omega_str left = {a, 1 + (size_t)om_rng_below(&rng, 5)};
        omega_str right = {b, 1 + (size_t)om_rng_below(&rng, 5)};
        for (size_t i = 0; i < sizeof(a); i++) {
            a[i] = (char)('a' + om_rng_below(&rng, 3));
            b[i] = (char)('a' + om_rng_below(&rng, 3));
        }
        unsigned wanted = slow_distance(a, left.len, b, right.len);
        unsigned most = (unsigned)om_rng_below(&rng, 4);
        unsigned got = om_word_distance(left, right, most);
        assert_true(wanted <= most ? got == wanted : got > most);
        /* The outline never hides a word that is near enough. */
        if (wanted <= 2 && left.len >= 3 && right.len >= 3) {
            uint64_t both = om_word_outline(left) ^ om_word_outline(right);
            assert_true(__builtin_popcountll(both & ((1 << 19) - 1)) <= 2 * (int)wanted);
        }
    }
}

/* ---- The oracle
 * ---------------------------------------------------------------------------------- */

enum { VOCABULARY = 40, DOCUMENTS = 3000, ROOTS = 6, ITEMS = 300 };

/* Made-up words that are their own stems and two edits or more from each other, so that a word
 * which the searched roots lack is not corrected: the oracle knows no corrections. */
static const char *const syllables[] = {"bo", "da", "fu", "gi", "ke", "lo", "mu", "pa"};

static void word_text(unsigned number, char *out, size_t size)
{
    (void)snprintf(out, size, "z%s%s%s", syllables[number % 8], syllables[number / 8 % 8],
                   syllables[(number * 5 + 3) % 8]);
}

struct document {
    uint32_t item, root;
    uint64_t added, removed;
    uint32_t counts[VOCABULARY];
    uint32_t length;
};

struct oracle {
    struct document rows[DOCUMENTS];
    size_t count;
    uint64_t seq;
};

static bool today(const struct document *row)
{
    return row->removed == UINT64_MAX;
}

static bool in_roots(const struct document *row, const struct om_item_filter *filter)
{
    for (size_t i = 0; i < filter->root_count; i++) {
        if (filter->roots[i] == row->root) {
            return true;
        }
    }
    return filter->root_count == 0;
}

static double oracle_score(const struct oracle *oracle, const struct document *row,
                           const struct om_item_filter *filter, const uint32_t *query)
{
    double n = 0;
    double words = 0;
    double having[VOCABULARY] = {0};
    for (size_t i = 0; i < oracle->count; i++) {
        const struct document *other = &oracle->rows[i];
        if (!today(other) || !in_roots(other, filter)) {
            continue;
        }
        n++;
        words += other->length;
        for (size_t t = 0; t < VOCABULARY; t++) {
            having[t] += other->counts[t] > 0;
        }
    }
    double mean = n > 0 && words > 0 ? words / n : 1;
    double score = 0;
    for (size_t t = 0; t < VOCABULARY; t++) {
        double f = row->counts[t];
        double idf = log(1 + (n - having[t] + .5) / (having[t] + .5));
        score += query[t] * idf * f * 1.9 / (f + .9 * (1 - .4 + .4 * row->length / mean));
    }
    return score;
}

static void random_text(struct om_rng *rng, uint32_t *counts, uint32_t *length, char *out,
                        size_t size)
{
    size_t at = 0;
    *length = (uint32_t)om_rng_below(rng, 12);
    out[0] = '\0';
    for (uint32_t i = 0; i < *length; i++) {
        char word[16];
        unsigned number =
            (unsigned)(om_rng_below(rng, VOCABULARY) * om_rng_below(rng, VOCABULARY) / VOCABULARY);
        counts[number]++;
        word_text(number, word, sizeof(word));
        at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", the " : "", word);
    }
}

static struct document *standing(struct oracle *oracle, uint32_t item)
{
    for (size_t i = oracle->count; i > 0; i--) {
        if (oracle->rows[i - 1].item == item && today(&oracle->rows[i - 1])) {
            return &oracle->rows[i - 1];
        }
    }
    return NULL;
}

static void random_step(struct om_words *w, struct oracle *oracle, struct om_rng *rng)
{
    uint32_t item = (uint32_t)om_rng_below(rng, ITEMS);
    struct document *old = standing(oracle, item);
    oracle->seq += om_rng_below(rng, 3);
    if (om_rng_below(rng, 3) == 0) {
        assert_int_equal(om_words_remove(w, item, oracle->seq), old != NULL);
        if (old != NULL) {
            old->removed = oracle->seq;
        }
        return;
    }
    char text[400];
    struct document *row = &oracle->rows[oracle->count];
    *row = (struct document){.item = item, .root = item % ROOTS};
    random_text(rng, row->counts, &row->length, text, sizeof(text));
    row->added = oracle->seq;
    row->removed = UINT64_MAX;
    if (old != NULL) {
        old->removed = oracle->seq;
    }
    add(w, item, row->root, oracle->seq, text);
    oracle->count++;
}

static bool shows(const struct document *row, uint64_t snapshot)
{
    return row->added <= snapshot && row->removed > snapshot;
}

/* The index's answer is the oracle's, with its k rows in the same order but for rounding. */
static void compare_search(struct om_words *w, const struct oracle *oracle, struct om_rng *rng,
                           uint64_t oldest)
{
    uint32_t counts[VOCABULARY] = {0};
    uint32_t length = 0;
    char text[400];
    uint32_t roots[4];
    struct om_item_filter filter = {NULL, NULL, roots, (size_t)om_rng_below(rng, 5)};
    for (size_t i = 0; i < 4; i++) {
        roots[i] = (uint32_t)om_rng_below(rng, ROOTS + 1);
    }
    do {
        memset(counts, 0, sizeof(counts));
        random_text(rng, counts, &length, text, sizeof(text));
    } while (length == 0);
    uint64_t snapshot = oldest + om_rng_below(rng, oracle->seq - oldest + 2);
    size_t k = 1 + (size_t)om_rng_below(rng, HITS - 1);
    struct found found = find_in(w, text, snapshot, k, &filter);
    size_t matching = 0;
    size_t better = 0;
    double last = found.count > 0 ? found.rows[found.count - 1].score : 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const struct document *row = &oracle->rows[i];
        if (!shows(row, snapshot) || !in_roots(row, &filter)) {
            continue;
        }
        double score = oracle_score(oracle, row, &filter, counts);
        matching += score > 0;
        better += score > last + 1e-6;
        for (size_t h = 0; h < found.count; h++) {
            if (found.rows[h].item == row->item) {
                assert_true(fabs(found.rows[h].score - score) < 1e-6);
            }
        }
    }
    assert_int_equal(found.count, OM_MIN(k, matching));
    assert_true(found.count < k || better < k);
    for (size_t h = 1; h < found.count; h++) {
        const struct om_words_hit *a = &found.rows[h - 1];
        const struct om_words_hit *b = &found.rows[h];
        assert_true(a->score > b->score || (a->score >= b->score && a->item < b->item));
    }
}

static void test_against_naive_bm25(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct oracle *oracle = calloc(1, sizeof(*oracle));
        assert_non_null(oracle);
        struct om_words *w = new_words();
        struct om_rng rng;
        uint64_t oldest = 0;
        om_rng_seed(&rng, seed);
        while (oracle->count < 700) {
            random_step(w, oracle, &rng);
            if (om_rng_below(&rng, 20) == 0) {
                compare_search(w, oracle, &rng, oldest);
            }
            if (om_rng_below(&rng, 50) == 0) {
                oldest = oracle->seq;
                (void)om_words_reclaim(w);
                assert_sound(w);
            }
        }
        om_words_free(w);
        free(oracle);
    }
}

static void test_match_explains_a_hit(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 0, 1, "apple apple pear plum");
    add(w, 2, 0, 2, "apple tree");
    add(w, 3, 1, 3, "apple of another root");
    struct om_arena arena;
    struct om_words_query *query = NULL;
    struct om_words_hits hits;
    const uint32_t roots[] = {0};
    struct om_item_filter filter = {NULL, NULL, roots, 1};
    om_arena_init(&arena, w->alloc, 0);
    unsigned ticket = om_words_enter(w);
    assert_ok(om_words_parse(w, OM_STR("apples and pears"), &filter, &arena, &query));
    assert_int_equal(query->term_count, 2);
    assert_int_equal(query->terms[0].items, 2);
    assert_true(fabs(query->mean_length - 3) < 1e-12);
    assert_ok(om_words_search(w, query, 9, 10, &hits));
    assert_int_equal(hits.count, 2);
    uint32_t counts[2];
    struct om_words_match match = {.counts = counts};
    for (size_t i = 0; i < hits.count; i++) {
        assert_true(om_words_match(w, query, 9, hits.rows[i].item, &match));
        assert_true(fabs(match.score - hits.rows[i].score) < 1e-12);
    }
    assert_true(om_words_match(w, query, 9, 1, &match));
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    assert_int_equal(match.length, 4);
    assert_false(om_words_match(w, query, 0, 1, &match)); /* not yet added */
    assert_false(om_words_match(w, query, 9, 3, &match)); /* another root */
    assert_false(om_words_match(w, query, 9, 77, &match));
    om_words_leave(w, ticket);
    om_arena_fini(&arena);
    om_words_free(w);
}

static void test_a_very_long_query(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 0, 1, "w0x w299x");
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), 1 << 16);
    for (int i = 0; i < 300; i++) {
        om_buf_addf(&text, "w%dx ", i);
    }
    struct found found = find_in(w, text.ptr, 1, HITS, NULL);
    assert_int_equal(found.count, 1);
    om_buf_fini(&text);
    om_words_free(w);
}

static void test_churn_keeps_memory_bounded(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    struct om_words_usage usage;
    uint64_t bytes = 0;
    add(w, 0, 0, 1, "one that stays");
    for (uint64_t seq = 2; seq < 20000; seq++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "passing thought number%d of many", (int)(seq % 100));
        add(w, 1 + (uint32_t)(seq % 50), (uint32_t)(seq % 3), seq, text);
        if (seq % 100 == 0) {
            assert_int_equal(reclaim_all(w), 0);
        }
        if (seq == 2000) {
            om_words_usage(w, &usage);
            bytes = usage.bytes;
        }
    }
    assert_int_equal(reclaim_all(w), 0);
    om_words_usage(w, &usage);
    assert_int_equal(usage.items, 51);
    assert_true(usage.bytes < bytes + 16384);
    assert_finds(w, "stays", 30000, "0 ");
    assert_sound(w);
    om_words_free(w);
}

/* ---- Erasure
 * --------------------------------------------------------------------------------------- */

enum { BLOCKS = 4096 };

/* Remembers every block, and while `erasing` counts those that are given back with the secret. */
struct watched {
    void *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    bool erasing;
    size_t leaks;
};

static const char secret[] = "xylophonist";

static bool secrets_in(const void *bytes, size_t size)
{
    return memmem(bytes, size, secret, 8) != NULL; /* its stem, too */
}

static void watch(struct watched *watched, void *ptr, size_t size)
{
    for (size_t i = 0; i < BLOCKS && ptr != NULL; i++) {
        if (watched->blocks[i] == NULL) {
            watched->blocks[i] = ptr;
            watched->sizes[i] = size;
            return;
        }
    }
}

static void unwatch(struct watched *watched, const void *ptr)
{
    for (size_t i = 0; i < BLOCKS && ptr != NULL; i++) {
        if (watched->blocks[i] == ptr) {
            watched->leaks += watched->erasing && secrets_in(ptr, watched->sizes[i]);
            watched->blocks[i] = NULL;
        }
    }
}

static void *watched_get(void *context, size_t size)
{
    void *ptr = malloc(size);
    watch(context, ptr, size);
    return ptr;
}

static void *watched_resize(void *context, void *ptr, size_t size)
{
    unwatch(context, ptr);
    void *moved = realloc(ptr, size);
    watch(context, moved, size);
    return moved;
}

static void watched_put(void *context, void *ptr)
{
    unwatch(context, ptr);
    free(ptr);
}

static size_t secrets_held(const struct watched *watched)
{
    size_t held = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        held += watched->blocks[i] != NULL && secrets_in(watched->blocks[i], watched->sizes[i]);
    }
    return held;
}

static void test_erasure_leaves_no_byte(void **state)
{
    (void)state;
    static struct watched watched;
    memset(&watched, 0, sizeof(watched));
    struct om_alloc_hooks hooks = {watched_get, watched_resize, watched_put, &watched};
    struct om_alloc alloc;
    om_alloc_init(&alloc, &hooks);
    struct om_words *w = NULL;
    assert_ok(om_words_new(&alloc, &w));
    add(w, 1, 0, 1, "an ordinary memory");
    add(w, 2, 0, 2, "the xylophonist of an ordinary band");
    assert_true(secrets_held(&watched) > 0);
    assert_true(om_words_remove(w, 2, 3));
    unsigned ticket = om_words_enter(w);
    assert_finds(w, "xylophonist", 2, "2 ");
    assert_true(om_words_reclaim(w) > 0);
    assert_true(om_words_reclaim(w) > 0);
    assert_finds(w, "xylophonist", 2, "2 "); /* a reader that entered before may still ask */
    om_words_leave(w, ticket);
    watched.erasing = true;
    assert_int_equal(reclaim_all(w), 0);
    watched.erasing = false;
    assert_int_equal(watched.leaks, 0);
    assert_int_equal(secrets_held(&watched), 0);
    assert_finds(w, "ordinary", 9, "1 ");
    assert_sound(w);
    om_words_free(w);
    assert_int_equal(atomic_load(&alloc.live_count), 0);
}

/* ---- Out of memory
 * ----------------------------------------------------------------------------------- */

static omega_status fill_and_search(void *context)
{
    struct om_alloc *alloc = context;
    struct om_words *w = NULL;
    struct om_arena arena;
    struct om_words_query *query = NULL;
    struct om_words_hits hits;
    omega_status status = om_words_new(alloc, &w);
    om_arena_init(&arena, alloc, 0);
    for (uint32_t item = 0; item < 3 && status == OMEGA_OK; item++) {
        status = om_words_add(w, item * 2000, item, item + 1, OM_STR("red apples, green pears"));
        if (status != OMEGA_OK) {
            assert_null(om_words_validate(w));
        }
    }
    if (status == OMEGA_OK) {
        assert_true(om_words_remove(w, 0, 9));
        status = om_words_parse(w, OM_STR("apples peers"), NULL, &arena, &query);
    }
    if (status == OMEGA_OK) {
        status = om_words_search(w, query, 8, 10, &hits);
    }
    if (status == OMEGA_OK) {
        assert_int_equal(hits.count, 3);
    }
    om_arena_fini(&arena);
    om_words_free(w);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct om_alloc alloc;
    om_alloc_init(&alloc, NULL);
    assert_true(om_test_oom_sweep(fill_and_search, &alloc) > 10);
    assert_int_equal(atomic_load(&alloc.live_count), 0);
}

/* An addition that fails leaves no word behind and can be repeated. */
static void test_a_failed_addition_changes_nothing(void **state)
{
    (void)state;
    struct om_words *w = new_words();
    add(w, 1, 0, 1, "red apples");
    omega_status status = OMEGA_ENOMEM;
    for (uint64_t nth = 1; status != OMEGA_OK; nth++) {
        om_test_fail_alloc(nth, false);
        status = om_words_add(w, 1, 0, 2, OM_STR("purple plums and orange quinces"));
        om_test_fail_alloc(0, false);
        assert_sound(w);
        if (status != OMEGA_OK) {
            struct om_words_usage usage;
            om_words_usage(w, &usage);
            assert_int_equal(usage.terms, 4);
            assert_finds(w, "apples", 9, "1 ");
        }
    }
    assert_finds(w, "plums", 9, "1 ");
    om_words_free(w);
}

/* ---- Threads
 * --------------------------------------------------------------------------------------------- */

enum { SHARED_ITEMS = 64, UPDATES = 4000, READERS = 3 };

struct stress {
    struct om_words *w;
    atomic_ulong seq;
    atomic_bool done;
    atomic_size_t searches, wrong;
};

/* Every snapshot shows each item once. */
static void read_often(void *context)
{
    struct stress *stress = context;
    struct om_arena arena;
    om_arena_init(&arena, om_alloc_default(), 0);
    while (!atomic_load(&stress->done)) {
        struct om_words_query *query = NULL;
        struct om_words_hits hits = {0};
        unsigned ticket = om_words_enter(stress->w);
        uint64_t snapshot = atomic_load(&stress->seq);
        omega_status status =
            om_words_parse(stress->w, OM_STR("common mispeling3 wrod"), NULL, &arena, &query);
        if (status == OMEGA_OK) {
            status = om_words_search(stress->w, query, snapshot, 2 * SHARED_ITEMS, &hits);
        }
        uint32_t counts[8];
        struct om_words_match match = {.counts = counts};
        bool right = status == OMEGA_OK && hits.count == SHARED_ITEMS;
        for (size_t i = 0; i < hits.count && query->term_count <= 8; i++) {
            right = right && om_words_match(stress->w, query, snapshot, hits.rows[i].item, &match);
        }
        om_words_leave(stress->w, ticket);
        om_arena_reset(&arena);
        atomic_fetch_add(&stress->searches, 1);
        atomic_fetch_add(&stress->wrong, !right);
    }
    om_arena_fini(&arena);
}

static void update(struct stress *stress, struct om_rng *rng, uint32_t item)
{
    char text[96];
    uint64_t seq = atomic_load(&stress->seq) + 1;
    (void)snprintf(text, sizeof(text), "common words %llu word%llu",
                   (unsigned long long)om_rng_below(rng, 500), (unsigned long long)seq);
    assert_ok(om_words_add(stress->w, item, item % 5, seq, omega_str_of(text)));
    atomic_store(&stress->seq, seq);
}

static void test_readers_beside_the_publisher(void **state)
{
    (void)state;
    struct stress stress = {.w = new_words()};
    struct om_thread threads[READERS];
    struct om_rng rng;
    om_rng_seed(&rng, 9);
    for (uint32_t item = 0; item < SHARED_ITEMS; item++) {
        update(&stress, &rng, item);
    }
    for (size_t i = 0; i < READERS; i++) {
        assert_ok(om_thread_start(&threads[i], "reader", read_often, &stress));
    }
    for (int i = 0; i < UPDATES || atomic_load(&stress.searches) < 100; i++) {
        update(&stress, &rng, (uint32_t)om_rng_below(&rng, SHARED_ITEMS));
        if (i % 8 == 0) {
            (void)om_words_reclaim(stress.w);
        }
    }
    atomic_store(&stress.done, true);
    for (size_t i = 0; i < READERS; i++) {
        om_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&stress.wrong), 0);
    assert_sound(stress.w);
    om_words_free(stress.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_ties_older_first),
        cmocka_unit_test(test_stop_words),
        cmocka_unit_test(test_replacing_and_removing),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_roots_do_not_influence_each_other),
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_distance_against_its_definition),
        cmocka_unit_test(test_against_naive_bm25),
        cmocka_unit_test(test_match_explains_a_hit),
        cmocka_unit_test(test_a_very_long_query),
        cmocka_unit_test(test_churn_keeps_memory_bounded),
        cmocka_unit_test(test_erasure_leaves_no_byte),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_a_failed_addition_changes_nothing),
        cmocka_unit_test(test_readers_beside_the_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
