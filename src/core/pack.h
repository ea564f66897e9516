/* pack.h -- the compact binary form of operation records and kept results.
 *
 * Little-endian, no tags: writer and reader agree by a version that the record's owner writes
 * first. Integers are varints (signed ones zigzag), doubles and floats their IEEE bytes, bytes and
 * texts a varint length + the bytes; a text that is "not given" has length 0 with a flag (length is
 * stored as len + 1, 0 = not given). Reading is bounds-checked with a sticky failure: after damage
 * every read gives zeros and `unpack.failed` is true. */
#ifndef OM_PACK_H
#define OM_PACK_H

#include "core/buf.h"

void om_pack_u64(struct om_buf *buf, uint64_t value);
void om_pack_i64(struct om_buf *buf, int64_t value);
void om_pack_bool(struct om_buf *buf, bool value);
void om_pack_double(struct om_buf *buf, double value);
void om_pack_str(struct om_buf *buf, omega_str value);
void om_pack_bytes(struct om_buf *buf, const void *bytes, size_t size); /* fixed size, no length */
void om_pack_floats(struct om_buf *buf, const float *values, uint32_t count); /* with the count */

struct om_unpack {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

void om_unpack_init(struct om_unpack *unpack, const void *bytes, size_t size);
uint64_t om_unpack_u64(struct om_unpack *unpack);
int64_t om_unpack_i64(struct om_unpack *unpack);
bool om_unpack_bool(struct om_unpack *unpack);
double om_unpack_double(struct om_unpack *unpack);
omega_str om_unpack_str(struct om_unpack *unpack); /* points into the record */
void om_unpack_bytes(struct om_unpack *unpack, void *out, size_t size);
/* Points into the record, perhaps unaligned: read it with memcpy. NULL and 0 when none. */
const void *om_unpack_floats(struct om_unpack *unpack, uint32_t *count);
/* OMEGA_ECORRUPT naming `what` if anything failed or bytes are left over. */
OMEGA_MUST_CHECK omega_status om_unpack_finish(const struct om_unpack *unpack, const char *what);

#endif
