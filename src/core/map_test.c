/* map_test.c -- the map against a naive array under a random schedule; the hash's known values. */
#include "support/support.h"

#include <stdio.h>

#include "core/map.h"
#include "core/rng.h"
#include "core/str.h"

enum { KEYS = 700 };

struct naive {
    bool present[KEYS];
    uint64_t value[KEYS];
    size_t count;
};

static omega_str key_of(size_t index, char text[32])
{
    /* Some keys share prefixes, one is empty, some hold a zero byte. */
    int len = index == 0 ? 0 : snprintf(text, 32, "%s%zu", index % 3 == 0 ? "k\1" : "key-", index);
    if (index % 3 == 0 && len > 1) {
        text[1] = '\0';
    }
    return (omega_str){text, (size_t)len};
}

static void compare(const struct om_map *map, const struct naive *naive)
{
    char text[32];
    assert_int_equal(map->count, naive->count);
    for (size_t i = 0; i < KEYS; i++) {
        uint64_t value = 0;
        assert_int_equal(om_map_get(map, key_of(i, text), &value), naive->present[i]);
        assert_true(!naive->present[i] || value == naive->value[i]);
    }
    size_t at = 0, seen = 0;
    omega_str key;
    uint64_t value, sum = 0, wanted = 0;
    while (om_map_next(map, &at, &key, &value)) {
        seen++;
        sum += value;
        uint64_t again;
        assert_true(om_map_get(map, key, &again) && again == value);
    }
    for (size_t i = 0; i < KEYS; i++) {
        wanted += naive->present[i] ? naive->value[i] : 0;
    }
    assert_int_equal(seen, naive->count);
    assert_true(sum == wanted);
}

static void step(struct om_map *map, struct naive *naive, struct om_rng *rng, uint64_t removes)
{
    char text[32];
    size_t i = (size_t)om_rng_below(rng, KEYS);
    omega_str key = key_of(i, text);
    if (om_rng_below(rng, 10) < removes) {
        assert_int_equal(om_map_remove(map, key), naive->present[i]);
        naive->count -= naive->present[i] ? 1 : 0;
        naive->present[i] = false;
        return;
    }
    uint64_t value = om_rng_u64(rng) >> 8;
    assert_ok(om_map_set(map, key, value));
    naive->count += naive->present[i] ? 0 : 1;
    naive->present[i] = true;
    naive->value[i] = value;
}

static void test_against_the_naive_map(void **state)
{
    (void)state;
    struct om_map map;
    struct naive naive = {0};
    struct om_rng rng;
    om_rng_seed(&rng, 21);
    om_map_init(&map, om_alloc_default());
    compare(&map, &naive);
    for (int phase = 0; phase < 30; phase++) {
        /* Growing, then churning, then shrinking, again and again. */
        for (int i = 0; i < 1000; i++) {
            step(&map, &naive, &rng, (uint64_t)(phase % 3) * 4 + 1);
        }
        compare(&map, &naive);
        assert_true(map.used >= map.count && map.used * 4 <= map.slot_count * 3);
    }
    om_map_fini(&map);
    om_map_fini(&map);
    om_map_fini(NULL);
}

static void test_churn_does_not_grow(void **state)
{
    (void)state;
    struct om_map map;
    char text[32];
    om_map_init(&map, om_alloc_default());
    for (size_t i = 0; i < 20000; i++) {
        omega_str key = {text, (size_t)snprintf(text, sizeof text, "%zu", i)};
        assert_ok(om_map_set(&map, key, i));
        assert_true(om_map_remove(&map, key));
        assert_false(om_map_remove(&map, key));
        assert_true(map.used * 4 <= map.slot_count * 3);
    }
    assert_int_equal(map.count, 0);
    assert_true(map.slot_count <= 16);
    om_map_fini(&map);
}

static void test_hash(void **state)
{
    (void)state;
    /* XXH3-64 of the empty input with seed 0, as its specification gives it. */
    assert_true(om_hash(NULL, 0, 0) == UINT64_C(0x2D06800538D394C2));
    assert_true(om_hash("abc", 3, 0) == UINT64_C(0x78AF5F94892F3950));
    assert_true(om_hash("abc", 3, 1) != om_hash("abc", 3, 0));
    char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 31);
    }
    struct om_rng rng;
    om_rng_seed(&rng, 8);
    for (int round = 0; round < 200; round++) {
        struct om_hasher hasher;
        size_t size = (size_t)om_rng_below(&rng, sizeof bytes), at = 0;
        om_hasher_init(&hasher, 77);
        while (at < size) {
            size_t part = (size_t)om_rng_below(&rng, 400);
            part = OM_MIN(part, size - at);
            om_hasher_add(&hasher, bytes + at, part);
            at += part;
        }
        assert_true(om_hasher_result(&hasher) == om_hash(bytes, size, 77));
    }
}

static omega_status fill(void *context)
{
    (void)context;
    struct om_map map;
    char text[32];
    omega_status status = OMEGA_OK;
    om_map_init(&map, om_alloc_default());
    for (size_t i = 0; i < 40 && status == OMEGA_OK; i++) {
        size_t before = map.count;
        status = om_map_set(&map, key_of(i, text), i);
        /* A failed call changed nothing. */
        assert_int_equal(map.count, before + (status == OMEGA_OK ? 1 : 0));
        for (size_t j = 0; j < map.count; j++) {
            uint64_t value;
            assert_true(om_map_get(&map, key_of(j, text), &value) && value == j);
        }
    }
    om_map_fini(&map);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_in_range(om_test_oom_sweep(fill, NULL), 42, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_naive_map),
        cmocka_unit_test(test_churn_does_not_grow),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
