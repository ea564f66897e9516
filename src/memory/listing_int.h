/* listing_int.h -- walking the memories that list options describe. Private to memory/. */
#ifndef OM_LISTING_INT_H
#define OM_LISTING_INT_H

#include "memory/memory_int.h"

/* One walk in order, over one reader. Everything it borrows must outlive it. */
struct om_lister {
    struct om_reader *reader;
    const omega_list_options *options;
    struct om_filter *filter;
    struct om_stmt *stmt;
    int64_t now;
    int64_t value, number; /* order value and row number of the last one given */
    bool damaged;          /* a row was left out because its checksum does not fit */
};

/* Compiles the filter into the arena and begins behind (value, number) of an earlier walk in the
 * same order, or at the start with `resume` false. Options are checked. */
OMEGA_MUST_CHECK omega_status om_lister_init(struct om_lister *lister, struct om_arena *arena,
                                             struct om_reader *reader,
                                             const omega_list_options *options, int64_t now);
void om_lister_resume(struct om_lister *lister, int64_t value, int64_t number);
/* The next one; *found false at the end. Texts live until the next call. */
OMEGA_MUST_CHECK omega_status om_lister_next(struct om_lister *lister, struct om_memory_row *row,
                                             bool *found);

#endif
