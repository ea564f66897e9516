/* digest.c -- the seam to nettle (also in Debian's base system, LGPL, small). */
#include "core/digest.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

_Static_assert(OM_DIGEST_SIZE == SHA256_DIGEST_SIZE, "the size of a digest");

void om_sha256(const void *bytes, size_t size, unsigned char out[OM_DIGEST_SIZE])
{
    struct sha256_ctx context;
    sha256_init(&context);
    if (size > 0) {
        sha256_update(&context, size, bytes);
    }
    sha256_digest(&context, OM_DIGEST_SIZE, out);
}

void om_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                    unsigned char out[OM_DIGEST_SIZE])
{
    struct hmac_sha256_ctx context;
    hmac_sha256_set_key(&context, key_size, key_size > 0 ? key : (const void *)"");
    if (size > 0) {
        hmac_sha256_update(&context, size, bytes);
    }
    hmac_sha256_digest(&context, OM_DIGEST_SIZE, out);
}

bool om_digest_eq(const unsigned char a[OM_DIGEST_SIZE], const unsigned char b[OM_DIGEST_SIZE])
{
    return memeql_sec(a, b, OM_DIGEST_SIZE) != 0;
}
