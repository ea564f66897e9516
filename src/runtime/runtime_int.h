/* runtime_int.h -- what the files of runtime/ share: the handle and the ways into it.
 *
 * The handle's life: omega_runtime_new makes what needs no disk (config, clock, lifecycle, bus,
 * metrics, health, scheduler); starting opens the parts (parts.c) in dependency order, stopping
 * closes them in reverse. Every operation passes the gate (gate.c), so parts are only reached
 * between a start and the end of the stop that follows.
 *
 * Locks: control (lifecycle calls one at a time) < operations (queues) < each part's own. */
#ifndef OM_RUNTIME_INT_H
#define OM_RUNTIME_INT_H

#include "agentdb/agentdb.h"
#include "memory/memory.h"
#include "omega/omega.h"
#include "providers/providers.h"
#include "resilience/resilience.h"
#include "runtime/config_table_int.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "text/text.h"

struct om_workers; /* submit_int.h */
struct om_cycle_table;
struct om_long;
struct om_shared_bus;

enum { OM_LONG_MAX = 16 };

struct omega_runtime {
    omega_config config;
    struct om_alloc alloc;
    const struct om_clock *clock;
    const char *vfs;
    bool manual_schedule;
    struct om_carry carry;
    unsigned fork_generation; /* of the process that made it */
    struct om_mutex control;  /* start, pause, resume, stop: one at a time */
    struct om_uuid_source ids;
    int64_t created_mono_ns;
    char data_dir[OM_PATH_SIZE];

    struct om_lifecycle life;
    struct om_shared_bus *shared_bus; /* announce.c */
    struct om_bus *bus;               /* the same */
    struct om_metrics *metrics;
    struct om_metric_set *figures; /* figures.c */
    struct om_health *health;
    struct om_scheduler *scheduler;
    struct om_schedule_store schedule_store;
    struct om_supervisor *supervisor;
    struct om_workers *workers; /* submit.c */
    struct om_cycle_table *cycles;

    /* The parts; NULL while stopped. */
    struct om_store *store;
    struct om_scan_pool *pool;
    struct om_stemmers stemmers;
    struct om_embedder embedder;
    struct om_spaces *spaces;
    struct om_points *points;
    struct om_memory *memory;

    /* The gate. */
    atomic_uint inside;   /* operations under way */
    atomic_uint writing;  /* those of them that may change something */
    atomic_bool draining; /* asks long work to end */
    struct om_mutex gate_mutex;
    struct om_cond gate_empty;

    struct om_long *long_work[OM_LONG_MAX]; /* under gate_mutex: long_work.c */
};

/* ---- gate.c --------------------------------------------------------------------------------- */

enum om_op_mode { OM_OP_INLINE, OM_OP_READ, OM_OP_WRITE, OM_OP_LONG };
/* OMEGA_OK: go on, and leave afterwards. OMEGA_ESTATE (wrong state, or the child of a fork),
 * OMEGA_EINVAL (rt NULL). */
OMEGA_MUST_CHECK omega_status om_gate_enter(omega_runtime *rt, enum om_op_mode mode,
                                            const char *what);
void om_gate_leave(omega_runtime *rt, enum om_op_mode mode);
/* Waits until `count` (rt->inside or rt->writing) is 0; false when timeout_ms passed. */
bool om_gate_drain(omega_runtime *rt, atomic_uint *count, int64_t timeout_ms);
/* True in the child of a fork: the handle is the parent's. */
bool om_is_forked(const omega_runtime *rt);
/* For calls that work in every state. */
OMEGA_MUST_CHECK omega_status om_require_runtime(const omega_runtime *rt);

/* ---- parts.c -------------------------------------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_parts_register(omega_runtime *rt);

/* ---- operations.c: the one table ------------------------------------------------------------ */

/* Where the ids of a batch go: as many as the options say, into room of the caller. */
struct om_id_list {
    omega_id *ids;
    char *session; /* 257 bytes, or NULL */
};

struct om_operation {
    const char *name;
    enum om_op_mode mode;
    size_t result_size;    /* of what `execute` writes; 0: none */
    bool result_is_handle; /* what is written is a pointer, to be released */
    omega_status (*execute)(omega_runtime *rt, const void *options, void *result);
    void (*release)(void *handle);
};
const struct om_operation *om_operation_at(omega_op op); /* NULL: none */
/* The blocking form: gate, execute on this thread, count and time. `options` as the caller gave
 * them: struct_size decides how much of it is read. */
OMEGA_MUST_CHECK omega_status om_operate(omega_runtime *rt, omega_op op, const void *options,
                                         void *result);
/* 0 for an operation without options; else the size of the first version of its struct. */
size_t om_options_size(omega_op op);
OMEGA_MUST_CHECK omega_status om_options_check_size(omega_op op, const void *options);
/* Copies what `options` holds and points to into an arena. */
OMEGA_MUST_CHECK omega_status om_options_copy(struct om_arena *arena, omega_op op,
                                              const void *options, void **out);

/* The longer ones, in files of their own: embed.c, upkeep_calls.c, transfer_calls.c. */
OMEGA_MUST_CHECK omega_status om_embed(omega_runtime *rt, const omega_embed_options *options,
                                       omega_vectors **out);
omega_status om_do_backup(omega_runtime *rt, const void *options, void *result);
omega_status om_do_check(omega_runtime *rt, const void *options, void *result);
omega_status om_do_import(omega_runtime *rt, const void *options, void *result);
omega_status om_do_export(omega_runtime *rt, const void *options, void *result);

/* ---- submit.c, workers.c -------------------------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_workers_new(omega_runtime *rt, struct om_workers **out);
void om_workers_free(struct om_workers *workers);
/* Ends what still waits with OMEGA_ECANCELLED, waits for what has begun, ends the threads. */
void om_workers_stop(struct om_workers *workers);
/* Wakes who waits for completions: nothing will come. */
void om_workers_stopped(struct om_workers *workers);
/* True when this thread works for a submitted operation that was cancelled. */
bool om_submitted_should_stop(void);

/* ---- figures.c: what is counted ------------------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_figures_register(omega_runtime *rt);
void om_figures_operation(omega_runtime *rt, omega_op op, omega_status status, int64_t duration_ns);
void om_figures_cycle(omega_runtime *rt, omega_loop loop, bool success, bool idle);
uint64_t om_figures_cycles(const omega_runtime *rt, omega_loop loop);
uint64_t om_figures_idle_cycles(const omega_runtime *rt, omega_loop loop);
/* Lays the parts' own counts over the registry before it is shown. */
void om_figures_refresh(omega_runtime *rt);

/* ---- vitals.c: the probes ------------------------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_vitals_register(omega_runtime *rt);
/* The first look of a start. */
void om_vitals_begin(omega_runtime *rt);
/* The last results, into a struct of the caller's size. */
void om_vitals_report(omega_runtime *rt, omega_health_report *out);

/* ---- announce.c: from the parts to the bus -------------------------------------------------- */

OMEGA_MUST_CHECK omega_status om_shared_bus_new(struct om_shared_bus **out);
struct om_bus *om_shared_bus_of(struct om_shared_bus *shared);
void om_shared_bus_drop(struct om_shared_bus *shared); /* NULL is allowed */
void om_announce(omega_runtime *rt, omega_event_type type, const void *body, size_t size);
/* store's on_event */
void om_announce_stored(void *rt, const struct om_store_event *event);
void om_announce_transition(void *rt, const struct om_transition *transition);
void om_announce_health(void *rt, const struct om_health_change *change);
void om_announce_error(omega_runtime *rt, const char *component, const char *error);

/* ---- cycles.c: the cycle contract ----------------------------------------------------------- */

struct om_cycle; /* one cycle under way: cycle_int.h */
OMEGA_MUST_CHECK omega_status om_cycles_new(omega_runtime *rt, struct om_cycle_table **out);
void om_cycles_free(struct om_cycle_table *cycles);
/* Adds a scheduler row for each loop. */
OMEGA_MUST_CHECK omega_status om_cycles_schedule(omega_runtime *rt);
OMEGA_MUST_CHECK omega_status om_cycle_execute(omega_runtime *rt, omega_loop loop,
                                               const omega_cycle_input *input, struct om_task *task,
                                               omega_cycle_output **out);

/* ---- runtime_rows.c: the runtime's own tables ----------------------------------------------- */

extern const struct om_schema om_runtime_schema;
const struct om_record_kind *const *om_runtime_kinds(size_t *count);
/* For om_scheduler_options.store; context is the runtime. */
omega_status om_due_load(void *rt, const char *name, int64_t *due_ms, int64_t *last_ms);
omega_status om_due_save(void *rt, const char *name, int64_t due_ms, int64_t last_ms);
/* One cycle that did something, for the record. */
OMEGA_MUST_CHECK omega_status om_cycle_keep(omega_runtime *rt, struct om_uuid id, omega_loop loop,
                                            bool success, omega_str json);

#endif
