/* intern_int.h -- texts that many memories share, as small numbers. Private to memory/.
 *
 * A name is counted: take and drop come in pairs. When its last use goes it is no longer found, and
 * freed two calls of om_names_age later: one call for each grace period of the catalogue, so that
 * no reader holds it then.
 * Threads: take, drop and age by the publisher; find and text by any reader inside the catalogue's
 *          grace period. find takes a lock for a few instructions, text none. */
#ifndef OM_INTERN_INT_H
#define OM_INTERN_INT_H

#include "core/core.h"

enum { OM_NAMES_CHUNK = 256, OM_NAMES_CHUNKS = 1 << 16 };

struct om_name {
    char *text;
    uint32_t len;
    uint32_t uses;
    uint32_t next; /* on the list of free, ended or aged names */
};

struct om_names {
    struct om_alloc *alloc;
    struct om_mutex mutex; /* leaf: guards the map and the counts */
    struct om_map map;     /* text -> number */
    _Atomic(struct om_name *) *chunks;
    uint32_t limit;                               /* numbers ever given are 1 .. limit */
    uint32_t free_first, ended_first, aged_first; /* 0: none */
    uint64_t bytes;
};

OMEGA_MUST_CHECK omega_status om_names_init(struct om_names *names, struct om_alloc *alloc);
void om_names_fini(struct om_names *names); /* a zeroed one is fine */
/* An empty text is 0 and needs no drop. */
OMEGA_MUST_CHECK omega_status om_names_take(struct om_names *names, omega_str text, uint32_t *out);
void om_names_drop(struct om_names *names, uint32_t name);
void om_names_age(struct om_names *names);
bool om_names_find(struct om_names *names, omega_str text, uint32_t *out);
omega_str om_names_text(const struct om_names *names, uint32_t name);
uint64_t om_names_bytes(struct om_names *names);

#endif
