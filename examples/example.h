/* example.h -- what the examples share: going out on the first error, waiting, reading lines. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <omega/omega.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls, says what went wrong, goes to `out`. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) != OMEGA_OK) {                                                                  \
            fprintf(stderr, "%s: %s\n", #call, omega_error_message());                             \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)

/* The next line of standard input without its end, cut to `size`; false at the end. */
static inline bool read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

#endif
