/* embedder.h -- what turns text into vectors, filled by providers, used by memory. */
#ifndef OM_EMBEDDER_H
#define OM_EMBEDDER_H

#include "core/status.h"

struct om_embedder {
    const char *space; /* the space its vectors live in, model and version included */
    uint32_t dimension;
    bool is_local; /* answers in microseconds and cannot fail but for memory */
    /* Writes `dimension` floats of unit length (all zero for text without any word). */
    omega_status (*embed)(void *context, omega_str text, float *out);
    void *context;
};

#endif
