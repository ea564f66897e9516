/* clock.c -- time, and its text.
 *
 * Dates are computed with Howard Hinnant's civil-from-days (the proleptic Gregorian calendar in
 * 400-year eras, 2021): exact over the whole range and free of the C library's locks and time
 * zones. This file makes the POSIX calls for time. */
#include "core/clock.h"

#include <stdatomic.h>
#include <time.h>

#include "core/str.h"

enum { MS_PER_DAY = 86400000 };

static int64_t read_clock(clockid_t id, int64_t units_per_s)
{
    struct timespec now;
    OM_ASSERT(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * units_per_s + (int64_t)now.tv_nsec / (1000000000 / units_per_s);
}

static int64_t system_mono_ns(void *context)
{
    (void)context;
    return read_clock(CLOCK_MONOTONIC, 1000000000);
}

static int64_t system_wall_ms(void *context)
{
    (void)context;
    return read_clock(CLOCK_REALTIME, 1000);
}

static const struct om_clock system_clock = {system_mono_ns, system_wall_ms, NULL};

const struct om_clock *om_clock_system(void)
{
    return &system_clock;
}

static int64_t fake_mono_ns(void *context)
{
    struct om_fake_clock *fake = context;
    return atomic_load(&fake->now_ns);
}

static int64_t fake_wall_ms(void *context)
{
    struct om_fake_clock *fake = context;
    return fake->wall_start_ms + atomic_load(&fake->now_ns) / 1000000;
}

void om_fake_clock_init(struct om_fake_clock *fake, int64_t wall_start_ms)
{
    fake->clock = (struct om_clock){fake_mono_ns, fake_wall_ms, fake};
    fake->wall_start_ms = wall_start_ms;
    atomic_init(&fake->now_ns, 0);
}

void om_fake_clock_advance_ms(struct om_fake_clock *fake, int64_t ms)
{
    atomic_fetch_add(&fake->now_ns, ms * 1000000);
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned shifted = (5 * of_year + 2) / 153; /* March is 0 */
    struct civil civil;
    civil.day = of_year - (153 * shifted + 2) / 5 + 1;
    civil.month = shifted < 10 ? shifted + 3 : shifted - 9;
    civil.year = (int64_t)year + era * 400 + (civil.month <= 2 ? 1 : 0);
    return civil;
}

static void put_digits(char *out, unsigned value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void om_time_format(int64_t wall_ms, char out[OM_TIME_TEXT_SIZE])
{
    int64_t first = days_from_civil(0, 1, 1) * MS_PER_DAY;
    int64_t last = days_from_civil(10000, 1, 1) * MS_PER_DAY - 1;
    wall_ms = OM_MAX(first, OM_MIN(wall_ms, last));
    int64_t days = wall_ms / MS_PER_DAY;
    int64_t rest = wall_ms % MS_PER_DAY;
    if (rest < 0) {
        rest += MS_PER_DAY;
        days--;
    }
    struct civil civil = civil_from_days(days);
    unsigned ms = (unsigned)rest;
    memcpy(out, "0000-00-00T00:00:00.000Z", OM_TIME_TEXT_SIZE);
    put_digits(out, (unsigned)civil.year, 4);
    put_digits(out + 5, civil.month, 2);
    put_digits(out + 8, civil.day, 2);
    put_digits(out + 11, ms / 3600000, 2);
    put_digits(out + 14, ms / 60000 % 60, 2);
    put_digits(out + 17, ms / 1000 % 60, 2);
    put_digits(out + 20, ms % 1000, 3);
}

/* Reads exactly `width` digits at *at. */
static bool take_number(omega_str text, size_t *at, size_t width, unsigned *out)
{
    if (text.len - *at < width) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < width; i++) {
        char c = text.ptr[*at + i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(c - '0');
    }
    *at += width;
    *out = value;
    return true;
}

static bool take_char(omega_str text, size_t *at, const char *allowed)
{
    if (*at >= text.len || text.ptr[*at] == '\0' || strchr(allowed, text.ptr[*at]) == NULL) {
        return false;
    }
    ++*at;
    return true;
}

static bool take_date(omega_str text, size_t *at, int64_t *days)
{
    static const unsigned char lengths[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!take_number(text, at, 4, &year) || !take_char(text, at, "-") ||
        !take_number(text, at, 2, &month) || !take_char(text, at, "-") ||
        !take_number(text, at, 2, &day)) {
        return false;
    }
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    if (day > lengths[month] + (month == 2 && is_leap ? 1U : 0U)) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

/* Any count of digits; those behind the millisecond are dropped. */
static bool take_fraction(omega_str text, size_t *at, unsigned *ms)
{
    unsigned scale = 100;
    size_t start = *at;
    *ms = 0;
    while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9') {
        *ms += (unsigned)(text.ptr[*at] - '0') * scale;
        scale /= 10;
        ++*at;
    }
    return *at > start;
}

static bool take_time(omega_str text, size_t *at, int64_t *ms_of_day)
{
    unsigned hour, minute, second, ms = 0;
    if (!take_number(text, at, 2, &hour) || !take_char(text, at, ":") ||
        !take_number(text, at, 2, &minute) || !take_char(text, at, ":") ||
        !take_number(text, at, 2, &second)) {
        return false;
    }
    if (take_char(text, at, ".,") && !take_fraction(text, at, &ms)) {
        return false;
    }
    /* A leap second (60) is the first of the next minute: POSIX time has no place for it. */
    if (hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *ms_of_day = (((int64_t)hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

static bool take_offset(omega_str text, size_t *at, int64_t *ms)
{
    *ms = 0;
    if (take_char(text, at, "Zz")) {
        return true;
    }
    bool is_west = *at < text.len && text.ptr[*at] == '-';
    unsigned hour, minute;
    if (!take_char(text, at, "+-") || !take_number(text, at, 2, &hour) ||
        !take_char(text, at, ":") || !take_number(text, at, 2, &minute)) {
        return false;
    }
    int64_t size = ((int64_t)hour * 60 + minute) * 60000;
    *ms = is_west ? -size : size;
    return hour <= 23 && minute <= 59;
}

static bool parse_time(omega_str text, int64_t *out)
{
    size_t at = 0;
    int64_t days, ms = 0, offset = 0;
    if (!take_date(text, &at, &days)) {
        return false;
    }
    if (at < text.len) {
        if (!take_char(text, &at, "Tt ") || !take_time(text, &at, &ms) ||
            !take_offset(text, &at, &offset)) {
            return false;
        }
    }
    *out = days * MS_PER_DAY + ms - offset;
    return at == text.len;
}

omega_status om_time_parse(omega_str text, int64_t *out)
{
    int64_t value;
    if (!parse_time(text, &value)) {
        omega_str shown = om_utf8_clip(text, 60);
        return om_fail(OMEGA_EINVAL,
                       "'%.*s' is no time: write it like 2026-08-01T12:00:00Z, with an offset "
                       "like +02:00, or as a date like 2026-08-01",
                       OM_STR_ARG(shown));
    }
    *out = value;
    return OMEGA_OK;
}
