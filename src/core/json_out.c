/* json_out.c -- writing JSON into a buffer.
 *
 * The writer keeps one flag for each open bracket: whether a comma is due. Control characters,
 * quotes and backslashes are escaped, everything else is UTF-8 and goes through.
 * A dump sorts keys by bytes and keeps 1.0 a real, so that equal documents give equal text. */
#include "core/json.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/json_int.h"
#include "core/number.h"
#include "core/str.h"

void om_json_out_init(struct om_json_out *out, struct om_buf *buf)
{
    *out = (struct om_json_out){.buf = buf};
}

static void put_quoted(struct om_buf *buf, omega_str text)
{
    static const char hex[] = "0123456789abcdef";
    static const char named[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    size_t from = 0;
    om_buf_add_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        om_buf_add(buf, text.ptr + from, i - from);
        from = i + 1;
        const char *place = c != 0 ? strchr(named, c) : NULL;
        if (place != NULL) {
            char pair[2] = {'\\', letters[place - named]};
            om_buf_add(buf, pair, sizeof pair);
        } else {
            char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            om_buf_add(buf, code, sizeof code);
        }
    }
    om_buf_add(buf, text.len > 0 ? text.ptr + from : "", text.len - from);
    om_buf_add_char(buf, '"');
}

static void begin(struct om_json_out *out, omega_str key)
{
    if (out->comma[out->depth]) {
        om_buf_add_char(out->buf, ',');
    }
    out->comma[out->depth] = true;
    if (key.ptr != NULL) {
        put_quoted(out->buf, key);
        om_buf_add_char(out->buf, ':');
    }
}

static void open_bracket(struct om_json_out *out, omega_str key, char bracket)
{
    OM_ASSERT(bracket == '{' || bracket == '[');
    OM_ASSERT(out->depth + 1 < OM_COUNT_OF(out->comma));
    begin(out, key);
    om_buf_add_char(out->buf, bracket);
    out->depth++;
    out->comma[out->depth] = false;
}

void om_json_open(struct om_json_out *out, const char *key, char bracket)
{
    open_bracket(out, omega_str_of(key), bracket);
}

void om_json_close(struct om_json_out *out, char bracket)
{
    OM_ASSERT(bracket == '}' || bracket == ']');
    OM_ASSERT(out->depth > 0);
    out->depth--;
    om_buf_add_char(out->buf, bracket);
}

void om_json_put_str(struct om_json_out *out, const char *key, omega_str value)
{
    begin(out, omega_str_of(key));
    if (value.ptr == NULL) {
        om_buf_add_text(out->buf, "null");
    } else {
        put_quoted(out->buf, value);
    }
}

void om_json_put_text(struct om_json_out *out, const char *key, const char *value)
{
    om_json_put_str(out, key, omega_str_of(value));
}

void om_json_put_i64(struct om_json_out *out, const char *key, int64_t value)
{
    begin(out, omega_str_of(key));
    om_buf_addf(out->buf, "%lld", (long long)value);
}

void om_json_put_u64(struct om_json_out *out, const char *key, uint64_t value)
{
    begin(out, omega_str_of(key));
    om_buf_addf(out->buf, "%llu", (unsigned long long)value);
}

void om_json_put_double(struct om_json_out *out, const char *key, double value)
{
    char text[OM_NUMBER_TEXT_SIZE];
    if (!isfinite(value)) {
        om_json_put_null(out, key);
        return;
    }
    begin(out, omega_str_of(key));
    om_buf_add(out->buf, text, om_number_write(value, text));
}

void om_json_put_bool(struct om_json_out *out, const char *key, bool value)
{
    begin(out, omega_str_of(key));
    om_buf_add_text(out->buf, value ? "true" : "false");
}

void om_json_put_null(struct om_json_out *out, const char *key)
{
    begin(out, omega_str_of(key));
    om_buf_add_text(out->buf, "null");
}

void om_json_put_time(struct om_json_out *out, const char *key, int64_t wall_ms)
{
    char text[OM_TIME_TEXT_SIZE];
    if (wall_ms == OMEGA_TIME_UNSET) {
        om_json_put_null(out, key);
        return;
    }
    om_time_format(wall_ms, text);
    om_json_put_text(out, key, text);
}

static void add_floats(struct om_buf *buf, const float *values, size_t count)
{
    om_buf_add_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        char text[OM_NUMBER_TEXT_SIZE + 1];
        size_t len = 0;
        if (i > 0) {
            text[len++] = ',';
        }
        if (isfinite(values[i])) {
            len += om_number_write_float(values[i], text + len);
        } else {
            memcpy(text + len, "null", 4);
            len += 4;
        }
        om_buf_add(buf, text, len);
    }
    om_buf_add_char(buf, ']');
}

void om_json_put_floats(struct om_json_out *out, const char *key, const float *values, size_t count)
{
    begin(out, omega_str_of(key));
    add_floats(out->buf, values, count);
}

void om_json_put_raw(struct om_json_out *out, const char *key, omega_str json)
{
    begin(out, omega_str_of(key));
    om_buf_add_str(out->buf, json);
}

/* ---- A value as text ------------------------------------------------------------------------ */

struct member {
    omega_str key;
    const struct om_json *value;
};

static int compare_members(const void *a, const void *b)
{
    return om_str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void dump_value(struct om_json_out *out, omega_str key, const struct om_json *value);

static void dump_object(struct om_json_out *out, const struct om_json *object)
{
    size_t count = om_json_count(object);
    struct member *members = om_get0(out->buf->alloc, count, sizeof *members);
    if (members == NULL) {
        if (out->buf->status == OMEGA_OK) {
            out->buf->status = om_nomem();
        }
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        OM_ASSERT(om_json_next(object, &at, &members[i].key, &members[i].value));
    }
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 0; i < count; i++) {
        dump_value(out, members[i].key, members[i].value);
    }
    om_put(out->buf->alloc, members);
}

static void dump_number(struct om_buf *buf, const struct om_json *value)
{
    int64_t whole;
    char text[OM_NUMBER_TEXT_SIZE];
    if (om_json_is_whole(value, &whole)) {
        om_buf_addf(buf, "%lld", (long long)whole);
        return;
    }
    size_t len = om_number_write(om_json_number(value), text);
    om_buf_add(buf, text, len);
    if (strpbrk(text, ".e") == NULL) {
        om_buf_add_text(buf, ".0");
    }
}

static void dump_array(struct om_json_out *out, const struct om_json *array)
{
    size_t count = om_json_count(array);
    for (size_t i = 0; i < count; i++) {
        dump_value(out, (omega_str){NULL, 0}, om_json_at(array, i));
    }
}

/* Depth is that of the text the value was parsed from. */
static void dump_value(struct om_json_out *out, omega_str key, const struct om_json *value)
{
    enum om_json_type type = om_json_type_of(value);
    if (type == OM_JSON_OBJECT || type == OM_JSON_ARRAY) {
        bool is_object = type == OM_JSON_OBJECT;
        open_bracket(out, key, is_object ? '{' : '[');
        (is_object ? dump_object : dump_array)(out, value);
        om_json_close(out, is_object ? '}' : ']');
        return;
    }
    begin(out, key);
    size_t count;
    const float *floats;
    switch (type) {
    case OM_JSON_BOOL:
        om_buf_add_text(out->buf, om_json_bool(value) ? "true" : "false");
        break;
    case OM_JSON_NUMBER:
        dump_number(out->buf, value);
        break;
    case OM_JSON_STRING:
        put_quoted(out->buf, om_json_str(value));
        break;
    case OM_JSON_FLOATS:
        floats = om_json_floats(value, &count);
        add_floats(out->buf, floats, count);
        break;
    case OM_JSON_NULL:
    case OM_JSON_ARRAY:
    case OM_JSON_OBJECT:
        om_buf_add_text(out->buf, "null");
        break;
    }
}

void om_json_dump(const struct om_json *value, struct om_buf *buf)
{
    struct om_json_out out;
    om_json_out_init(&out, buf);
    dump_value(&out, (omega_str){NULL, 0}, value);
}
