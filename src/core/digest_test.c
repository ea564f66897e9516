/* digest_test.c -- the published vectors of FIPS 180-4 and RFC 4231. */
#include "support/support.h"

#include <stdio.h>

#include "core/digest.h"

static void check(const unsigned char *digest, const char *hex)
{
    char text[2 * OM_DIGEST_SIZE + 1];
    for (size_t i = 0; i < OM_DIGEST_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
    assert_string_equal(text, hex);
}

static void test_sha256(void **state)
{
    (void)state;
    unsigned char out[OM_DIGEST_SIZE];
    om_sha256("abc", 3, out);
    check(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    om_sha256(NULL, 0, out);
    check(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac(void **state)
{
    (void)state;
    unsigned char out[OM_DIGEST_SIZE];
    om_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    check(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    om_hmac_sha256(NULL, 0, NULL, 0, out);
    check(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_equality(void **state)
{
    (void)state;
    unsigned char a[OM_DIGEST_SIZE], b[OM_DIGEST_SIZE];
    om_sha256("a", 1, a);
    memcpy(b, a, sizeof b);
    assert_true(om_digest_eq(a, b));
    for (size_t i = 0; i < sizeof b; i++) {
        b[i] ^= 0x80;
        assert_false(om_digest_eq(a, b));
        b[i] ^= 0x80;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
