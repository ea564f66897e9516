/* token.c -- splitting a folded text into words.
 *
 * One step of an iterator without memory of its own. Categories come from utf8proc, ASCII from
 * comparisons. Rejected: the word rules of UAX #29. They keep "isn't" and "3.14" whole, which an
 * index then fails to find by "3" or by the other apostrophe, and they need a dictionary for
 * exactly the scripts where pairs do well (Lucene's CJKBigramFilter takes the same way).
 *
 * Invariant: at grows with each step, so a walk ends. */
#include "text/token.h"

#include <utf8proc.h>

enum { PAIR_HALF = OM_TOKEN_SIZE / 2 };

enum kind { KIND_GAP, KIND_WORD, KIND_MARK, KIND_PAIRED };

struct range {
    uint32_t first, last;
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static bool is_paired(uint32_t c)
{
    static const struct range ranges[] = {
        {0x0E01, 0x0EFF},   /* Thai, Lao */
        {0x1000, 0x109F},   /* Myanmar */
        {0x1100, 0x11FF},   /* Hangul jamo */
        {0x1780, 0x17FF},   /* Khmer */
        {0x19E0, 0x19FF},   /* Khmer symbols */
        {0x2E80, 0x2FDF},   /* radicals */
        {0x3005, 0x3007},   /* repetition, zero */
        {0x3021, 0x3029},   /* Hangzhou numerals */
        {0x3031, 0x3035},   /* kana repetition */
        {0x3041, 0x31FF},   /* kana, Bopomofo, compatibility jamo */
        {0x3400, 0x4DBF},   /* Han */
        {0x4E00, 0x9FFF},   /* Han */
        {0xA960, 0xA97F},   /* jamo */
        {0xA9E0, 0xA9FF},   /* Myanmar */
        {0xAA60, 0xAA7F},   /* Myanmar */
        {0xAC00, 0xD7FF},   /* Hangul */
        {0xF900, 0xFAFF},   /* Han */
        {0x1AFF0, 0x1B16F}, /* kana */
        {0x20000, 0x3FFFF}, /* Han */
    };
    return c >= ranges[0].first && in_ranges(ranges, OM_COUNT_OF(ranges), c);
}

static enum om_script script_of(uint32_t c)
{
    static const struct {
        struct range range;
        enum om_script script;
    } rows[] = {
        {{0x0061, 0x007A}, OM_SCRIPT_LATIN},      {{0x00AA, 0x02AF}, OM_SCRIPT_LATIN},
        {{0x0370, 0x03FF}, OM_SCRIPT_GREEK},      {{0x0400, 0x052F}, OM_SCRIPT_CYRILLIC},
        {{0x0600, 0x06FF}, OM_SCRIPT_ARABIC},     {{0x0750, 0x077F}, OM_SCRIPT_ARABIC},
        {{0x0900, 0x097F}, OM_SCRIPT_DEVANAGARI}, {{0x1E00, 0x1EFF}, OM_SCRIPT_LATIN},
        {{0x1F00, 0x1FFF}, OM_SCRIPT_GREEK},
    };
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        if (c >= rows[i].range.first && c <= rows[i].range.last) {
            return rows[i].script;
        }
    }
    return OM_SCRIPT_OTHER;
}

static enum kind kind_of(uint32_t c)
{
    if (c < 0x80) {
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
        return word ? KIND_WORD : KIND_GAP;
    }
    int category = (int)utf8proc_category((int32_t)c);
    if (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME) {
        return KIND_MARK;
    }
    bool word = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
    if (!word) {
        return KIND_GAP;
    }
    return is_paired(c) ? KIND_PAIRED : KIND_WORD;
}

/* The kind of the code point at `at` and, in *size, its bytes. `at` is before the end. */
static enum kind kind_at(omega_str text, size_t at, size_t *size)
{
    uint32_t c = 0;
    *size = om_utf8_next((omega_str){text.ptr + at, text.len - at}, &c);
    return kind_of(c);
}

/* The end of one character with the marks that belong to it, at most half a token. */
static size_t character_end(omega_str text, size_t at)
{
    size_t size = 0;
    (void)kind_at(text, at, &size);
    size_t end = at + size;
    while (end < text.len && kind_at(text, end, &size) == KIND_MARK &&
           end + size - at <= PAIR_HALF) {
        end += size;
    }
    return end;
}

/* Returns false when the character at `at` was the second half of the pair before. */
static bool take_pair(struct om_tokens *tokens, struct om_token *out)
{
    size_t start = tokens->at;
    size_t middle = character_end(tokens->text, start);
    size_t size = 0;
    size_t end = middle;
    if (middle < tokens->text.len && kind_at(tokens->text, middle, &size) == KIND_PAIRED) {
        end = character_end(tokens->text, middle);
    }
    bool covered = tokens->inside_run && end == middle;
    tokens->inside_run = end > middle;
    tokens->at = middle;
    *out = (struct om_token){{tokens->text.ptr + start, end - start}, start, OM_SCRIPT_PAIRED};
    return !covered;
}

static void take_word(struct om_tokens *tokens, struct om_token *out)
{
    size_t start = tokens->at;
    size_t end = start;
    while (end < tokens->text.len) {
        size_t size = 0;
        enum kind kind = kind_at(tokens->text, end, &size);
        if (kind != KIND_WORD && kind != KIND_MARK) {
            break;
        }
        end += size;
    }
    uint32_t first = 0;
    omega_str run = {tokens->text.ptr + start, end - start};
    (void)om_utf8_next(run, &first);
    tokens->at = end;
    tokens->inside_run = false;
    *out = (struct om_token){om_utf8_clip(run, OM_TOKEN_SIZE), start, script_of(first)};
}

bool om_token_next(struct om_tokens *tokens, struct om_token *out)
{
    while (tokens->at < tokens->text.len) {
        size_t size = 0;
        switch (kind_at(tokens->text, tokens->at, &size)) {
        case KIND_WORD:
            take_word(tokens, out);
            return true;
        case KIND_PAIRED:
            if (take_pair(tokens, out)) {
                return true;
            }
            break;
        case KIND_GAP:
        case KIND_MARK: /* one that follows no letter */
        default:
            tokens->inside_run = false;
            tokens->at += size;
            break;
        }
    }
    return false;
}
