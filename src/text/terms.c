/* terms.c -- the walk that the words index and the built-in embedder share.
 *
 * One function, so that what is found by words and what is near by vector agree on what a word
 * is. */
#include "text/terms.h"

#include "text/fold.h"

static omega_status walk_tokens(struct om_stemmer *stemmer, omega_str folded,
                                omega_status (*each)(void *context, const struct om_term *term),
                                void *context)
{
    struct om_tokens tokens = {.text = folded};
    struct om_term term;
    while (om_token_next(&tokens, &term.token)) {
        omega_status status = om_stem(stemmer, &term.token, &term.stem);
        if (status != OMEGA_OK) {
            return status;
        }
        term.stop = om_token_is_stop(term.token.text);
        status = each(context, &term);
        if (status != OMEGA_OK) {
            return status;
        }
    }
    return OMEGA_OK;
}

omega_status om_text_terms(struct om_stemmers *stemmers, omega_str text,
                           omega_status (*each)(void *context, const struct om_term *term),
                           void *context)
{
    struct om_buf folded;
    om_buf_init(&folded, stemmers->alloc, text.len * OM_FOLD_GROWTH);
    struct om_stemmer *stemmer = NULL;
    omega_status status = om_text_fold(text, &folded);
    if (status == OMEGA_OK) {
        status = om_stemmers_take(stemmers, &stemmer);
    }
    if (status == OMEGA_OK) {
        status = walk_tokens(stemmer, om_buf_str(&folded), each, context);
    }
    om_stemmers_give(stemmers, stemmer);
    om_buf_fini(&folded);
    return status;
}
