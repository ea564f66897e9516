/* fold.h -- one form for texts that a reader takes for the same.
 *
 * Promises: folding is idempotent (folding a folded text changes nothing), takes time linear in the
 *           text, and allocates nothing but the growth of `out`. Text that is not valid UTF-8 is
 *           read as if each bad byte were a space.
 * Threads:  any. */
#ifndef OM_FOLD_H
#define OM_FOLD_H

#include "core/core.h"

enum { OM_FOLD_GROWTH = 11 /* a folded text is at most so many times its source, in bytes */ };

/* Appends the folded form of `text` to `out`: NFKC, full case folding, without default-ignorable
 * code points (zero-width characters, soft hyphens, variation selectors), without combining marks
 * where a script can do without them, white space and control characters as one space between words
 * and none at the ends.
 *
 * Marks stay where they are letters in all but name: vowel signs of the Indic and South-East Asian
 * scripts, Thaana vowels, voicing of kana, the breve of the Cyrillic letters short i and short u,
 * and the stroke of a negated mathematical symbol. So "Café" is "cafe", and a Hindi word keeps its
 * vowels. A text grows at most OM_FOLD_GROWTH-fold (one Arabic ligature becomes a sentence);
 * ordinary text does not grow. Source: Unicode 15, UAX #15 (NFKC) and section 3.13 (toCasefold).
 * Returns what out->status says: OMEGA_ENOMEM or OMEGA_ELIMIT. */
OMEGA_MUST_CHECK omega_status om_text_fold(omega_str text, struct om_buf *out);

/* Appends the skeleton of `text`: what is left to tell two facts apart. It is the folded form with
 *  - look-alikes (Cyrillic, Greek, Armenian, Cherokee, Coptic, small capitals) written as the Latin
 *    letter they resemble, in words that mix with Latin or, having two letters or more, could be
 *    read as Latin altogether; never ASCII against ASCII ("l" and "1" stay different), never the
 *    Greek mu (a micrometre is no millimetre);
 *  - decimal digits of every script in the Basic Multilingual Plane as 0-9;
 *  - quotes and apostrophes dropped, other punctuation and spaces as one space;
 *  - but kept: . , : / - between digits, a minus and a point before a number, % & @ # beside a
 *    word, and symbols (+ = < > $ and the like, emoji): "-5", "C++" and "C" are three different
 *    facts.
 * Two texts with equal skeletons are the same for duplicates and tombstones. */
OMEGA_MUST_CHECK omega_status om_text_skeleton(omega_str text, struct om_buf *out);

#endif
