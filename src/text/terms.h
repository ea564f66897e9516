/* terms.h -- from a text to its terms in one walk: fold, split, stem.
 *
 * Threads: any, also with one pool of stemmers. Memory: one buffer of the text's size for the
 * call. */
#ifndef OM_TERMS_H
#define OM_TERMS_H

#include "text/stem.h"

struct om_term {
    struct om_token token; /* the folded word */
    omega_str stem;
    bool stop; /* an English function word */
};

/* Calls `each` for every token of `text` in order; the term and what it points to live for the
 * call. A status other than OMEGA_OK from `each` ends the walk and is returned. Otherwise
 * OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_text_terms(struct om_stemmers *stemmers, omega_str text,
                                            omega_status (*each)(void *context,
                                                                 const struct om_term *term),
                                            void *context);

#endif
