/* export_int.h -- what the two kinds of export share. Private to transfer/. */
#ifndef OM_EXPORT_INT_H
#define OM_EXPORT_INT_H

#include "forms/forms.h"
#include "transfer/transfer.h"

struct om_export {
    const struct om_transfer *transfer;
    const omega_export_options *options;
    /* Writes one memory of a page and counts it. */
    omega_status (*write)(struct om_export *export, const omega_memories *page, size_t index);
    void *context; /* of `write` */
    uint64_t count, total;
};

/* Gives every memory that the options ask for to export->write, in order. */
OMEGA_MUST_CHECK omega_status om_export_pages(struct om_export *export);
OMEGA_MUST_CHECK omega_status om_export_markdown(struct om_export *export);

#endif
