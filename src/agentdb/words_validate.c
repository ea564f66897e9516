/* words_validate.c -- counts everything again from the entries and the tables.
 *
 * For tests and `omega check`: quadratic in nothing, but it walks the whole index. */
#include "agentdb/words_int.h"

struct sums {
    uint64_t items, waiting, terms, roots;
    uint64_t root_items, root_length, length; /* as the roots say; as the entries say */
    uint64_t references;                      /* as the terms say */
    uint64_t entry_terms;                     /* as the entries say */
};

static const char *check_chain(const struct om_word_chain *chain)
{
    const struct om_word_block *block = atomic_load(&chain->head);
    uint64_t last = 0;
    uint32_t count = 0;
    uint32_t dead = 0;
    for (; block != NULL; block = atomic_load(&block->next)) {
        uint64_t in_block = 0;
        for (uint32_t i = 0; i < atomic_load(&block->count); i++) {
            uint64_t value = atomic_load(&block->values[i]);
            uint64_t key = value >> OM_WORD_COUNT_BITS;
            bool live = (value & OM_WORD_COUNT_MAX) != 0;
            if (key < in_block || (live && key <= last)) {
                return "a chain does not ascend";
            }
            in_block = key;
            last = live ? key : last;
            dead += !live;
        }
        count += atomic_load(&block->count);
    }
    return count == chain->count && dead == chain->dead ? NULL : "a chain is miscounted";
}

static const char *check_term(struct om_words *w, const struct om_word_term *term,
                              struct sums *sums)
{
    omega_str text = {term->text, term->len};
    struct om_word_key key = om_word_key_of(term->root->root, (enum om_word_kind)term->kind, text);
    if (om_word_term_find(w, &key) != term) {
        return "a term is not found by its text";
    }
    if (om_word_root_find(w, term->root->root) != term->root) {
        return "a term's root is gone";
    }
    sums->terms++;
    sums->references += term->references;
    if (term->references == 0 || atomic_load(&term->items) > term->references) {
        return "a term is miscounted";
    }
    if (term->kind == OM_WORD_SURFACE) {
        uint64_t outline = om_word_outline(text);
        uint64_t found = om_word_chain_find(&term->root->vocabulary, term->number);
        return term->stem != NULL && (term->number != 0) == (outline != 0) &&
                       (outline == 0 || found == outline)
                   ? NULL
                   : "a word is not in the vocabulary";
    }
    if (term->postings.count - term->postings.dead != term->references) {
        return "a term has lost postings";
    }
    return check_chain(&term->postings);
}

static const char *check_entry(struct om_words *w, struct om_word_entry *entry, uint64_t number,
                               struct sums *sums)
{
    bool live = atomic_load(&entry->removed) == OM_WORD_NEVER;
    uint32_t length = *om_word_length_at(atomic_load(&w->entries), number);
    sums->items += live;
    sums->waiting += !live;
    sums->length += live ? length : 0;
    sums->entry_terms += entry->term_count;
    uint64_t at = om_word_newest(w, entry->item);
    while (at != number) {
        const struct om_word_entry *newer = om_word_entry_at(atomic_load(&w->entries), at);
        if (at == 0 || newer == NULL || live) {
            return "an entry is not in its item's list";
        }
        at = atomic_load(&newer->previous);
    }
    uint64_t words = 0;
    for (uint32_t i = 0; i < entry->term_count; i++) {
        const struct om_word_term *term = entry->terms[i];
        if (term->root != entry->root) {
            return "an entry has another root's term";
        }
        uint64_t count =
            term->kind == OM_WORD_STEM ? om_word_chain_find(&term->postings, number) : 0;
        if (term->kind == OM_WORD_STEM && count == 0) {
            return "an entry's posting is missing";
        }
        words += count;
    }
    return words == length ? NULL : "an entry's length is wrong";
}

static const char *check_entries(struct om_words *w, struct sums *sums)
{
    const char *wrong = NULL;
    for (uint64_t number = 1; number < w->next_entry && wrong == NULL; number++) {
        struct om_word_entry *entry = om_word_entry_at(atomic_load(&w->entries), number);
        if (entry == NULL) {
            number |= OM_WORD_CHUNK - 1;
        } else if (entry->root != NULL) { /* else erased */
            wrong = check_entry(w, entry, number, sums);
        }
    }
    return wrong;
}

static const char *check_tables(struct om_words *w, struct sums *sums)
{
    const char *wrong = NULL;
    struct om_word_node *node;
    for (size_t at = 0;
         wrong == NULL && (node = om_word_table_next(atomic_load(&w->roots), &at)) != NULL;) {
        struct om_word_root *root = (struct om_word_root *)node;
        sums->roots++;
        sums->root_items += atomic_load(&root->items);
        sums->root_length += atomic_load(&root->length);
        wrong = root->references > 0 ? check_chain(&root->vocabulary) : "a root has no entry";
    }
    for (size_t at = 0;
         wrong == NULL && (node = om_word_table_next(atomic_load(&w->terms), &at)) != NULL;) {
        wrong = check_term(w, (struct om_word_term *)node, sums);
    }
    return wrong;
}

const char *om_words_validate(struct om_words *w)
{
    struct sums sums = {0};
    const char *wrong = check_entries(w, &sums);
    if (wrong == NULL) {
        wrong = check_tables(w, &sums);
    }
    if (wrong != NULL) {
        return wrong;
    }
    struct om_words_usage usage;
    om_words_usage(w, &usage);
    if (sums.items != usage.items || sums.items != sums.root_items ||
        sums.waiting != usage.waiting || sums.roots != usage.roots) {
        return "items are miscounted";
    }
    if (sums.length != sums.root_length) {
        return "lengths are miscounted";
    }
    return sums.references == sums.entry_terms && sums.terms == usage.terms
               ? NULL
               : "terms are miscounted";
}
