/* providers.h -- who turns text into vectors. The facade of providers/.
 *
 * The built-in embedder needs no download, no network and no configuration: it is text/features.h
 * behind the interface of core/embedder.h. Its vectors are good for the same words in any order,
 * inflections, misspellings and near-duplicates; it knows no synonyms and no meaning. On the STS
 * Benchmark its cosine has a Spearman correlation of .79 (dev) and .72 (test) with the human scores
 * (bench/bench_embed).
 *
 *     struct om_embedder embedder;
 *     omega_status status = om_builtin_embedder(alloc, &embedder);
 *     ... embedder.embed(embedder.context, text, vector) ...
 *     om_builtin_embedder_fini(&embedder); */
#ifndef OM_PROVIDERS_H
#define OM_PROVIDERS_H

#include "core/core.h"

/* The space's name changes whenever the same text would get another vector. */
#define OM_BUILTIN_SPACE "builtin-hash-v1/768"
enum { OM_BUILTIN_DIMENSION = 768 };

/* Fills *out. embed takes valid UTF-8 of any length, may be called by any number of threads at
 * once, writes 768 floats of length 1 (all zero for a text without a word), needs no clock and no
 * random number, and fails only with OMEGA_ENOMEM. `alloc` must outlive the embedder. Returns
 * OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_builtin_embedder(struct om_alloc *alloc, struct om_embedder *out);

/* Frees what om_builtin_embedder made; no call of embed may be under way. A zeroed one is fine. */
void om_builtin_embedder_fini(struct om_embedder *embedder);

#endif
