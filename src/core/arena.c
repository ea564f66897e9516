/* arena.c -- bump allocation in a list of doubling blocks.
 *
 * The newest block is at the head and the only one that is bumped; a request too big for what is
 * left gets a new block (at least its size). A reset frees all but the oldest block, which is the
 * tail of the list, so a loop of equal requests settles without the allocator.
 * Rejected: keeping the biggest block on reset (one large request would pin its memory). */
#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_BLOCK = 4 << 10, LAST_BLOCK = 1 << 20, ALIGN = 16 };

struct om_arena_block {
    struct om_arena_block *next; /* older */
    size_t size;                 /* of the bytes */
    size_t used;
    size_t pad; /* the bytes begin aligned to 16 */
    char bytes[];
};

_Static_assert(offsetof(struct om_arena_block, bytes) % ALIGN == 0, "arena bytes are aligned");

void om_arena_init(struct om_arena *arena, struct om_alloc *alloc, size_t ceiling)
{
    *arena = (struct om_arena){.alloc = alloc, .ceiling = ceiling};
}

void om_arena_fini(struct om_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct om_arena_block *block = arena->blocks; block != NULL;) {
        struct om_arena_block *next = block->next;
        om_put(arena->alloc, block);
        block = next;
    }
    arena->blocks = NULL;
    arena->total = 0;
}

void om_arena_reset(struct om_arena *arena)
{
    struct om_arena_block *block = arena->blocks;
    while (block != NULL && block->next != NULL) {
        struct om_arena_block *next = block->next;
        arena->total -= block->size;
        om_put(arena->alloc, block);
        block = next;
    }
    arena->blocks = block;
    if (block != NULL) {
        block->used = 0;
    }
}

/* A ceiling counts what blocks hold, so the last block shrinks to what is still allowed. */
static struct om_arena_block *add_block(struct om_arena *arena, size_t size)
{
    size_t want = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
    want = OM_MIN(want, (size_t)LAST_BLOCK);
    want = OM_MAX(want, size);
    if (arena->ceiling != 0) {
        size_t left = arena->total < arena->ceiling ? arena->ceiling - arena->total : 0;
        if (size > left) {
            return NULL;
        }
        want = OM_MIN(want, left);
    }
    struct om_arena_block *block = om_get(arena->alloc, sizeof *block + want);
    if (block == NULL) {
        return NULL;
    }
    block->next = arena->blocks;
    block->size = want;
    block->used = 0;
    arena->blocks = block;
    arena->total += want;
    return block;
}

void *om_arena_get(struct om_arena *arena, size_t size)
{
    if (size > PTRDIFF_MAX / 2) {
        return NULL;
    }
    size = (OM_MAX(size, (size_t)1) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct om_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size) {
        block = add_block(arena, size);
        if (block == NULL) {
            return NULL;
        }
    }
    void *ptr = block->bytes + block->used;
    block->used += size;
    return ptr;
}

void *om_arena_get0(struct om_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *ptr = om_arena_get(arena, total);
    if (ptr != NULL) {
        memset(ptr, 0, total);
    }
    return ptr;
}

char *om_arena_text(struct om_arena *arena, omega_str text)
{
    if (text.len == SIZE_MAX) {
        return NULL;
    }
    char *copy = om_arena_get(arena, text.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

omega_str om_arena_str(struct om_arena *arena, omega_str text)
{
    char *copy = om_arena_text(arena, text);
    return (omega_str){copy, copy != NULL ? text.len : 0};
}

char *om_arena_printf(struct om_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len >= 0 ? om_arena_get(arena, (size_t)len + 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}
