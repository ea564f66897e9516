/* lifecycle.c -- the runtime's state machine as one table.
 *
 * `table[state][input]` holds the next state plus one, so that an absent entry (0) is a refusal: a
 * new state or input is refused everywhere until the table says otherwise.
 *
 * Observers must see revisions in order but must not run under the lock (they publish, log, take
 * locks of their own, and may apply inputs). So a transition is queued under the lock, and the
 * thread that finds nobody telling becomes the teller: it takes one, unlocks, calls the observers,
 * locks again, until the queue is empty. Rejected: calling under the lock (deadlocks with whatever
 * an observer needs), and calling after unlock without a queue (two threads overtake each other).
 *
 * Stop is allowed in Starting (a start that hangs must be stoppable) and in Failed (what is still
 * up must be drained before a new start); Start is not allowed in Failed for the same reason.
 *
 * Locks: `mutex` (leaf) guards all but `state`; never held while an observer runs.
 * Invariants: last.rev counts every transition; state == last.new_state; pending_count > 0 implies
 * telling, between calls. */
#include "resilience/lifecycle.h"

/* State and input of the table, and what comes of it. */
#define TO(state) (OM_STATE_##state + 1)
static const unsigned char table[OM_STATE_COUNT][OM_INPUT_COUNT] = {
    [OM_STATE_CREATED] = {[OM_INPUT_START] = TO(STARTING), [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_STARTING] = {[OM_INPUT_STARTED] = TO(RUNNING),
                           [OM_INPUT_STOP] = TO(STOPPING),
                           [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_RUNNING] = {[OM_INPUT_PAUSE] = TO(PAUSED),
                          [OM_INPUT_STOP] = TO(STOPPING),
                          [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_PAUSED] = {[OM_INPUT_RESUME] = TO(RUNNING),
                         [OM_INPUT_STOP] = TO(STOPPING),
                         [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_STOPPING] = {[OM_INPUT_STOPPED] = TO(STOPPED), [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_STOPPED] = {[OM_INPUT_START] = TO(STARTING), [OM_INPUT_FAIL] = TO(FAILED)},
    [OM_STATE_FAILED] = {[OM_INPUT_STOP] = TO(STOPPING)},
};
#undef TO

static const char *const state_names[OM_STATE_COUNT] = {
    [OM_STATE_CREATED] = "created",   [OM_STATE_STARTING] = "starting",
    [OM_STATE_RUNNING] = "running",   [OM_STATE_PAUSED] = "paused",
    [OM_STATE_STOPPING] = "stopping", [OM_STATE_STOPPED] = "stopped",
    [OM_STATE_FAILED] = "failed",
};

static const char *const input_names[OM_INPUT_COUNT] = {
    [OM_INPUT_START] = "start",   [OM_INPUT_STARTED] = "started", [OM_INPUT_PAUSE] = "pause",
    [OM_INPUT_RESUME] = "resume", [OM_INPUT_STOP] = "stop",       [OM_INPUT_STOPPED] = "stopped",
    [OM_INPUT_FAIL] = "fail",
};

const char *om_state_name(enum om_state state)
{
    return (unsigned)state < OM_STATE_COUNT ? state_names[state] : "?";
}

const char *om_input_name(enum om_input input)
{
    return (unsigned)input < OM_INPUT_COUNT ? input_names[input] : "?";
}

enum om_state om_lifecycle_next(enum om_state state, enum om_input input)
{
    if ((unsigned)state >= OM_STATE_COUNT || (unsigned)input >= OM_INPUT_COUNT) {
        return OM_STATE_COUNT;
    }
    unsigned next = table[state][input];
    return next == 0 ? OM_STATE_COUNT : (enum om_state)(next - 1);
}

void om_lifecycle_init(struct om_lifecycle *life, const struct om_clock *clock)
{
    memset(life, 0, sizeof(*life));
    om_mutex_init(&life->mutex, OM_RANK_LEAF);
    life->clock = clock;
    atomic_init(&life->state, OM_STATE_CREATED);
}

void om_lifecycle_fini(struct om_lifecycle *life)
{
    if (life != NULL && life->clock != NULL) {
        om_mutex_fini(&life->mutex);
        life->clock = NULL;
    }
}

omega_status om_lifecycle_observe(struct om_lifecycle *life, om_lifecycle_observer observer,
                                  void *context)
{
    om_mutex_lock(&life->mutex);
    bool room = life->observer_count < OM_LIFECYCLE_OBSERVERS;
    if (room) {
        life->observers[life->observer_count] = observer;
        life->contexts[life->observer_count] = context;
        life->observer_count++;
    }
    om_mutex_unlock(&life->mutex);
    return room ? OMEGA_OK
                : om_fail(OMEGA_ELIMIT, "a lifecycle has at most %d observers",
                          OM_LIFECYCLE_OBSERVERS);
}

static void fill_transition(struct om_lifecycle *life, enum om_state next, enum om_input input,
                            const char *cause)
{
    struct om_transition *last = &life->last;
    omega_str clipped = om_utf8_clip(omega_str_of(cause), OM_LIFECYCLE_CAUSE_SIZE - 1);
    last->rev++;
    last->old_state = (enum om_state)atomic_load_explicit(&life->state, memory_order_relaxed);
    last->new_state = next;
    last->input = input;
    last->mono_ns = om_mono_ns(life->clock);
    last->wall_ms = om_wall_ms(life->clock);
    if (clipped.len > 0) {
        memcpy(last->cause, clipped.ptr, clipped.len);
    }
    last->cause[clipped.len] = '\0';
}

static void queue_last(struct om_lifecycle *life)
{
    unsigned slot = (life->pending_first + life->pending_count) % OM_LIFECYCLE_PENDING;
    life->pending[slot] = life->last;
    life->pending_count++;
}

/* Tells what is queued, unless another thread is at it. Called and left with the mutex held.
 * Observers are only ever added, so the ones counted under the lock stay readable outside it. */
static void tell_locked(struct om_lifecycle *life) OM_REQUIRES(life->mutex)
{
    if (life->telling) {
        return;
    }
    life->telling = true;
    while (life->pending_count > 0) {
        struct om_transition transition = life->pending[life->pending_first];
        life->pending_first = (life->pending_first + 1) % OM_LIFECYCLE_PENDING;
        life->pending_count--;
        unsigned count = life->observer_count;
        om_mutex_unlock(&life->mutex);
        for (unsigned i = 0; i < count; i++) {
            life->observers[i](life->contexts[i], &transition);
        }
        om_mutex_lock(&life->mutex);
    }
    life->telling = false;
}

omega_status om_lifecycle_apply(struct om_lifecycle *life, enum om_input input, const char *cause)
{
    om_mutex_lock(&life->mutex);
    enum om_state state = om_lifecycle_state(life);
    enum om_state next = om_lifecycle_next(state, input);
    if (next == OM_STATE_COUNT) {
        om_mutex_unlock(&life->mutex);
        return om_fail(OMEGA_ESTATE, "'%s' is not possible while %s", om_input_name(input),
                       om_state_name(state));
    }
    if (life->pending_count == OM_LIFECYCLE_PENDING) {
        om_mutex_unlock(&life->mutex);
        return om_fail(OMEGA_EAGAIN, "%d transitions still wait for their observers",
                       OM_LIFECYCLE_PENDING);
    }
    fill_transition(life, next, input, cause);
    /* Who sees the new state also sees what its cause wrote before. Sequentially consistent, like
     * the load: an owner may count who is inside against it (store here, load there, and back). */
    atomic_store(&life->state, next);
    if (life->observer_count > 0) {
        queue_last(life);
        tell_locked(life);
    }
    om_mutex_unlock(&life->mutex);
    return OMEGA_OK;
}

enum om_state om_lifecycle_state(const struct om_lifecycle *life)
{
    return (enum om_state)atomic_load(&life->state);
}

void om_lifecycle_last(struct om_lifecycle *life, struct om_transition *out)
{
    om_mutex_lock(&life->mutex);
    *out = life->last;
    om_mutex_unlock(&life->mutex);
}

omega_status om_lifecycle_require(const struct om_lifecycle *life, unsigned states,
                                  const char *what)
{
    enum om_state state = om_lifecycle_state(life);
    if ((OM_STATE_BIT(state) & states) != 0) {
        return OMEGA_OK;
    }
    return om_fail(OMEGA_ESTATE, "%s is not possible while %s", what, om_state_name(state));
}
