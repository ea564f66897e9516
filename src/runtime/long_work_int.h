/* long_work_int.h -- one long operation under way. It lives on the stack of who does the work. */
#ifndef OM_LONG_WORK_INT_H
#define OM_LONG_WORK_INT_H

#include "runtime/runtime_rows_int.h"

struct om_long {
    omega_runtime *rt;
    struct om_uuid id;
    const char *name;  /* static */
    const char *phase; /* static */
    char subject[256];
    uint64_t done, total;
    int64_t started_ms, started_ns, saved_ns;
    atomic_bool cancelled;
};

/* OMEGA_EAGAIN above OM_LONG_MAX at a time. After OMEGA_OK om_long_end must follow. */
OMEGA_MUST_CHECK omega_status om_long_begin(struct om_long *work, omega_runtime *rt,
                                            const char *name, const char *subject);
/* Notes the progress; false: end with OMEGA_ECANCELLED. */
bool om_long_go_on(struct om_long *work, const char *phase, uint64_t done, uint64_t total);
/* Keeps how it ended; returns `status` with its error. */
omega_status om_long_end(struct om_long *work, omega_status status);

#endif
