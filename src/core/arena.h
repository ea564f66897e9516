/* arena.h -- memory of one request or one cycle: allocate freely, free all at once.
 *
 * Blocks double from 4 KiB up to 1 MiB; a reset keeps the first block, so a reused arena stops
 * allocating. A `ceiling` bounds the total; reaching it fails like memory that is out.
 * Threads: one at a time. */
#ifndef OM_ARENA_H
#define OM_ARENA_H

#include "core/alloc.h"

struct om_arena_block;

struct om_arena {
    struct om_alloc *alloc;
    struct om_arena_block *blocks; /* newest first */
    size_t total;                  /* bytes held in blocks */
    size_t ceiling;                /* 0: none */
};

void om_arena_init(struct om_arena *arena, struct om_alloc *alloc, size_t ceiling);
void om_arena_fini(struct om_arena *arena);
void om_arena_reset(struct om_arena *arena);

/* Aligned to 16; not zeroed / zeroed; NULL when out. */
void *om_arena_get(struct om_arena *arena, size_t size);
void *om_arena_get0(struct om_arena *arena, size_t count, size_t size);
/* Terminated copies. */
char *om_arena_text(struct om_arena *arena, omega_str text);
omega_str om_arena_str(struct om_arena *arena, omega_str text);
char *om_arena_printf(struct om_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
