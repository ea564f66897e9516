/* alloc.h -- where memory comes from, and how much of it.
 *
 * One om_alloc for each runtime. It counts; everything that lives as long as the runtime comes
 * from it. Request-scoped work uses an arena (arena.h) on top.
 * Threads: any; the counters are atomic. */
#ifndef OM_ALLOC_H
#define OM_ALLOC_H

#include <stdatomic.h>

#include "core/status.h"

/* What the user may replace: malloc's family with a context. */
struct om_alloc_hooks {
    void *(*allocate)(void *context, size_t size);
    void *(*reallocate)(void *context, void *ptr, size_t size);
    void (*release)(void *context, void *ptr);
    void *context;
};

struct om_alloc {
    struct om_alloc_hooks hooks;
    atomic_size_t live_count; /* blocks not yet released */
    atomic_size_t live_bytes; /* their sizes as asked for */
};

/* hooks NULL: malloc, realloc, free. */
void om_alloc_init(struct om_alloc *alloc, const struct om_alloc_hooks *hooks);
/* The process-wide one over malloc, for what belongs to no runtime. */
struct om_alloc *om_alloc_default(void);

/* NULL when memory is out (no error is recorded; om_nomem() does that). Sizes of 0 give a block of
 * one byte. om_get0 is zeroed and refuses an overflowing count * size. */
void *om_get(struct om_alloc *alloc, size_t size);
void *om_get0(struct om_alloc *alloc, size_t count, size_t size);
/* Grows or shrinks; on NULL the old block stands. ptr NULL is om_get. */
void *om_resize(struct om_alloc *alloc, void *ptr, size_t size);
/* NULL is allowed. */
void om_put(struct om_alloc *alloc, void *ptr);
/* A terminated copy. */
char *om_get_text(struct om_alloc *alloc, omega_str text);

/* `return om_nomem();` */
#define om_nomem() om_fail(OMEGA_ENOMEM, "out of memory")

#endif
