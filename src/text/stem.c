/* stem.c -- a pool of Snowball handles.
 *
 * A stemmer holds one handle for each language, made when first needed. The pool is an array of
 * pointers taken and given back by atomic exchange: no lock, no wait; a thread that finds it empty
 * makes a stemmer, one that finds it full frees its own.
 *
 * Rejected: one handle per thread in thread-local storage, which outlives the runtime and leaks
 * with threads that the runtime did not start. */
#include "text/stem.h"

#include <libstemmer.h>

enum { SCRIPT_COUNT = OM_SCRIPT_PAIRED + 1 };

struct om_stemmer {
    struct sb_stemmer *handles[SCRIPT_COUNT];
};

/* NULL: tokens of this script are their own stems. */
static const char *const languages[SCRIPT_COUNT] = {
    [OM_SCRIPT_LATIN] = "english",    [OM_SCRIPT_GREEK] = "greek",
    [OM_SCRIPT_CYRILLIC] = "russian", [OM_SCRIPT_ARABIC] = "arabic",
    [OM_SCRIPT_DEVANAGARI] = "hindi",
};

void om_stemmers_init(struct om_stemmers *stemmers, struct om_alloc *alloc)
{
    stemmers->alloc = alloc;
    for (size_t i = 0; i < OM_STEMMERS_IDLE; i++) {
        atomic_init(&stemmers->idle[i], NULL);
    }
}

static void stemmer_free(struct om_stemmers *stemmers, struct om_stemmer *stemmer)
{
    if (stemmer == NULL) {
        return;
    }
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        sb_stemmer_delete(stemmer->handles[i]);
    }
    om_put(stemmers->alloc, stemmer);
}

void om_stemmers_fini(struct om_stemmers *stemmers)
{
    for (size_t i = 0; i < OM_STEMMERS_IDLE; i++) {
        stemmer_free(stemmers, atomic_exchange(&stemmers->idle[i], NULL));
    }
}

omega_status om_stemmers_take(struct om_stemmers *stemmers, struct om_stemmer **out)
{
    struct om_stemmer *stemmer = NULL;
    for (size_t i = 0; i < OM_STEMMERS_IDLE && stemmer == NULL; i++) {
        /* Acquire: what the last user of the handle wrote into it is seen. */
        stemmer = atomic_exchange_explicit(&stemmers->idle[i], NULL, memory_order_acquire);
    }
    if (stemmer == NULL) {
        stemmer = om_get0(stemmers->alloc, 1, sizeof(*stemmer));
    }
    if (stemmer == NULL) {
        return om_nomem();
    }
    *out = stemmer;
    return OMEGA_OK;
}

void om_stemmers_give(struct om_stemmers *stemmers, struct om_stemmer *stemmer)
{
    for (size_t i = 0; i < OM_STEMMERS_IDLE && stemmer != NULL; i++) {
        /* Release publishes the handle's state; acquire receives the stemmer that stood here. */
        stemmer = atomic_exchange_explicit(&stemmers->idle[i], stemmer, memory_order_acq_rel);
    }
    stemmer_free(stemmers, stemmer);
}

omega_status om_stem(struct om_stemmer *stemmer, const struct om_token *token, omega_str *out)
{
    const char *language = languages[token->script];
    *out = token->text;
    if (language == NULL) {
        return OMEGA_OK;
    }
    struct sb_stemmer *handle = stemmer->handles[token->script];
    if (handle == NULL) {
        handle = sb_stemmer_new(language, "UTF_8");
        if (handle == NULL) {
            return om_nomem();
        }
        stemmer->handles[token->script] = handle;
    }
    const sb_symbol *stem =
        sb_stemmer_stem(handle, (const sb_symbol *)token->text.ptr, (int)token->text.len);
    if (stem == NULL) {
        return om_nomem();
    }
    size_t size = (size_t)sb_stemmer_length(handle);
    if (size > 0) {
        *out = (omega_str){(const char *)stem, size};
    }
    return OMEGA_OK;
}
