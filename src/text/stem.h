/* stem.h -- Snowball stems, chosen by script.
 *
 * Latin words are stemmed as English, Cyrillic as Russian, Greek, Arabic and Devanagari as Greek,
 * Arabic and Hindi; all other tokens are their own stem. Snowball's handles keep state, so a thread
 * takes a stemmer from the pool, uses it alone, and gives it back.
 *
 * Memory: libstemmer allocates with malloc, about 2 KiB for each language in use. */
#ifndef OM_STEM_H
#define OM_STEM_H

#include <stdatomic.h>

#include "text/token.h"

struct om_stemmer;

enum { OM_STEMMERS_IDLE = 8 /* stemmers kept for reuse */ };

struct om_stemmers {
    struct om_alloc *alloc;
    _Atomic(struct om_stemmer *) idle[OM_STEMMERS_IDLE];
};

void om_stemmers_init(struct om_stemmers *stemmers, struct om_alloc *alloc);
/* All taken stemmers must have been given back. A zeroed pool is fine. */
void om_stemmers_fini(struct om_stemmers *stemmers);

/* Any thread; never waits. Makes a new one when none is idle. */
OMEGA_MUST_CHECK omega_status om_stemmers_take(struct om_stemmers *stemmers,
                                               struct om_stemmer **out);
/* NULL is allowed. */
void om_stemmers_give(struct om_stemmers *stemmers, struct om_stemmer *stemmer);

/* *out lives until the next call with this stemmer, or as long as the token when it is its own
 * stem. Never empty. Returns OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_stem(struct om_stemmer *stemmer, const struct om_token *token,
                                      omega_str *out);

#endif
