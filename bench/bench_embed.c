/* bench_embed.c -- the built-in embedder: how good (STS Benchmark) and how fast.
 *
 * Prints one JSON line for each case. Quality: Spearman's rank correlation of the cosine with the
 * human scores of stsb/sts-dev.csv and sts-test.csv under the directory in OMEGA_DATA, and of the
 * same cosines dealt to shuffled pairs as the control; without the files it says so and goes on.
 * Speed: the median of ROUNDS rounds over sentences of that file, or of this program's own text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "providers/providers.h"

enum { PAIRS_MAX = 4096, ROUNDS = 9, COLUMNS = 7, FILE_MAX = 4 << 20 };

struct pair {
    double score;
    omega_str a, b;
};

struct pairs {
    struct om_buf file;
    struct pair rows[PAIRS_MAX];
    size_t count;
};

static void read_row(struct pairs *pairs, omega_str line)
{
    omega_str columns[COLUMNS] = {{NULL, 0}};
    for (size_t i = 0; i < COLUMNS && om_str_given(line); i++) {
        columns[i] = om_str_cut(line, '\t', &line);
    }
    struct pair row = {0, columns[5], columns[6]};
    bool whole = om_str_given(row.b) && om_str_to_double(columns[4], &row.score);
    if (whole && pairs->count < PAIRS_MAX) {
        pairs->rows[pairs->count++] = row;
    }
}

static bool read_pairs(struct pairs *pairs, const char *name)
{
    const char *data = om_os_env("OMEGA_DATA");
    char path[OM_PATH_SIZE];
    om_buf_init(&pairs->file, om_alloc_default(), FILE_MAX);
    pairs->count = 0;
    if (data == NULL || om_os_join(path, data, name) != OMEGA_OK ||
        om_os_read_file(path, FILE_MAX, &pairs->file) != OMEGA_OK) {
        return false;
    }
    omega_str rest = om_buf_str(&pairs->file);
    while (om_str_given(rest)) {
        read_row(pairs, om_str_trim(om_str_cut(rest, '\n', &rest)));
    }
    return pairs->count > 1;
}

static double cosine(const struct om_embedder *embedder, omega_str a, omega_str b)
{
    static float left[OM_BUILTIN_DIMENSION];
    static float right[OM_BUILTIN_DIMENSION];
    if (embedder->embed(embedder->context, a, left) != OMEGA_OK ||
        embedder->embed(embedder->context, b, right) != OMEGA_OK) {
        return 0;
    }
    double sum = 0;
    for (size_t i = 0; i < OM_BUILTIN_DIMENSION; i++) {
        sum += (double)left[i] * (double)right[i];
    }
    return sum;
}

struct ranked {
    double value;
    size_t index;
};

static int compare_ranked(const void *left, const void *right)
{
    double a = ((const struct ranked *)left)->value;
    double b = ((const struct ranked *)right)->value;
    return (a > b) - (a < b);
}

/* Ranks from 1; ties share the mean of theirs. */
static void rank_values(const double *values, size_t count, double *ranks)
{
    static struct ranked order[PAIRS_MAX];
    for (size_t i = 0; i < count; i++) {
        order[i] = (struct ranked){values[i], i};
    }
    qsort(order, count, sizeof(order[0]), compare_ranked);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && compare_ranked(&order[i], &order[end]) == 0) {
            end++;
        }
        double shared = ((double)i + (double)end + 1) / 2;
        for (; i < end; i++) {
            ranks[order[i].index] = shared;
        }
    }
}

static double spearman(const double *a, const double *b, size_t count)
{
    static double ranks_a[PAIRS_MAX];
    static double ranks_b[PAIRS_MAX];
    rank_values(a, count, ranks_a);
    rank_values(b, count, ranks_b);
    double mean = ((double)count + 1) / 2;
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (ranks_a[i] - mean) * (ranks_b[i] - mean);
        aa += (ranks_a[i] - mean) * (ranks_a[i] - mean);
        bb += (ranks_b[i] - mean) * (ranks_b[i] - mean);
    }
    return ab / sqrt(aa * bb);
}

static void measure_quality(const struct om_embedder *embedder, const struct pairs *pairs,
                            const char *name)
{
    static double human[PAIRS_MAX];
    static double ours[PAIRS_MAX];
    static double shuffled[PAIRS_MAX];
    struct om_rng rng;
    om_rng_seed(&rng, 1);
    for (size_t i = 0; i < pairs->count; i++) {
        human[i] = pairs->rows[i].score;
        ours[i] = cosine(embedder, pairs->rows[i].a, pairs->rows[i].b);
        size_t other = (size_t)om_rng_below(&rng, i + 1);
        shuffled[i] = shuffled[other];
        shuffled[other] = ours[i];
    }
    printf("{\"bench\":\"embed\",\"case\":\"%s\",\"space\":\"%s\",\"pairs\":%zu,"
           "\"spearman\":%.4f,\"shuffled\":%.4f}\n",
           name, embedder->space, pairs->count, spearman(ours, human, pairs->count),
           spearman(shuffled, human, pairs->count));
}

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure_speed(const struct om_embedder *embedder, const struct pairs *pairs)
{
    static float out[OM_BUILTIN_DIMENSION];
    double rounds[ROUNDS];
    size_t bytes = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        bytes += pairs->rows[i].a.len;
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        int64_t start = om_os_cpu_ns();
        for (size_t i = 0; i < pairs->count; i++) {
            if (embedder->embed(embedder->context, pairs->rows[i].a, out) != OMEGA_OK) {
                return;
            }
        }
        rounds[round] = (double)(om_os_cpu_ns() - start) / (double)pairs->count;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare_double);
    printf("{\"bench\":\"embed\",\"case\":\"speed\",\"texts\":%zu,\"mean_bytes\":%.1f,"
           "\"rounds\":%d,\"median_us\":%.2f}\n",
           pairs->count, (double)bytes / (double)pairs->count, ROUNDS, rounds[ROUNDS / 2] / 1000);
}

static void use_own_text(struct pairs *pairs)
{
    static const char text[] = "An agent gives it what it lives through and it keeps it durably.";
    pairs->count = 1024;
    for (size_t i = 0; i < pairs->count; i++) {
        pairs->rows[i] = (struct pair){0, OM_STR(text), OM_STR(text)};
    }
}

int main(void)
{
    static const char *const names[] = {"stsb/sts-dev.csv", "stsb/sts-test.csv"};
    static struct pairs pairs;
    struct om_embedder embedder;
    if (om_builtin_embedder(om_alloc_default(), &embedder) != OMEGA_OK) {
        return 1;
    }
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        if (read_pairs(&pairs, names[i])) {
            measure_quality(&embedder, &pairs, names[i]);
            measure_speed(&embedder, &pairs);
        } else {
            printf("{\"bench\":\"embed\",\"case\":\"%s\",\"skipped\":\"set OMEGA_DATA to the "
                   "directory that holds it\"}\n",
                   names[i]);
        }
        om_buf_fini(&pairs.file);
    }
    use_own_text(&pairs);
    measure_speed(&embedder, &pairs);
    om_builtin_embedder_fini(&embedder);
    return 0;
}
