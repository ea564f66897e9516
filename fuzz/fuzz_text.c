/* fuzz_text.c -- any bytes through folding, skeleton, tokens, segments and features.
 *
 * Checks what the headers promise: folding is idempotent and bounded, tokens lie inside the text,
 * sentences lose no ink, a vector has length 1 or 0. */
#include <math.h>

#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16 };

static void check_fold(omega_str text, struct om_buf *once)
{
    struct om_buf twice;
    om_buf_init(&twice, once->alloc, (text.len + 1) * OM_FOLD_GROWTH * OM_FOLD_GROWTH);
    OM_ASSERT(om_text_fold(text, once) == OMEGA_OK);
    omega_str folded = om_buf_str(once);
    OM_ASSERT(folded.len <= text.len * OM_FOLD_GROWTH);
    OM_ASSERT(om_utf8_valid(folded));
    OM_ASSERT(om_text_fold(folded, &twice) == OMEGA_OK);
    OM_ASSERT(om_str_eq(folded, om_buf_str(&twice)));
    om_buf_clear(&twice);
    OM_ASSERT(om_text_skeleton(text, &twice) == OMEGA_OK);
    OM_ASSERT(om_utf8_valid(om_buf_str(&twice)));
    om_buf_fini(&twice);
}

static void check_tokens(omega_str folded)
{
    struct om_tokens tokens = {.text = folded};
    struct om_token token;
    size_t last = 0;
    while (om_token_next(&tokens, &token)) {
        OM_ASSERT(token.text.len > 0 && token.text.len <= OM_TOKEN_SIZE);
        OM_ASSERT(token.offset >= last && token.offset + token.text.len <= folded.len);
        OM_ASSERT(om_utf8_valid(token.text));
        last = token.offset;
    }
}

static size_t count_ink(omega_str text)
{
    size_t ink = 0;
    for (size_t i = 0; i < text.len; i++) {
        ink += (unsigned char)text.ptr[i] > ' ';
    }
    return ink;
}

static void check_segments(omega_str text)
{
    struct om_sentences sentences = {.text = text};
    struct om_paragraphs paragraphs = {.text = text};
    struct om_paragraph paragraph;
    omega_str sentence;
    size_t ink = 0;
    while (om_sentence_next(&sentences, &sentence)) {
        ink += count_ink(sentence);
    }
    OM_ASSERT(ink == count_ink(text));
    const char *end = text.ptr;
    while (om_paragraph_next(&paragraphs, &paragraph)) {
        OM_ASSERT(paragraph.text.len > 0 && paragraph.text.ptr >= end);
        end = paragraph.text.ptr + paragraph.text.len;
        OM_ASSERT(end <= text.ptr + text.len);
    }
}

static void check_features(omega_str text)
{
    struct om_stemmers stemmers;
    float vector[OM_FEATURES_DIMENSION];
    om_stemmers_init(&stemmers, om_alloc_default());
    OM_ASSERT(om_text_features(&stemmers, text, vector) == OMEGA_OK);
    double squares = 0;
    for (size_t i = 0; i < OM_FEATURES_DIMENSION; i++) {
        squares += (double)vector[i] * (double)vector[i];
    }
    OM_ASSERT(squares == 0 || fabs(squares - 1) < 1e-5);
    om_stemmers_fini(&stemmers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct om_buf folded;
    omega_str text = {(const char *)data, size};
    if (size > INPUT_MAX) {
        return 0;
    }
    om_buf_init(&folded, om_alloc_default(), (size + 1) * OM_FOLD_GROWTH);
    check_fold(text, &folded);
    check_tokens(om_buf_str(&folded));
    check_features(text);
    if (om_utf8_valid(text)) {
        check_segments(text);
    }
    om_buf_fini(&folded);
    return 0;
}
