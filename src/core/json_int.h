/* json_int.h -- between the scan that lifts floats and the tree (core only). */
#ifndef OM_JSON_INT_H
#define OM_JSON_INT_H

#include "core/json.h"

/* One lifted array: [start, end) of the text, `count` floats from `first` on, and where its
 * placeholder "[k]" stands in the reduced text. */
struct om_json_lift {
    size_t start, end;
    size_t first, count;
    size_t reduced_start, reduced_end;
};

struct om_json_scan {
    omega_str text;
    const char *const *float_keys;
    struct om_buf reduced; /* the text with placeholders; empty when nothing was lifted */
    struct om_buf values;  /* floats */
    struct om_buf lifts;   /* struct om_json_lift */
};

void om_json_scan_init(struct om_json_scan *scan, struct om_alloc *alloc, omega_str text,
                       const char *const *float_keys);
void om_json_scan_fini(struct om_json_scan *scan);
/* Checks the depth and lifts. Broken JSON passes: the parser says what is wrong with it. */
OMEGA_MUST_CHECK omega_status om_json_scan_run(struct om_json_scan *scan);
size_t om_json_scan_count(const struct om_json_scan *scan);
/* The offset in the text of an offset in the reduced text. */
size_t om_json_scan_offset(const struct om_json_scan *scan, size_t reduced);

/* Written as an integer, without point or exponent. */
bool om_json_is_whole(const struct om_json *value, int64_t *out);

/* OMEGA_EINVAL "JSON line 3 column 7: <what>". */
omega_status om_json_fail_at(omega_str text, size_t offset, const char *what);

#endif
