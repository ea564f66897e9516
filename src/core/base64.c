/* base64.c -- four characters for three bytes. Strict in reading, so that one value has exactly one
 * text and hashes of requests cannot be played with. */
#include "core/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void om_base64_encode(struct om_buf *out, const void *bytes, size_t size)
{
    const unsigned char *in = bytes;
    char *at = size <= SIZE_MAX / 4 ? om_buf_extend(out, (size + 2) / 3 * 4) : NULL;
    if (at == NULL) {
        if (out->status == OMEGA_OK) {
            out->status = om_fail(OMEGA_ELIMIT, "%zu bytes are too many for a text", size);
        }
        return;
    }
    for (; size >= 3; size -= 3, in += 3) {
        unsigned group = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = alphabet[group >> 6 & 63];
        *at++ = alphabet[group & 63];
    }
    if (size > 0) {
        unsigned group = (unsigned)in[0] << 16 | (size == 2 ? (unsigned)in[1] << 8 : 0);
        *at++ = alphabet[group >> 18];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = size == 2 ? alphabet[group >> 6 & 63] : '=';
        *at++ = '=';
    }
}

/* 0..63, or 64 for a character that is none. */
static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

static omega_status bad_at(size_t at)
{
    return om_fail(OMEGA_EINVAL,
                   "no base64 at character %zu: A-Z a-z 0-9 + / in groups of four, "
                   "padded with = and with no bits left over",
                   at + 1);
}

/* One group with `count` data characters, 2..4, into count - 1 bytes. */
static bool decode_group(const char *in, size_t count, unsigned char *out)
{
    unsigned group = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < count ? value_of(in[i]) : 0;
        if (value > 63) {
            return false;
        }
        group = group << 6 | value;
    }
    for (size_t i = 0; i < count - 1; i++) {
        out[i] = (unsigned char)(group >> (16 - 8 * i));
    }
    unsigned spare = count == 4 ? 0 : count == 3 ? group & 0xFF : group & 0xFFFF;
    return spare == 0;
}

omega_status om_base64_decode(omega_str text, struct om_buf *out)
{
    if (text.len % 4 != 0) {
        return bad_at(text.len);
    }
    if (text.len == 0 || out->status != OMEGA_OK) {
        return out->status;
    }
    size_t padding = text.ptr[text.len - 1] != '=' ? 0 : text.ptr[text.len - 2] != '=' ? 1 : 2;
    size_t size = text.len / 4 * 3 - padding;
    size_t before = out->len;
    unsigned char *at = om_buf_extend(out, size);
    if (at == NULL) {
        return out->status;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        size_t count = i + 4 == text.len ? 4 - padding : 4;
        if (!decode_group(text.ptr + i, count, at)) {
            out->len = before;
            out->ptr[before] = '\0';
            return bad_at(i);
        }
        at += count - 1;
    }
    return OMEGA_OK;
}
