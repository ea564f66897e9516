/* candidates.c -- ranking over the index: ask the arms, score what one of them missed, sum, sort.
 *
 * Each arm gives its best c. The union is scored in every arm (an item that an arm did not list may
 * still be scored by it), so the sum of each candidate is exact. Whether the first `wanted` are the
 * best of all is decided by the threshold algorithm (Fagin, Lotem, Naor 2003): no unseen memory can
 * be better than the arms' last candidates together. If that is not enough, c grows fourfold and
 * the arms are asked again, up to OM_LIMIT_K.
 *
 * The sum (Bruch, Gai, Ingber 2023, TM2C2 with the maximum of the query): every arm's score is
 * divided by the query's best in that arm, negative cosines count as 0; weights are renormalised
 * over the arms that can score the memory; then importance_weight x importance is added. BM25 is 0
 * where no word matches; a memory without a vector in a space is not scored by that arm.
 * Rejected: min-max over the candidates, as scores would change with c; reciprocal ranks, which
 * lose to sums wherever scores exist (29 BEIR sets: 27 to 2).
 *
 * What no arm can score (no word matches, no vector) ranks by importance alone; it is gathered from
 * the catalogue only when the arms' candidates do not fill the answer. */
#include "memory/recall_int.h"

#include <stdlib.h>

/* The union of the arms' candidates: a table of items in front of an array. */
struct pool {
    struct om_recall *recall;
    struct om_candidate *rows;
    size_t count;
    uint32_t *slots;  /* index + 1 into rows; 0: empty */
    uint32_t *counts; /* scratch of om_words_match */
    size_t slot_count;
};

double om_recall_normalised(const struct om_arm *arm, double score)
{
    return score > 0 && arm->max > 0 ? OM_MIN(score / arm->max, 1.0) : 0.0;
}

double om_recall_weight(const struct om_recall *recall, unsigned has)
{
    double sum = 0;
    for (unsigned i = 0; i < recall->arm_count; i++) {
        sum += (has >> i & 1u) != 0 ? recall->arms[i].weight : 0;
    }
    return sum;
}

static double fuse_one(const struct om_recall *recall, const struct om_candidate *row)
{
    double sum = 0;
    double weight = om_recall_weight(recall, row->has);
    for (unsigned i = 0; i < recall->arm_count; i++) {
        if ((row->has >> i & 1u) != 0) {
            sum += recall->arms[i].weight * om_recall_normalised(&recall->arms[i], row->scores[i]);
        }
    }
    return (weight > 0 ? sum / weight : 0) +
           recall->memory->options.importance_weight * row->importance;
}

/* ---- The pool ------------------------------------------------------------------------------- */

static omega_status pool_init(struct pool *pool, struct om_recall *recall, size_t capacity)
{
    pool->recall = recall;
    pool->count = 0;
    pool->slot_count = 64;
    while (pool->slot_count < capacity * 2) {
        pool->slot_count *= 2;
    }
    pool->rows = om_arena_get(&recall->arena, (capacity + 1) * sizeof *pool->rows);
    pool->slots = om_arena_get0(&recall->arena, pool->slot_count, sizeof *pool->slots);
    pool->counts = om_arena_get(&recall->arena,
                                OM_WORDS_QUERY_TERMS * OM_WORDS_CORRECTIONS * sizeof *pool->counts);
    return pool->rows != NULL && pool->slots != NULL && pool->counts != NULL ? OMEGA_OK
                                                                             : om_nomem();
}

static uint32_t *pool_slot(const struct pool *pool, uint32_t item)
{
    size_t at = (item * 0x9E3779B1u) & (pool->slot_count - 1);
    while (pool->slots[at] != 0 && pool->rows[pool->slots[at] - 1].item != item) {
        at = (at + 1) & (pool->slot_count - 1);
    }
    return &pool->slots[at];
}

static void fill_candidate(const struct om_recall *recall, uint32_t item, struct om_candidate *out)
{
    const struct om_entry *entry = om_catalog_entry(recall->memory->catalog, item);
    memset(out, 0, sizeof *out);
    out->item = item;
    out->row = entry->row;
    out->created_at = entry->created_at;
    out->importance = atomic_load_explicit(&entry->importance, memory_order_relaxed);
}

static void pool_add(struct pool *pool, unsigned arm, uint32_t item, double score)
{
    uint32_t *slot = pool_slot(pool, item);
    if (*slot == 0) {
        fill_candidate(pool->recall, item, &pool->rows[pool->count]);
        pool->count += 1;
        *slot = (uint32_t)pool->count;
    }
    struct om_candidate *row = &pool->rows[*slot - 1];
    row->has |= (uint8_t)(1u << arm);
    row->scores[arm] = score;
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void note_bounds(struct om_arm *arm, size_t count, size_t asked, double first, double last)
{
    arm->max = count > 0 ? first : 0;
    arm->exhausted = count < asked;
    arm->bound = arm->exhausted ? 0 : om_recall_normalised(arm, last);
}

static omega_status ask_words(struct pool *pool, unsigned index, size_t count)
{
    struct om_recall *recall = pool->recall;
    struct om_arm *arm = &recall->arms[index];
    struct om_words_hits hits = {NULL, 0};
    omega_status status =
        om_words_search(recall->memory->words, arm->words, recall->reader.seq, count, &hits);
    if (status != OMEGA_OK) {
        return status;
    }
    for (size_t i = 0; i < hits.count; i++) {
        pool_add(pool, index, hits.rows[i].item, hits.rows[i].score);
    }
    note_bounds(arm, hits.count, count, hits.count > 0 ? hits.rows[0].score : 0,
                hits.count > 0 ? hits.rows[hits.count - 1].score : 0);
    return OMEGA_OK;
}

static omega_status ask_vectors(struct pool *pool, unsigned index, size_t count)
{
    struct om_recall *recall = pool->recall;
    struct om_arm *arm = &recall->arms[index];
    struct om_vector_hit *hits = om_arena_get(&recall->arena, count * sizeof *hits);
    if (hits == NULL) {
        return om_nomem();
    }
    size_t found =
        om_vectors_search(arm->space->vectors, &arm->vectors, &recall->seen, count, hits);
    for (size_t i = 0; i < found; i++) {
        pool_add(pool, index, hits[i].item, (double)hits[i].score);
    }
    note_bounds(arm, found, count, found > 0 ? (double)hits[0].score : 0,
                found > 0 ? (double)hits[found - 1].score : 0);
    return OMEGA_OK;
}

/* The scores that arms can give to a candidate which they did not list. An arm that has listed
 * everything it can score has no more to say: no word matches, or there is no vector. */
static void complete_scores(struct om_recall *recall, struct om_candidate *row, uint32_t *counts)
{
    for (unsigned i = 0; i < recall->arm_count; i++) {
        struct om_arm *arm = &recall->arms[i];
        uint8_t bit = (uint8_t)(1u << i);
        if (arm->absent != NULL || (row->has & bit) != 0) {
            continue;
        }
        if (arm->space == NULL) {
            struct om_words_match match = {.counts = counts};
            bool scored = !arm->exhausted && om_words_match(recall->memory->words, arm->words,
                                                            recall->reader.seq, row->item, &match);
            row->scores[i] = scored ? match.score : 0;
            row->has |= bit;
        } else if (!arm->exhausted) {
            float score = 0;
            if (om_vectors_score(arm->space->vectors, &arm->vectors, row->item, &score)) {
                row->scores[i] = (double)score;
                row->has |= bit;
            }
        }
    }
}

static omega_status ask_arms(struct pool *pool, size_t count)
{
    struct om_recall *recall = pool->recall;
    omega_status status = OMEGA_OK;
    for (unsigned i = 0; i < recall->arm_count && status == OMEGA_OK; i++) {
        if (recall->arms[i].absent == NULL) {
            status = recall->arms[i].space == NULL ? ask_words(pool, i, count)
                                                   : ask_vectors(pool, i, count);
        }
    }
    for (size_t i = 0; i < pool->count && status == OMEGA_OK; i++) {
        complete_scores(recall, &pool->rows[i], pool->counts);
        pool->rows[i].fused = fuse_one(recall, &pool->rows[i]);
    }
    return status;
}

/* ---- Fusing --------------------------------------------------------------------------------- */

static int compare_candidates(const void *left, const void *right)
{
    const struct om_candidate *a = left;
    const struct om_candidate *b = right;
    if (a->fused != b->fused) {
        return a->fused > b->fused ? -1 : 1;
    }
    if (a->created_at != b->created_at) {
        return a->created_at < b->created_at ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

void om_recall_fuse(const struct om_recall *recall, struct om_ranking *ranking)
{
    for (size_t i = 0; i < ranking->count; i++) {
        ranking->rows[i].fused = fuse_one(recall, &ranking->rows[i]);
    }
    if (ranking->count > 0) {
        qsort(ranking->rows, ranking->count, sizeof *ranking->rows, compare_candidates);
    }
}

/* What no memory outside the candidates exceeds: the best of every set of arms that may score it.
 * The words score everything, so a set without them only counts when they are not asked. */
static double unseen_bound(const struct om_recall *recall)
{
    unsigned asked = 0;
    unsigned words = 0;
    double best = 0;
    for (unsigned i = 0; i < recall->arm_count; i++) {
        if (recall->arms[i].absent == NULL) {
            asked |= 1u << i;
            words |= recall->arms[i].space == NULL ? 1u << i : 0;
        }
    }
    for (unsigned set = 1; set < 1u << OM_RECALL_ARMS; set++) {
        double sum = 0;
        double weight = om_recall_weight(recall, set);
        if ((set & ~asked) != 0 || (set & words) != words || weight <= 0) {
            continue;
        }
        for (unsigned i = 0; i < recall->arm_count; i++) {
            sum += (set >> i & 1u) != 0 ? recall->arms[i].weight * recall->arms[i].bound : 0;
        }
        best = OM_MAX(best, sum / weight);
    }
    return best + recall->memory->options.importance_weight;
}

static bool all_exhausted(const struct om_recall *recall)
{
    for (unsigned i = 0; i < recall->arm_count; i++) {
        if (recall->arms[i].absent == NULL && !recall->arms[i].exhausted) {
            return false;
        }
    }
    return true;
}

/* ---- The rest ------------------------------------------------------------------------------- */

/* Adds the best `wanted` of the visible memories that are no candidates yet; *all: that was every
 * one. Room for twice as many is kept, and cut by half when it is full. */
static omega_status gather_rest(struct pool *pool, size_t wanted, struct om_ranking *ranking,
                                bool *all)
{
    struct om_recall *recall = pool->recall;
    struct om_ranking rest = {.count = 0};
    struct om_candidate *rows = NULL;
    uint32_t limit = om_catalog_limit(recall->memory->catalog);
    *all = true;
    rest.rows = om_arena_get(&recall->arena, 2 * wanted * sizeof *rest.rows);
    rows = om_arena_get(&recall->arena, (pool->count + wanted) * sizeof *rows);
    if (rest.rows == NULL || rows == NULL) {
        return om_nomem();
    }
    for (uint32_t item = 0; item < limit; item++) {
        if (!om_recall_passes(recall, item) || *pool_slot(pool, item) != 0) {
            continue;
        }
        if (rest.count == 2 * wanted) { /* keep the better half */
            om_recall_fuse(recall, &rest);
            rest.count = wanted;
            *all = false;
        }
        struct om_candidate *row = &rest.rows[rest.count++];
        fill_candidate(recall, item, row);
        complete_scores(recall, row, pool->counts);
    }
    om_recall_fuse(recall, &rest);
    if (rest.count > wanted) {
        rest.count = wanted;
        *all = false;
    }
    if (pool->count > 0) {
        memcpy(rows, pool->rows, pool->count * sizeof *rows);
    }
    if (rest.count > 0) {
        memcpy(rows + pool->count, rest.rows, rest.count * sizeof *rows);
    }
    ranking->rows = rows;
    ranking->count = pool->count + rest.count;
    return OMEGA_OK;
}

/* Is the order of the first `wanted` settled, whatever is not among the candidates? */
static bool is_settled(const struct pool *pool, size_t wanted)
{
    double bound = unseen_bound(pool->recall);
    size_t above = 0;
    for (size_t i = 0; i < pool->count && above < wanted; i++) {
        above += pool->rows[i].fused >= bound ? 1 : 0;
    }
    return above >= wanted;
}

static omega_status finish(struct pool *pool, size_t wanted, struct om_ranking *out)
{
    struct om_recall *recall = pool->recall;
    omega_status status = OMEGA_OK;
    *out = (struct om_ranking){.rows = pool->rows, .count = pool->count};
    bool exhausted = all_exhausted(recall);
    if (!is_settled(pool, wanted) && (exhausted || pool->count < wanted)) {
        status = gather_rest(pool, wanted, out, &out->complete);
    }
    om_recall_fuse(recall, out);
    return status;
}

omega_status om_recall_rank(struct om_recall *recall, size_t wanted, struct om_ranking *out)
{
    size_t count = OM_MIN(OM_MAX(4 * wanted, (size_t)OM_RECALL_START), (size_t)OM_LIMIT_K);
    for (;;) {
        struct pool pool;
        omega_status status = pool_init(&pool, recall, OM_RECALL_ARMS * count);
        if (status == OMEGA_OK) {
            status = ask_arms(&pool, count);
        }
        if (status != OMEGA_OK) {
            return status;
        }
        if (all_exhausted(recall) || count == OM_LIMIT_K || is_settled(&pool, wanted)) {
            return finish(&pool, wanted, out);
        }
        count = OM_MIN(count * OM_RECALL_GROWTH, (size_t)OM_LIMIT_K);
    }
}
