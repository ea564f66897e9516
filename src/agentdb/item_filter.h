/* item_filter.h -- which items a search may return. */
#ifndef OM_ITEM_FILTER_H
#define OM_ITEM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OM_ITEM_FILTER_ROOTS = 4 };

/* An item passes when its scope root is one of `roots` and pass(context, item) says so. Roots are
 * cheap, so they are asked first. `pass` is called from several threads at once and takes no lock
 * that a searching thread may hold. All zero: everything passes. */
struct om_item_filter {
    bool (*pass)(void *context, uint32_t item); /* NULL: every item */
    void *context;
    const uint32_t *roots;
    size_t root_count; /* 0: all roots; at most OM_ITEM_FILTER_ROOTS */
};

#endif
