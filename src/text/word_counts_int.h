/* word_counts_int.h -- the generated table of English word frequencies, private to text/.
 *
 * om_word_hashes ascends; om_word_levels[i] tells the probability of the word with that hash:
 * p = 2^-(level / OM_WORD_LEVELS_PER_OCTAVE). om_word_weights[level] is a / (a + p) in units of
 * 1 / OM_WORD_WEIGHT_ONE, computed by the generator so that no logarithm is taken at run time. */
#ifndef OM_WORD_COUNTS_INT_H
#define OM_WORD_COUNTS_INT_H

#include "core/core.h"

enum { OM_WORD_LEVELS_PER_OCTAVE = 8, OM_WORD_WEIGHT_ONE = 1 << 20 };

extern const uint32_t om_word_hashes[];
extern const uint8_t om_word_levels[];
extern const size_t om_word_count;
extern const uint32_t om_word_weights[256];

/* FNV-1a, 32 bits, over the bytes of the folded word: the same in the generator. */
static inline uint32_t om_word_hash(omega_str word)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < word.len; i++) {
        hash = (hash ^ (unsigned char)word.ptr[i]) * 16777619U;
    }
    return hash;
}

#endif
