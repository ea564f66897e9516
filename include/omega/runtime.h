/* runtime.h -- one handle for everything, and its life.
 *
 * Created > Starting > Running <> Paused > Stopping > Stopped (> Starting again); Failed from any.
 * A data directory has one owner: the process whose runtime is started on it. A second one gets
 * OMEGA_EBUSY, with the owner's pid and the path of its socket in the message.
 *
 *     omega_runtime *rt = NULL;
 *     omega_status status = omega_runtime_new(NULL, &rt);
 *     if (status == OMEGA_OK) status = omega_runtime_start(rt);
 *     ...
 *     if (status == OMEGA_OK) status = omega_runtime_stop(rt, 10000);
 *     omega_runtime_free(rt);
 *
 * Threads: every call from any thread, except that omega_runtime_free is the last one.
 * Fork:    a child must not use the parent's runtime: every call returns OMEGA_ESTATE there.
 * Since 0.1. */
#ifndef OMEGA_RUNTIME_H
#define OMEGA_RUNTIME_H

#include "omega/config.h"
#include "omega/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum omega_state {
    OMEGA_STATE_CREATED,
    OMEGA_STATE_STARTING,
    OMEGA_STATE_RUNNING,
    OMEGA_STATE_PAUSED,
    OMEGA_STATE_STOPPING,
    OMEGA_STATE_STOPPED,
    OMEGA_STATE_FAILED
} omega_state;
OMEGA_API const char *omega_state_name(omega_state state);

/* Checks and copies the config (NULL: the defaults); opens nothing. OMEGA_EINVAL names the key and
 * its range. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_runtime_new(const omega_config *config,
                                                          omega_runtime **out);
/* Opens the data directory, makes it when missing, fills the indexes, starts the scheduler. On a
 * failure the runtime is Failed and can be started again. OMEGA_EBUSY, OMEGA_EFORMAT,
 * OMEGA_ECORRUPT, OMEGA_EDENIED, OMEGA_ENOSPC, OMEGA_EIO; OMEGA_ESTATE if not Created, Stopped or
 * Failed. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_runtime_start(omega_runtime *rt);
/* Waits for writes and long operations under way, so never call it from their callbacks. Then
 * background work stands still, writes return OMEGA_ESTATE, reads go on; the WAL is checkpointed,
 * so that the directory may be copied. Only from Running, and back. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_runtime_pause(omega_runtime *rt);
OMEGA_API OMEGA_MUST_CHECK omega_status omega_runtime_resume(omega_runtime *rt);
/* Refuses new operations, lets those under way finish for at most deadline_ms, cancels the rest,
 * writes what is pending, closes. From Running, Paused or Failed. OMEGA_ETIMEDOUT when operations
 * had to be cancelled; the runtime is Stopped all the same. */
OMEGA_API omega_status omega_runtime_stop(omega_runtime *rt, uint32_t deadline_ms);
/* Stops if need be (1 s). NULL is allowed. */
OMEGA_API void omega_runtime_free(omega_runtime *rt);

OMEGA_API omega_state omega_runtime_state(const omega_runtime *rt);
/* The config in force, into a struct whose struct_size the caller has set. */
OMEGA_API void omega_runtime_config(const omega_runtime *rt, omega_config *out);

#ifdef __cplusplus
}
#endif
#endif
