/* str.h -- borrowed text: comparing, trimming, cutting, checking UTF-8, reading numbers. */
#ifndef OM_STR_H
#define OM_STR_H

#include "core/status.h"

#define OM_STR(literal) ((omega_str){(literal), sizeof(literal) - 1})
/* For "%.*s". */
#define OM_STR_ARG(s) (int)(s).len, ((s).ptr != NULL ? (s).ptr : "")

static inline bool om_str_given(omega_str s)
{
    return s.ptr != NULL;
}

bool om_str_eq(omega_str a, omega_str b); /* {NULL,0} equals {"",0} */
bool om_str_eq_text(omega_str a, const char *b);
bool om_str_eq_nocase(omega_str a, omega_str b); /* ASCII only */
int om_str_cmp(omega_str a, omega_str b);        /* bytes, then length */
bool om_str_starts(omega_str s, omega_str prefix);
bool om_str_ends(omega_str s, omega_str suffix);
omega_str om_str_trim(omega_str s); /* ASCII white space at both ends */
/* Cuts at the first `separator`: returns what is before; `*rest` is what is after, or {NULL,0}
 * without one. */
omega_str om_str_cut(omega_str s, char separator, omega_str *rest);

/* Reading whole texts: false when anything is left over or out of the type. */
bool om_str_to_i64(omega_str s, int64_t *out);
bool om_str_to_u64(omega_str s, uint64_t *out);
bool om_str_to_double(omega_str s, double *out); /* finite, locale-free */

/* UTF-8 as RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
bool om_utf8_valid(omega_str s);
/* The length of the longest valid prefix. */
size_t om_utf8_valid_len(omega_str s);
/* Reads one code point of valid UTF-8 at s.ptr (s.len > 0); returns its length in bytes. */
size_t om_utf8_next(omega_str s, uint32_t *code_point);
/* Writes one; returns the length 1..4. */
size_t om_utf8_put(char out[4], uint32_t code_point);
/* The longest prefix of at most `max` bytes that ends between code points. */
omega_str om_utf8_clip(omega_str s, size_t max);

#endif
