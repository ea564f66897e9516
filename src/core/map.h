/* map.h -- hash map from byte strings to 64-bit values (XXH3, open addressing, linear probing).
 *
 * Keys are copied. Iteration order is the slot order: deterministic for one history of calls.
 * Threads: one at a time, or a lock of the owner. */
#ifndef OM_MAP_H
#define OM_MAP_H

#include "core/alloc.h"

struct om_map_slot;

struct om_map {
    struct om_alloc *alloc;
    struct om_map_slot *slots;
    size_t slot_count; /* power of two, or 0 */
    size_t count;
    size_t used; /* count + removed marks */
};

void om_map_init(struct om_map *map, struct om_alloc *alloc);
void om_map_fini(struct om_map *map);

/* Sets or replaces. OMEGA_ENOMEM leaves the map as it was. */
OMEGA_MUST_CHECK omega_status om_map_set(struct om_map *map, omega_str key, uint64_t value);
bool om_map_get(const struct om_map *map, omega_str key, uint64_t *value);
bool om_map_remove(struct om_map *map, omega_str key);
/* `*at` starts as 0; false at the end. Do not change the map meanwhile. */
bool om_map_next(const struct om_map *map, size_t *at, omega_str *key, uint64_t *value);

/* XXH3-64, the hash and the checksum of the whole engine. */
uint64_t om_hash(const void *bytes, size_t size, uint64_t seed);

/* The running form, for a checksum over columns. */
struct om_hasher {
    _Alignas(64) unsigned char state[640];
};
void om_hasher_init(struct om_hasher *hasher, uint64_t seed);
void om_hasher_add(struct om_hasher *hasher, const void *bytes, size_t size);
uint64_t om_hasher_result(const struct om_hasher *hasher);

#endif
