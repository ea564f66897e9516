/* skeleton.c -- what is left of a text to tell two facts apart.
 *
 * The text is folded first, then walked once: runs of letters, digits and marks are words, written
 * with look-alikes resolved; everything between them is judged by one table of rules (judge_gap)
 * from the code point and its two neighbours. A word is read twice: once to see whether it could
 * pass for Latin, once to write it.
 *
 * Rejected: dropping all punctuation. It makes "-5 degrees" equal "5 degrees" and "C++" equal "C",
 * and a tombstone must never refuse a different fact. */
#include "text/fold.h"
#include "text/look_alikes_int.h"

#include <utf8proc.h>

enum verdict { DROP, SPACE, KEEP };

struct skeleton {
    omega_str text; /* folded */
    struct om_buf *out;
    size_t start;       /* length of `out` before this text */
    bool space_pending; /* something between words was seen */
    uint32_t before;    /* the code point read last; ' ' at the start */
};

static bool is_word(uint32_t c)
{
    int category = (int)utf8proc_category((int32_t)c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

static bool is_digit(uint32_t c)
{
    return om_digit_of(c) != 0;
}

static bool is_latin(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0x24F);
}

static uint32_t code_point_at(omega_str text, size_t at, size_t *size)
{
    uint32_t c = ' ';
    *size = 0;
    if (at < text.len) {
        *size = om_utf8_next((omega_str){text.ptr + at, text.len - at}, &c);
    }
    return c;
}

static void add_bytes(struct skeleton *skeleton, const char *bytes, size_t size)
{
    if (skeleton->space_pending && skeleton->out->len > skeleton->start) {
        om_buf_add_char(skeleton->out, ' ');
    }
    skeleton->space_pending = false;
    om_buf_add(skeleton->out, bytes, size);
}

static size_t word_end(omega_str text, size_t at)
{
    while (at < text.len) {
        size_t size = 0;
        if (!is_word(code_point_at(text, at, &size))) {
            break;
        }
        at += size;
    }
    return at;
}

/* True when the word has a Latin letter, or has two letters or more and each looks Latin. */
static bool could_be_latin(omega_str word)
{
    size_t letters = 0;
    size_t strange = 0;
    for (size_t at = 0; at < word.len;) {
        size_t size = 0;
        uint32_t c = code_point_at(word, at, &size);
        at += size;
        if (is_latin(c)) {
            return true;
        }
        if (!is_digit(c)) {
            letters++;
            strange += om_look_alike(c) == 0;
        }
    }
    return letters >= 2 && strange == 0;
}

/* Writes the word at `at` and returns its end. */
static size_t add_word(struct skeleton *skeleton, size_t at)
{
    size_t end = word_end(skeleton->text, at);
    bool latin = could_be_latin((omega_str){skeleton->text.ptr + at, end - at});
    while (at < end) {
        size_t size = 0;
        uint32_t c = code_point_at(skeleton->text, at, &size);
        skeleton->before = c;
        char plain = om_digit_of(c);
        if (plain == 0 && latin) {
            plain = om_look_alike(c);
        }
        if (plain != 0) {
            add_bytes(skeleton, &plain, 1);
        } else {
            add_bytes(skeleton, skeleton->text.ptr + at, size);
        }
        at += size;
    }
    return end;
}

static bool is_quote(uint32_t c)
{
    return c == '\'' || c == '"' || c == '`' || c == 0xB4 || (c >= 0x2018 && c <= 0x201F) ||
           c == 0x2032 || c == 0x2033 || c == 0xAB || c == 0xBB || c == 0x2039 || c == 0x203A;
}

static bool is_dash(uint32_t c)
{
    return c == 0x2212 || utf8proc_category((int32_t)c) == UTF8PROC_CATEGORY_PD;
}

static enum verdict keep_if(bool kept)
{
    return kept ? KEEP : SPACE;
}

/* What becomes of `c`, which is no part of a word, between `before` and `after` (' ' at an end). */
static enum verdict judge_gap(uint32_t c, uint32_t before, uint32_t after)
{
    bool before_number = is_digit(after) && !is_word(before);
    bool between_digits = is_digit(before) && is_digit(after);
    if (is_quote(c)) {
        return DROP;
    }
    if (is_dash(c) || c == '.') {
        return keep_if(between_digits || before_number);
    }
    if (c == ',' || c == ':' || c == '/') {
        return keep_if(between_digits);
    }
    if (c == '%' || c == '&' || c == '@' || c == '#') {
        return keep_if(is_word(before) || is_word(after));
    }
    if (c == '|' || c == '~') {
        return SPACE;
    }
    int category = (int)utf8proc_category((int32_t)c);
    return keep_if(category >= UTF8PROC_CATEGORY_SM && category <= UTF8PROC_CATEGORY_SO);
}

/* Judges the code point at `at`, which is `size` bytes long, and writes what remains of it. */
static void add_gap(struct skeleton *skeleton, size_t at, size_t size)
{
    size_t unused = 0;
    uint32_t c = code_point_at(skeleton->text, at, &unused);
    uint32_t after = code_point_at(skeleton->text, at + size, &unused);
    switch (judge_gap(c, skeleton->before, after)) {
    case KEEP:
        if (is_dash(c)) {
            add_bytes(skeleton, "-", 1);
        } else {
            add_bytes(skeleton, skeleton->text.ptr + at, size);
        }
        break;
    case SPACE:
        skeleton->space_pending = true;
        break;
    case DROP:
    default:
        break;
    }
    skeleton->before = c;
}

static void walk(struct skeleton *skeleton)
{
    for (size_t at = 0; at < skeleton->text.len;) {
        size_t size = 0;
        if (is_word(code_point_at(skeleton->text, at, &size))) {
            at = add_word(skeleton, at);
        } else {
            add_gap(skeleton, at, size);
            at += size;
        }
    }
}

omega_status om_text_skeleton(omega_str text, struct om_buf *out)
{
    struct om_buf folded;
    om_buf_init(&folded, out->alloc, text.len * OM_FOLD_GROWTH);
    size_t start = out->len;
    omega_status status = om_text_fold(text, &folded);
    if (status == OMEGA_OK) {
        struct skeleton skeleton = {om_buf_str(&folded), out, start, false, ' '};
        walk(&skeleton);
        status = out->status;
    }
    om_buf_fini(&folded);
    return status;
}
