/* text.h -- what Omega knows about human writing. The facade of text/: other folders include this.
 *
 * fold.h      one form for what a reader takes for the same (search), and a stronger one (equality)
 * token.h     words, and overlapping pairs of characters where a script writes no spaces
 * stem.h      Snowball stems by script, with handles that many threads share
 * terms.h     all of the above in one walk: what an index or an embedder wants from a text
 * segment.h   sentences, and paragraphs of plain text and Markdown
 * features.h  the hashed features of the built-in embedder */
#ifndef OM_TEXT_H
#define OM_TEXT_H

#include "text/features.h"
#include "text/fold.h"
#include "text/segment.h"
#include "text/stem.h"
#include "text/terms.h"
#include "text/token.h"

#endif
