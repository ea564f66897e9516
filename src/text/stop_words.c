/* stop_words.c -- English function words, which say nothing about a text's subject.
 *
 * The usual list of articles, pronouns, prepositions, conjunctions and auxiliaries, with the pieces
 * that a tokeniser makes of contractions ("isn't" is "isn" and "t"). Words that also name things
 * ("won", "may", "must") are not on it. Sorted, found by bisection; a changed list changes what
 * an index holds, so indexes in memory are rebuilt from the texts at open. */
#include "text/token.h"

#include <stdlib.h>

enum { STOP_SIZE = 11 /* bytes of the longest word, its end included */ };

static const char stop_words[][STOP_SIZE] = {
    "a",         "about",  "above",   "after",    "again",      "against",    "ain",     "all",
    "also",      "am",     "an",      "and",      "any",        "are",        "aren",    "as",
    "at",        "be",     "because", "been",     "before",     "being",      "below",   "between",
    "both",      "but",    "by",      "can",      "cannot",     "could",      "couldn",  "d",
    "did",       "didn",   "do",      "does",     "doesn",      "doing",      "don",     "down",
    "during",    "each",   "etc",     "few",      "for",        "from",       "further", "had",
    "hadn",      "has",    "hasn",    "have",     "haven",      "having",     "he",      "her",
    "here",      "hers",   "herself", "him",      "himself",    "his",        "how",     "i",
    "if",        "in",     "into",    "is",       "isn",        "it",         "its",     "itself",
    "just",      "ll",     "m",       "me",       "mightn",     "more",       "most",    "mustn",
    "my",        "myself", "needn",   "no",       "nor",        "not",        "now",     "of",
    "off",       "on",     "once",    "only",     "or",         "other",      "our",     "ours",
    "ourselves", "out",    "over",    "own",      "re",         "s",          "same",    "shan",
    "she",       "should", "shouldn", "so",       "some",       "such",       "t",       "than",
    "that",      "the",    "their",   "theirs",   "them",       "themselves", "then",    "there",
    "these",     "they",   "this",    "those",    "through",    "to",         "too",     "under",
    "until",     "up",     "upon",    "us",       "ve",         "very",       "was",     "wasn",
    "we",        "were",   "weren",   "what",     "when",       "where",      "which",   "while",
    "who",       "whom",   "whose",   "why",      "will",       "with",       "would",   "wouldn",
    "you",       "your",   "yours",   "yourself", "yourselves",
};

struct stop_key {
    omega_str word;
};

static int compare_stop(const void *key, const void *row)
{
    const struct stop_key *wanted = key;
    return om_str_cmp(wanted->word, omega_str_of(row));
}

bool om_token_is_stop(omega_str word)
{
    if (word.len == 0 || word.len >= STOP_SIZE) {
        return false;
    }
    struct stop_key key = {word};
    return bsearch(&key, stop_words, OM_COUNT_OF(stop_words), STOP_SIZE, compare_stop) != NULL;
}
