/* builtin_embedder.c -- text/features.h as an embedder.
 *
 * The context is a pool of stemmers and nothing else: an embedding is a pure function of its
 * text. */
#include "providers/providers.h"

#include "text/text.h"

_Static_assert((int)OM_BUILTIN_DIMENSION == (int)OM_FEATURES_DIMENSION, "one dimension");

static omega_status embed(void *context, omega_str text, float *out)
{
    return om_text_features(context, text, out);
}

omega_status om_builtin_embedder(struct om_alloc *alloc, struct om_embedder *out)
{
    struct om_stemmers *stemmers = om_get(alloc, sizeof(*stemmers));
    if (stemmers == NULL) {
        return om_nomem();
    }
    om_stemmers_init(stemmers, alloc);
    *out = (struct om_embedder){
        .space = OM_BUILTIN_SPACE,
        .dimension = OM_BUILTIN_DIMENSION,
        .is_local = true,
        .embed = embed,
        .context = stemmers,
    };
    return OMEGA_OK;
}

void om_builtin_embedder_fini(struct om_embedder *embedder)
{
    if (embedder == NULL || embedder->context == NULL) {
        return;
    }
    struct om_stemmers *stemmers = embedder->context;
    om_stemmers_fini(stemmers);
    om_put(stemmers->alloc, stemmers);
    *embedder = (struct om_embedder){0};
}
