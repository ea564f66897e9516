/* pieces.c -- cutting a stream into lines, or a JSON array into its elements.
 *
 * Both are one walk over the bytes with a few bits of state: a line ends at its newline, an element
 * at the comma or the bracket that closes the array, outside strings and inner brackets. What is
 * inside a piece is not judged here; the parser does that, piece by piece, so that one bad piece
 * costs only itself. The window holds the piece and what was read beyond it; it is compacted before
 * each read, so bytes move once.
 *
 * Rejected: parsing a whole array into one tree (a transcript of 1 GB is ordinary), and an
 * incremental JSON parser (the seam to jansson gives whole documents).
 *
 * Invariant: each call consumes at least one byte or ends. */
#include "transfer/pieces_int.h"

enum { CHUNK = 256 << 10 };

omega_status om_source_read(const struct om_source *source, uint64_t offset, size_t size,
                            struct om_buf *out, size_t *got)
{
    *got = 0;
    if (source->fd < 0) {
        const uint64_t left = offset < source->text.len ? source->text.len - offset : 0;
        *got = (size_t)OM_MIN((uint64_t)size, left);
        if (*got > 0) {
            om_buf_add(out, source->text.ptr + offset, *got);
        }
        return out->status;
    }
    const size_t before = out->len;
    void *room = om_buf_extend(out, size);
    if (room == NULL) {
        return out->status;
    }
    const omega_status status = om_os_pread(source->fd, room, size, offset, got);
    out->len = before + *got;
    return status;
}

void om_pieces_init(struct om_pieces *pieces, struct om_alloc *alloc,
                    const struct om_source *source, bool is_array)
{
    *pieces = (struct om_pieces){
        .source = source, .line = 1, .is_array = is_array, .offset = source->start};
    om_buf_init(&pieces->window, alloc, (size_t)OM_PIECE_MAX + 2 * (size_t)CHUNK);
}

void om_pieces_fini(struct om_pieces *pieces)
{
    om_buf_fini(&pieces->window);
}

/* Drops what was handed out; of a piece that is too long, everything. */
static void compact(struct om_pieces *pieces)
{
    struct om_buf *window = &pieces->window;
    if (pieces->scan - pieces->from > OM_PIECE_MAX) {
        pieces->too_long = true;
    }
    const size_t keep_from = pieces->too_long ? pieces->scan : pieces->from;
    if (keep_from > 0) {
        memmove(window->ptr, window->ptr + keep_from, window->len - keep_from);
        window->len -= keep_from;
        pieces->scan -= keep_from;
        pieces->from = 0;
    }
}

static omega_status read_more(struct om_pieces *pieces, bool *ended)
{
    size_t got;
    compact(pieces);
    const omega_status status =
        om_source_read(pieces->source, pieces->offset, CHUNK, &pieces->window, &got);
    pieces->offset += got;
    *ended = got == 0;
    return status;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum verdict { INSIDE, ENDS, BEGINS, STRAY };

/* What a byte outside strings means in an array. */
static enum verdict judge_bracket(struct om_pieces *pieces, char c)
{
    if (pieces->depth == 0) {
        if (c == '[' && !pieces->finished) {
            pieces->depth = 1;
            return BEGINS;
        }
        return is_space(c) ? INSIDE : STRAY;
    }
    if (c == '"') {
        pieces->in_string = true;
    } else if (c == '[' || c == '{') {
        pieces->depth++;
    } else if (c == ',' && pieces->depth == 1) {
        return ENDS;
    } else if (c == ']' || c == '}') {
        pieces->depth--;
        pieces->finished = pieces->depth == 0;
        return pieces->depth == 0 ? ENDS : INSIDE;
    }
    return INSIDE;
}

static enum verdict judge(struct om_pieces *pieces, char c)
{
    if (c == '\n' && !pieces->is_array) {
        return ENDS;
    }
    if (!pieces->is_array) {
        return INSIDE;
    }
    if (!pieces->in_string) {
        return judge_bracket(pieces, c);
    }
    if (pieces->escaped) {
        pieces->escaped = false;
    } else if (c == '\\') {
        pieces->escaped = true;
    } else if (c == '"') {
        pieces->in_string = false;
    }
    return INSIDE;
}

/* Looks on until the piece ends; false when the window does. */
static bool scan(struct om_pieces *pieces, enum verdict *verdict)
{
    const struct om_buf *window = &pieces->window;
    while (pieces->scan < window->len) {
        const char c = window->ptr[pieces->scan++];
        *verdict = judge(pieces, c);
        if (*verdict == BEGINS) {
            pieces->from = pieces->scan;
            continue;
        }
        if (pieces->piece_line == 0 && *verdict != ENDS && !is_space(c)) {
            pieces->piece_line = pieces->line;
        }
        pieces->line += c == '\n' ? 1 : 0;
        if (*verdict != INSIDE) {
            return true;
        }
    }
    return false;
}

static omega_status hand_out(struct om_pieces *pieces, size_t end, struct om_piece *out)
{
    const char *begin = pieces->window.len > 0 ? pieces->window.ptr + pieces->from : "";
    const omega_str whole = {begin, end - pieces->from};
    const bool too_long = pieces->too_long || whole.len > OM_PIECE_MAX;
    out->text = om_str_trim(whole);
    out->line = pieces->piece_line > 0 ? pieces->piece_line : pieces->line;
    out->size = pieces->scan - pieces->from;
    pieces->from = pieces->scan;
    pieces->piece_line = 0;
    pieces->too_long = false;
    return too_long ? om_fail(OMEGA_ELIMIT, "it is longer than %d MiB", OM_PIECE_MAX >> 20)
                    : OMEGA_OK;
}

static omega_status hand_out_last(struct om_pieces *pieces, struct om_piece *out, bool *found)
{
    const omega_status status = hand_out(pieces, pieces->scan, out);
    if (pieces->is_array && pieces->depth > 0) {
        *found = true;
        return om_fail(OMEGA_EINVAL, "the text ends inside the array that it began");
    }
    *found = out->text.len > 0 || status != OMEGA_OK;
    return status;
}

omega_status om_pieces_next(struct om_pieces *pieces, struct om_piece *out, bool *found)
{
    enum verdict verdict = INSIDE;
    *found = !pieces->is_over;
    while (!pieces->is_over) {
        if (scan(pieces, &verdict)) {
            if (verdict == STRAY) {
                (void)hand_out(pieces, pieces->scan, out);
                pieces->is_over = true;
                return om_fail(OMEGA_EINVAL, "there is text outside the array");
            }
            const omega_status status = hand_out(pieces, pieces->scan - 1, out);
            if (status != OMEGA_OK || out->text.len > 0) {
                return status;
            }
            continue;
        }
        bool ended;
        const omega_status status = read_more(pieces, &ended);
        if (status != OMEGA_OK) {
            *found = false;
            return status;
        }
        if (ended) {
            pieces->is_over = true;
            return hand_out_last(pieces, out, found);
        }
    }
    return OMEGA_OK;
}
