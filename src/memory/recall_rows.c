/* recall_rows.c -- ranking from the rows alone: what answers while the index is away.
 *
 * One walk over the table counts what BM25 needs (the words of every row of the visible roots, of
 * whatever state, as the index does) and keeps the rows that pass; a second one, over the vectors
 * of each space in row order, scores them exactly. Then the same normalising, summing and sorting
 * as over the index. So the answer is that of the index, but for two things: words are not
 * corrected, and sums are in double where the kernels sum in float.
 *
 * Cost: tokens of every text, about 10 us a row: slow and right is what a fallback is for.
 * Rejected: newest first (an agent would be told wrong things quickly), and an index made for the
 * moment (the memory that it needs may be what was missing). */
#include "memory/recall_int.h"

#include <math.h>

static const double k1 = 0.9; /* as agentdb/words.h */
static const double b = 0.4;

enum { STEM_SIZE = OM_TOKEN_SIZE + 8, TERMS = OM_WORDS_QUERY_TERMS };

struct asked_term {
    uint64_t hash;
    double weight;
    uint64_t items; /* rows of the roots that have it */
};

struct walk {
    struct om_recall *recall;
    struct om_arena scratch; /* of one row */
    struct om_buf rows;      /* of struct om_candidate, in row order */
    struct om_buf counts;    /* of uint32_t: length, then one of each term, for each of `rows` */
    struct asked_term terms[TERMS];
    size_t term_count;
    uint64_t items, length; /* of the roots */
    /* of the text that is being read */
    uint32_t text_counts[TERMS + 1]; /* the length first */
    bool with_stop_words;
    /* of the space that is being read */
    unsigned arm;
    size_t at;
    double query_norm;
};

/* ---- Words ---------------------------------------------------------------------------------- */

static uint64_t stem_hash(const struct om_term *term)
{
    omega_str stem = om_utf8_clip(term->stem, STEM_SIZE);
    return om_hash(stem.ptr, stem.len, 0);
}

static size_t find_term(const struct walk *walk, uint64_t hash)
{
    size_t i = 0;
    while (i < walk->term_count && walk->terms[i].hash != hash) {
        i++;
    }
    return i;
}

static omega_status ask_term(void *context, const struct om_term *term)
{
    struct walk *walk = context;
    if (term->stop && !walk->with_stop_words) {
        return OMEGA_OK;
    }
    uint64_t hash = stem_hash(term);
    size_t i = find_term(walk, hash);
    if (i == walk->term_count) {
        if (i == TERMS) {
            return OMEGA_OK;
        }
        walk->terms[walk->term_count++] = (struct asked_term){.hash = hash};
    }
    walk->terms[i].weight += 1;
    return OMEGA_OK;
}

static omega_status read_query(struct walk *walk)
{
    struct om_stemmers *stemmers = walk->recall->memory->options.stemmers;
    omega_str query = walk->recall->options->query;
    walk->with_stop_words = false;
    omega_status status = om_text_terms(stemmers, query, ask_term, walk);
    if (status == OMEGA_OK && walk->term_count == 0) {
        walk->with_stop_words = true;
        status = om_text_terms(stemmers, query, ask_term, walk);
    }
    return status;
}

static omega_status count_term(void *context, const struct om_term *term)
{
    struct walk *walk = context;
    if (term->stop && !walk->with_stop_words) {
        return OMEGA_OK;
    }
    walk->text_counts[0] += 1;
    size_t i = find_term(walk, stem_hash(term));
    if (i < walk->term_count) {
        walk->text_counts[1 + i] += 1;
    }
    return OMEGA_OK;
}

static omega_status count_text(struct walk *walk, const struct om_memory_row *row)
{
    struct om_stemmers *stemmers = walk->recall->memory->options.stemmers;
    omega_str text;
    memset(walk->text_counts, 0, sizeof walk->text_counts);
    om_arena_reset(&walk->scratch);
    omega_status status = om_row_text(&walk->scratch, row, &text);
    if (status == OMEGA_OK) {
        walk->with_stop_words = false;
        status = om_text_terms(stemmers, text, count_term, walk);
    }
    if (status == OMEGA_OK && walk->text_counts[0] == 0) {
        walk->with_stop_words = true;
        status = om_text_terms(stemmers, text, count_term, walk);
    }
    walk->items += 1;
    walk->length += walk->text_counts[0];
    for (size_t i = 0; i < walk->term_count; i++) {
        walk->terms[i].items += walk->text_counts[1 + i] > 0 ? 1 : 0;
    }
    return status;
}

static double bm25(const struct walk *walk, const uint32_t *counts)
{
    double mean =
        walk->items > 0 && walk->length > 0 ? (double)walk->length / (double)walk->items : 1.0;
    double score = 0;
    for (size_t i = 0; i < walk->term_count; i++) {
        const struct asked_term *term = &walk->terms[i];
        double having = (double)term->items;
        double idf = log(1 + ((double)walk->items - having + 0.5) / (having + 0.5));
        double saturation = k1 * (1 - b + b * counts[0] / mean);
        double count = counts[1 + i];
        score += count > 0 ? term->weight * idf * count * (k1 + 1) / (count + saturation) : 0;
    }
    return score;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static struct om_candidate *candidates_of(struct walk *walk)
{
    return (struct om_candidate *)(void *)walk->rows.ptr;
}

static size_t candidate_count(const struct walk *walk)
{
    return walk->rows.len / sizeof(struct om_candidate);
}

/* Is the row of a root that the search looks into? */
static bool in_roots(const struct om_recall *recall, const struct om_memory_row *row)
{
    const omega_scope *scope = &recall->options->scope;
    if (recall->options->all_roots) {
        return true;
    }
    if (row->user.len > 0) {
        return om_str_eq(row->user, scope->user);
    }
    return row->agent.len == 0 || om_str_eq(row->agent, scope->agent);
}

static omega_status keep_row(struct walk *walk, const struct om_memory_row *row)
{
    struct om_candidate candidate = {
        .row = row->row, .created_at = row->created_at, .importance = row->importance};
    om_buf_add(&walk->rows, &candidate, sizeof candidate);
    om_buf_add(&walk->counts, walk->text_counts, (1 + walk->term_count) * sizeof(uint32_t));
    return walk->rows.status != OMEGA_OK ? walk->rows.status : walk->counts.status;
}

static omega_status walk_row(void *context, const struct om_memory_row *row, bool damaged)
{
    struct walk *walk = context;
    struct om_recall *recall = walk->recall;
    bool passes = false;
    if (damaged) {
        const char *reason =
            om_arena_printf(om_results_arena(recall->results), "%s", om_error_last()->message);
        recall->degraded = reason != NULL ? reason : recall->degraded;
        return OMEGA_OK;
    }
    if (!in_roots(recall, row)) {
        return OMEGA_OK;
    }
    omega_status status = walk->term_count > 0 ? count_text(walk, row) : OMEGA_OK;
    if (status == OMEGA_OK) {
        status = om_recall_row_passes(recall, row, &passes);
    }
    return status == OMEGA_OK && passes ? keep_row(walk, row) : status;
}

static void score_words(struct walk *walk, unsigned index)
{
    struct om_arm *arm = &walk->recall->arms[index];
    struct om_candidate *rows = candidates_of(walk);
    const uint32_t *counts = (const uint32_t *)(const void *)walk->counts.ptr;
    arm->max = 0;
    for (size_t i = 0; i < candidate_count(walk); i++) {
        rows[i].scores[index] = bm25(walk, counts + i * (1 + walk->term_count));
        rows[i].has |= (uint8_t)(1u << index);
        arm->max = OM_MAX(arm->max, rows[i].scores[index]);
    }
}

/* ---- Vectors -------------------------------------------------------------------------------- */

static double dot_of(const float *x, const float *y, uint32_t dimension)
{
    double sum = 0;
    for (uint32_t i = 0; i < dimension; i++) {
        sum += (double)x[i] * (double)y[i];
    }
    return sum;
}

static double score_vector(const struct walk *walk, const float *values)
{
    const struct om_arm *arm = &walk->recall->arms[walk->arm];
    uint32_t dimension = arm->space->dimension;
    double dot = dot_of(arm->query, values, dimension);
    double norm = dot_of(values, values, dimension);
    switch (arm->space->metric) {
    case OM_METRIC_DOT:
        return dot;
    case OM_METRIC_L2:
        return 2 * dot - norm - walk->query_norm * walk->query_norm;
    case OM_METRIC_COSINE:
        break;
    }
    return norm > 0 && walk->query_norm > 0 ? dot / (sqrt(norm) * walk->query_norm) : 0;
}

/* Vectors and candidates both ascend by row. */
static omega_status walk_vector(void *context, int64_t row, const float *values)
{
    struct walk *walk = context;
    struct om_candidate *rows = candidates_of(walk);
    size_t count = candidate_count(walk);
    while (walk->at < count && rows[walk->at].row < row) {
        walk->at += 1;
    }
    if (values == NULL || walk->at == count || rows[walk->at].row != row) {
        return OMEGA_OK;
    }
    struct om_arm *arm = &walk->recall->arms[walk->arm];
    double score = score_vector(walk, values);
    rows[walk->at].scores[walk->arm] = score;
    rows[walk->at].has |= (uint8_t)(1u << walk->arm);
    arm->max = OM_MAX(arm->max, score);
    return OMEGA_OK;
}

static omega_status score_vectors(struct walk *walk, unsigned index)
{
    struct om_recall *recall = walk->recall;
    struct om_arm *arm = &recall->arms[index];
    walk->arm = index;
    walk->at = 0;
    walk->query_norm = sqrt(dot_of(arm->query, arm->query, arm->space->dimension));
    arm->max = 0;
    return om_spaces_scan(recall->memory->options.spaces, &recall->reader, arm->space, walk_vector,
                          walk);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static omega_status score_arms(struct walk *walk)
{
    struct om_recall *recall = walk->recall;
    omega_status status = OMEGA_OK;
    for (unsigned i = 0; i < recall->arm_count && status == OMEGA_OK; i++) {
        if (recall->arms[i].absent != NULL) {
            continue;
        }
        if (recall->arms[i].space != NULL) {
            status = score_vectors(walk, i);
        } else {
            score_words(walk, i);
        }
    }
    return status;
}

static omega_status plan_words(struct walk *walk)
{
    struct om_recall *recall = walk->recall;
    for (unsigned i = 0; i < recall->arm_count; i++) {
        struct om_arm *arm = &recall->arms[i];
        if (arm->absent != NULL || arm->space != NULL) {
            continue;
        }
        omega_status status = read_query(walk);
        if (status == OMEGA_OK && walk->term_count == 0) {
            arm->absent = "the query has no words";
        }
        return status;
    }
    return OMEGA_OK;
}

omega_status om_recall_rank_rows(struct om_recall *recall, struct om_ranking *out)
{
    struct walk *walk = om_arena_get0(&recall->arena, 1, sizeof *walk);
    if (walk == NULL) {
        return om_nomem();
    }
    struct om_alloc *alloc = recall->memory->options.alloc;
    walk->recall = recall;
    om_arena_init(&walk->scratch, alloc, 0);
    om_buf_init(&walk->rows, alloc, SIZE_MAX / 2);
    om_buf_init(&walk->counts, alloc, SIZE_MAX / 2);
    omega_status status = plan_words(walk);
    if (status == OMEGA_OK) {
        status = om_row_each(recall->reader.conn, walk_row, walk);
    }
    if (status == OMEGA_OK) {
        status = score_arms(walk);
    }
    size_t count = candidate_count(walk);
    struct om_candidate *rows = om_arena_get(&recall->arena, walk->rows.len);
    if (status == OMEGA_OK && rows == NULL) {
        status = om_nomem();
    }
    if (status == OMEGA_OK) {
        if (count > 0) {
            memcpy(rows, walk->rows.ptr, walk->rows.len);
        }
        *out = (struct om_ranking){.rows = rows, .count = count, .complete = true};
        om_recall_fuse(recall, out);
    }
    om_buf_fini(&walk->counts);
    om_buf_fini(&walk->rows);
    om_arena_fini(&walk->scratch);
    return status;
}
