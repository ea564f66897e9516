/* map.c -- open addressing with linear probing over XXH3, and the engine's hash.
 *
 * A slot is the key's copy (NULL = empty, MARK = removed), its length, the hash and the value. The
 * table doubles when three quarters are used (removed marks count) and is rebuilt in place of
 * growing when most of that is marks. Rejected: Robin Hood and backward shifting (an insert would
 * move slots while callers iterate history-deterministic order; the gain is small at 3/4 load).
 * Invariant: count <= used < slot_count, so that a probe always ends at an empty slot. */
#include "core/map.h"

/* Inlined: the state then lies in our own struct, whatever the installed library has. */
#define XXH_INLINE_ALL
#ifndef NDEBUG
#define XXH_NO_INLINE_HINTS 1 /* gcc -Og cannot inline what it forces */
#endif
#include <xxhash.h>

enum { FIRST_SLOTS = 16 };

struct om_map_slot {
    char *key;
    size_t len;
    uint64_t hash;
    uint64_t value;
};

static char removed_mark;
#define MARK (&removed_mark)

_Static_assert(sizeof(struct om_hasher) >= sizeof(XXH3_state_t), "a hasher holds its state");
_Static_assert(_Alignof(struct om_hasher) >= _Alignof(XXH3_state_t), "a hasher is aligned");

uint64_t om_hash(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

void om_hasher_init(struct om_hasher *hasher, uint64_t seed)
{
    memset(hasher, 0, sizeof *hasher);
    (void)XXH3_64bits_reset_withSeed((XXH3_state_t *)(void *)hasher->state, seed);
}

void om_hasher_add(struct om_hasher *hasher, const void *bytes, size_t size)
{
    if (size > 0) {
        (void)XXH3_64bits_update((XXH3_state_t *)(void *)hasher->state, bytes, size);
    }
}

uint64_t om_hasher_result(const struct om_hasher *hasher)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)hasher->state);
}

void om_map_init(struct om_map *map, struct om_alloc *alloc)
{
    *map = (struct om_map){.alloc = alloc};
}

static bool is_live(const struct om_map_slot *slot)
{
    return slot->key != NULL && slot->key != MARK;
}

void om_map_fini(struct om_map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->slot_count; i++) {
        if (is_live(&map->slots[i])) {
            om_put(map->alloc, map->slots[i].key);
        }
    }
    om_put(map->alloc, map->slots);
    map->slots = NULL;
    map->slot_count = map->count = map->used = 0;
}

static struct om_map_slot *find(const struct om_map *map, omega_str key, uint64_t hash)
{
    if (map->slot_count == 0) {
        return NULL;
    }
    size_t mask = map->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct om_map_slot *slot = &map->slots[i];
        if (slot->key == NULL) {
            return NULL;
        }
        if (slot->key != MARK && slot->hash == hash && slot->len == key.len &&
            (key.len == 0 || memcmp(slot->key, key.ptr, key.len) == 0)) {
            return slot;
        }
    }
}

static struct om_map_slot *find_free(struct om_map_slot *slots, size_t count, uint64_t hash)
{
    size_t i = hash & (count - 1);
    while (is_live(&slots[i])) {
        i = (i + 1) & (count - 1);
    }
    return &slots[i];
}

/* Moves the live slots into a table of `slot_count`; marks stay behind. */
static omega_status rebuild(struct om_map *map, size_t slot_count)
{
    struct om_map_slot *slots = om_get0(map->alloc, slot_count, sizeof *slots);
    if (slots == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < map->slot_count; i++) {
        if (is_live(&map->slots[i])) {
            *find_free(slots, slot_count, map->slots[i].hash) = map->slots[i];
        }
    }
    om_put(map->alloc, map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    map->used = map->count;
    return OMEGA_OK;
}

static omega_status make_room(struct om_map *map)
{
    if ((map->used + 1) * 4 <= map->slot_count * 3) {
        return OMEGA_OK;
    }
    size_t want = OM_MAX(map->slot_count, (size_t)FIRST_SLOTS);
    while ((map->count + 1) * 2 > want) {
        want *= 2;
    }
    return rebuild(map, want);
}

omega_status om_map_set(struct om_map *map, omega_str key, uint64_t value)
{
    uint64_t hash = om_hash(key.ptr, key.len, 0);
    struct om_map_slot *slot = find(map, key, hash);
    if (slot != NULL) {
        slot->value = value;
        return OMEGA_OK;
    }
    omega_status status = make_room(map);
    if (status != OMEGA_OK) {
        return status;
    }
    char *copy = om_get_text(map->alloc, key);
    if (copy == NULL) {
        return om_nomem();
    }
    slot = find_free(map->slots, map->slot_count, hash);
    map->used += slot->key == NULL ? 1 : 0;
    map->count++;
    *slot = (struct om_map_slot){copy, key.len, hash, value};
    return OMEGA_OK;
}

bool om_map_get(const struct om_map *map, omega_str key, uint64_t *value)
{
    const struct om_map_slot *slot = find(map, key, om_hash(key.ptr, key.len, 0));
    if (slot == NULL) {
        return false;
    }
    if (value != NULL) {
        *value = slot->value;
    }
    return true;
}

bool om_map_remove(struct om_map *map, omega_str key)
{
    struct om_map_slot *slot = find(map, key, om_hash(key.ptr, key.len, 0));
    if (slot == NULL) {
        return false;
    }
    om_put(map->alloc, slot->key);
    slot->key = MARK;
    map->count--;
    return true;
}

bool om_map_next(const struct om_map *map, size_t *at, omega_str *key, uint64_t *value)
{
    for (; *at < map->slot_count; ++*at) {
        const struct om_map_slot *slot = &map->slots[*at];
        if (is_live(slot)) {
            *key = (omega_str){slot->key, slot->len};
            *value = slot->value;
            ++*at;
            return true;
        }
    }
    return false;
}
