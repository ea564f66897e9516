/* rng.h -- seeded randomness (xoshiro256**, Blackman & Vigna 2018) and UUIDv7 (RFC 9562).
 *
 * Threads: an om_rng belongs to one thread. om_uuid_new may be called from any thread: ids made by
 * one generator ascend strictly. */
#ifndef OM_RNG_H
#define OM_RNG_H

#include "core/clock.h"
#include "core/thread.h"

struct om_rng {
    uint64_t state[4];
};
void om_rng_seed(struct om_rng *rng, uint64_t seed); /* splitmix64 expands the seed */
/* Seeds from the system; falls back to clock and address when it has none. */
void om_rng_seed_system(struct om_rng *rng);
uint64_t om_rng_u64(struct om_rng *rng);
uint64_t om_rng_below(struct om_rng *rng, uint64_t bound); /* unbiased; bound > 0 */
double om_rng_unit(struct om_rng *rng);                    /* [0, 1) */

struct om_uuid {
    unsigned char bytes[16];
};

/* Time-ordered ids: 48 bits of wall milliseconds, then a counter that ascends inside a millisecond
 * (also when the wall clock steps back), then random bits. */
struct om_uuid_source {
    struct om_mutex mutex;
    const struct om_clock *clock;
    struct om_rng rng;
    int64_t last_ms;
    uint32_t counter;
};
void om_uuid_source_init(struct om_uuid_source *source, const struct om_clock *clock,
                         uint64_t seed /* 0: from the system */);
void om_uuid_source_fini(struct om_uuid_source *source);
struct om_uuid om_uuid_new(struct om_uuid_source *source);

omega_id om_uuid_text(struct om_uuid uuid);
/* 36 characters in either case; any version. OMEGA_EINVAL otherwise, naming the text. */
OMEGA_MUST_CHECK omega_status om_uuid_parse(omega_str text, struct om_uuid *out);
bool om_uuid_is_nil(struct om_uuid uuid);
bool om_uuid_eq(struct om_uuid a, struct om_uuid b);

#endif
