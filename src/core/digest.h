/* digest.h -- SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) by nettle; no other file includes
 * its headers. For tombstones, request hashes and tokens; checksums are om_hash (map.h).
 *
 * Threads: any. Memory: none. */
#ifndef OM_DIGEST_H
#define OM_DIGEST_H

#include "core/status.h"

enum { OM_DIGEST_SIZE = 32 };

void om_sha256(const void *bytes, size_t size, unsigned char out[OM_DIGEST_SIZE]);
void om_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
                    unsigned char out[OM_DIGEST_SIZE]);
/* Compares in a time that does not depend on the contents. */
bool om_digest_eq(const unsigned char a[OM_DIGEST_SIZE], const unsigned char b[OM_DIGEST_SIZE]);

#endif
