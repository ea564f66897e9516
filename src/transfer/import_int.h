/* import_int.h -- what the files of an import share. Private to transfer/.
 *
 * The way of an item: a reader (import_json.c, import_text.c) cuts a source into pieces
 * (pieces.c), makes each an om_import_item and gives it to om_import_take (import_batch.c), which
 * tells what stands already, gathers the rest and stores it batch by batch. What is wrong with one
 * piece goes to om_import_refuse, which names it and lets the import go on, or stops it. */
#ifndef OM_IMPORT_INT_H
#define OM_IMPORT_INT_H

#include "forms/forms.h"
#include "transfer/pieces_int.h"
#include "transfer/transfer.h"

enum {
    OM_IMPORT_BATCH = 256,           /* memories of one commit */
    OM_IMPORT_BATCH_BYTES = 4 << 20, /* of the source, between two steps */
    OM_IMPORT_TEXT_MAX = 16 << 20,   /* bytes of a text file */
    OM_IMPORT_PARAGRAPH = 4096,      /* bytes of a text memory; longer ones are cut at sentences */
    OM_IMPORT_REPEATS_MAX = 1 << 20  /* different contents that are counted in one file */
};

struct om_import_item {
    omega_memory_input input; /* texts live until the next step: in the arena or a kept document */
    uint64_t line;            /* of the source, for messages */
    bool archived;            /* to be put aside once it is stored */
    bool is_edit;             /* a Markdown file of an export: changes the memory of its id */
    uint64_t version;         /* of an edit: what the file was made from; 0: not said */
};

struct om_import {
    const struct om_transfer *transfer; /* memory NULL: nothing is stored */
    const omega_import_options *options;
    omega_import_report *report;
    struct om_arena arena; /* of the batch being gathered */
    struct om_json_doc *docs[OM_IMPORT_BATCH];
    size_t doc_count;
    struct om_import_item items[OM_IMPORT_BATCH];
    omega_memory_input inputs[OM_IMPORT_BATCH];
    omega_id ids[OM_IMPORT_BATCH];
    size_t count;
    size_t pending; /* bytes and pieces of the source since the last step */
    size_t pieces;
    struct om_map repeats; /* of the file being read: contents -> how often seen */
    const char *file;      /* being read, as messages and URIs name it */
    bool in_folder;        /* messages name the file, too */
    uint64_t done, total;  /* bytes; done without the file being read */
    uint64_t at;           /* bytes of the file being read */
    uint64_t superseded;   /* memories of an export that were left out */
};

/* ---- import_batch.c -------------------------------------------------------------------------- */

/* Room in the arena and for one document: called before each piece of `size` bytes is read. Stores
 * what was gathered when it is enough; OMEGA_ECANCELLED when the caller does not want to go on. */
OMEGA_MUST_CHECK omega_status om_import_piece(struct om_import *import, size_t size);
/* The document's texts are used by items: it lives until the next step. */
void om_import_keep(struct om_import *import, struct om_json_doc *doc);
OMEGA_MUST_CHECK omega_status om_import_take(struct om_import *import,
                                             const struct om_import_item *item);
/* Stores what was gathered and gives everything back that it was read into. */
OMEGA_MUST_CHECK omega_status om_import_step(struct om_import *import);
/* The thread's error is about the piece at `line` (0: the file): names it and counts it. OMEGA_OK
 * when the import goes on; `status` when it stops, because it was told to or because no single
 * piece is at fault. */
OMEGA_MUST_CHECK omega_status om_import_refuse(struct om_import *import, uint64_t line,
                                               omega_status status);
/* The same for a file that is left out: counts as skipped. */
OMEGA_MUST_CHECK omega_status om_import_skip_file(struct om_import *import, omega_status status);

/* ---- import_edit.c --------------------------------------------------------------------------- */

/* Changes the memory of an edited Markdown file; *found is false when there is none: then it is to
 * be stored like another. */
OMEGA_MUST_CHECK omega_status om_import_edit(struct om_import *import,
                                             const struct om_import_item *item, bool *found);

/* ---- import_json.c, import_text.c ------------------------------------------------------------ */

/* A UUID version 8 (RFC 9562) of a digest and how often it was seen in this file. */
OMEGA_MUST_CHECK omega_status om_import_make_id(struct om_import *import, const struct om_buf *of,
                                                omega_id *out);
OMEGA_MUST_CHECK omega_status om_import_json(struct om_import *import, struct om_source *source,
                                             omega_import_format format, bool is_array);
OMEGA_MUST_CHECK omega_status om_import_text(struct om_import *import, omega_str text);

#endif
