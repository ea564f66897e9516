/* number.h -- decimal numbers as text, independent of the locale (the C library's strtod and printf
 * follow the host's decimal point; ours never do).
 *
 * The grammar is JSON's: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
 * Threads: any. Memory: none is kept. */
#ifndef OM_NUMBER_H
#define OM_NUMBER_H

#include "core/status.h"

enum { OM_NUMBER_TEXT_SIZE = 40 };

/* Where the number that begins at `at` ends, or NULL if none begins there. */
const char *om_number_end(const char *at, const char *end);

/* The whole text as a double, correctly rounded. Also accepts leading zeros and a bare ".5" or
 * "5.". False when it is no number, is not finite, or is longer than 512 bytes. */
bool om_number_read(omega_str text, double *out);

/* Reads the float at `at` and returns where it ends, or NULL if no number begins there. Correctly
 * rounded; infinite when over the range. The byte at `end` is never read, and the number must not
 * reach `end` (a list ends with its bracket). */
const char *om_number_float(const char *at, const char *end, float *out);

/* The shortest text that reads back as the same value; returns its length. Finite only. */
size_t om_number_write(double value, char out[OM_NUMBER_TEXT_SIZE]);
size_t om_number_write_float(float value, char out[OM_NUMBER_TEXT_SIZE]);

#endif
