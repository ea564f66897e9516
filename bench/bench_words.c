/* bench_words.c -- the words index: adding, searching, correcting, erasing.
 *
 * Made-up memories of 30 words, drawn by a Zipf-Mandelbrot law (p of rank r as 1 / (r + 20)) over
 * 50,000 words, without function words: the most frequent word stands in one memory of six. Queries
 * are 6 (or 3) distinct words of a random memory. Prints one JSON line for each case. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agentdb/words.h"

enum { VOCABULARY = 50000, WORDS = 30, QUERIES = 2000, TEXT_MAX = 1024, SEED = 1, TOP = 50 };

static double cumulative[VOCABULARY];

static void law_init(void)
{
    double sum = 0;
    for (int i = 0; i < VOCABULARY; i++) {
        sum += 1.0 / (i + 21);
        cumulative[i] = sum;
    }
}

static int random_rank(struct om_rng *rng)
{
    double wanted = om_rng_unit(rng) * cumulative[VOCABULARY - 1];
    int low = 0;
    int high = VOCABULARY - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (cumulative[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* A pronounceable word for a rank; `wrong` swaps its second and third letter. */
static size_t put_word(char *out, int rank, bool wrong)
{
    static const char consonants[] = "bdfgklmnprstvz";
    static const char vowels[] = "aeiou";
    size_t at = 0;
    unsigned left = (unsigned)rank * 2654435761U % (14 * 5 * 14 * 5 * 14);
    for (int i = 0; i < 3; i++) {
        out[at++] = consonants[left % 14];
        left /= 14;
        out[at++] = vowels[left % 5];
        left /= 5;
    }
    out[at++] = consonants[(unsigned)rank % 14];
    if (wrong) {
        char second = out[1];
        out[1] = out[2];
        out[2] = second;
    }
    out[at++] = ' ';
    return at;
}

static omega_str random_memory(struct om_rng *rng, char *out, int *ranks)
{
    size_t at = 0;
    for (int i = 0; i < WORDS; i++) {
        ranks[i] = random_rank(rng);
        at += put_word(out + at, ranks[i], false);
    }
    return (omega_str){out, at};
}

static int64_t now_ns(void)
{
    return om_os_cpu_ns();
}

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_times(const char *name, double *us, size_t count, uint32_t items, size_t found)
{
    qsort(us, count, sizeof(us[0]), compare_double);
    printf("{\"bench\":\"words\",\"case\":\"%s\",\"memories\":%u,\"n\":%zu,\"seed\":%d,"
           "\"p50_us\":%.2f,\"p99_us\":%.2f,\"mean_hits\":%.1f}\n",
           name, items, count, SEED, us[count / 2], us[count * 99 / 100],
           (double)found / (double)count);
}

static bool add_all(struct om_words *w, uint32_t items, uint32_t roots)
{
    static double us[1 << 20];
    struct om_rng rng;
    om_rng_seed(&rng, SEED);
    for (uint32_t item = 0; item < items; item++) {
        char text[TEXT_MAX];
        int ranks[WORDS];
        omega_str memory = random_memory(&rng, text, ranks);
        int64_t start = now_ns();
        if (om_words_add(w, item, item % roots, item + 1, memory) != OMEGA_OK) {
            return false;
        }
        us[item] = (double)(now_ns() - start) / 1000;
    }
    print_times("add_30_words", us, items, items, 0);
    struct om_words_usage usage;
    om_words_usage(w, &usage);
    printf("{\"bench\":\"words\",\"case\":\"memory\",\"memories\":%u,\"roots\":%u,\"terms\":%llu,"
           "\"bytes_per_memory\":%.1f}\n",
           items, roots, (unsigned long long)usage.terms, (double)usage.bytes / items);
    return true;
}

/* One word of WORDS that the query does not have yet. */
static int pick(struct om_rng *rng, const int *ranks, const int *taken, int count)
{
    for (;;) {
        int rank = ranks[om_rng_below(rng, WORDS)];
        int i = 0;
        while (i < count && taken[i] != rank) {
            i++;
        }
        if (i == count) {
            return rank;
        }
    }
}

struct search_case {
    const char *name;
    int words, wrong; /* of the query; how many of them are misspelt */
    uint32_t roots;   /* searched, of the index's; 0: all */
};

static void search(struct om_words *w, uint32_t items, const struct search_case *row)
{
    static double us[QUERIES];
    static const uint32_t roots[] = {0, 1, 2, 3};
    struct om_item_filter filter = {NULL, NULL, roots, row->roots};
    struct om_arena arena;
    struct om_rng rng;
    size_t found = 0;
    om_rng_seed(&rng, SEED + 1);
    om_arena_init(&arena, om_alloc_default(), 0);
    for (size_t q = 0; q < QUERIES; q++) {
        char memory[TEXT_MAX];
        char text[TEXT_MAX];
        int ranks[WORDS];
        int taken[WORDS];
        size_t at = 0;
        (void)random_memory(&rng, memory, ranks);
        for (int i = 0; i < row->words; i++) {
            taken[i] = pick(&rng, ranks, taken, i);
            at += put_word(text + at, taken[i], i < row->wrong);
        }
        struct om_words_query *query = NULL;
        struct om_words_hits hits = {0};
        int64_t start = now_ns();
        unsigned ticket = om_words_enter(w);
        omega_status status = om_words_parse(w, (omega_str){text, at}, &filter, &arena, &query);
        if (status == OMEGA_OK) {
            status = om_words_search(w, query, items, TOP, &hits);
        }
        om_words_leave(w, ticket);
        us[q] = (double)(now_ns() - start) / 1000;
        found += status == OMEGA_OK ? hits.count : 0;
        om_arena_reset(&arena);
    }
    om_arena_fini(&arena);
    print_times(row->name, us, QUERIES, items, found);
}

static void remove_all(struct om_words *w, uint32_t items)
{
    int64_t start = now_ns();
    for (uint32_t item = 0; item < items; item++) {
        (void)om_words_remove(w, item, items + 1);
    }
    int64_t removed = now_ns();
    while (om_words_reclaim(w) > 0) {
    }
    printf("{\"bench\":\"words\",\"case\":\"erase\",\"memories\":%u,\"remove_us\":%.2f,"
           "\"erase_us\":%.2f}\n",
           items, (double)(removed - start) / 1000 / items,
           (double)(now_ns() - removed) / 1000 / items);
}

static int run(uint32_t items, uint32_t roots)
{
    static const struct search_case rows[] = {
        {"search_6_words", 6, 0, 0},
        {"search_3_words", 3, 0, 0},
        {"search_6_words_one_misspelt", 6, 1, 0},
    };
    static const struct search_case scoped[] = {
        {"search_6_words_1_root_of_16", 6, 0, 1},
        {"search_6_words_4_roots_of_16", 6, 0, 4},
    };
    struct om_words *w = NULL;
    if (om_words_new(om_alloc_default(), &w) != OMEGA_OK || !add_all(w, items, roots)) {
        return 1;
    }
    const struct search_case *cases = roots == 1 ? rows : scoped;
    size_t count = roots == 1 ? OM_COUNT_OF(rows) : OM_COUNT_OF(scoped);
    for (size_t i = 0; i < count; i++) {
        search(w, items, &cases[i]);
    }
    remove_all(w, items);
    om_words_free(w);
    return 0;
}

int main(void)
{
    law_init();
    return run(100000, 1) + run(100000, 16);
}
