/* pack_test.c -- round trips, every truncation, damage. */
#include "support/support.h"

#include <math.h>

#include "core/pack.h"
#include "core/rng.h"
#include "core/str.h"

static const uint64_t unsigned_values[] = {
    0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, (uint64_t)1 << 62, UINT64_MAX};
static const int64_t signed_values[] = {0, -1, 1, -64, 64, -65, INT32_MIN, INT64_MAX, INT64_MIN};
static const double double_values[] = {0.0,        -0.0, 1.5, 1e308, 5e-324, (double)INFINITY,
                                       (double)NAN};
static const float float_values[] = {1.0F, -2.5F, 1e-38F};

static void pack_all(struct om_buf *buf)
{
    for (size_t i = 0; i < OM_COUNT_OF(unsigned_values); i++) {
        om_pack_u64(buf, unsigned_values[i]);
    }
    for (size_t i = 0; i < OM_COUNT_OF(signed_values); i++) {
        om_pack_i64(buf, signed_values[i]);
    }
    for (size_t i = 0; i < OM_COUNT_OF(double_values); i++) {
        om_pack_double(buf, double_values[i]);
    }
    om_pack_bool(buf, true);
    om_pack_bool(buf, false);
    om_pack_str(buf, OM_STR("text"));
    om_pack_str(buf, OM_STR(""));
    om_pack_str(buf, (omega_str){NULL, 0});
    om_pack_bytes(buf, "fixed", 5);
    om_pack_floats(buf, float_values, 3);
    om_pack_floats(buf, NULL, 0);
}

/* Reads it all; the values are checked only when nothing failed. */
static void unpack_all(struct om_unpack *unpack, bool check)
{
    for (size_t i = 0; i < OM_COUNT_OF(unsigned_values); i++) {
        uint64_t value = om_unpack_u64(unpack);
        assert_true(!check || value == unsigned_values[i]);
    }
    for (size_t i = 0; i < OM_COUNT_OF(signed_values); i++) {
        int64_t value = om_unpack_i64(unpack);
        assert_true(!check || value == signed_values[i]);
    }
    for (size_t i = 0; i < OM_COUNT_OF(double_values); i++) {
        double value = om_unpack_double(unpack);
        assert_true(!check || memcmp(&value, &double_values[i], sizeof value) == 0);
    }
    bool yes = om_unpack_bool(unpack);
    bool no = om_unpack_bool(unpack);
    omega_str text = om_unpack_str(unpack);
    omega_str empty = om_unpack_str(unpack);
    omega_str none = om_unpack_str(unpack);
    char fixed[5];
    uint32_t count, zero;
    om_unpack_bytes(unpack, fixed, sizeof fixed);
    const void *floats = om_unpack_floats(unpack, &count);
    const void *nothing = om_unpack_floats(unpack, &zero);
    if (!check) {
        return;
    }
    assert_true(yes);
    assert_false(no);
    assert_true(om_str_eq_text(text, "text"));
    assert_true(om_str_given(empty));
    assert_int_equal(empty.len, 0);
    assert_false(om_str_given(none));
    assert_memory_equal(fixed, "fixed", 5);
    assert_int_equal(count, 3);
    assert_memory_equal(floats, float_values, sizeof float_values);
    assert_null(nothing);
    assert_int_equal(zero, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct om_buf buf;
    struct om_unpack unpack;
    om_buf_init(&buf, om_alloc_default(), 4096);
    pack_all(&buf);
    assert_ok(buf.status);
    om_unpack_init(&unpack, buf.ptr, buf.len);
    unpack_all(&unpack, true);
    assert_ok(om_unpack_finish(&unpack, "record"));
    om_buf_fini(&buf);
}

/* Cut at every byte, in a block of exactly that size, so that a look beyond is seen. */
static void test_every_truncation(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 4096);
    pack_all(&buf);
    for (size_t size = 0; size < buf.len; size++) {
        struct om_unpack unpack;
        char *copy = om_get(om_alloc_default(), size);
        assert_non_null(copy);
        memcpy(copy, buf.ptr, size);
        om_unpack_init(&unpack, copy, size);
        unpack_all(&unpack, false);
        assert_true(unpack.failed);
        assert_int_equal(om_unpack_u64(&unpack), 0);
        assert_false(om_str_given(om_unpack_str(&unpack)));
        assert_status(om_unpack_finish(&unpack, "the record of op 7"), OMEGA_ECORRUPT);
        assert_error_says("the record of op 7");
        om_put(om_alloc_default(), copy);
    }
    struct om_unpack unpack;
    om_unpack_init(&unpack, buf.ptr, buf.len);
    (void)om_unpack_u64(&unpack);
    assert_status(om_unpack_finish(&unpack, "x"), OMEGA_ECORRUPT);
    assert_error_says("left over");
    om_buf_fini(&buf);
}

static void test_damage_never_reads_beyond(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 4);
    for (int round = 0; round < 20000; round++) {
        struct om_unpack unpack;
        size_t size = (size_t)om_rng_below(&rng, 80);
        char *bytes = om_get(om_alloc_default(), size);
        assert_non_null(bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)om_rng_u64(&rng);
        }
        om_unpack_init(&unpack, bytes, size);
        unpack_all(&unpack, false);
        om_put(om_alloc_default(), bytes);
    }
    struct om_unpack unpack;
    om_unpack_init(&unpack, NULL, 0);
    assert_ok(om_unpack_finish(&unpack, "nothing"));
    (void)om_unpack_bool(&unpack);
    assert_true(unpack.failed);
}

static bool fails(const char *bytes, size_t size)
{
    struct om_unpack unpack;
    om_unpack_init(&unpack, bytes, size);
    (void)om_unpack_u64(&unpack);
    return unpack.failed;
}

/* One value, one encoding. */
static void test_longer_forms_are_refused(void **state)
{
    (void)state;
    struct om_unpack unpack;
    assert_true(fails("\x80\x00", 2));
    assert_true(fails("\xFF\x80\x00", 3));
    assert_true(fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10));
    assert_true(fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11));
    assert_false(fails("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10));
    om_unpack_init(&unpack, "\x02", 1);
    (void)om_unpack_bool(&unpack);
    assert_true(unpack.failed);
    /* A count that would overflow when multiplied. */
    om_unpack_init(&unpack, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10);
    uint32_t count = 9;
    assert_null(om_unpack_floats(&unpack, &count));
    assert_int_equal(count, 0);
    assert_true(unpack.failed);
}

static omega_status pack_once(void *context)
{
    (void)context;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 4096);
    pack_all(&buf);
    omega_status status = buf.status;
    om_buf_fini(&buf);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_in_range(om_test_oom_sweep(pack_once, NULL), 2, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_damage_never_reads_beyond),
        cmocka_unit_test(test_longer_forms_are_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
