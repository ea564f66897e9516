/* alloc.c -- the counting allocator.
 *
 * Each block carries its size in a 16-byte head, so that a release can be counted without asking
 * the caller for the size (malloc_usable_size knows only what the C library rounded to, and a
 * user's hooks have no such call). 16 bytes keep malloc's alignment.
 *
 * Block: | size_t size | pad to 16 | the caller's bytes ... | */
#include "core/alloc.h"

#include <stdlib.h>

enum { HEAD_SIZE = 16 };

static void *plain_allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void *plain_reallocate(void *context, void *ptr, size_t size)
{
    (void)context;
    return realloc(ptr, size);
}

static void plain_release(void *context, void *ptr)
{
    (void)context;
    free(ptr);
}

static const struct om_alloc_hooks plain_hooks = {plain_allocate, plain_reallocate, plain_release,
                                                  NULL};

static struct om_alloc default_alloc = {
    {plain_allocate, plain_reallocate, plain_release, NULL}, 0, 0};

void om_alloc_init(struct om_alloc *alloc, const struct om_alloc_hooks *hooks)
{
    alloc->hooks = hooks != NULL ? *hooks : plain_hooks;
    OM_ASSERT(alloc->hooks.allocate != NULL && alloc->hooks.reallocate != NULL);
    OM_ASSERT(alloc->hooks.release != NULL);
    atomic_init(&alloc->live_count, 0);
    atomic_init(&alloc->live_bytes, 0);
}

struct om_alloc *om_alloc_default(void)
{
    return &default_alloc;
}

/* Counters order nothing, so relaxed is enough. */
static void count_in(struct om_alloc *alloc, size_t size)
{
    atomic_fetch_add_explicit(&alloc->live_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&alloc->live_bytes, size, memory_order_relaxed);
}

static void count_out(struct om_alloc *alloc, size_t size)
{
    atomic_fetch_sub_explicit(&alloc->live_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&alloc->live_bytes, size, memory_order_relaxed);
}

static size_t size_of_block(void *ptr)
{
    size_t size;
    memcpy(&size, (char *)ptr - HEAD_SIZE, sizeof size);
    return size;
}

static void *take_block(char *block, size_t size)
{
    memcpy(block, &size, sizeof size);
    return block + HEAD_SIZE;
}

static bool is_too_big(size_t size)
{
    return size > PTRDIFF_MAX - HEAD_SIZE;
}

void *om_get(struct om_alloc *alloc, size_t size)
{
    size = OM_MAX(size, (size_t)1);
    if (is_too_big(size)) {
        return NULL;
    }
    char *block = alloc->hooks.allocate(alloc->hooks.context, HEAD_SIZE + size);
    if (block == NULL) {
        return NULL;
    }
    count_in(alloc, size);
    return take_block(block, size);
}

void *om_get0(struct om_alloc *alloc, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *ptr = om_get(alloc, total);
    if (ptr != NULL) {
        memset(ptr, 0, OM_MAX(total, (size_t)1));
    }
    return ptr;
}

void *om_resize(struct om_alloc *alloc, void *ptr, size_t size)
{
    if (ptr == NULL) {
        return om_get(alloc, size);
    }
    size = OM_MAX(size, (size_t)1);
    if (is_too_big(size)) {
        return NULL;
    }
    size_t old = size_of_block(ptr);
    char *block =
        alloc->hooks.reallocate(alloc->hooks.context, (char *)ptr - HEAD_SIZE, HEAD_SIZE + size);
    if (block == NULL) {
        return NULL;
    }
    count_out(alloc, old);
    count_in(alloc, size);
    return take_block(block, size);
}

void om_put(struct om_alloc *alloc, void *ptr)
{
    if (ptr == NULL) {
        return;
    }
    count_out(alloc, size_of_block(ptr));
    alloc->hooks.release(alloc->hooks.context, (char *)ptr - HEAD_SIZE);
}

char *om_get_text(struct om_alloc *alloc, omega_str text)
{
    if (is_too_big(text.len)) {
        return NULL;
    }
    char *copy = om_get(alloc, text.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}
