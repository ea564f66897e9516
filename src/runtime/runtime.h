/* runtime.h -- the composition root: builds, owns, starts, stops and wires all parts. The facade of
 * runtime/, beside the public headers, which it implements.
 *
 * om_runtime_new_with is omega_runtime_new with what tests and tools inject. */
#ifndef OM_RUNTIME_H
#define OM_RUNTIME_H

#include "core/core.h"
#include "omega/omega.h"

/* What a submitted operation carries from its submitter's thread to its worker's, around the work:
 * a test's count of allocations. Both NULL: nothing. */
struct om_carry {
    uintptr_t (*take)(void);
    void (*adopt)(uintptr_t token); /* 0: no more */
};

struct om_runtime_options {
    const omega_config *config;          /* NULL: the defaults */
    const struct om_clock *clock;        /* NULL: the system's; must outlive the runtime */
    const struct om_alloc_hooks *memory; /* NULL: malloc's */
    const char *vfs;                     /* of the store; NULL: the system's */
    struct om_carry carry;
    bool manual_schedule; /* no thread of the scheduler: om_runtime_run_due drives it */
};
OMEGA_MUST_CHECK omega_status om_runtime_new_with(const struct om_runtime_options *options,
                                                  omega_runtime **out);
/* With manual_schedule: runs what is due by the clock; returns how many rows ran. */
size_t om_runtime_run_due(omega_runtime *rt);
/* Blocks that the runtime's allocator has not got back: 0 after a stop, but for the handle. */
size_t om_runtime_live_blocks(const omega_runtime *rt);

#endif
