/* words.h -- the exact words index, in memory: BM25 over stems, each scope root for itself.
 *
 * Promises: a search is exhaustive: min(k, matching) hits, best score first, equal scores in
 *           ascending item order. Statistics (items, document frequencies, lengths) are those of
 * the searched roots alone, so what one tenant stores changes no other tenant's scores. An item is
 * found at a snapshot when it was added at or before it and not removed at or before it; the
 * statistics are always today's. Threads:  one publisher at a time (add, remove, reclaim: the owner
 * serialises them); any number of readers beside it, without locks. Memory:   what is removed, the
 * words included, is overwritten with zeros and freed by om_words_reclaim when no reader can see it
 * any more.
 *
 * A reader enters before it takes its snapshot and leaves when it is done with all results but the
 * hits:
 *
 *     unsigned ticket = om_words_enter(w);
 *     status = om_words_parse(w, text, &filter, arena, &query);
 *     status = om_words_search(w, query, om_store_commit_seq(store), k, &hits);
 *     om_words_leave(w, ticket);
 *
 * Scoring (Robertson & Zaragoza 2009, k1 = .9, b = .4): a term that stands f times in an item of
 * `length` words adds weight * idf * f (k1 + 1) / (f + k1 (1 - b + b length / mean length)), with
 * idf = ln(1 + (N - n + .5) / (n + .5)) for N items of which n have the term; weight is the number
 * of times that the query has it.
 *
 * English function words are not indexed and not searched for, unless a text or a query consists of
 * nothing else. A query word that no item of the roots has is replaced by the nearest words that
 * some item has: at edit distance 1 (insertion, deletion, substitution, swap of neighbours) for 4
 * letters and more, 2 for 8 and more; at most 3 words of the least distance, the more frequent
 * first, each with half the weight. Words with digits and pairs of characters (text/token.h) are
 * never corrected. */
#ifndef OM_WORDS_H
#define OM_WORDS_H

#include "agentdb/item_filter.h"
#include "core/core.h"

struct om_words;

enum {
    OM_WORDS_QUERY_TERMS = 256, /* distinct terms of a query; further ones are left out */
    OM_WORDS_CORRECTIONS = 3    /* words that stand in for one misspelt word */
};

OMEGA_MUST_CHECK omega_status om_words_new(struct om_alloc *alloc, struct om_words **out);
void om_words_free(struct om_words *w); /* no reader inside; NULL is allowed */

/* ---- The publisher --------------------------------------------------------------------------- */

/* Indexes `text` (valid UTF-8) as the item's, under a scope root, visible from `seq` on. An item
 * that is in the index gets the new text at `seq`: every snapshot sees exactly one of them. A
 * failure (OMEGA_ENOMEM, OMEGA_ELIMIT after 2^40 additions) changes nothing; the call may be
 * repeated later with the same seq. seq < UINT64_MAX. */
OMEGA_MUST_CHECK omega_status om_words_add(struct om_words *w, uint32_t item, uint32_t root,
                                           uint64_t seq, omega_str text);
/* Not found from `seq` on; false when the item is not in the index. Never fails otherwise. */
bool om_words_remove(struct om_words *w, uint32_t item, uint64_t seq);

/* Moves what was removed towards erasure as far as the readers' grace periods allow, a bounded
 * amount in each call. Call it between publications, when every sequence given to remove so far is
 * published as a snapshot. Returns how much still waits: 0 means that every removed item has left
 * no byte. With no reader inside, one call erases up to 64 items. */
size_t om_words_reclaim(struct om_words *w);

/* ---- Readers --------------------------------------------------------------------------------- */

unsigned om_words_enter(struct om_words *w);
void om_words_leave(struct om_words *w, unsigned ticket);

/* One term of a parsed query. Texts live as long as the arena. */
struct om_words_term {
    omega_str word;  /* as the query has it, folded */
    omega_str found; /* the index's word that stands in for it; {NULL, 0} unless corrected */
    omega_str stem;  /* what is looked up */
    double weight;   /* its number in the query, halved when corrected */
    double idf;
    uint64_t items; /* of the roots that have it */
};

struct om_words_query {
    struct om_words_term *terms;
    size_t term_count;
    double mean_length;             /* words of an item of the roots */
    struct om_words_places *places; /* private: where the postings stand */
    const struct om_item_filter *filter;
    struct om_arena *arena;
};

/* Reads a query for the roots of `filter` (borrowed, with the arena, as long as the query is used;
 * NULL: everything). The query is good until the reader leaves. OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_words_parse(struct om_words *w, omega_str text,
                                             const struct om_item_filter *filter,
                                             struct om_arena *arena, struct om_words_query **out);

struct om_words_hit {
    uint32_t item;
    double score; /* > 0 */
};
struct om_words_hits {
    struct om_words_hit *rows; /* in the query's arena */
    size_t count;
};

/* The best k (1..OM_LIMIT_K) of what matches, is visible at `snapshot` and passes. OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_words_search(struct om_words *w, struct om_words_query *query,
                                              uint64_t snapshot, size_t k,
                                              struct om_words_hits *out);

/* How one item matches, for explanations and for scoring with neighbours' counts. */
struct om_words_match {
    uint32_t length;  /* words of the item */
    uint32_t *counts; /* of each term of the query; room for term_count by the caller */
    double score;     /* the sum of om_words_gain over the terms; equals a hit's score */
};
/* False when the item is not in the query's roots at the snapshot. The filter's `pass` is not
 * asked. */
bool om_words_match(struct om_words *w, const struct om_words_query *query, uint64_t snapshot,
                    uint32_t item, struct om_words_match *out);

/* What a term adds that counts `count` times (fractions are fine) in `length` words. */
double om_words_gain(const struct om_words_query *query, size_t term, double count, double length);

/* ---- Figures and hooks ----------------------------------------------------------------------- */

/* Any thread. */
struct om_words_usage {
    uint64_t items;   /* not removed */
    uint64_t waiting; /* removed, not yet erased */
    uint64_t roots;
    uint64_t terms; /* distinct words and stems, of each root by itself */
    uint64_t bytes; /* all memory of the index but the stemmers */
};
void om_words_usage(struct om_words *w, struct om_words_usage *out);

/* Walks everything and counts again: NULL, or what is wrong (static text). Publisher's side. */
const char *om_words_validate(struct om_words *w);

#endif
