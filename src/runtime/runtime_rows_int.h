/* runtime_rows_int.h -- rows of the table `operations`: long work, as it is kept. */
#ifndef OM_RUNTIME_ROWS_INT_H
#define OM_RUNTIME_ROWS_INT_H

#include "runtime/runtime_int.h"

struct om_operation_row {
    struct om_uuid id;
    omega_str name, subject, phase, error;
    int64_t state; /* omega_operation_state */
    uint64_t done, total;
    int64_t started, updated;
};

OMEGA_MUST_CHECK omega_status om_operation_keep(omega_runtime *rt,
                                                const struct om_operation_row *row);
/* At start: what was running when the last owner ended is interrupted. */
OMEGA_MUST_CHECK omega_status om_operations_interrupt(omega_runtime *rt);
/* Newest first; texts are valid during the call. */
OMEGA_MUST_CHECK omega_status om_operations_each(omega_runtime *rt, size_t max,
                                                 void (*each)(void *context,
                                                              const struct om_operation_row *row),
                                                 void *context);

#endif
