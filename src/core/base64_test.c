/* base64_test.c -- RFC 4648's vectors, round trips, strictness. */
#include "support/support.h"

#include "core/base64.h"
#include "core/rng.h"
#include "core/str.h"

static void test_vectors_of_the_rfc(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < OM_COUNT_OF(pairs); i++) {
        struct om_buf text, bytes;
        om_buf_init(&text, om_alloc_default(), 100);
        om_buf_init(&bytes, om_alloc_default(), 100);
        om_base64_encode(&text, pairs[i][0], strlen(pairs[i][0]));
        assert_true(om_str_eq_text(om_buf_str(&text), pairs[i][1]));
        assert_ok(om_base64_decode(omega_str_of(pairs[i][1]), &bytes));
        assert_true(om_str_eq_text(om_buf_str(&bytes), pairs[i][0]));
        om_buf_fini(&text);
        om_buf_fini(&bytes);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 9);
    for (size_t size = 0; size < 300; size++) {
        unsigned char in[300];
        struct om_buf text, bytes;
        om_buf_init(&text, om_alloc_default(), 1000);
        om_buf_init(&bytes, om_alloc_default(), 1000);
        for (size_t i = 0; i < size; i++) {
            in[i] = (unsigned char)om_rng_u64(&rng);
        }
        om_base64_encode(&text, in, size);
        assert_int_equal(text.len, (size + 2) / 3 * 4);
        om_buf_add_text(&bytes, "kept");
        assert_ok(om_base64_decode(om_buf_str(&text), &bytes));
        assert_int_equal(bytes.len, size + 4);
        assert_memory_equal(bytes.ptr + 4, in, size);
        om_buf_fini(&text);
        om_buf_fini(&bytes);
    }
}

static void test_strictness(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",      "Zh==",   "Zm9=",
                                      "====", "Z===", "Zg==Zg==", "Zm9v\n", " Zm9",
                                      "Zm9-", "Zm_v", "Zg=a",     "=Zg=",   "Zm9vZ+=="};
    struct om_buf bytes;
    om_buf_init(&bytes, om_alloc_default(), 100);
    om_buf_add_text(&bytes, "kept");
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        assert_status(om_base64_decode(omega_str_of(bad[i]), &bytes), OMEGA_EINVAL);
        assert_error_says("base64");
        assert_string_equal(bytes.ptr, "kept");
    }
    om_buf_fini(&bytes);
}

static void test_limits(void **state)
{
    (void)state;
    struct om_buf buf;
    om_buf_init(&buf, om_alloc_default(), 3);
    om_base64_encode(&buf, "a", 1);
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    om_buf_clear(&buf);
    assert_status(om_base64_decode(OM_STR("Zm9vYg=="), &buf), OMEGA_ELIMIT);
    om_buf_clear(&buf);
    om_base64_encode(&buf, "", SIZE_MAX);
    assert_int_equal(buf.status, OMEGA_ELIMIT);
    om_buf_fini(&buf);
}

static omega_status round_trip(void *context)
{
    (void)context;
    struct om_buf text, bytes;
    om_buf_init(&text, om_alloc_default(), 1000);
    om_buf_init(&bytes, om_alloc_default(), 1000);
    om_base64_encode(&text, "some bytes", 10);
    omega_status status = text.status;
    if (status == OMEGA_OK) {
        status = om_base64_decode(om_buf_str(&text), &bytes);
    }
    om_buf_fini(&text);
    om_buf_fini(&bytes);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    assert_int_equal(om_test_oom_sweep(round_trip, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_rfc), cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_strictness),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
