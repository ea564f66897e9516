/* look_alikes_int.h -- the tables behind om_text_skeleton, private to text/. */
#ifndef OM_LOOK_ALIKES_INT_H
#define OM_LOOK_ALIKES_INT_H

#include "core/core.h"

/* The ASCII letter or digit that a folded, non-ASCII code point looks like; 0 if none. */
char om_look_alike(uint32_t c);

/* The ASCII digit of a decimal digit of any script (ASCII's own too); 0 if it is none. */
char om_digit_of(uint32_t c);

#endif
