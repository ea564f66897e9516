/* gate.c -- who may be inside the parts, and waiting until nobody is.
 *
 * Entering counts first and looks at the state second; stopping changes the state first and looks
 * at the count second. Both are sequentially consistent, so an operation either sees the new state
 * and turns back, or is seen and waited for. */
#include "runtime/runtime_int.h"

static bool changes(enum om_op_mode mode)
{
    return mode == OM_OP_WRITE || mode == OM_OP_LONG;
}

static unsigned allowed_states(enum om_op_mode mode)
{
    const unsigned running = OM_STATE_BIT(OM_STATE_RUNNING);
    const unsigned paused = OM_STATE_BIT(OM_STATE_PAUSED);
    return changes(mode) ? running : running | paused;
}

bool om_is_forked(const omega_runtime *rt)
{
    return rt->fork_generation != om_os_fork_generation();
}

omega_status om_require_runtime(const omega_runtime *rt)
{
    if (rt == NULL) {
        return om_fail(OMEGA_EINVAL, "the runtime is NULL");
    }
    if (om_is_forked(rt)) {
        return om_fail(OMEGA_ESTATE, "this runtime belongs to the parent of this process: open "
                                     "another one after a fork");
    }
    return OMEGA_OK;
}

omega_status om_gate_enter(omega_runtime *rt, enum om_op_mode mode, const char *what)
{
    omega_status status = om_require_runtime(rt);
    if (status != OMEGA_OK) {
        return status;
    }
    atomic_fetch_add(&rt->inside, 1);
    if (changes(mode)) {
        atomic_fetch_add(&rt->writing, 1);
    }
    status = om_lifecycle_require(&rt->life, allowed_states(mode), what);
    if (status != OMEGA_OK) {
        om_gate_leave(rt, mode);
    }
    return status;
}

void om_gate_leave(omega_runtime *rt, enum om_op_mode mode)
{
    const bool last_writer = changes(mode) && atomic_fetch_sub(&rt->writing, 1) == 1;
    const bool last = atomic_fetch_sub(&rt->inside, 1) == 1;
    if ((last || last_writer) && om_lifecycle_state(&rt->life) != OM_STATE_RUNNING) {
        om_mutex_lock(&rt->gate_mutex);
        om_cond_broadcast(&rt->gate_empty);
        om_mutex_unlock(&rt->gate_mutex);
    }
}

bool om_gate_drain(omega_runtime *rt, atomic_uint *count, int64_t timeout_ms)
{
    const struct om_clock *real = om_clock_system();
    const int64_t end = om_mono_ns(real) + timeout_ms * 1000000;
    bool empty = true;
    om_mutex_lock(&rt->gate_mutex);
    while (atomic_load(count) > 0) {
        const int64_t left = end - om_mono_ns(real);
        if (left <= 0 || !om_cond_wait_for(&rt->gate_empty, &rt->gate_mutex, left)) {
            empty = atomic_load(count) == 0;
            break;
        }
    }
    om_mutex_unlock(&rt->gate_mutex);
    return empty;
}
