/* json_scan.c -- lifts arrays of numbers out of JSON before the parser sees them.
 *
 * One pass over the bytes that knows only strings, escapes and brackets: enough to tell a key (a
 * string before a colon) from a value. Where a key is one of `float_keys` and its value an array of
 * numbers only, the numbers become floats and the array becomes "[k]", k counting the lifts.
 *
 * The stand-in cannot be forged: the value of such a key that consists of one integer in
 * brackets is always lifted itself, however the key is escaped, so after the pass every "[integer]"
 * under such a key is ours. Replacing an array by an array keeps valid JSON valid and broken JSON
 * broken. Rejected: a random marker (needs entropy, and only makes forging unlikely), and a parser
 * of our own (the rest of a document is not hot). */
#include "core/json_int.h"

#include <math.h>
#include <stdio.h>

#include "core/limits.h"
#include "core/number.h"
#include "core/str.h"

enum { CHUNK = 128, KEY_MAX = 64 };

void om_json_scan_init(struct om_json_scan *scan, struct om_alloc *alloc, omega_str text,
                       const char *const *float_keys)
{
    *scan = (struct om_json_scan){.text = text, .float_keys = float_keys};
    /* Bounds by the text: two bytes give a float of four, `"k":[]` gives a lift and "[k]". */
    om_buf_init(&scan->reduced, alloc, text.len * 8 + 64);
    om_buf_init(&scan->values, alloc, text.len * 2 + 64);
    om_buf_init(&scan->lifts, alloc, (text.len / 4 + 1) * sizeof(struct om_json_lift));
}

void om_json_scan_fini(struct om_json_scan *scan)
{
    om_buf_fini(&scan->reduced);
    om_buf_fini(&scan->values);
    om_buf_fini(&scan->lifts);
}

size_t om_json_scan_count(const struct om_json_scan *scan)
{
    return scan->lifts.len / sizeof(struct om_json_lift);
}

omega_status om_json_fail_at(omega_str text, size_t offset, const char *what)
{
    size_t line = 1, column = 1;
    offset = OM_MIN(offset, text.len);
    for (size_t i = 0; i < offset; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    return om_fail(OMEGA_EINVAL, "JSON line %zu column %zu: %s", line, column, what);
}

size_t om_json_scan_offset(const struct om_json_scan *scan, size_t reduced)
{
    size_t offset = reduced;
    size_t count = om_json_scan_count(scan);
    for (size_t i = 0; i < count; i++) {
        struct om_json_lift lift;
        memcpy(&lift, scan->lifts.ptr + i * sizeof lift, sizeof lift);
        if (reduced < lift.reduced_start) {
            break;
        }
        offset = reduced < lift.reduced_end ? lift.start : lift.end + (reduced - lift.reduced_end);
    }
    return offset;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* Behind the closing quote of the string that opens at `at`; `end` when it never closes. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && ++at == end) {
            break;
        }
    }
    return end;
}

static unsigned hex_digits(const char *at)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 0x10000;
        value = value << 4 | digit;
    }
    return value;
}

/* The character behind a backslash if it is ASCII, else 0 (a name of ours never holds 0). */
static char unescape(const char **at, const char *end)
{
    char c = *(*at)++;
    if (c == 'u' && end - *at >= 4) {
        unsigned value = hex_digits(*at);
        *at += 4;
        return value < 0x80 ? (char)value : '\0';
    }
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *place = c != '\0' ? strchr(plain, c) : NULL;
    return place != NULL ? meant[place - plain] : '\0';
}

/* Is the raw text between the quotes, its escapes resolved, the name? */
static bool is_key(omega_str raw, const char *name)
{
    const char *at = raw.ptr;
    const char *end = raw.ptr + raw.len;
    for (; *name != '\0'; name++) {
        if (at == end) {
            return false;
        }
        char c = *at++;
        if (c == '\\' && at < end) {
            c = unescape(&at, end);
        }
        if (c != *name) {
            return false;
        }
    }
    return at == end;
}

static const char *find_key(const struct om_json_scan *scan, omega_str raw)
{
    if (scan->float_keys == NULL) {
        return NULL;
    }
    for (size_t i = 0; scan->float_keys[i] != NULL; i++) {
        if (is_key(raw, scan->float_keys[i])) {
            return scan->float_keys[i];
        }
    }
    return NULL;
}

static omega_status fail_item(const struct om_json_scan *scan, const char *key, size_t index,
                              const char *at)
{
    char what[160];
    (void)snprintf(what, sizeof what, "item %zu of '%.64s' is over the range of a float", index,
                   key);
    return om_json_fail_at(scan->text, (size_t)(at - scan->text.ptr), what);
}

/* Reads the array that opens at *at. On OMEGA_OK *at is behind it, or NULL when it is no array of
 * numbers; then no values were added. */
static omega_status read_floats(struct om_json_scan *scan, const char *key, const char **start,
                                size_t *count)
{
    float chunk[CHUNK];
    size_t before = scan->values.len, held = 0;
    const char *end = scan->text.ptr + scan->text.len;
    const char *at = skip_space(*start + 1, end);
    *start = NULL;
    *count = 0;
    bool is_done = at < end && *at == ']';
    while (!is_done) {
        const char *stop = om_number_float(at, end, &chunk[held]);
        if (stop == NULL) {
            break;
        }
        if (!isfinite(chunk[held])) {
            return fail_item(scan, key, *count, at);
        }
        held++;
        ++*count;
        at = skip_space(stop, end);
        is_done = at < end && *at == ']';
        if (held == CHUNK || is_done) {
            om_buf_add(&scan->values, chunk, held * sizeof *chunk);
            held = 0;
        }
        if (at == end || (!is_done && *at != ',')) {
            break;
        }
        at = is_done ? at : skip_space(at + 1, end);
    }
    if (is_done) {
        *start = at + 1;
    } else if (scan->values.status == OMEGA_OK) {
        scan->values.len = before;
    }
    return scan->values.status;
}

/* Appends the text since the last lift and the stand-in. */
static omega_status note_lift(struct om_json_scan *scan, const char *start, const char *end,
                              size_t count)
{
    size_t number = om_json_scan_count(scan);
    struct om_json_lift lift = {.start = (size_t)(start - scan->text.ptr),
                                .end = (size_t)(end - scan->text.ptr),
                                .first = scan->values.len / sizeof(float) - count,
                                .count = count};
    size_t from = 0;
    if (number > 0) {
        struct om_json_lift last;
        memcpy(&last, scan->lifts.ptr + (number - 1) * sizeof last, sizeof last);
        from = last.end;
    }
    om_buf_add(&scan->reduced, scan->text.ptr + from, lift.start - from);
    lift.reduced_start = scan->reduced.len;
    om_buf_addf(&scan->reduced, "[%zu]", number);
    lift.reduced_end = scan->reduced.len;
    om_buf_add(&scan->lifts, &lift, sizeof lift);
    return scan->reduced.status != OMEGA_OK ? scan->reduced.status : scan->lifts.status;
}

/* At a string: passes it, and the array behind it if that is to be lifted. */
static omega_status pass_string(struct om_json_scan *scan, const char **at)
{
    const char *end = scan->text.ptr + scan->text.len;
    const char *open = *at;
    *at = skip_string(open, end);
    if (scan->float_keys == NULL) {
        return OMEGA_OK;
    }
    const char *value = skip_space(*at, end);
    if (value == end || *value != ':') {
        return OMEGA_OK;
    }
    value = skip_space(value + 1, end);
    if (value == end || *value != '[') {
        return OMEGA_OK;
    }
    const char *key = find_key(scan, (omega_str){open + 1, (size_t)(*at - open) - 2});
    if (key == NULL) {
        return OMEGA_OK;
    }
    const char *stop = value;
    size_t count;
    omega_status status = read_floats(scan, key, &stop, &count);
    if (status != OMEGA_OK || stop == NULL) {
        return status;
    }
    *at = stop;
    return note_lift(scan, value, stop, count);
}

static omega_status finish(struct om_json_scan *scan)
{
    size_t count = om_json_scan_count(scan);
    if (count == 0) {
        return OMEGA_OK;
    }
    struct om_json_lift last;
    memcpy(&last, scan->lifts.ptr + (count - 1) * sizeof last, sizeof last);
    om_buf_add(&scan->reduced, scan->text.ptr + last.end, scan->text.len - last.end);
    return scan->reduced.status;
}

omega_status om_json_scan_run(struct om_json_scan *scan)
{
    if (scan->text.len == 0) {
        return OMEGA_OK;
    }
    const char *at = scan->text.ptr;
    const char *end = at + scan->text.len;
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            omega_status status = pass_string(scan, &at);
            if (status != OMEGA_OK) {
                return status;
            }
            continue;
        }
        if (*at == '[' || *at == '{') {
            if (++depth > OM_LIMIT_JSON_DEPTH) {
                return om_json_fail_at(scan->text, (size_t)(at - scan->text.ptr),
                                       "nested deeper than 64");
            }
        } else if (*at == ']' || *at == '}') {
            depth -= depth > 0 ? 1 : 0;
        }
        at++;
    }
    return finish(scan);
}
