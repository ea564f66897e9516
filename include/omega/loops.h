/* loops.h -- what runs by itself, and the contract of one cycle.
 *
 * A cycle takes {data, context, objectives} and returns {results, insights, actions, metrics before
 * and after, next_objectives}. Today the maintenance loops carry it; omega_loop_status lists the
 * loops that this library has. Threads: any. Since 0.1. */
#ifndef OMEGA_LOOPS_H
#define OMEGA_LOOPS_H

#include "omega/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The loops of upkeep, beside the seven of omega_loop; the same type. */
enum {
    OMEGA_LOOP_RETENTION = 16,  /* archives what its tier no longer keeps, removes what expired */
    OMEGA_LOOP_CHECKPOINT = 17, /* moves the WAL into the database, trims logs */
    OMEGA_LOOP_ERASURE = 18     /* takes the bytes of deleted memories out of the files */
};

typedef struct omega_cycle_input {
    uint32_t struct_size;
    uint32_t reserved;
    omega_str data;    /* a JSON object, at most 1 MiB; not given: {} */
    omega_str context; /* a word or sentence of the caller's, at most 64 KiB, kept in the result */
    const char *const *objectives;
    size_t objective_count; /* 0: the maintenance loops know none, any is OMEGA_EINVAL */
} omega_cycle_input;
static inline omega_cycle_input omega_cycle_input_default(void)
{
    omega_cycle_input input;
    memset(&input, 0, sizeof input);
    input.struct_size = (uint32_t)sizeof input;
    return input;
}
#define OMEGA_CYCLE_INPUT_INIT omega_cycle_input_default()

typedef struct omega_insight {
    omega_str description;
    const float *embedding; /* in the embedder's space */
    uint32_t dimension;
    uint32_t reserved;
    double gain_low; /* the lower bound of what acting on it gains; NaN where nothing is claimed */
} omega_insight;

typedef struct omega_cycle_output omega_cycle_output;

/* Runs one cycle now, on the calling thread, and returns when it is done; a cycle of the same loop
 * that is under way is waited for. Publishes LoopCycleStarted and LoopCycleCompleted.
 * Needs a Running runtime. OMEGA_EUNSUPPORTED for a loop that is not there, naming those that are;
 * OMEGA_EINVAL; OMEGA_ELIMIT (data); what the work itself failed with. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_loop_execute_cycle(omega_runtime *rt, omega_loop loop,
                                                                 const omega_cycle_input *input,
                                                                 omega_cycle_output **out);
OMEGA_API size_t omega_cycle_insight_count(const omega_cycle_output *output);
OMEGA_API const omega_insight *omega_cycle_insight_at(const omega_cycle_output *output,
                                                      size_t index);
/* {"cycle_id","loop","success","context","results":{..},"insights":[..],"actions":[..],
 * "metrics":{"before":{..},"after":{..}},"next_objectives":[..],"duration_us"}. Borrowed. */
OMEGA_API omega_str omega_cycle_json(const omega_cycle_output *output);
OMEGA_API void omega_cycle_output_free(omega_cycle_output *output);

typedef struct omega_loop_info {
    uint32_t struct_size;
    omega_loop loop;
    char name[24];
    int64_t interval_ms;
    int64_t next_due_ms, last_start_ms; /* wall; OMEGA_TIME_UNSET: never */
    int64_t last_duration_us;
    uint64_t cycles, failures, idle; /* idle: cycles that found nothing to do */
    bool enabled, running;
    char reserved[6];
    char last_error[96];
} omega_loop_info;

/* The loops in force: fills at most `capacity` of out (each with its struct_size set by the call),
 * *count is how many there are. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_loop_status(omega_runtime *rt, omega_loop_info *out,
                                                          size_t capacity, size_t *count);
/* A disabled loop keeps its due time and can still be executed by hand. Not kept over a restart. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_loop_enable(omega_runtime *rt, omega_loop loop,
                                                          bool enabled);

#ifdef __cplusplus
}
#endif
#endif
