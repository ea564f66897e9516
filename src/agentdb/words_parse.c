/* words_parse.c -- from a query's text to its terms, their statistics and their postings.
 *
 * The terms are gathered with the roots' statistics summed over, misspelt ones are replaced, and
 * the pointers to the postings of each term in each root are kept for the search. All of it lives
 * in the caller's arena. */
#include "agentdb/words_int.h"

#include <math.h>

enum { ROWS_MIN = 16 };

static const double k1 = 0.9;
static const double b = 0.4;

/* A distinct stem of the query, as it is written. */
struct asked {
    uint64_t hash;
    omega_str word, stem;
    uint32_t count;
    bool paired;
};

struct parsing {
    struct om_words *w;
    struct om_arena *arena;
    struct asked *rows;
    size_t count, capacity;
    bool with_stop_words;
    struct om_words_query *query;
    size_t term_capacity;
    uint64_t items; /* of the roots */
};

/* ---- The text -------------------------------------------------------------------------------- */

static omega_status asked_grow(struct parsing *parsing)
{
    size_t capacity = OM_MAX(parsing->capacity * 2, (size_t)ROWS_MIN);
    struct asked *rows = om_arena_get(parsing->arena, capacity * sizeof(rows[0]));
    if (rows == NULL) {
        return om_nomem();
    }
    if (parsing->count > 0) {
        memcpy(rows, parsing->rows, parsing->count * sizeof(rows[0]));
    }
    parsing->rows = rows;
    parsing->capacity = capacity;
    return OMEGA_OK;
}

static struct asked *asked_find(struct parsing *parsing, uint64_t hash, omega_str stem)
{
    for (size_t i = 0; i < parsing->count; i++) {
        if (parsing->rows[i].hash == hash && om_str_eq(parsing->rows[i].stem, stem)) {
            return &parsing->rows[i];
        }
    }
    return NULL;
}

static omega_status ask_term(void *context, const struct om_term *term)
{
    struct parsing *parsing = context;
    if (term->stop && !parsing->with_stop_words) {
        return OMEGA_OK;
    }
    omega_str stem = om_utf8_clip(term->stem, OM_WORD_TERM_SIZE);
    uint64_t hash = om_hash(stem.ptr, stem.len, 0);
    struct asked *known = asked_find(parsing, hash, stem);
    if (known != NULL) {
        known->count++;
        return OMEGA_OK;
    }
    if (parsing->count == OM_WORDS_QUERY_TERMS) {
        return OMEGA_OK;
    }
    if (parsing->count == parsing->capacity) {
        omega_status status = asked_grow(parsing);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    struct asked row = {
        .hash = hash,
        .word = om_arena_str(parsing->arena, term->token.text),
        .stem = om_arena_str(parsing->arena, stem),
        .count = 1,
        .paired = term->token.script == OM_SCRIPT_PAIRED,
    };
    if (row.word.ptr == NULL || row.stem.ptr == NULL) {
        return om_nomem();
    }
    parsing->rows[parsing->count++] = row;
    return OMEGA_OK;
}

static omega_status read_text(struct parsing *parsing, omega_str text)
{
    omega_status status = om_text_terms(&parsing->w->stemmers, text, ask_term, parsing);
    if (status == OMEGA_OK && parsing->count == 0) {
        parsing->with_stop_words = true;
        status = om_text_terms(&parsing->w->stemmers, text, ask_term, parsing);
    }
    return status;
}

/* ---- The roots ------------------------------------------------------------------------------- */

static void add_root(struct parsing *parsing, struct om_word_root *root, uint64_t *length)
{
    struct om_words_places *places = parsing->query->places;
    for (size_t i = 0; i < places->root_count; i++) {
        if (places->roots[i] == root) {
            return;
        }
    }
    places->roots[places->root_count++] = root;
    parsing->items += atomic_load_explicit(&root->items, memory_order_relaxed);
    *length += atomic_load_explicit(&root->length, memory_order_relaxed);
}

static omega_status add_all_roots(struct parsing *parsing, uint64_t *length)
{
    struct om_words_places *places = parsing->query->places;
    const struct om_word_table *table =
        atomic_load_explicit(&parsing->w->roots, memory_order_acquire);
    size_t slots = table != NULL ? table->mask + 1 : 0;
    places->roots = om_arena_get(parsing->arena, slots * sizeof(places->roots[0]));
    if (places->roots == NULL) {
        return om_nomem();
    }
    struct om_word_node *node;
    for (size_t at = 0; (node = om_word_table_next(table, &at)) != NULL;) {
        struct om_word_root *root = (struct om_word_root *)node;
        places->roots[places->root_count++] = root;
        parsing->items += atomic_load_explicit(&root->items, memory_order_relaxed);
        *length += atomic_load_explicit(&root->length, memory_order_relaxed);
    }
    return OMEGA_OK;
}

static omega_status find_roots(struct parsing *parsing, const struct om_item_filter *filter)
{
    struct om_words_places *places = parsing->query->places;
    uint64_t length = 0;
    omega_status status = OMEGA_OK;
    if (filter == NULL || filter->root_count == 0) {
        status = add_all_roots(parsing, &length);
    } else {
        places->roots = om_arena_get(parsing->arena, filter->root_count * sizeof(places->roots[0]));
        status = places->roots != NULL ? OMEGA_OK : om_nomem();
        for (size_t i = 0; i < filter->root_count && status == OMEGA_OK; i++) {
            struct om_word_root *root = om_word_root_find(parsing->w, filter->roots[i]);
            if (root != NULL) {
                add_root(parsing, root, &length);
            }
        }
    }
    bool known = parsing->items > 0 && length > 0;
    parsing->query->mean_length = known ? (double)length / (double)parsing->items : 1;
    places->flat = k1 * (1 - b);
    places->slope = k1 * b / parsing->query->mean_length;
    return status;
}

/* ---- The terms ------------------------------------------------------------------------------- */

static double idf_of(uint64_t items, uint64_t having)
{
    double all = (double)OM_MAX(items, having);
    return log(1 + (all - (double)having + 0.5) / ((double)having + 0.5));
}

static omega_status terms_grow(struct parsing *parsing)
{
    struct om_words_query *query = parsing->query;
    size_t roots = query->places->root_count;
    size_t capacity = OM_MAX(parsing->term_capacity * 2, (size_t)ROWS_MIN);
    struct om_words_term *terms = om_arena_get(parsing->arena, capacity * sizeof(terms[0]));
    struct om_word_term **stems =
        om_arena_get(parsing->arena, capacity * roots * sizeof(struct om_word_term *));
    double *factors = om_arena_get(parsing->arena, capacity * sizeof(factors[0]));
    if (terms == NULL || stems == NULL || factors == NULL) {
        return om_nomem();
    }
    if (query->term_count > 0) {
        memcpy(factors, query->places->factors, query->term_count * sizeof(factors[0]));
        memcpy(terms, query->terms, query->term_count * sizeof(terms[0]));
        memcpy(stems, query->places->stems,
               query->term_count * roots * sizeof(struct om_word_term *));
    }
    query->terms = terms;
    query->places->stems = stems;
    query->places->factors = factors;
    parsing->term_capacity = capacity;
    return OMEGA_OK;
}

/* Adds a term of the query with its postings; term->items and idf are found here. */
static omega_status add_term(struct parsing *parsing, struct om_words_term term)
{
    struct om_words_query *query = parsing->query;
    if (query->term_count == parsing->term_capacity) {
        omega_status status = terms_grow(parsing);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    struct om_words_places *places = query->places;
    term.items = 0;
    for (size_t r = 0; r < places->root_count; r++) {
        struct om_word_key key = om_word_key_of(places->roots[r]->root, OM_WORD_STEM, term.stem);
        struct om_word_term *stem = om_word_term_find(parsing->w, &key);
        places->stems[query->term_count * places->root_count + r] = stem;
        term.items += stem != NULL ? atomic_load_explicit(&stem->items, memory_order_relaxed) : 0;
    }
    term.idf = idf_of(parsing->items, term.items);
    places->factors[query->term_count] = term.weight * term.idf * (k1 + 1);
    query->terms[query->term_count++] = term;
    return OMEGA_OK;
}

static omega_status add_corrections(struct parsing *parsing, const struct asked *asked)
{
    struct om_word_near near[OM_WORDS_CORRECTIONS];
    size_t count = om_word_near_find(parsing->w, parsing->query->places, asked->word, near);
    if (count > 0) {
        parsing->query->term_count--; /* the misspelt one */
    }
    for (size_t i = 0; i < count; i++) {
        const struct om_word_term *surface = near[i].surface;
        struct om_words_term term = {
            .word = asked->word,
            .found = om_arena_str(parsing->arena, (omega_str){surface->text, surface->len}),
            .stem =
                om_arena_str(parsing->arena, (omega_str){surface->stem->text, surface->stem->len}),
            .weight = 0.5 * asked->count,
        };
        if (term.found.ptr == NULL || term.stem.ptr == NULL) {
            return om_nomem();
        }
        omega_status status = add_term(parsing, term);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

static omega_status add_terms(struct parsing *parsing)
{
    for (size_t i = 0; i < parsing->count; i++) {
        const struct asked *asked = &parsing->rows[i];
        struct om_words_term term = {
            .word = asked->word, .stem = asked->stem, .weight = asked->count};
        omega_status status = add_term(parsing, term);
        bool missing =
            status == OMEGA_OK && parsing->query->terms[parsing->query->term_count - 1].items == 0;
        if (missing && !asked->paired) {
            status = add_corrections(parsing, asked);
        }
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

omega_status om_words_parse(struct om_words *w, omega_str text, const struct om_item_filter *filter,
                            struct om_arena *arena, struct om_words_query **out)
{
    struct parsing parsing = {.w = w, .arena = arena};
    parsing.query = om_arena_get0(arena, 1, sizeof(*parsing.query));
    struct om_words_places *places = om_arena_get0(arena, 1, sizeof(*places));
    if (parsing.query == NULL || places == NULL) {
        return om_nomem();
    }
    parsing.query->places = places;
    parsing.query->filter = filter;
    parsing.query->arena = arena;
    omega_status status = read_text(&parsing, text);
    if (status == OMEGA_OK) {
        status = find_roots(&parsing, filter);
    }
    if (status == OMEGA_OK) {
        status = add_terms(&parsing);
    }
    if (status == OMEGA_OK) {
        *out = parsing.query;
    }
    return status;
}

double om_words_gain(const struct om_words_query *query, size_t term, double count, double length)
{
    return om_word_gain(query->places, term, count, length);
}
