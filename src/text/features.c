/* features.c -- signed feature hashing with exact sums.
 *
 * Weights are integers in units of 2^-20. A text's features are added into 768 64-bit integers, so
 * that neither the order of additions nor a fused multiply-add can change a bit; the length comes
 * from an exact integer sum of squares, and each component is one double division, rounded once.
 *
 * XXH3 gives 64 bits for each feature: the upper half picks the place, the lowest bit the sign.
 * Stems and n-grams are hashed under different seeds.
 *
 * Rejected: floats (sums differ between processors that fuse and those that do not); several places
 * for each feature (no gain at 768); a cap on repeated words (a caller who repeats means it).
 *
 * Invariants: |sum| < 2^63, as a text has less than 2^24 features of at most 2^20. */
#include "text/features.h"

#include <math.h>

#include "text/terms.h"
#include "text/word_counts_int.h"

enum {
    SEED_STEM = 1,
    SEED_GRAM = 2,
    GRAM_MIN = 3,
    GRAM_MAX = 5,
    SQUARE_BITS = 25 /* 8,192 squares of 25-bit numbers fit 64 bits */
};

static const double gram_share = 0.7;

struct features {
    int64_t *sums;
    uint32_t dimension;
};

static uint32_t word_weight(omega_str word)
{
    uint32_t hash = om_word_hash(word);
    size_t low = 0;
    size_t high = om_word_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (om_word_hashes[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool known = low < om_word_count && om_word_hashes[low] == hash;
    return known ? om_word_weights[om_word_levels[low]] : OM_WORD_WEIGHT_ONE;
}

float om_text_word_weight(omega_str word)
{
    return (float)word_weight(word) / (float)OM_WORD_WEIGHT_ONE;
}

static void add_feature(struct features *features, omega_str name, uint64_t seed, int64_t weight)
{
    uint64_t hash = om_hash(name.ptr, name.len, seed);
    size_t place = (size_t)(((hash >> 32) * features->dimension) >> 32);
    features->sums[place] += (hash & 1) != 0 ? weight : -weight;
}

/* Each of `count` features that share a word's weight. */
static int64_t shared_weight(uint32_t weight, size_t count)
{
    return (int64_t)(gram_share * (double)weight / sqrt((double)count));
}

/* `<word>` and the places where its characters begin; the last place is its end. */
struct bracketed {
    char bytes[OM_TOKEN_SIZE + 2];
    unsigned char starts[OM_TOKEN_SIZE + 3];
    size_t count; /* characters, brackets included */
};

static void bracket_word(omega_str word, struct bracketed *out)
{
    OM_ASSERT(word.len <= OM_TOKEN_SIZE);
    out->bytes[0] = '<';
    memcpy(out->bytes + 1, word.ptr, word.len);
    out->bytes[word.len + 1] = '>';
    out->count = 0;
    for (size_t i = 0; i < word.len + 2; i++) {
        if (((unsigned char)out->bytes[i] & 0xC0) != 0x80) {
            out->starts[out->count++] = (unsigned char)i;
        }
    }
    out->starts[out->count] = (unsigned char)(word.len + 2);
}

static void add_grams(struct features *features, omega_str word, uint32_t weight)
{
    struct bracketed word_in;
    bracket_word(word, &word_in);
    size_t grams = 0;
    for (size_t size = GRAM_MIN; size <= GRAM_MAX && size <= word_in.count; size++) {
        grams += word_in.count - size + 1;
    }
    if (grams == 0) {
        return;
    }
    int64_t share = shared_weight(weight, grams);
    for (size_t size = GRAM_MIN; size <= GRAM_MAX && size <= word_in.count; size++) {
        for (size_t i = 0; i + size <= word_in.count; i++) {
            const char *start = word_in.bytes + word_in.starts[i];
            const char *end = word_in.bytes + word_in.starts[i + size];
            add_feature(features, (omega_str){start, (size_t)(end - start)}, SEED_GRAM, share);
        }
    }
}

/* The characters of a pair; marks count as characters of their own. */
static void add_characters(struct features *features, omega_str pair, uint32_t weight)
{
    int64_t share = shared_weight(weight, 2);
    for (size_t at = 0; at < pair.len;) {
        uint32_t c = 0;
        omega_str rest = {pair.ptr + at, pair.len - at};
        size_t size = om_utf8_next(rest, &c);
        add_feature(features, (omega_str){rest.ptr, size}, SEED_GRAM, share);
        at += size;
    }
}

static omega_status add_term(void *context, const struct om_term *term)
{
    struct features *features = context;
    uint32_t weight = word_weight(term->token.text);
    add_feature(features, term->stem, SEED_STEM, (int64_t)weight);
    if (term->token.script == OM_SCRIPT_PAIRED) {
        add_characters(features, term->token.text, weight);
    } else {
        add_grams(features, term->token.text, weight);
    }
    return OMEGA_OK;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

/* The length of the sums; scales them all down by a power of two when they are too large. */
static double measure(struct features *features)
{
    uint64_t most = 0;
    for (size_t i = 0; i < features->dimension; i++) {
        most = OM_MAX(most, magnitude(features->sums[i]));
    }
    int64_t divisor = 1;
    while (most >> SQUARE_BITS != 0) {
        most >>= 1;
        divisor *= 2;
    }
    uint64_t squares = 0;
    for (size_t i = 0; i < features->dimension; i++) {
        features->sums[i] /= divisor;
        squares += magnitude(features->sums[i]) * magnitude(features->sums[i]);
    }
    return sqrt((double)squares);
}

static omega_status write_features(struct om_stemmers *stemmers, omega_str text,
                                   struct features *features, float *out)
{
    memset(features->sums, 0, features->dimension * sizeof *features->sums);
    omega_status status = om_text_terms(stemmers, text, add_term, features);
    if (status != OMEGA_OK) {
        return status;
    }
    double length = measure(features);
    for (size_t i = 0; i < features->dimension; i++) {
        out[i] = length > 0 ? (float)((double)features->sums[i] / length) : 0.0F;
    }
    return OMEGA_OK;
}

omega_status om_text_features(struct om_stemmers *stemmers, omega_str text, float *out)
{
    int64_t sums[OM_FEATURES_DIMENSION];
    struct features features = {sums, OM_FEATURES_DIMENSION};
    return write_features(stemmers, text, &features, out);
}

omega_status om_text_features_in(struct om_stemmers *stemmers, omega_str text, uint32_t dimension,
                                 float *out)
{
    int64_t sums[OM_LIMIT_DIMENSION];
    struct features features = {sums, dimension};
    OM_ASSERT(dimension >= 1 && dimension <= OM_LIMIT_DIMENSION);
    return write_features(stemmers, text, &features, out);
}
