/* features.h -- hashed features of a text: vectors without a model.
 *
 * Signed feature hashing (Weinberger et al. 2009) of the stem of each word and of the character
 * 3- to 5-grams of `<word>`. A word weighs a / (a + p(word)), a = 0.001 (smooth inverse frequency,
 * Arora et al. 2017), p from a built-in table of English word frequencies, 0 for words that are not
 * in it; its n-grams share 0.7 of that weight, each 0.7 weight / sqrt(their number). A pair of
 * characters of a script without spaces has its two characters in place of n-grams. The sum has
 * length 1.
 *
 * Good for: the same words in any order, inflections, misspellings, near-duplicates. It knows no
 * synonyms and no meaning.
 *
 * Promises: the same floats on every processor and compiler: sums are integers, the rest is single
 *           IEEE divisions and square roots. With another version of Unicode or Snowball a rare
 *           word may fall elsewhere.
 * Threads:  any. */
#ifndef OM_FEATURES_H
#define OM_FEATURES_H

#include "text/stem.h"

enum { OM_FEATURES_DIMENSION = 768 };

/* Writes OM_FEATURES_DIMENSION floats of length 1, all zero for a text without any word.
 * Returns OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_text_features(struct om_stemmers *stemmers, omega_str text,
                                               float *out);
/* The same features hashed into another number of places, 1..OM_LIMIT_DIMENSION. */
OMEGA_MUST_CHECK omega_status om_text_features_in(struct om_stemmers *stemmers, omega_str text,
                                                  uint32_t dimension, float *out);

/* The weight of a folded word, a / (a + p), in (0, 1]. */
float om_text_word_weight(omega_str word);

#endif
