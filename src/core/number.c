/* number.c -- decimal text to binary and back.
 *
 * Reading floats is the hot path (an embedding is 768 of them). A number of up to 19 digits is an
 * integer m (exact in 64 bits) times 10^e. Computed in double as m * 10^e with exact powers up to
 * 10^22, the result carries at most 4 roundings, a relative error under 2^-50. A float keeps 24 of
 * a double's 53 bits, so rounding that double to float gives the correctly rounded float unless it
 * lies within that error of a midpoint between two floats: then, and for anything longer, larger or
 * subnormal, strtof in the C locale decides. (Clinger 1990, "How to read floating point numbers
 * accurately", with the narrower target doing the work of his wider intermediate.)
 *
 * Writing: the smallest count of digits that reads back equal. Floats of ordinary size try m / 10^k
 * by one correctly rounded division; all else asks printf for 15, 16, 17 (6..9) digits.
 * Rejected: Ryu and Eisel-Lemire (tables of 10 KiB for a path that is no longer the slowest). */
#include "core/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXACT_POWER = 22, MAX_DIGITS = 19, MAX_PLACES = 100000, LONGEST = 512 };

static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The "C" locale is static in the C library: newlocale for it neither allocates nor fails. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    OM_ASSERT(c_locale != (locale_t)0);
}

static locale_t get_c_locale(void)
{
    (void)pthread_once(&c_locale_once, make_c_locale);
    return c_locale;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at)) {
        at++;
    }
    return at;
}

/* After the integer part: fraction and exponent, each whole or not there. */
static const char *skip_tail(const char *at, const char *end)
{
    if (at < end && *at == '.') {
        const char *digits = at + 1;
        at = skip_digits(digits, end);
        if (at == digits) {
            return NULL;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-')) {
            digits++;
        }
        at = skip_digits(digits, end);
        if (at == digits) {
            return NULL;
        }
    }
    return at;
}

const char *om_number_end(const char *at, const char *end)
{
    if (at < end && *at == '-') {
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    return skip_tail(at, end);
}

/* The looser form of people's settings: "007", ".5", "5." */
static bool is_loose_number(omega_str text)
{
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    if (at < end && *at == '-') {
        at++;
    }
    const char *whole = at;
    at = skip_digits(at, end);
    size_t digits = (size_t)(at - whole);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        digits += (size_t)(at - fraction);
    }
    return digits > 0 && skip_tail(at, end) == end && (at == end || *at != '.');
}

bool om_number_read(omega_str text, double *out)
{
    char copy[LONGEST + 1];
    if (text.len == 0 || text.len > LONGEST || !is_loose_number(text)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod_l(copy, NULL, get_c_locale());
    if (!isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

/* A number taken apart: digits as an integer, and the power of ten that scales it. */
struct decimal {
    uint64_t digits;
    int exponent;
    unsigned count; /* of digits after leading zeros; over MAX_DIGITS: `digits` is incomplete */
    bool is_negative;
};

static const char *take_digits(const char *at, const char *end, struct decimal *decimal)
{
    for (; at < end && is_digit(*at); at++) {
        if (decimal->count < MAX_DIGITS) {
            decimal->digits = decimal->digits * 10 + (unsigned)(*at - '0');
        }
        decimal->count += decimal->count > 0 || *at != '0' ? 1 : 0;
    }
    return at;
}

static const char *take_exponent(const char *at, const char *end, struct decimal *decimal)
{
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    const char *start = at;
    int value = 0;
    for (; at < end && is_digit(*at); at++) {
        value = value < 100000000 ? value * 10 + (*at - '0') : value;
    }
    decimal->exponent += is_negative ? -value : value;
    return at > start ? at : NULL;
}

static const char *take_apart(const char *at, const char *end, struct decimal *decimal)
{
    *decimal = (struct decimal){0};
    if (at < end && *at == '-') {
        decimal->is_negative = true;
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    if (*at == '0') {
        at++;
    } else {
        at = take_digits(at, end, decimal);
    }
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = take_digits(fraction, end, decimal);
        if (at == fraction) {
            return NULL;
        }
        ptrdiff_t places = at - fraction;
        if (places > MAX_PLACES) {
            decimal->count += decimal->count > 0 ? MAX_DIGITS : 0; /* not for the fast path */
            places = MAX_PLACES;
        }
        decimal->exponent = -(int)places;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at = take_exponent(at + 1, end, decimal);
    }
    return at;
}

/* True when `value`, known to a few units of its last place, rounds to one float for certain: its
 * 29 bits below a float's precision are not near their midpoint. */
static bool rounds_surely(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t below = bits & 0x1FFFFFFF;
    return below < 0x10000000 - 16 || below > 0x10000000 + 16;
}

static bool scale(const struct decimal *decimal, float *out)
{
    if (decimal->digits == 0 && decimal->count == 0) {
        *out = decimal->is_negative ? -0.0F : 0.0F;
        return true;
    }
    int exponent = decimal->exponent;
    if (decimal->count > MAX_DIGITS || exponent < -2 * EXACT_POWER || exponent > EXACT_POWER) {
        return false;
    }
    double value = (double)decimal->digits;
    if (exponent >= 0) {
        value *= powers[exponent];
    } else if (exponent >= -EXACT_POWER) {
        value /= powers[-exponent];
    } else {
        value = value / powers[EXACT_POWER] / powers[-exponent - EXACT_POWER];
    }
    if (value < (double)FLT_MIN * 2 || value > (double)FLT_MAX / 2 || !rounds_surely(value)) {
        return false;
    }
    *out = (float)(decimal->is_negative ? -value : value);
    return true;
}

const char *om_number_float(const char *at, const char *end, float *out)
{
    struct decimal decimal;
    const char *stop = take_apart(at, end, &decimal);
    if (stop == NULL || stop == end) {
        return NULL;
    }
    if (!scale(&decimal, out)) {
        /* `*stop` is readable and no part of a number, so strtof ends there too. */
        *out = strtof_l(at, NULL, get_c_locale());
    }
    return stop;
}

/* What printf wrote, with '.' for whatever the locale's decimal point is. */
static size_t plain_point(const char *text, char *out)
{
    size_t len = 0;
    bool in_point = false;
    for (; *text != '\0'; text++) {
        bool is_plain = is_digit(*text) || *text == '-' || *text == '+' || *text == 'e';
        if (is_plain) {
            out[len++] = *text;
        } else if (!in_point) {
            out[len++] = '.';
        }
        in_point = !is_plain;
    }
    out[len] = '\0';
    return len;
}

size_t om_number_write(double value, char out[OM_NUMBER_TEXT_SIZE])
{
    OM_ASSERT(isfinite(value));
    size_t len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        char text[OM_NUMBER_TEXT_SIZE];
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        len = plain_point(text, out);
        if (strtod_l(out, NULL, get_c_locale()) == value) {
            break;
        }
    }
    return len;
}

static size_t write_float_slowly(float value, char *out)
{
    size_t len = 0;
    for (int digits = 6; digits <= 9; digits++) {
        char text[OM_NUMBER_TEXT_SIZE];
        (void)snprintf(text, sizeof text, "%.*g", digits, (double)value);
        len = plain_point(text, out);
        if (strtof_l(out, NULL, get_c_locale()) == value) {
            break;
        }
    }
    return len;
}

/* `digits` with `places` of them behind the point, without trailing zeros. */
static size_t write_fixed(bool is_negative, uint64_t digits, unsigned places, char *out)
{
    char text[OM_NUMBER_TEXT_SIZE]; /* backwards */
    size_t len = 0;
    while (places > 0 && digits % 10 == 0) {
        digits /= 10;
        places--;
    }
    for (unsigned i = 0; i < places; i++) {
        text[len++] = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (places > 0) {
        text[len++] = '.';
    }
    do {
        text[len++] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits > 0);
    if (is_negative) {
        text[len++] = '-';
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = text[len - 1 - i];
    }
    out[len] = '\0';
    return len;
}

size_t om_number_write_float(float value, char out[OM_NUMBER_TEXT_SIZE])
{
    OM_ASSERT(isfinite(value));
    double size = fabs((double)value);
    if (size == 0.0 || size < 1e-5 || size >= 1e7) {
        return write_float_slowly(value, out);
    }
    /* `lead` places put the first digit right behind the point. */
    int lead = 0;
    while (size * powers[lead] < 0.1) {
        lead++;
    }
    int whole = 0;
    while (size >= powers[whole]) {
        whole++;
    }
    for (int digits = 6; digits <= 9; digits++) {
        int places = digits + lead - whole;
        if (places < 0) {
            continue;
        }
        double scaled = nearbyint(size * powers[places]);
        double back = scaled / powers[places];
        if (rounds_surely(back) && (double)(float)back == size) {
            return write_fixed(value < 0, (uint64_t)scaled, (unsigned)places, out);
        }
    }
    return write_float_slowly(value, out);
}
