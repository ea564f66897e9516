/* words_search.c -- exhaustive BM25 and the top k.
 *
 * Entry numbers are walked in windows of WINDOW: for each term and root the postings inside the
 * window are added to a small array of scores, then the touched entries are judged in order. All of
 * it stays in the first cache, each posting is read once, and no list is merged with another (the
 * window of Lucene's BooleanScorer). Empty stretches are jumped over.
 *
 * Rejected: one score for each item of the store (a large array to clear for each search); a heap
 * of cursors (a comparison tree for each posting). Pruning by block maxima belongs to the segment
 * form of the index; this is the exhaustive search that it must equal. */
#include "agentdb/words_int.h"

#include <stdlib.h>

enum { WINDOW = 2048, WINDOW_WORDS = WINDOW / 64 };

struct posting_cursor {
    struct om_word_cursor cursor;
    size_t term;
};

struct word_search {
    const struct om_words_query *query;
    const struct om_word_directory *entries;
    uint64_t snapshot;
    struct posting_cursor *cursors;
    size_t cursor_count;
    struct om_words_hit *heap; /* the worst first */
    size_t heap_count, k;
    uint64_t base; /* first entry of the window */
    double *scores;
    uint64_t *touched;
};

/* ---- Top k ----------------------------------------------------------------------------------- */

/* True when a is to stand behind b. */
static bool is_worse(const struct om_words_hit *a, const struct om_words_hit *b)
{
    if (a->score < b->score || a->score > b->score) {
        return a->score < b->score;
    }
    return a->item > b->item;
}

static void heap_down(struct om_words_hit *heap, size_t count, size_t at)
{
    for (;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            worst = is_worse(&heap[child], &heap[worst]) ? child : worst;
        }
        if (worst == at) {
            return;
        }
        struct om_words_hit moved = heap[at];
        heap[at] = heap[worst];
        heap[worst] = moved;
        at = worst;
    }
}

static void heap_push(struct word_search *search, struct om_words_hit hit)
{
    size_t at = search->heap_count++;
    while (at > 0 && is_worse(&hit, &search->heap[(at - 1) / 2])) {
        search->heap[at] = search->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    search->heap[at] = hit;
}

static bool would_enter(const struct word_search *search, const struct om_words_hit *hit)
{
    return search->heap_count < search->k || is_worse(&search->heap[0], hit);
}

static void offer(struct word_search *search, struct om_words_hit hit)
{
    if (search->heap_count < search->k) {
        heap_push(search, hit);
        return;
    }
    search->heap[0] = hit;
    heap_down(search->heap, search->heap_count, 0);
}

static int compare_hits(const void *left, const void *right)
{
    const struct om_words_hit *a = left;
    const struct om_words_hit *b = right;
    return is_worse(a, b) ? 1 : -(int)is_worse(b, a);
}

/* ---- Windows
 * ------------------------------------------------------------------------------------- */

static bool is_visible(const struct om_word_entry *entry, uint64_t snapshot)
{
    /* Acquire, with the store in om_words_remove. */
    return entry->added <= snapshot &&
           atomic_load_explicit(&entry->removed, memory_order_acquire) > snapshot;
}

static void judge_entry(struct word_search *search, size_t place)
{
    if (search->heap_count == search->k && search->scores[place] < search->heap[0].score) {
        return; /* most of them: without a look at the entry */
    }
    const struct om_word_entry *entry = om_word_entry_at(search->entries, search->base + place);
    if (entry == NULL || !is_visible(entry, search->snapshot)) {
        return;
    }
    struct om_words_hit hit = {entry->item, search->scores[place]};
    const struct om_item_filter *filter = search->query->filter;
    bool asks = filter != NULL && filter->pass != NULL;
    if (would_enter(search, &hit) && (!asks || filter->pass(filter->context, hit.item))) {
        offer(search, hit);
    }
}

static void judge_window(struct word_search *search)
{
    for (size_t word = 0; word < WINDOW_WORDS; word++) {
        uint64_t bits = search->touched[word];
        search->touched[word] = 0;
        while (bits != 0) {
            size_t place = word * 64 + (size_t)__builtin_ctzll(bits);
            bits &= bits - 1;
            judge_entry(search, place);
            search->scores[place] = 0;
        }
    }
}

/* Adds what one cursor has inside the window. */
static void add_postings(struct word_search *search, struct posting_cursor *cursor)
{
    const uint64_t end = search->base + WINDOW;
    const struct om_word_chunk *chunk = NULL;
    uint64_t chunk_number = UINT64_MAX;
    uint64_t value;
    while ((value = om_word_cursor_value(&cursor->cursor)) != 0) {
        uint64_t number = value >> OM_WORD_COUNT_BITS;
        if (number >= end) {
            return;
        }
        cursor->cursor.at++;
        if (number / OM_WORD_CHUNK != chunk_number) {
            chunk_number = number / OM_WORD_CHUNK;
            chunk = om_word_directory_get(search->entries, chunk_number);
        }
        if (chunk == NULL) {
            continue; /* added after this search began */
        }
        size_t place = (size_t)(number - search->base);
        double length = chunk->lengths[number % OM_WORD_CHUNK];
        search->scores[place] +=
            om_words_gain(search->query, cursor->term, (double)(value & OM_WORD_COUNT_MAX), length);
        search->touched[place / 64] |= UINT64_C(1) << (place % 64);
    }
}

/* The first entry that any cursor stands on; false at the end. */
static bool next_base(struct word_search *search)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < search->cursor_count; i++) {
        uint64_t value = om_word_cursor_value(&search->cursors[i].cursor);
        least = value != 0 ? OM_MIN(least, value >> OM_WORD_COUNT_BITS) : least;
    }
    search->base = least & ~UINT64_C(63);
    return least != UINT64_MAX;
}

/* ---- The search
 * ------------------------------------------------------------------------------------ */

static omega_status open_cursors(struct word_search *search)
{
    const struct om_words_query *query = search->query;
    const struct om_words_places *places = query->places;
    size_t most = query->term_count * places->root_count;
    search->cursors = om_arena_get(query->arena, most * sizeof(search->cursors[0]));
    if (search->cursors == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < most; i++) {
        if (places->stems[i] != NULL) {
            struct posting_cursor *cursor = &search->cursors[search->cursor_count++];
            cursor->term = i / places->root_count;
            om_word_cursor_init(&cursor->cursor, &places->stems[i]->postings);
        }
    }
    return OMEGA_OK;
}

omega_status om_words_search(struct om_words *w, struct om_words_query *query, uint64_t snapshot,
                             size_t k, struct om_words_hits *out)
{
    OM_ASSERT(k >= 1 && k <= OM_LIMIT_K);
    struct word_search search = {
        .query = query,
        .entries = atomic_load_explicit(&w->entries, memory_order_acquire),
        .snapshot = snapshot,
        .k = k,
        .heap = om_arena_get(query->arena, k * sizeof(search.heap[0])),
        .scores = om_arena_get0(query->arena, WINDOW, sizeof(search.scores[0])),
        .touched = om_arena_get0(query->arena, WINDOW_WORDS, sizeof(search.touched[0])),
    };
    if (search.heap == NULL || search.scores == NULL || search.touched == NULL) {
        return om_nomem();
    }
    omega_status status = open_cursors(&search);
    if (status != OMEGA_OK) {
        return status;
    }
    while (next_base(&search)) {
        for (size_t i = 0; i < search.cursor_count; i++) {
            add_postings(&search, &search.cursors[i]);
        }
        judge_window(&search);
    }
    qsort(search.heap, search.heap_count, sizeof(search.heap[0]), compare_hits);
    *out = (struct om_words_hits){search.heap, search.heap_count};
    return OMEGA_OK;
}

/* ---- One item
 * --------------------------------------------------------------------------------------- */

/* The item's entry at the snapshot, with its number; NULL if it has none. */
static const struct om_word_entry *entry_of(struct om_words *w, uint32_t item, uint64_t snapshot,
                                            uint64_t *number)
{
    *number = om_word_newest(w, item);
    const struct om_word_directory *directory =
        atomic_load_explicit(&w->entries, memory_order_acquire);
    while (*number != 0) {
        const struct om_word_entry *entry = om_word_entry_at(directory, *number);
        if (entry == NULL) {
            return NULL;
        }
        if (is_visible(entry, snapshot)) {
            return entry;
        }
        *number = atomic_load_explicit(&entry->previous, memory_order_acquire);
    }
    return NULL;
}

static bool root_place(const struct om_words_places *places, const struct om_word_root *root,
                       size_t *at)
{
    for (*at = 0; *at < places->root_count; (*at)++) {
        if (places->roots[*at] == root) {
            return true;
        }
    }
    return false;
}

bool om_words_match(struct om_words *w, const struct om_words_query *query, uint64_t snapshot,
                    uint32_t item, struct om_words_match *out)
{
    const struct om_words_places *places = query->places;
    uint64_t number = 0;
    size_t root = 0;
    const struct om_word_entry *entry = entry_of(w, item, snapshot, &number);
    if (entry == NULL || !root_place(places, entry->root, &root)) {
        return false;
    }
    out->length =
        *om_word_length_at(atomic_load_explicit(&w->entries, memory_order_acquire), number);
    out->score = 0;
    for (size_t i = 0; i < query->term_count; i++) {
        const struct om_word_term *stem = places->stems[i * places->root_count + root];
        out->counts[i] = stem != NULL ? (uint32_t)om_word_chain_find(&stem->postings, number) : 0;
        if (out->counts[i] > 0) {
            out->score += om_word_gain(places, i, out->counts[i], out->length);
        }
    }
    return true;
}
