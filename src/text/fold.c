/* fold.c -- Unicode folding in one pass with a small window.
 *
 * ASCII goes straight through: lower-cased, white space collected. Anything else is decomposed code
 * point by code point (utf8proc: compatibility, case folding, ignorables dropped), filtered, and
 * gathered in a window of WINDOW code points, which is composed and written whenever a code point
 * arrives that cannot combine with what stands before it.
 *
 * Rejected: utf8proc_map with STRIPMARK. It allocates with malloc, orders long runs of marks in
 * quadratic time (a megabyte of accents takes minutes), and strips the vowels of every Indic word.
 *
 * Invariants:
 * - An ASCII character is a boundary: no mark that is kept composes with one.
 * - At most MARKS_MAX marks stand in a row (the rest are dropped, as the Stream-Safe Text Format of
 *   UAX #15 limits them), so ordering them costs a constant and the window cannot fill with marks.
 * - A window is only cut before a code point that composes with nothing on its left; the one
 *   exception, a window full of vowel jamo, contains nothing that composes either. */
#include "text/fold.h"

#include <utf8proc.h>

enum { WINDOW = 256, WINDOW_HIGH = 192, MARKS_MAX = 30, DECOMPOSED_MAX = 32 };

struct folder {
    struct om_buf *out;
    size_t start;       /* length of `out` before this text */
    bool space_pending; /* white space was seen since the last character */
    size_t count;       /* code points in the window */
    size_t marks;       /* of them, marks in a row at the end */
    int32_t base;       /* the last code point that is no mark */
    int32_t window[WINDOW];
};

static void write_space(struct folder *folder)
{
    if (folder->space_pending && folder->out->len > folder->start) {
        om_buf_add_char(folder->out, ' ');
    }
    folder->space_pending = false;
}

static void flush_window(struct folder *folder)
{
    if (folder->count == 0) {
        return;
    }
    write_space(folder);
    utf8proc_ssize_t count = utf8proc_normalize_utf32(
        folder->window, (utf8proc_ssize_t)folder->count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        char bytes[4];
        size_t size = om_utf8_put(bytes, (uint32_t)folder->window[i]);
        om_buf_add(folder->out, bytes, size);
    }
    folder->count = 0;
    folder->marks = 0;
}

static void put_space(struct folder *folder)
{
    flush_window(folder);
    folder->space_pending = true;
    folder->base = ' ';
}

static void put_ascii(struct folder *folder, unsigned char c)
{
    if (c <= ' ' || c == 0x7F) {
        put_space(folder);
        return;
    }
    flush_window(folder);
    write_space(folder);
    om_buf_add_char(folder->out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
    folder->base = c;
}

/* Scripts that write vowels, or the lack of one, as marks. */
static bool mark_is_letter(int32_t c)
{
    static const struct {
        int32_t first, last;
    } rows[] = {
        {0x07A6, 0x07B0},   /* Thaana */
        {0x0900, 0x109F},   /* Devanagari to Myanmar, Thai and Lao among them */
        {0x1700, 0x1AAF},   /* Tagalog to Tai Tham, Khmer among them */
        {0x1B00, 0x1CCF},   /* Balinese to Ol Chiki */
        {0x3099, 0x309A},   /* voicing of kana */
        {0xA800, 0xABFF},   /* Syloti Nagri to Meetei Mayek */
        {0x11000, 0x11FFF}, /* Brahmi and its younger kin */
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        if (c >= rows[i].first && c <= rows[i].last) {
            return true;
        }
    }
    return false;
}

static bool keeps_mark(const struct folder *folder, int32_t c)
{
    enum { BREVE = 0x0306, SOLIDUS_OVERLAY = 0x0338, CYRILLIC_I = 0x0438, CYRILLIC_U = 0x0443 };
    if (c == BREVE) {
        return folder->base == CYRILLIC_I || folder->base == CYRILLIC_U;
    }
    if (c == SOLIDUS_OVERLAY) {
        return utf8proc_category(folder->base) == UTF8PROC_CATEGORY_SM;
    }
    return mark_is_letter(c);
}

/* Puts a mark behind those of its canonical class or lower (UAX #15, D108). */
static void put_mark(struct folder *folder, int32_t c)
{
    if (folder->marks == MARKS_MAX) {
        return;
    }
    if (folder->count == WINDOW) {
        flush_window(folder);
    }
    int class = utf8proc_get_property(c)->combining_class;
    size_t at = folder->count++;
    size_t first = at - folder->marks++;
    while (class != 0 && at > first &&
           utf8proc_get_property(folder->window[at - 1])->combining_class > class) {
        folder->window[at] = folder->window[at - 1];
        at--;
    }
    folder->window[at] = c;
}

/* Vowel and final jamo compose with what precedes them though they are no marks. */
static bool joins_left(int32_t c)
{
    return (c >= 0x1160 && c <= 0x11FF) || (c >= 0xD7B0 && c <= 0xD7FF);
}

static void put_base(struct folder *folder, int32_t c)
{
    if ((folder->count >= WINDOW_HIGH && !joins_left(c)) || folder->count == WINDOW) {
        flush_window(folder);
    }
    folder->window[folder->count++] = c;
    folder->marks = 0;
    folder->base = c;
}

static void put_decomposed(struct folder *folder, int32_t c)
{
    if (c < 0x80) {
        put_ascii(folder, (unsigned char)c);
        return;
    }
    switch ((int)utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
        put_space(folder);
        break;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        if (keeps_mark(folder, c)) {
            put_mark(folder, c);
        }
        break;
    default:
        put_base(folder, c);
        break;
    }
}

static void put_code_point(struct folder *folder, int32_t c)
{
    int32_t parts[DECOMPOSED_MAX];
    int boundary = UTF8PROC_BOUNDCLASS_START;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        c, parts, DECOMPOSED_MAX,
        UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &boundary);
    OM_ASSERT(count >= 0 && count <= DECOMPOSED_MAX);
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        put_decomposed(folder, parts[i]);
    }
}

omega_status om_text_fold(omega_str text, struct om_buf *out)
{
    struct folder folder = {.out = out, .start = out->len, .base = ' '};
    size_t at = 0;
    while (at < text.len && out->status == OMEGA_OK) {
        unsigned char first = (unsigned char)text.ptr[at];
        if (first < 0x80) {
            put_ascii(&folder, first);
            at++;
            continue;
        }
        int32_t c = -1;
        utf8proc_ssize_t size = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                                 (utf8proc_ssize_t)(text.len - at), &c);
        if (size <= 0) {
            put_space(&folder);
            at++;
            continue;
        }
        put_code_point(&folder, c);
        at += (size_t)size;
    }
    flush_window(&folder);
    return out->status;
}
