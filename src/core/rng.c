/* rng.c -- xoshiro256** and UUIDv7.
 *
 * The generator is Blackman & Vigna, "Scrambled linear pseudorandom number generators" (2018),
 * seeded through splitmix64 as they advise. Bounded draws use Lemire's multiply-and-reject (2019).
 *
 * UUIDv7 (RFC 9562, method 1: a dedicated counter):
 *   bits   0..47  milliseconds since 1970      48..51  version 7
 *   bits  52..63  counter, high 12             64..65  variant 10
 *   bits  66..79  counter, low 14              80..127 random
 * The counter has 26 bits, starts in the lower half of its range at a random place, and ascends
 * inside a millisecond and while the wall clock stands behind the last id; when it is spent the
 * millisecond is advanced by hand. Clamped to 48 bits of time (year 10889). */
#include "core/rng.h"

#include "core/os.h"
#include "core/str.h"

enum { COUNTER_BITS = 26 };

static uint64_t rotate_left(uint64_t x, unsigned k)
{
    return x << k | x >> (64 - k);
}

void om_rng_seed(struct om_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = seed;
        z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
        rng->state[i] = z ^ z >> 31;
    }
}

void om_rng_seed_system(struct om_rng *rng)
{
    do {
        om_os_random(rng->state, sizeof rng->state);
        /* The all-zero state is the one that never leaves itself. */
    } while ((rng->state[0] | rng->state[1] | rng->state[2] | rng->state[3]) == 0);
}

uint64_t om_rng_u64(struct om_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t om_rng_below(struct om_rng *rng, uint64_t bound)
{
    OM_ASSERT(bound > 0);
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)om_rng_u64(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t reject = (0 - bound) % bound;
        while ((uint64_t)product < reject) {
            product = (wide)om_rng_u64(rng) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}

double om_rng_unit(struct om_rng *rng)
{
    return (double)(om_rng_u64(rng) >> 11) * 0x1p-53;
}

void om_uuid_source_init(struct om_uuid_source *source, const struct om_clock *clock, uint64_t seed)
{
    om_mutex_init(&source->mutex, OM_RANK_LEAF);
    source->clock = clock;
    source->last_ms = -1;
    source->counter = 0;
    if (seed != 0) {
        om_rng_seed(&source->rng, seed);
    } else {
        om_rng_seed_system(&source->rng);
    }
}

void om_uuid_source_fini(struct om_uuid_source *source)
{
    if (source != NULL) {
        om_mutex_fini(&source->mutex);
    }
}

static void advance_locked(struct om_uuid_source *source, int64_t now_ms)
{
    now_ms = OM_MAX((int64_t)0, OM_MIN(now_ms, (INT64_C(1) << 48) - 1));
    if (now_ms <= source->last_ms && source->counter < (1U << COUNTER_BITS) - 1) {
        source->counter++;
        return;
    }
    source->last_ms = OM_MAX(now_ms, source->last_ms + 1);
    source->counter = (uint32_t)(om_rng_u64(&source->rng) >> (64 - COUNTER_BITS + 1));
}

struct om_uuid om_uuid_new(struct om_uuid_source *source)
{
    int64_t now_ms = om_wall_ms(source->clock);
    om_mutex_lock(&source->mutex);
    advance_locked(source, now_ms);
    uint64_t ms = (uint64_t)source->last_ms;
    uint32_t counter = source->counter;
    uint64_t noise = om_rng_u64(&source->rng);
    om_mutex_unlock(&source->mutex);

    uint64_t high = ms << 16 | UINT64_C(0x7000) | counter >> 14;
    uint64_t low = UINT64_C(2) << 62 | (uint64_t)(counter & 0x3FFF) << 48 | noise >> 16;
    struct om_uuid uuid;
    for (int i = 0; i < 8; i++) {
        uuid.bytes[i] = (unsigned char)(high >> (56 - 8 * i));
        uuid.bytes[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    }
    return uuid;
}

static bool is_dash_place(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

omega_id om_uuid_text(struct om_uuid uuid)
{
    static const char hex[] = "0123456789abcdef";
    omega_id id;
    size_t at = 0;
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        if (is_dash_place(at)) {
            id.text[at++] = '-';
        }
        id.text[at++] = hex[uuid.bytes[i] >> 4];
        id.text[at++] = hex[uuid.bytes[i] & 15];
    }
    id.text[at] = '\0';
    return id;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_uuid(omega_str text, struct om_uuid *out)
{
    if (text.len != 36) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < sizeof out->bytes; i++) {
        if (is_dash_place(at) && text.ptr[at++] != '-') {
            return false;
        }
        int high = hex_value(text.ptr[at]);
        int low = hex_value(text.ptr[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out->bytes[i] = (unsigned char)(high * 16 + low);
        at += 2;
    }
    return true;
}

omega_status om_uuid_parse(omega_str text, struct om_uuid *out)
{
    struct om_uuid uuid;
    if (!parse_uuid(text, &uuid)) {
        omega_str shown = om_utf8_clip(text, 60);
        return om_fail(OMEGA_EINVAL,
                       "'%.*s' is no id: it is 36 characters like "
                       "01890a5d-ac96-774b-bcce-b302099a8057",
                       OM_STR_ARG(shown));
    }
    *out = uuid;
    return OMEGA_OK;
}

bool om_uuid_is_nil(struct om_uuid uuid)
{
    static const struct om_uuid nil;
    return om_uuid_eq(uuid, nil);
}

bool om_uuid_eq(struct om_uuid a, struct om_uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}
