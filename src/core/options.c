/* options.c -- configuration by table.
 *
 * A value is read into a small typed union, checked against its row, and only then stored, so a
 * refused value changes nothing. Loading a file and reading the environment run twice: once to
 * check everything, once to store. inih splits the lines; it is fed line by line from memory, so
 * that the line number is known (its handler has none in Debian's build) and an indented line is
 * not taken for the continuation of the one above. */
#include "core/options.h"

#include <ini.h>
#include <math.h>
#include <stdio.h>

#include "core/number.h"
#include "core/os.h"
#include "core/str.h"

enum { KEY_SIZE = 96, FILE_MAX = 1 << 20, SHOWN = 60 };

union value {
    bool flag;
    uint32_t u32;
    uint64_t u64;
    int64_t i64;
    double number;
    omega_str text;
};

const struct om_option *om_options_find(const struct om_option_table *table, omega_str key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (om_str_eq_text(key, table->rows[i].key)) {
            return &table->rows[i];
        }
    }
    return NULL;
}

/* ---- Reading a value ----------------------------------------------------------------------- */

static bool read_bool(omega_str text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < OM_COUNT_OF(words); i++) {
        if (om_str_eq_nocase(text, omega_str_of(words[i]))) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool in_range(const struct om_option *row, double value)
{
    return value >= row->min && value <= row->max;
}

static bool read_choice(const struct om_option *row, omega_str text, uint32_t *out)
{
    for (uint32_t i = 0; row->choices[i] != NULL; i++) {
        if (om_str_eq_nocase(text, omega_str_of(row->choices[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool text_fits(const struct om_option *row, omega_str text)
{
    return text.len < row->size && (double)text.len >= row->min && om_utf8_valid(text) &&
           (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
}

static bool read_value(const struct om_option *row, omega_str text, union value *out)
{
    switch (row->type) {
    case OM_OPTION_BOOL:
        return read_bool(text, &out->flag);
    case OM_OPTION_U32:
        if (!om_str_to_u64(text, &out->u64) || out->u64 > UINT32_MAX) {
            return false;
        }
        out->u32 = (uint32_t)out->u64;
        return in_range(row, out->u32);
    case OM_OPTION_U64:
        return om_str_to_u64(text, &out->u64) && in_range(row, (double)out->u64);
    case OM_OPTION_I64:
        return om_str_to_i64(text, &out->i64) && in_range(row, (double)out->i64);
    case OM_OPTION_DOUBLE:
        return om_str_to_double(text, &out->number) && in_range(row, out->number);
    case OM_OPTION_TEXT:
        out->text = text;
        return text_fits(row, text);
    case OM_OPTION_CHOICE:
        return read_choice(row, text, &out->u32);
    }
    return false;
}

static void store_value(const struct om_option *row, const union value *value, void *target)
{
    char *field = (char *)target + row->offset;
    switch (row->type) {
    case OM_OPTION_BOOL:
        memcpy(field, &value->flag, sizeof value->flag);
        break;
    case OM_OPTION_U32:
    case OM_OPTION_CHOICE:
        memcpy(field, &value->u32, sizeof value->u32);
        break;
    case OM_OPTION_U64:
        memcpy(field, &value->u64, sizeof value->u64);
        break;
    case OM_OPTION_I64:
        memcpy(field, &value->i64, sizeof value->i64);
        break;
    case OM_OPTION_DOUBLE:
        memcpy(field, &value->number, sizeof value->number);
        break;
    case OM_OPTION_TEXT:
        if (value->text.len > 0) {
            memmove(field, value->text.ptr, value->text.len);
        }
        field[value->text.len] = '\0';
        break;
    }
}

static void load_value(const struct om_option *row, const void *target, union value *value)
{
    const char *field = (const char *)target + row->offset;
    switch (row->type) {
    case OM_OPTION_BOOL: {
        /* A byte of a caller's struct that is neither 0 nor 1 is still a truth. */
        unsigned char byte;
        memcpy(&byte, field, 1);
        value->flag = byte != 0;
        break;
    }
    case OM_OPTION_U32:
    case OM_OPTION_CHOICE:
        memcpy(&value->u32, field, sizeof value->u32);
        break;
    case OM_OPTION_U64:
        memcpy(&value->u64, field, sizeof value->u64);
        break;
    case OM_OPTION_I64:
        memcpy(&value->i64, field, sizeof value->i64);
        break;
    case OM_OPTION_DOUBLE:
        memcpy(&value->number, field, sizeof value->number);
        break;
    case OM_OPTION_TEXT:
        value->text = (omega_str){field, strnlen(field, row->size)};
        break;
    }
}

static void put_number(char out[OM_NUMBER_TEXT_SIZE], double value)
{
    if (isfinite(value)) {
        (void)om_number_write(value, out);
    } else {
        const char *text = isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
        memcpy(out, text, strlen(text) + 1);
    }
}

/* A value that a caller's struct holds already. */
static bool value_is_allowed(const struct om_option *row, const union value *value)
{
    switch (row->type) {
    case OM_OPTION_BOOL:
        return true;
    case OM_OPTION_U32:
        return in_range(row, value->u32);
    case OM_OPTION_U64:
        return in_range(row, (double)value->u64);
    case OM_OPTION_I64:
        return in_range(row, (double)value->i64);
    case OM_OPTION_DOUBLE:
        return isfinite(value->number) && in_range(row, value->number);
    case OM_OPTION_TEXT:
        return text_fits(row, value->text);
    case OM_OPTION_CHOICE:
        break;
    }
    uint32_t count = 0;
    while (row->choices[count] != NULL) {
        count++;
    }
    return value->u32 < count;
}

/* The value as it would stand in a file; `text` holds it where it is a number. */
static omega_str text_of_value(const struct om_option *row, const union value *value,
                               char text[OM_NUMBER_TEXT_SIZE])
{
    text[0] = '\0';
    switch (row->type) {
    case OM_OPTION_BOOL:
        return value->flag ? OM_STR("true") : OM_STR("false");
    case OM_OPTION_U32:
        (void)snprintf(text, OM_NUMBER_TEXT_SIZE, "%u", value->u32);
        break;
    case OM_OPTION_U64:
        (void)snprintf(text, OM_NUMBER_TEXT_SIZE, "%llu", (unsigned long long)value->u64);
        break;
    case OM_OPTION_I64:
        (void)snprintf(text, OM_NUMBER_TEXT_SIZE, "%lld", (long long)value->i64);
        break;
    case OM_OPTION_DOUBLE:
        put_number(text, value->number);
        break;
    case OM_OPTION_TEXT:
        return value->text;
    case OM_OPTION_CHOICE:
        if (value_is_allowed(row, value)) {
            return omega_str_of(row->choices[value->u32]);
        }
        (void)snprintf(text, OM_NUMBER_TEXT_SIZE, "%u", value->u32);
        break;
    }
    return omega_str_of(text);
}

/* ---- Saying what is wrong ------------------------------------------------------------------ */

static void describe_choices(const struct om_option *row, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "one of");
    for (size_t i = 0; row->choices[i] != NULL && len < size; i++) {
        int wrote = snprintf(out + len, size - len, "%s %s", i > 0 ? "," : "", row->choices[i]);
        len += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* The allowed values in words. */
static void describe_range(const struct om_option *row, char *out, size_t size)
{
    char low[OM_NUMBER_TEXT_SIZE], high[OM_NUMBER_TEXT_SIZE];
    put_number(low, row->min);
    put_number(high, row->max);
    switch (row->type) {
    case OM_OPTION_BOOL:
        (void)snprintf(out, size, "true or false");
        break;
    case OM_OPTION_U32:
    case OM_OPTION_U64:
    case OM_OPTION_I64:
        (void)snprintf(out, size, "a whole number %s..%s", low, high);
        break;
    case OM_OPTION_DOUBLE:
        (void)snprintf(out, size, "a number %s..%s", low, high);
        break;
    case OM_OPTION_TEXT:
        (void)snprintf(out, size, "UTF-8 text of %s..%zu bytes", low, row->size - 1);
        break;
    case OM_OPTION_CHOICE:
        describe_choices(row, out, size);
        break;
    }
}

static omega_status fail_value(const struct om_option *row, omega_str value)
{
    char range[160];
    omega_str shown = om_utf8_clip(value, SHOWN);
    describe_range(row, range, sizeof range);
    return om_fail(OMEGA_EINVAL, "%s = '%.*s' is out of range: it is %s", row->key,
                   OM_STR_ARG(shown), range);
}

/* Edits (insert, remove, replace) between two keys; both at most KEY_SIZE long. Levenshtein's
 * distance with one row kept. */
static size_t edit_distance(omega_str a, omega_str b)
{
    size_t row[KEY_SIZE + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = diagonal + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = OM_MIN(replace, OM_MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

static omega_str after_dot(omega_str key)
{
    omega_str rest;
    (void)om_str_cut(key, '.', &rest);
    return rest.ptr != NULL ? rest : key;
}

/* The same name in another section is nearer than its letters say. */
static const struct om_option *find_nearest(const struct om_option_table *table, omega_str key)
{
    const struct om_option *nearest = NULL;
    size_t best = SIZE_MAX;
    if (key.len > KEY_SIZE) {
        return NULL;
    }
    for (size_t i = 0; i < table->count; i++) {
        omega_str known = omega_str_of(table->rows[i].key);
        OM_ASSERT(known.len <= KEY_SIZE);
        size_t distance = edit_distance(key, known);
        if (om_str_eq(after_dot(key), after_dot(known))) {
            distance = OM_MIN(distance, (size_t)1);
        }
        if (distance < best) {
            best = distance;
            nearest = &table->rows[i];
        }
    }
    return nearest;
}

static omega_status fail_key(const struct om_option_table *table, omega_str key)
{
    const struct om_option *nearest = find_nearest(table, key);
    omega_str shown = om_utf8_clip(key, SHOWN);
    if (nearest == NULL) {
        return om_fail(OMEGA_EINVAL, "no key '%.*s'", OM_STR_ARG(shown));
    }
    return om_fail(OMEGA_EINVAL, "no key '%.*s': did you mean %s?", OM_STR_ARG(shown),
                   nearest->key);
}

/* ---- The calls ----------------------------------------------------------------------------- */

void om_options_init(const struct om_option_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        union value value;
        OM_ASSERT(read_value(&table->rows[i], omega_str_of(table->rows[i].default_text), &value));
        store_value(&table->rows[i], &value, target);
    }
}

/* target NULL: only checks. */
static omega_status set_row(const struct om_option *row, void *target, omega_str text)
{
    union value value;
    if (!read_value(row, om_str_trim(text), &value)) {
        return fail_value(row, text);
    }
    if (target != NULL) {
        store_value(row, &value, target);
    }
    return OMEGA_OK;
}

static omega_status set_key(const struct om_option_table *table, void *target, omega_str key,
                            omega_str value)
{
    const struct om_option *row = om_options_find(table, key);
    return row != NULL ? set_row(row, target, value) : fail_key(table, key);
}

omega_status om_options_set(const struct om_option_table *table, void *target, omega_str key,
                            omega_str value)
{
    return set_key(table, target, om_str_trim(key), value);
}

omega_status om_options_check(const struct om_option_table *table, const void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct om_option *row = &table->rows[i];
        char text[OM_NUMBER_TEXT_SIZE];
        union value value;
        load_value(row, target, &value);
        if (!value_is_allowed(row, &value)) {
            return fail_value(row, text_of_value(row, &value, text));
        }
    }
    return OMEGA_OK;
}

void om_options_show(const struct om_option *row, const void *target, struct om_buf *out)
{
    char text[OM_NUMBER_TEXT_SIZE];
    union value value;
    load_value(row, target, &value);
    om_buf_add_str(out, text_of_value(row, &value, text));
}

/* OMEGA_SECTION_NAME for "section.name". */
static void name_variable(const char *key, char out[KEY_SIZE + 8])
{
    memcpy(out, "OMEGA_", 6);
    size_t len = 6;
    for (; *key != '\0'; key++) {
        bool is_lower = *key >= 'a' && *key <= 'z';
        out[len++] = *key == '.' ? '_' : is_lower ? (char)(*key - 'a' + 'A') : *key;
        OM_ASSERT(len < KEY_SIZE + 7);
    }
    out[len] = '\0';
}

static omega_status read_env(const struct om_option_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        char name[KEY_SIZE + 8];
        name_variable(table->rows[i].key, name);
        const char *text = om_os_env(name);
        if (text == NULL) {
            continue;
        }
        omega_status status = set_row(&table->rows[i], target, omega_str_of(text));
        if (status != OMEGA_OK) {
            return om_error_prefix(status, "environment variable %s", name);
        }
    }
    return OMEGA_OK;
}

omega_status om_options_env(const struct om_option_table *table, void *target)
{
    omega_status status = read_env(table, NULL);
    return status == OMEGA_OK ? read_env(table, target) : status;
}

/* ---- A file -------------------------------------------------------------------------------- */

struct load {
    const struct om_option_table *table;
    void *target; /* NULL: only check */
    const char *path;
    omega_str rest; /* what inih has not been given yet */
    int line;
    omega_status status;
};

/* fgets over memory. Leading white space goes, see the head of this file. */
static char *next_line(char *out, int size, void *stream)
{
    struct load *load = stream;
    if (load->status != OMEGA_OK || load->rest.len == 0) {
        return NULL;
    }
    omega_str line = om_str_cut(load->rest, '\n', &load->rest);
    load->line++;
    line = om_str_trim(line);
    if (line.len + 2 > (size_t)size) {
        load->status = om_fail(OMEGA_EINVAL, "%s line %d is longer than %d bytes", load->path,
                               load->line, size - 2);
        return NULL;
    }
    if (line.len > 0) {
        memcpy(out, line.ptr, line.len);
    }
    memcpy(out + line.len, "\n", 2);
    return out;
}

static int take_setting(void *user, const char *section, const char *name, const char *value)
{
    struct load *load = user;
    char key[KEY_SIZE + 16];
    if (load->status != OMEGA_OK) {
        return 0;
    }
    (void)snprintf(key, sizeof key, "%s%s%s", section, section[0] != '\0' ? "." : "", name);
    omega_status status =
        set_key(load->table, load->target, omega_str_of(key), omega_str_of(value));
    if (status != OMEGA_OK) {
        load->status = om_error_prefix(status, "%s line %d", load->path, load->line);
        return 0;
    }
    return 1;
}

static omega_status run_load(struct load load)
{
    int bad_line = ini_parse_stream(next_line, &load, take_setting, &load);
    if (bad_line < 0) {
        return om_nomem();
    }
    /* inih names the first bad line and goes on; ours stopped at load.line, if at all. */
    bool is_syntax = bad_line > 0 && (load.status == OMEGA_OK || bad_line < load.line);
    if (load.status != OMEGA_OK && !is_syntax) {
        return load.status;
    }
    if (is_syntax) {
        return om_fail(OMEGA_EINVAL, "%s line %d is neither a [section] nor name = value",
                       load.path, bad_line);
    }
    return OMEGA_OK;
}

omega_status om_options_load_text(const struct om_option_table *table, void *target, omega_str text,
                                  const char *name)
{
    if (text.len > 0 && (!om_utf8_valid(text) || memchr(text.ptr, '\0', text.len) != NULL)) {
        return om_fail(OMEGA_EINVAL, "%s is no UTF-8 text", name);
    }
    struct load load = {.table = table, .path = name, .rest = text};
    omega_status status = run_load(load);
    if (status == OMEGA_OK) {
        load.target = target;
        status = run_load(load);
    }
    return status;
}

omega_status om_options_load(const struct om_option_table *table, void *target, const char *path)
{
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), FILE_MAX);
    omega_status status = om_os_read_file(path, FILE_MAX, &text);
    if (status == OMEGA_OK) {
        status = om_options_load_text(table, target, om_buf_str(&text), path);
    }
    om_buf_fini(&text);
    return status;
}
