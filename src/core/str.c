/* str.c -- borrowed text.
 *
 * The UTF-8 check follows table 3-7 of the Unicode standard (well-formed byte sequences): the
 * second byte's range depends on the lead byte, the rest are 80..BF. Runs of ASCII are skipped
 * eight bytes at a time, since most text is. */
#include "core/str.h"

#include "core/number.h"

bool om_str_eq(omega_str a, omega_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool om_str_eq_text(omega_str a, const char *b)
{
    return om_str_eq(a, omega_str_of(b));
}

static char lower_ascii(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool om_str_eq_nocase(omega_str a, omega_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower_ascii(a.ptr[i]) != lower_ascii(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int om_str_cmp(omega_str a, omega_str b)
{
    size_t len = OM_MIN(a.len, b.len);
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len ? 1 : 0;
}

bool om_str_starts(omega_str s, omega_str prefix)
{
    return s.len >= prefix.len && om_str_eq((omega_str){s.ptr, prefix.len}, prefix);
}

bool om_str_ends(omega_str s, omega_str suffix)
{
    if (s.len < suffix.len) {
        return false;
    }
    return suffix.len == 0 || memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

omega_str om_str_trim(omega_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

omega_str om_str_cut(omega_str s, char separator, omega_str *rest)
{
    const char *at = s.len > 0 ? memchr(s.ptr, separator, s.len) : NULL;
    if (at == NULL) {
        *rest = (omega_str){NULL, 0};
        return s;
    }
    size_t before = (size_t)(at - s.ptr);
    *rest = (omega_str){at + 1, s.len - before - 1};
    return (omega_str){s.ptr, before};
}

bool om_str_to_u64(omega_str s, uint64_t *out)
{
    if (s.len == 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

bool om_str_to_i64(omega_str s, int64_t *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s.ptr++;
        s.len--;
    }
    uint64_t size;
    if (!om_str_to_u64(s, &size) || size > (uint64_t)INT64_MAX + (is_negative ? 1 : 0)) {
        return false;
    }
    if (!is_negative) {
        *out = (int64_t)size;
    } else {
        *out = size == 0 ? 0 : -(int64_t)(size - 1) - 1;
    }
    return true;
}

bool om_str_to_double(omega_str s, double *out)
{
    if (s.len > 1 && s.ptr[0] == '+' && s.ptr[1] != '-') {
        s.ptr++;
        s.len--;
    }
    return om_number_read(s, out);
}

/* The length of the well-formed sequence at `p`, or 0. */
static size_t sequence_length(const unsigned char *p, size_t left)
{
    unsigned char lead = p[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (left < len) {
        return 0;
    }
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

size_t om_utf8_valid_len(omega_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t left = s.len;
    while (left > 0) {
        uint64_t word;
        if (left >= sizeof word) {
            memcpy(&word, p, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                p += sizeof word;
                left -= sizeof word;
                continue;
            }
        }
        size_t len = sequence_length(p, left);
        if (len == 0) {
            break;
        }
        p += len;
        left -= len;
    }
    return s.len - left;
}

bool om_utf8_valid(omega_str s)
{
    return s.ptr != NULL ? om_utf8_valid_len(s) == s.len : s.len == 0;
}

size_t om_utf8_next(omega_str s, uint32_t *code_point)
{
    OM_DEBUG_ASSERT(s.len > 0);
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    /* Valid text never ends early; a caller's mistake must still not read past the end. */
    len = OM_MIN(len, s.len);
    uint32_t value = len == 1 ? p[0] : p[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        value = value << 6 | (p[i] & 0x3FU);
    }
    *code_point = value;
    return len;
}

size_t om_utf8_put(char out[4], uint32_t code_point)
{
    OM_ASSERT(code_point <= 0x10FFFF);
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80U | (code_point & 0x3FU));
        code_point >>= 6;
    }
    out[0] = (char)(leads[len] | code_point);
    return len;
}

omega_str om_utf8_clip(omega_str s, size_t max)
{
    if (s.len <= max) {
        return s;
    }
    size_t len = max;
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return (omega_str){s.ptr, len};
}
