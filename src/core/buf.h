/* buf.h -- a growing byte buffer with a ceiling and a sticky failure.
 *
 * Call sites append freely and check `buf.status` once. Owned memory; om_buf_fini frees it. */
#ifndef OM_BUF_H
#define OM_BUF_H

#include "core/alloc.h"

struct om_buf {
    struct om_alloc *alloc;
    char *ptr; /* always terminated once anything was added */
    size_t len;
    size_t capacity;
    size_t ceiling;      /* OMEGA_ELIMIT beyond it */
    omega_status status; /* the first failure; later calls do nothing */
};

void om_buf_init(struct om_buf *buf, struct om_alloc *alloc, size_t ceiling);
void om_buf_fini(struct om_buf *buf);
void om_buf_clear(struct om_buf *buf); /* empty again, memory kept, status OMEGA_OK */

void om_buf_add(struct om_buf *buf, const void *bytes, size_t size);
void om_buf_add_str(struct om_buf *buf, omega_str text);
void om_buf_add_text(struct om_buf *buf, const char *text);
void om_buf_add_char(struct om_buf *buf, char c);
void om_buf_addf(struct om_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for `size` bytes at the end, counted as added; NULL after a failure. */
void *om_buf_extend(struct om_buf *buf, size_t size);

omega_str om_buf_str(const struct om_buf *buf);
/* Transfers the terminated text to the caller (om_put with the same alloc); the buffer is empty
 * again. On a failure returns the status and *out is NULL. */
OMEGA_MUST_CHECK omega_status om_buf_take(struct om_buf *buf, char **out, size_t *len);

#endif
