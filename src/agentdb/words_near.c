/* words_near.c -- which word was meant: the nearest words that the searched roots have.
 *
 * A root's vocabulary is one chain of 40-bit word numbers, each with a 24-bit outline: the word's
 * length (5 bits) and which of 19 classes its characters fall into (19 bits). One edit changes the
 * length by one at most and the classes in two places at most, so that a run over the outlines, a
 * nanosecond for each word, leaves few words to compare. Comparing is the optimal string alignment
 * distance (Damerau 1964) in three rows, given up beyond the bound. At most COMPARE_MAX words are
 * compared, the first ones that the roots had.
 *
 * Rejected: a trigram index, which is larger than the vocabulary and misses short words; stems as
 * the words to compare with, because a misspelt ending makes another stem. */
#include "agentdb/words_int.h"

enum {
    LENGTH_BITS = 5,
    LENGTH_MAX = (1 << LENGTH_BITS) - 1,
    CLASSES = OM_WORD_COUNT_BITS - LENGTH_BITS,
    SHORTEST = 3, /* characters of a correction */
    ONE_FROM = 4, /* characters of a word that may be one edit away */
    TWO_FROM = 8, /* two edits */
    COMPARE_MAX = 4096,
    POOL = 32
};

struct letters {
    uint32_t points[OM_TOKEN_SIZE];
    size_t count;
};

static void read_letters(omega_str word, struct letters *out)
{
    out->count = 0;
    while (word.len > 0 && out->count < OM_TOKEN_SIZE) {
        size_t size = om_utf8_next(word, &out->points[out->count++]);
        word = (omega_str){word.ptr + size, word.len - size};
    }
}

static bool has_digit(omega_str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] >= '0' && word.ptr[i] <= '9') {
            return true;
        }
    }
    return false;
}

uint64_t om_word_outline(omega_str word)
{
    struct letters letters;
    read_letters(word, &letters);
    if (letters.count < SHORTEST || has_digit(word)) {
        return 0;
    }
    uint64_t outline = (uint64_t)OM_MIN(letters.count, (size_t)LENGTH_MAX) << CLASSES;
    for (size_t i = 0; i < letters.count; i++) {
        outline |= UINT64_C(1) << letters.points[i] % CLASSES;
    }
    return outline;
}

static bool outlines_fit(uint64_t a, uint64_t b, unsigned most)
{
    uint64_t classes = (UINT64_C(1) << CLASSES) - 1;
    int lengths = (int)(a >> CLASSES) - (int)(b >> CLASSES);
    return (unsigned)(lengths < 0 ? -lengths : lengths) <= most &&
           (unsigned)__builtin_popcountll((a ^ b) & classes) <= 2 * most;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    return OM_MIN(OM_MIN(a, b), c);
}

/* One row of the alignment: rows[2] from rows[1] and rows[0]. Returns the least value in it. */
static unsigned align_row(const struct letters *a, const struct letters *b, size_t i,
                          unsigned rows[3][OM_TOKEN_SIZE + 1])
{
    rows[2][0] = (unsigned)i;
    unsigned best = rows[2][0];
    for (size_t j = 1; j <= b->count; j++) {
        unsigned change = a->points[i - 1] != b->points[j - 1];
        rows[2][j] = least(rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + change);
        bool swapped = i > 1 && j > 1 && a->points[i - 1] == b->points[j - 2] &&
                       a->points[i - 2] == b->points[j - 1];
        if (swapped) {
            rows[2][j] = OM_MIN(rows[2][j], rows[0][j - 2] + 1);
        }
        best = OM_MIN(best, rows[2][j]);
    }
    return best;
}

unsigned om_word_distance(omega_str a, omega_str b, unsigned most)
{
    struct letters from;
    struct letters to;
    unsigned rows[3][OM_TOKEN_SIZE + 1] = {{0}};
    read_letters(a, &from);
    read_letters(b, &to);
    for (size_t j = 0; j <= to.count; j++) {
        rows[1][j] = (unsigned)j;
    }
    unsigned before = 0;
    for (size_t i = 1; i <= from.count; i++) {
        unsigned best = align_row(&from, &to, i, rows);
        if (best > most && before > most) {
            return most + 1; /* a swap reaches two rows back */
        }
        before = best;
        memcpy(rows[0], rows[1], sizeof(rows[0]));
        memcpy(rows[1], rows[2], sizeof(rows[1]));
    }
    return rows[1][to.count];
}

/* ---- The search ------------------------------------------------------------------------------ */

struct near_search {
    struct om_words *w;
    const struct om_word_directory *names;
    omega_str word;
    uint64_t outline;
    unsigned most; /* the least distance so far */
    size_t compared;
    struct om_word_near pool[POOL];
    size_t pool_count;
};

static omega_str text_of(const struct om_word_term *term)
{
    return (omega_str){term->text, term->len};
}

static struct om_word_term *named(const struct near_search *search, uint64_t number)
{
    struct om_word_names *names = om_word_directory_get(search->names, number / OM_WORD_CHUNK);
    if (names == NULL) {
        return NULL;
    }
    return atomic_load_explicit(&names->terms[number % OM_WORD_CHUNK], memory_order_acquire);
}

static void pool_add(struct near_search *search, struct om_word_term *surface, unsigned distance,
                     uint64_t items)
{
    for (size_t i = 0; i < search->pool_count; i++) {
        if (om_str_eq(text_of(search->pool[i].surface), text_of(surface))) {
            search->pool[i].items += items; /* another root's */
            return;
        }
    }
    if (search->pool_count < POOL) {
        search->pool[search->pool_count++] = (struct om_word_near){surface, distance, items};
    }
}

static void consider(struct near_search *search, uint64_t number)
{
    struct om_word_term *surface = named(search, number);
    uint64_t items =
        surface != NULL ? atomic_load_explicit(&surface->items, memory_order_relaxed) : 0;
    if (items == 0 || search->compared == COMPARE_MAX) {
        return;
    }
    search->compared++;
    unsigned distance = om_word_distance(search->word, text_of(surface), search->most);
    if (distance > search->most) {
        return;
    }
    if (distance < search->most) {
        search->most = distance;
        search->pool_count = 0;
    }
    pool_add(search, surface, distance, items);
}

static bool comes_before(const struct om_word_near *a, const struct om_word_near *b)
{
    if (a->items != b->items) {
        return a->items > b->items;
    }
    return om_str_cmp(text_of(a->surface), text_of(b->surface)) < 0;
}

static bool stem_taken(const struct om_word_near *rows, size_t count,
                       const struct om_word_term *surface)
{
    for (size_t i = 0; i < count; i++) {
        if (om_str_eq(text_of(rows[i].surface->stem), text_of(surface->stem))) {
            return true;
        }
    }
    return false;
}

/* Takes the best of the pool, by selection: the pool is small. */
static size_t take_best(struct near_search *search, struct om_word_near *out)
{
    size_t count = 0;
    for (size_t i = 0; i < search->pool_count && count < OM_WORDS_CORRECTIONS; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < search->pool_count; j++) {
            best = comes_before(&search->pool[j], &search->pool[best]) ? j : best;
        }
        struct om_word_near row = search->pool[best];
        search->pool[best] = search->pool[i];
        search->pool[i] = row;
        if (!stem_taken(out, count, row.surface)) {
            out[count++] = row;
        }
    }
    return count;
}

size_t om_word_near_find(struct om_words *w, const struct om_words_places *places, omega_str word,
                         struct om_word_near *out)
{
    struct letters letters;
    read_letters(word, &letters);
    struct near_search search = {
        .w = w,
        .names = atomic_load_explicit(&w->names, memory_order_acquire),
        .word = word,
        .outline = om_word_outline(word),
        .most = letters.count >= TWO_FROM ? 2 : 1,
    };
    if (letters.count < ONE_FROM || search.outline == 0) {
        return 0;
    }
    for (size_t r = 0; r < places->root_count; r++) {
        struct om_word_cursor cursor;
        om_word_cursor_init(&cursor, &places->roots[r]->vocabulary);
        uint64_t value;
        while ((value = om_word_cursor_value(&cursor)) != 0) {
            if (outlines_fit(value & OM_WORD_COUNT_MAX, search.outline, search.most)) {
                consider(&search, value >> OM_WORD_COUNT_BITS);
            }
            cursor.at++;
        }
    }
    return take_best(&search, out);
}
