/* segment.c -- cutting documents for import.
 *
 * Two small scanners. Sentences: from each terminator look at what closes it, what follows, and,
 * for a full stop, which word it ends. Paragraphs: line by line with one bit of state, inside a
 * fence.
 *
 * Rejected: UAX #29 sentence rules (no abbreviations), and a Markdown parser (an import needs where
 * to cut, not what a table means).
 *
 * Invariant: each step consumes at least one byte. */
#include "text/segment.h"

#include <utf8proc.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_ascii_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint32_t read_at(omega_str text, size_t at, size_t *size)
{
    uint32_t c = 0;
    *size = om_utf8_next((omega_str){text.ptr + at, text.len - at}, &c);
    return c;
}

/* ---- Sentences ------------------------------------------------------------------------------- */

enum stop_kind { STOP_NONE, STOP_BEFORE_SPACE, STOP_AT_ONCE };

static enum stop_kind stop_kind(uint32_t c)
{
    switch (c) {
    case '.':
    case '!':
    case '?':
    case 0x2026: /* ellipsis */
    case 0x203C: /* doubled marks */
    case 0x2047:
    case 0x2048:
    case 0x2049:
    case 0x061F: /* Arabic question mark, full stop */
    case 0x06D4:
    case 0x0964: /* danda, double danda */
    case 0x0965:
        return STOP_BEFORE_SPACE;
    case 0x3002: /* ideographic full stop */
    case 0xFF0E: /* fullwidth and halfwidth stops */
    case 0xFF01:
    case 0xFF1F:
    case 0xFF61:
        return STOP_AT_ONCE;
    default:
        return STOP_NONE;
    }
}

static bool closes(uint32_t c)
{
    if (c == '"' || c == '\'' || c == '*' || c == '_') {
        return true;
    }
    utf8proc_category_t category = utf8proc_category((int32_t)c);
    return category == UTF8PROC_CATEGORY_PE || category == UTF8PROC_CATEGORY_PF;
}

/* The word that ends at `end`, in ASCII letters and inner full stops ("e.g"). */
static omega_str word_before(omega_str text, size_t start, size_t end)
{
    size_t at = end;
    while (at > start && (is_ascii_alpha(text.ptr[at - 1]) || text.ptr[at - 1] == '.')) {
        at--;
    }
    return (omega_str){text.ptr + at, end - at};
}

static bool is_abbreviation(omega_str word)
{
    static const char *const rows[] = {
        "al",  "approx", "ave", "blvd",   "capt", "cf",   "co",  "col", "corp", "dept", "dr",
        "e.g", "ed",     "eds", "eq",     "fig",  "figs", "gen", "gov", "hon",  "i.e",  "inc",
        "jr",  "lt",     "ltd", "messrs", "mr",   "mrs",  "ms",  "mt",  "nos",  "pp",   "prof",
        "rep", "resp",   "rev", "sen",    "sgt",  "sr",   "st",  "vol", "vs",
    };
    if (word.len == 1) {
        return word.ptr[0] >= 'A' && word.ptr[0] <= 'Z' && word.ptr[0] != 'I';
    }
    for (size_t i = 0; i < OM_COUNT_OF(rows); i++) {
        if (om_str_eq_nocase(word, omega_str_of(rows[i]))) {
            return true;
        }
    }
    return false;
}

/* True when only digits stand between the start of a line and `end`: the number of a list item. */
static bool is_item_number(omega_str text, size_t start, size_t end)
{
    size_t at = end;
    while (at > start && text.ptr[at - 1] >= '0' && text.ptr[at - 1] <= '9') {
        at--;
    }
    size_t digits = end - at;
    while (at > start && (text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '\t')) {
        at--;
    }
    return digits > 0 && (at == start || text.ptr[at - 1] == '\n');
}

static bool lower_case_follows(omega_str text, size_t at)
{
    while (at < text.len && is_space(text.ptr[at])) {
        at++;
    }
    size_t size = 0;
    return at < text.len &&
           utf8proc_category((int32_t)read_at(text, at, &size)) == UTF8PROC_CATEGORY_LL;
}

/* Whether the full stop at `stop`, closed up to `end`, leaves the sentence open. */
static bool stop_is_inner(omega_str text, size_t start, size_t stop, size_t end)
{
    return is_abbreviation(word_before(text, start, stop)) || is_item_number(text, start, stop) ||
           lower_case_follows(text, end);
}

/* From a terminator at `at`: the end of the run of terminators and of what closes it. */
static size_t closing_end(omega_str text, size_t at)
{
    while (at < text.len) {
        size_t size = 0;
        uint32_t c = read_at(text, at, &size);
        if (stop_kind(c) == STOP_NONE && !closes(c)) {
            break;
        }
        at += size;
    }
    return at;
}

static bool blank_line_at(omega_str text, size_t at)
{
    if (text.ptr[at] != '\n') {
        return false;
    }
    do {
        at++;
    } while (at < text.len && is_space(text.ptr[at]) && text.ptr[at] != '\n');
    return at < text.len && text.ptr[at] == '\n';
}

/* The end of the sentence that starts at `start`. */
static size_t sentence_end(omega_str text, size_t start)
{
    size_t at = start;
    while (at < text.len) {
        size_t size = 0;
        uint32_t c = read_at(text, at, &size);
        enum stop_kind kind = stop_kind(c);
        if (kind == STOP_NONE) {
            if (blank_line_at(text, at)) {
                return at;
            }
            at += size;
            continue;
        }
        size_t end = closing_end(text, at);
        if (kind == STOP_AT_ONCE || end == text.len) {
            return end;
        }
        bool single = c == '.' && stop_kind((unsigned char)text.ptr[at + 1]) == STOP_NONE;
        if (is_space(text.ptr[end]) && !(single && stop_is_inner(text, start, at, end))) {
            return end;
        }
        at = end;
    }
    return at;
}

bool om_sentence_next(struct om_sentences *sentences, omega_str *out)
{
    omega_str text = sentences->text;
    while (sentences->at < text.len && is_space(text.ptr[sentences->at])) {
        sentences->at++;
    }
    if (sentences->at == text.len) {
        return false;
    }
    size_t start = sentences->at;
    sentences->at = sentence_end(text, start);
    *out = om_str_trim((omega_str){text.ptr + start, sentences->at - start});
    return true;
}

/* ---- Paragraphs ------------------------------------------------------------------------------ */

/* The line at `at` without its end, and where the next one starts. */
static omega_str line_at(omega_str text, size_t at, size_t *next)
{
    omega_str rest = {text.ptr + at, text.len - at};
    const char *end = memchr(rest.ptr, '\n', rest.len);
    size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
    *next = at + len + (end != NULL);
    return (omega_str){rest.ptr, len};
}

/* 1..6 for a heading, whose title is set; 0 for any other line. */
static unsigned heading_of(omega_str line, omega_str *title)
{
    unsigned level = 0;
    while (level < line.len && line.ptr[level] == '#') {
        level++;
    }
    if (level == 0 || level > 6 || level == line.len ||
        (line.ptr[level] != ' ' && line.ptr[level] != '\t')) {
        return 0;
    }
    omega_str rest = om_str_trim((omega_str){line.ptr + level, line.len - level});
    size_t len = rest.len;
    while (len > 0 && rest.ptr[len - 1] == '#') {
        len--;
    }
    if (len == 0 || rest.ptr[len - 1] == ' ' || rest.ptr[len - 1] == '\t') {
        rest.len = len; /* a closing row of # */
    }
    *title = om_str_trim(rest);
    return title->len > 0 ? level : 0;
}

/* '`' or '~' when the line opens or closes a fence, else 0. */
static char fence_of(omega_str line)
{
    omega_str trimmed = om_str_trim(line);
    if (om_str_starts(trimmed, OM_STR("```"))) {
        return '`';
    }
    return om_str_starts(trimmed, OM_STR("~~~")) ? '~' : 0;
}

/* Reads lines from paragraphs->at, which is not blank, to the end of the paragraph. */
static size_t paragraph_end(struct om_paragraphs *paragraphs)
{
    omega_str text = paragraphs->text;
    char fence = 0;
    size_t at = paragraphs->at;
    while (at < text.len) {
        size_t next = 0;
        omega_str line = line_at(text, at, &next);
        omega_str title;
        bool first = at == paragraphs->at;
        char mark = fence_of(line);
        bool ends = om_str_trim(line).len == 0 || (!first && heading_of(line, &title) > 0) ||
                    (!first && mark != 0);
        if (fence == 0 && ends) {
            break;
        }
        at = next;
        paragraphs->line++;
        if (fence != 0 && mark == fence) {
            break;
        }
        if (first) {
            fence = mark;
        }
    }
    return at;
}

bool om_paragraph_next(struct om_paragraphs *paragraphs, struct om_paragraph *out)
{
    omega_str text = paragraphs->text;
    while (paragraphs->at < text.len) {
        size_t next = 0;
        omega_str line = line_at(text, paragraphs->at, &next);
        size_t number = paragraphs->line + 1;
        omega_str title;
        unsigned level = heading_of(line, &title);
        if (level > 0 || om_str_trim(line).len == 0) {
            paragraphs->at = next;
            paragraphs->line = number;
            if (level > 0) {
                *out = (struct om_paragraph){title, number, level};
                return true;
            }
            continue;
        }
        size_t start = paragraphs->at;
        paragraphs->at = paragraph_end(paragraphs);
        omega_str body = om_str_trim((omega_str){text.ptr + start, paragraphs->at - start});
        *out = (struct om_paragraph){body, number, 0};
        return true;
    }
    return false;
}
