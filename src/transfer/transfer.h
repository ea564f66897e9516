/* transfer.h -- moving memories in and out: import and export. The facade of transfer/.
 *
 * Both work on om_memory's own verbs in slices, tell their progress, and can be cancelled between
 * slices. An import never doubles: what brings no id of its own gets one made from its contents.
 * Formats, ranges and errors stand in omega/system.h. Threads: one per call. */
#ifndef OM_TRANSFER_H
#define OM_TRANSFER_H

#include "memory/memory.h"
#include "omega/system.h"

struct om_transfer {
    struct om_memory *memory;
    struct om_alloc *alloc;
    omega_progress progress; /* false cancels: OMEGA_ECANCELLED; NULL: none */
    void *context;
};

/* options->progress is not called: transfer->progress is. Fills *out also when it fails. */
OMEGA_MUST_CHECK omega_status om_transfer_import(const struct om_transfer *transfer,
                                                 const omega_import_options *options,
                                                 omega_import_report *out);
OMEGA_MUST_CHECK omega_status om_transfer_export(const struct om_transfer *transfer,
                                                 const omega_export_options *options,
                                                 uint64_t *count);

/* Reads `text` as an import of a file `name` would and stores nothing (transfer->memory may be
 * NULL): what it would hand to the store counts as read, what it would refuse as failed. */
OMEGA_MUST_CHECK omega_status om_transfer_read(const struct om_transfer *transfer, const char *name,
                                               omega_str text, const omega_import_options *options,
                                               omega_import_report *out);

#endif
