/* pack.c -- varints, IEEE bytes and lengths, little-endian.
 *
 *   u64     LEB128: 7 bits a byte, low first, high bit = more; 1..10 bytes, shortest form only
 *   i64     zigzag, then as u64
 *   bool    one byte, 0 or 1
 *   double  8 bytes
 *   str     u64 len + 1, then len bytes; u64 0 = not given
 *   bytes   as they are
 *   floats  u64 count, then count * 4 bytes
 *
 * The shortest form only, so that one value has one encoding and hashes of records are stable.
 * The hosts are little-endian (checked below), so IEEE bytes are copied as they stand. */
#include "core/pack.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is the host's byte order");

enum { VARINT_MAX = 10 };

void om_pack_u64(struct om_buf *buf, uint64_t value)
{
    unsigned char bytes[VARINT_MAX];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (unsigned char)value;
    om_buf_add(buf, bytes, len);
}

void om_pack_i64(struct om_buf *buf, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    om_pack_u64(buf, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void om_pack_bool(struct om_buf *buf, bool value)
{
    om_buf_add_char(buf, value ? 1 : 0);
}

void om_pack_double(struct om_buf *buf, double value)
{
    om_buf_add(buf, &value, sizeof value);
}

void om_pack_str(struct om_buf *buf, omega_str value)
{
    if (value.ptr == NULL) {
        om_pack_u64(buf, 0);
        return;
    }
    om_pack_u64(buf, (uint64_t)value.len + 1);
    om_buf_add(buf, value.ptr, value.len);
}

void om_pack_bytes(struct om_buf *buf, const void *bytes, size_t size)
{
    om_buf_add(buf, bytes, size);
}

void om_pack_floats(struct om_buf *buf, const float *values, uint32_t count)
{
    om_pack_u64(buf, count);
    om_buf_add(buf, values, (size_t)count * sizeof *values);
}

void om_unpack_init(struct om_unpack *unpack, const void *bytes, size_t size)
{
    unpack->at = bytes;
    unpack->end = size > 0 ? unpack->at + size : unpack->at;
    unpack->failed = false;
}

/* The next `size` bytes, or NULL and a failure. */
static const unsigned char *take(struct om_unpack *unpack, uint64_t size)
{
    if (unpack->failed || size > (uint64_t)(unpack->end - unpack->at)) {
        unpack->failed = true;
        return NULL;
    }
    const unsigned char *at = unpack->at;
    if (size > 0) {
        unpack->at += size;
    }
    return at;
}

uint64_t om_unpack_u64(struct om_unpack *unpack)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        const unsigned char *byte = take(unpack, 1);
        if (byte == NULL) {
            return 0;
        }
        /* The tenth byte holds one bit; a last byte of 0 is a longer form than needed. */
        if ((i == VARINT_MAX - 1 && *byte > 1) || (i > 0 && *byte == 0)) {
            break;
        }
        value |= (uint64_t)(*byte & 0x7F) << (7 * i);
        if (*byte < 0x80) {
            return value;
        }
    }
    unpack->failed = true;
    return 0;
}

int64_t om_unpack_i64(struct om_unpack *unpack)
{
    uint64_t bits = om_unpack_u64(unpack);
    uint64_t value = bits >> 1 ^ ((bits & 1) != 0 ? UINT64_MAX : 0);
    int64_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

bool om_unpack_bool(struct om_unpack *unpack)
{
    const unsigned char *byte = take(unpack, 1);
    if (byte != NULL && *byte > 1) {
        unpack->failed = true;
    }
    return byte != NULL && *byte == 1;
}

double om_unpack_double(struct om_unpack *unpack)
{
    double value = 0;
    om_unpack_bytes(unpack, &value, sizeof value);
    return value;
}

omega_str om_unpack_str(struct om_unpack *unpack)
{
    uint64_t stored = om_unpack_u64(unpack);
    if (stored == 0) {
        return (omega_str){NULL, 0};
    }
    const unsigned char *at = take(unpack, stored - 1);
    if (at == NULL) {
        return (omega_str){NULL, 0};
    }
    return (omega_str){(const char *)at, (size_t)(stored - 1)};
}

void om_unpack_bytes(struct om_unpack *unpack, void *out, size_t size)
{
    if (size == 0) {
        return;
    }
    const unsigned char *at = take(unpack, size);
    if (at != NULL) {
        memcpy(out, at, size);
    } else {
        memset(out, 0, size);
    }
}

const void *om_unpack_floats(struct om_unpack *unpack, uint32_t *count)
{
    *count = 0;
    uint64_t stored = om_unpack_u64(unpack);
    if (stored > UINT32_MAX) {
        unpack->failed = true;
        return NULL;
    }
    const unsigned char *at = take(unpack, stored * sizeof(float));
    if (at == NULL || stored == 0) {
        return NULL;
    }
    *count = (uint32_t)stored;
    return at;
}

omega_status om_unpack_finish(const struct om_unpack *unpack, const char *what)
{
    if (unpack->failed) {
        return om_fail(OMEGA_ECORRUPT,
                       "%s is damaged: it ends early or holds a value that was "
                       "never written",
                       what);
    }
    if (unpack->at != unpack->end) {
        return om_fail(OMEGA_ECORRUPT, "%s is damaged: %zu bytes are left over", what,
                       (size_t)(unpack->end - unpack->at));
    }
    return OMEGA_OK;
}
