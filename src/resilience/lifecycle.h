/* lifecycle.h -- the one state machine of a runtime.
 *
 *     Created > Starting > Running <> Paused > Stopping > Stopped (> Starting again)
 *     Failed from any
 *
 * Promises: only what the table allows happens; everything else is OMEGA_ESTATE, names the state
 *           and the input, and changes nothing. Revisions count 1, 2, 3 ... without a gap. Each
 *           observer is told every transition once, in the order of revisions, under no lock.
 * Threads:  any. A thread that applies an input tells the observers, unless another thread is just
 *           telling: then that one carries on with it, and the applying call returns at once.
 * Memory:   embedded and of fixed size; nothing is allocated.
 *
 *     struct om_lifecycle life;
 *     om_lifecycle_init(&life, clock);
 *     status = om_lifecycle_apply(&life, OM_INPUT_START, "asked by the user"); */
#ifndef OM_LIFECYCLE_H
#define OM_LIFECYCLE_H

#include "core/core.h"

enum om_state {
    OM_STATE_CREATED,
    OM_STATE_STARTING,
    OM_STATE_RUNNING,
    OM_STATE_PAUSED,
    OM_STATE_STOPPING,
    OM_STATE_STOPPED,
    OM_STATE_FAILED,
    OM_STATE_COUNT
};
#define OM_STATE_BIT(state) (1u << (state))

enum om_input {
    OM_INPUT_START,   /* begin to start: from Created and Stopped */
    OM_INPUT_STARTED, /* the start is done */
    OM_INPUT_PAUSE,
    OM_INPUT_RESUME,
    OM_INPUT_STOP,    /* begin to stop: from Starting, Running, Paused, Failed */
    OM_INPUT_STOPPED, /* the stop is done */
    OM_INPUT_FAIL,    /* from every state but Failed: the first cause stands */
    OM_INPUT_COUNT
};

enum { OM_LIFECYCLE_CAUSE_SIZE = 128, OM_LIFECYCLE_OBSERVERS = 8, OM_LIFECYCLE_PENDING = 32 };

struct om_transition {
    uint64_t rev; /* 1 is the first */
    enum om_state old_state;
    enum om_state new_state;
    enum om_input input;
    int64_t mono_ns;
    int64_t wall_ms;
    char cause[OM_LIFECYCLE_CAUSE_SIZE]; /* clipped between code points */
};

/* May apply inputs itself: what it causes is told after this one. */
typedef void (*om_lifecycle_observer)(void *context, const struct om_transition *transition);

struct om_lifecycle {
    struct om_mutex mutex; /* all below but `state` */
    const struct om_clock *clock;
    atomic_int state; /* written under the mutex, read by anyone */
    struct om_transition last;
    struct om_transition pending[OM_LIFECYCLE_PENDING]; /* ring, not yet told */
    unsigned pending_first;
    unsigned pending_count;
    bool telling;
    unsigned observer_count;
    om_lifecycle_observer observers[OM_LIFECYCLE_OBSERVERS];
    void *contexts[OM_LIFECYCLE_OBSERVERS];
};

/* In Created, revision 0. The clock is borrowed for the life of the machine. */
void om_lifecycle_init(struct om_lifecycle *life, const struct om_clock *clock);
void om_lifecycle_fini(struct om_lifecycle *life); /* NULL is allowed */

/* Adds an observer, which is told what happens from now on. OMEGA_ELIMIT beyond
 * OM_LIFECYCLE_OBSERVERS. */
OMEGA_MUST_CHECK omega_status om_lifecycle_observe(struct om_lifecycle *life,
                                                   om_lifecycle_observer observer, void *context);

/* Applies one input; `cause` is copied (NULL is ""). OMEGA_ESTATE when the table does not allow it;
 * OMEGA_EAGAIN when OM_LIFECYCLE_PENDING transitions still wait for slow observers. Both change
 * nothing. */
OMEGA_MUST_CHECK omega_status om_lifecycle_apply(struct om_lifecycle *life, enum om_input input,
                                                 const char *cause);

enum om_state om_lifecycle_state(const struct om_lifecycle *life); /* one atomic load */
/* The last transition; rev 0 and Created when there was none. */
void om_lifecycle_last(struct om_lifecycle *life, struct om_transition *out);
/* OMEGA_OK when the state is in the set, else OMEGA_ESTATE "<what> is not possible while <state>".
 * `states` is an or of OM_STATE_BIT. */
OMEGA_MUST_CHECK omega_status om_lifecycle_require(const struct om_lifecycle *life, unsigned states,
                                                   const char *what);

/* What the table says: the next state, or OM_STATE_COUNT when the input is refused. */
enum om_state om_lifecycle_next(enum om_state state, enum om_input input);
/* "created", "start" and the like; "?" for what is none. Static text. */
const char *om_state_name(enum om_state state);
const char *om_input_name(enum om_input input);

#endif
