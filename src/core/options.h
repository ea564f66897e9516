/* options.h -- typed configuration from one table.
 *
 * A table of rows describes the fields of one flat struct: key, type, offset, range, default, one
 * line of documentation. Values come from an INI file (inih), then from environment variables
 * OMEGA_SECTION_KEY, then from `set` calls; each is checked against its row. */
#ifndef OM_OPTIONS_H
#define OM_OPTIONS_H

#include "core/buf.h"

enum om_option_type {
    OM_OPTION_BOOL,   /* bool; true/false/yes/no/on/off/1/0 */
    OM_OPTION_U32,    /* uint32_t */
    OM_OPTION_U64,    /* uint64_t */
    OM_OPTION_I64,    /* int64_t */
    OM_OPTION_DOUBLE, /* double */
    OM_OPTION_TEXT,   /* char[size], terminated */
    OM_OPTION_CHOICE  /* uint32_t, index into `choices` */
};

struct om_option {
    const char *key; /* "section.name" */
    enum om_option_type type;
    size_t offset;
    size_t size; /* of the field */
    double min, max;
    const char *default_text;
    const char *const *choices; /* NULL-terminated, for OM_OPTION_CHOICE */
    const char *doc;            /* one line */
};

struct om_option_table {
    const struct om_option *rows;
    size_t count;
};

/* Writes every default. */
void om_options_init(const struct om_option_table *table, void *target);
/* Unknown key: OMEGA_EINVAL naming the nearest known one. Bad value: naming key, value, range. */
OMEGA_MUST_CHECK omega_status om_options_set(const struct om_option_table *table, void *target,
                                             omega_str key, omega_str value);
/* The first bad line ends the load; the message says file, line, key, range. Nothing is changed
 * then. */
OMEGA_MUST_CHECK omega_status om_options_load(const struct om_option_table *table, void *target,
                                              const char *path);
/* The same for a text in memory; `name` stands for the file in messages. */
OMEGA_MUST_CHECK omega_status om_options_load_text(const struct om_option_table *table,
                                                   void *target, omega_str text, const char *name);
/* Reads OMEGA_SECTION_KEY for every row that has one in the environment. */
OMEGA_MUST_CHECK omega_status om_options_env(const struct om_option_table *table, void *target);
/* The value as text, as it would stand in a file. */
void om_options_show(const struct om_option *row, const void *target, struct om_buf *out);
const struct om_option *om_options_find(const struct om_option_table *table, omega_str key);
/* Checks every field against its range (a caller may have written the struct directly). */
OMEGA_MUST_CHECK omega_status om_options_check(const struct om_option_table *table,
                                               const void *target);

#endif
