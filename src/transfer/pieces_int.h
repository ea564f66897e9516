/* pieces_int.h -- a file or a text, piece by piece: lines, or the elements of a JSON array.
 * Private to transfer/.
 *
 * Memory: one piece and a chunk; a longer piece than OM_PIECE_MAX is read over and said so. */
#ifndef OM_PIECES_INT_H
#define OM_PIECES_INT_H

#include "core/core.h"

enum { OM_PIECE_MAX = 16 << 20 };

/* Where bytes come from. */
struct om_source {
    int fd;         /* -1: `text` */
    omega_str text; /* borrowed */
    uint64_t size;
    uint64_t start; /* behind a byte order mark */
};

/* Appends up to `size` bytes at `offset`; *got is less only at the end. */
OMEGA_MUST_CHECK omega_status om_source_read(const struct om_source *source, uint64_t offset,
                                             size_t size, struct om_buf *out, size_t *got);

struct om_pieces {
    const struct om_source *source;
    struct om_buf window; /* what was read and not yet handed out */
    uint64_t offset;      /* of the source, behind the window */
    size_t from, scan;    /* in the window: where the piece begins, how far it was looked at */
    uint64_t line;        /* at `scan`, from 1 */
    uint64_t piece_line;  /* where the piece's first character stands; 0: none yet */
    unsigned depth;       /* of brackets; arrays only */
    bool is_array, in_string, escaped;
    bool too_long; /* the piece; its beginning was dropped */
    bool finished; /* the array is closed */
    bool is_over;
};

struct om_piece {
    omega_str text; /* trimmed, not empty; lives until the next call */
    uint64_t line;
    size_t size; /* bytes of the source that it took */
};

void om_pieces_init(struct om_pieces *pieces, struct om_alloc *alloc,
                    const struct om_source *source, bool is_array);
void om_pieces_fini(struct om_pieces *pieces);
/* *found is false at the end. OMEGA_EINVAL and OMEGA_ELIMIT are about one piece, whose line and
 * size are set: the next call goes on behind it. Other failures end the walk. */
OMEGA_MUST_CHECK omega_status om_pieces_next(struct om_pieces *pieces, struct om_piece *out,
                                             bool *found);

#endif
