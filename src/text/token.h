/* token.h -- words of a folded text.
 *
 * A word is a run of letters, digits and kept marks, by Unicode category; its first 64 bytes are
 * the token. Scripts that write no spaces between words (Han, kana, Hangul, Bopomofo, Thai, Lao,
 * Khmer, Myanmar) give overlapping pairs of characters instead: "東京都" is "東京" and "京都"; a
 * character that stands alone is a token by itself. So one such character in a query finds only
 * texts in which it stands alone.
 *
 * Threads: any; nothing allocates. */
#ifndef OM_TOKEN_H
#define OM_TOKEN_H

#include "core/core.h"

enum { OM_TOKEN_SIZE = 64 /* bytes of a token at most */ };

enum om_script {
    OM_SCRIPT_OTHER, /* among them words that begin with a digit */
    OM_SCRIPT_LATIN,
    OM_SCRIPT_GREEK,
    OM_SCRIPT_CYRILLIC,
    OM_SCRIPT_ARABIC,
    OM_SCRIPT_DEVANAGARI,
    OM_SCRIPT_PAIRED /* a pair of characters, see above */
};

struct om_token {
    omega_str text; /* points into the folded text */
    size_t offset;  /* of its first byte there */
    enum om_script script;
};

/* Set `text` to a folded text (om_text_fold) and the rest to zero. */
struct om_tokens {
    omega_str text;
    size_t at;
    bool inside_run; /* the character at `at` already ended a pair */
};

/* The next token in order of offset; false at the end. */
bool om_token_next(struct om_tokens *tokens, struct om_token *out);

/* True for a folded English function word ("the", "of", "isn" of "isn't"). The list stands in
 * stop_words.c; other languages have none, there the rarity of a word decides. */
bool om_token_is_stop(omega_str word);

#endif
