/* clock.h -- injected time.
 *
 * Monotonic nanoseconds for durations and deadlines, wall milliseconds for stamps. Nothing in the
 * engine reads the time in another way, so a test drives years in milliseconds.
 * Threads: any. */
#ifndef OM_CLOCK_H
#define OM_CLOCK_H

#include "core/status.h"

struct om_clock {
    int64_t (*mono_ns)(void *context);
    int64_t (*wall_ms)(void *context);
    void *context;
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
const struct om_clock *om_clock_system(void);

static inline int64_t om_mono_ns(const struct om_clock *clock)
{
    return clock->mono_ns(clock->context);
}
static inline int64_t om_wall_ms(const struct om_clock *clock)
{
    return clock->wall_ms(clock->context);
}

/* A clock that a test moves by hand; both times move together. Any thread may read while one
 * advances. */
struct om_fake_clock {
    struct om_clock clock;
    _Atomic int64_t now_ns;
    int64_t wall_start_ms;
};
void om_fake_clock_init(struct om_fake_clock *fake, int64_t wall_start_ms);
void om_fake_clock_advance_ms(struct om_fake_clock *fake, int64_t ms);

/* RFC 3339, UTC, milliseconds: "2026-08-01T12:00:00.000Z". Years 0000..9999; others clamp. */
enum { OM_TIME_TEXT_SIZE = 25 };
void om_time_format(int64_t wall_ms, char out[OM_TIME_TEXT_SIZE]);
/* Accepts RFC 3339 with any offset and fraction, and a bare date (midnight UTC). */
OMEGA_MUST_CHECK omega_status om_time_parse(omega_str text, int64_t *out);

#endif
