/* cycle_int.h -- one cycle under way, and what a loop is: a const struct om_loop.
 *
 * A new loop is a row of the table in cycles.c: its number, how to see whether there is work, how
 * to do it, what to measure before and after. */
#ifndef OM_CYCLE_INT_H
#define OM_CYCLE_INT_H

#include "runtime/runtime_int.h"

struct om_cycle {
    omega_runtime *rt;
    const omega_cycle_input *input;
    struct om_task *task;       /* NULL: executed by a caller */
    struct om_json_out results; /* open object */
    struct om_json_out actions; /* open array of sentences */
    struct om_json_out next;    /* open array: objectives for the next cycle */
};

struct om_loop {
    omega_loop loop;
    const char *name;
    /* Anything to do? A scheduled cycle without work is only counted. */
    bool (*wants)(const struct om_cycle *cycle);
    omega_status (*run)(struct om_cycle *cycle);
    /* Members of metrics.before and metrics.after. */
    void (*measure)(omega_runtime *rt, struct om_json_out *out);
    int64_t (*interval_ms)(const omega_config *config);
    /* No row of its cycles: writing one would make the work that the next is for. */
    bool keeps_no_row;
};

/* Asked between slices of work. */
bool om_cycle_should_stop(const struct om_cycle *cycle);

extern const struct om_loop om_loop_retention, om_loop_checkpoint, om_loop_erasure;

#endif
