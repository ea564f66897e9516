/* status.h -- how a failure is told.
 *
 * The place where an error is born calls `return om_fail(OMEGA_ENOTFOUND, "no memory '%s'", id)`:
 * it fills a thread-local record and returns the status. Callers pass the status up unchanged.
 * Threads: the record belongs to the thread. Memory: fixed size, never allocates. */
#ifndef OM_STATUS_H
#define OM_STATUS_H

#include "omega/base.h"

enum { OM_ERROR_MESSAGE_SIZE = 384 };

struct om_error {
    omega_status status;
    int os_errno; /* errno when the error was born, 0 if none was involved */
    const char *file;
    int line;
    char message[OM_ERROR_MESSAGE_SIZE];
};

/* Records the error and returns `status`, which is not OMEGA_OK. Messages are whole sentences
 * without a final stop: what, which value, what is allowed. Whatever they quote, they are stored as
 * one line of valid UTF-8; other bytes become '?'. */
#ifdef __clang_analyzer__
/* The analyser does not follow the record: let it see that a failure is one. */
#define om_fail(status, ...)                                                                       \
    (om_error_record((status), 0, __FILE__, __LINE__, __VA_ARGS__), (status))
#else
#define om_fail(status, ...) om_error_record((status), 0, __FILE__, __LINE__, __VA_ARGS__)
#endif
/* The same for a failed system call: appends strerror(err). */
#define om_fail_errno(status, err, ...)                                                            \
    om_error_record((status), (err), __FILE__, __LINE__, __VA_ARGS__)

omega_status om_error_record(omega_status status, int os_errno, const char *file, int line,
                             const char *format, ...) __attribute__((format(printf, 5, 6)));

/* This thread's last error (status OMEGA_OK when none). */
const struct om_error *om_error_last(void);
void om_error_clear(void);
/* Carries an error from the thread that worked to the thread that asked. */
void om_error_set(const struct om_error *error);
/* Puts "prefix: " before this thread's message, for context on the way up; returns `status`. */
omega_status om_error_prefix(omega_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The status for an errno: ENOMEM, ENOSPC (also EDQUOT), EDENIED (EACCES, EPERM), ENOTFOUND,
 * ELIMIT (EMFILE, ENAMETOOLONG ...), EINVAL, EREADONLY (EROFS), ECONFLICT (EEXIST), EAGAIN,
 * ETIMEDOUT, EUNSUPPORTED; EIO for all others. */
omega_status om_status_of_errno(int err);

/* Checks that stay in release builds: a broken invariant ends the process with file and line. */
#define OM_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : om_assert_failed(#condition, __FILE__, __LINE__))
#ifdef NDEBUG
#define OM_DEBUG_ASSERT(condition) ((void)0)
#else
#define OM_DEBUG_ASSERT(condition) OM_ASSERT(condition)
#endif
void om_assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#define OM_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define OM_MIN(a, b) ((a) < (b) ? (a) : (b))
#define OM_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
