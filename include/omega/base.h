/* base.h -- the words that every other header of Omega is written in.
 *
 * Statuses and errors, text, ids, stamps, and the closed lists of the domain: the 12 tiers, the 7
 * loops, the 3 states of health. These types are also the engine's own words inside.
 *
 * Threads: every function here may be called from any thread at any time.
 * Memory:  nothing here allocates. */
#ifndef OMEGA_BASE_H
#define OMEGA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OMEGA_API __attribute__((visibility("default")))
#define OMEGA_MUST_CHECK __attribute__((warn_unused_result))
#else
#define OMEGA_API
#define OMEGA_MUST_CHECK
#endif

/* The version of these headers. omega_version() is that of the library in use. */
#define OMEGA_VERSION_MAJOR 0
#define OMEGA_VERSION_MINOR 1
#define OMEGA_VERSION_PATCH 0
#define OMEGA_VERSION_STRING "0.1.0"

/* ---- Status ------------------------------------------------------------------------------- */

/* One row for each outcome: name, value, HTTP status, exit code of the program, text. Values never
 * change; new rows are appended. */
#define OMEGA_STATUS_ROWS(X)                                                                       \
    X(OMEGA_OK, 0, 200, 0, "ok")                                                                   \
    X(OMEGA_EINVAL, -1, 400, 2, "invalid argument")                                                \
    X(OMEGA_ENOMEM, -2, 503, 3, "out of memory")                                                   \
    X(OMEGA_ENOTFOUND, -3, 404, 4, "not found")                                                    \
    X(OMEGA_ESTATE, -4, 503, 5, "not possible in this state")                                      \
    X(OMEGA_EBUSY, -5, 423, 6, "in use by another process")                                        \
    X(OMEGA_EAGAIN, -6, 429, 7, "too much in flight, try again")                                   \
    X(OMEGA_ELIMIT, -7, 413, 8, "over a limit")                                                    \
    X(OMEGA_ECONFLICT, -8, 412, 9, "conflict")                                                     \
    X(OMEGA_EREJECTED, -9, 409, 10, "rejected: this was forgotten or corrected")                   \
    X(OMEGA_EREADONLY, -10, 503, 11, "the store is read-only")                                     \
    X(OMEGA_ECORRUPT, -11, 500, 12, "damaged data")                                                \
    X(OMEGA_EFORMAT, -12, 500, 13, "foreign or newer format")                                      \
    X(OMEGA_EIO, -13, 500, 14, "input/output error")                                               \
    X(OMEGA_ENOSPC, -14, 507, 15, "no space left")                                                 \
    X(OMEGA_ETIMEDOUT, -15, 504, 16, "deadline passed")                                            \
    X(OMEGA_ECANCELLED, -16, 499, 17, "cancelled")                                                 \
    X(OMEGA_EUNAVAILABLE, -17, 503, 18, "unavailable")                                             \
    X(OMEGA_EDENIED, -18, 403, 19, "denied")                                                       \
    X(OMEGA_EUNSUPPORTED, -19, 501, 20, "not supported")                                           \
    X(OMEGA_ESPEC_UNMET, -20, 422, 21, "the specification was not met")                            \
    X(OMEGA_ECLOSED, -21, 410, 22, "closed")

typedef enum omega_status {
#define OMEGA_STATUS_ENUM(name, value, http, exit_code, text) name = (value),
    OMEGA_STATUS_ROWS(OMEGA_STATUS_ENUM)
#undef OMEGA_STATUS_ENUM
        OMEGA_STATUS_MIN_ = -21
} omega_status;

/* "OMEGA_EINVAL" and the like; "OMEGA_?" for a value that is none. Static text. */
OMEGA_API const char *omega_status_name(omega_status status);
/* The row's text, its HTTP status, its exit code (500 and 1 for a value that is none). */
OMEGA_API const char *omega_status_text(omega_status status);
OMEGA_API int omega_status_http(omega_status status);
OMEGA_API int omega_status_exit_code(omega_status status);

/* What went wrong in this thread's last failed call: a sentence that names the argument, the value
 * and the allowed range. "" when nothing has failed yet. Valid until the thread's next call. */
OMEGA_API const char *omega_error_message(void);
OMEGA_API omega_status omega_error_status(void);

/* "0.1.0". Static text. */
OMEGA_API const char *omega_version(void);

/* ---- Text, ids, stamps -------------------------------------------------------------------- */

/* Borrowed UTF-8 of `len` bytes, no terminator needed. {NULL, 0} means "not given". */
typedef struct omega_str {
    const char *ptr;
    size_t len;
} omega_str;

static inline omega_str omega_str_of(const char *text)
{
    omega_str s;
    s.ptr = text;
    s.len = text != NULL ? strlen(text) : 0;
    return s;
}

/* A UUIDv7 in its usual 36 characters, terminated. "" means "none". */
typedef struct omega_id {
    char text[37];
} omega_id;

/* All stamps are milliseconds since 1970-01-01 UTC; this one means "not given". */
#define OMEGA_TIME_UNSET INT64_MIN

/* A double that means "decide for me". It is a NaN; test it with omega_is_unset. */
#define OMEGA_UNSET ((double)__builtin_nan(""))
static inline bool omega_is_unset(double value)
{
    return value != value;
}

/* Frees a text that the library handed over ("transferred"). NULL is allowed. */
OMEGA_API void omega_text_free(char *text);

/* ---- The closed lists --------------------------------------------------------------------- */

/* Where a memory lives, from fleeting to permanent. Text names are "immediate", "short_term",
 * "session", "episodic", "semantic", "procedural", "strategic", "civilizational", "evolutionary",
 * "planetary", "galactic", "cosmic". */
typedef enum omega_tier {
    OMEGA_TIER_IMMEDIATE,
    OMEGA_TIER_SHORT_TERM,
    OMEGA_TIER_SESSION,
    OMEGA_TIER_EPISODIC,
    OMEGA_TIER_SEMANTIC,
    OMEGA_TIER_PROCEDURAL,
    OMEGA_TIER_STRATEGIC,
    OMEGA_TIER_CIVILIZATIONAL,
    OMEGA_TIER_EVOLUTIONARY,
    OMEGA_TIER_PLANETARY,
    OMEGA_TIER_GALACTIC,
    OMEGA_TIER_COSMIC,
    OMEGA_TIER_COUNT,
    OMEGA_TIER_UNSET = 255 /* in an input: decide for me (episodic) */
} omega_tier;

typedef enum omega_loop {
    OMEGA_LOOP_REFLEXIVE,
    OMEGA_LOOP_REACTIVE,
    OMEGA_LOOP_ADAPTIVE,
    OMEGA_LOOP_DELIBERATIVE,
    OMEGA_LOOP_EVOLUTIONARY,
    OMEGA_LOOP_TRANSFORMATIVE,
    OMEGA_LOOP_TRANSCENDENT,
    OMEGA_LOOP_COUNT
} omega_loop;

typedef enum omega_health { OMEGA_HEALTHY, OMEGA_DEGRADED, OMEGA_UNHEALTHY } omega_health;

/* Static names as above; "?" for a value that is none. */
OMEGA_API const char *omega_tier_name(omega_tier tier);
OMEGA_API const char *omega_loop_name(omega_loop loop);
OMEGA_API const char *omega_health_name(omega_health health);

/* Finds a tier by name, in any case, '-' like '_', also the older names whose meaning is the same
 * (instant = immediate, working = short_term, collective = civilizational, universal = cosmic,
 * omega = cosmic). Returns OMEGA_EINVAL, naming the tiers, when there is none. */
OMEGA_API OMEGA_MUST_CHECK omega_status omega_tier_parse(omega_str name, omega_tier *out);
OMEGA_API OMEGA_MUST_CHECK omega_status omega_loop_parse(omega_str name, omega_loop *out);

/* Whose memory it is, and whose eyes look. Each part is at most 256 bytes of UTF-8 without control
 * characters; {NULL, 0} means none.
 *
 * A memory is visible when its user and its agent are each none or equal to the caller's. Its
 * session must match only in Immediate, Short-term and Session, or everywhere with `session_only`.
 * A caller without user sees what belongs to no user: the shared root, never all. */
typedef struct omega_scope {
    omega_str user;
    omega_str agent;
    omega_str session;
} omega_scope;

#ifdef __cplusplus
}
#endif
#endif
