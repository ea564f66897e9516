/* base64.h -- bytes as text (RFC 4648 section 4: the standard alphabet, padded).
 *
 * Threads: any. */
#ifndef OM_BASE64_H
#define OM_BASE64_H

#include "core/buf.h"

void om_base64_encode(struct om_buf *out, const void *bytes, size_t size);
/* Strict: no white space, full padding, unused bits zero, so each value has one text. OMEGA_EINVAL
 * naming the place, and nothing is added; OMEGA_ELIMIT, OMEGA_ENOMEM from `out`. */
OMEGA_MUST_CHECK omega_status om_base64_decode(omega_str text, struct om_buf *out);

#endif
