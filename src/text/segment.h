/* segment.h -- sentences, and paragraphs of plain text and Markdown: how an import cuts a document.
 *
 * Promises: every byte of the text that is not white space lies in exactly one paragraph (but for
 *           the # of headings) and in exactly one sentence; pieces come in order, trimmed, never
 *           empty. Both take time linear in the text.
 * Threads:  any; nothing allocates. The text must be valid UTF-8 and outlive the walk. */
#ifndef OM_SEGMENT_H
#define OM_SEGMENT_H

#include "core/core.h"

/* Set `text` and the rest to zero. */
struct om_sentences {
    omega_str text;
    size_t at;
};

/* A sentence ends after . ! ? or an ellipsis with the quotes and brackets that close it, before
 * white space; after a CJK full stop or its kin at once; and at a blank line. A full stop does not
 * end one after a known English abbreviation ("Dr.", "e.g."), after an initial ("J. Smith"), after
 * the number that begins a line ("3. Install"), or before a lower-case letter.
 * False at the end. */
bool om_sentence_next(struct om_sentences *sentences, omega_str *out);

struct om_paragraph {
    omega_str text;
    size_t line;            /* of its first line, from 1 */
    unsigned heading_level; /* 1..6: a Markdown heading, `text` is its title; 0: a paragraph */
};

/* Set `text` and the rest to zero. */
struct om_paragraphs {
    omega_str text;
    size_t at;
    size_t line; /* lines read so far */
};

/* A paragraph ends at a blank line or a Markdown heading (# to ###### and a space). What stands
 * between fences (``` or ~~~) is one paragraph, fences and blank lines included; a fence that is
 * never closed reaches to the end. Underlined headings are ordinary text. False at the end. */
bool om_paragraph_next(struct om_paragraphs *paragraphs, struct om_paragraph *out);

#endif
