/* words_reclaim.c -- erasing removed items, their postings and their words.
 *
 * A removed entry waits until two grace periods have passed: then no reader's snapshot is older
 * than its removal. Its postings are overwritten where they stand; a term that nothing refers to
 * any more is unlinked, and so is a chunk of entries that are all gone. What was unlinked is
 * garbage and waits two grace periods more, because a reader may still walk over it.
 *
 * Each successful om_grace_try moves every queue one step. A call works through at most SLICE
 * entries, so that one who deletes a million items does not stop the publisher. */
#include "agentdb/words_int.h"

enum { SLICE = 64, STEPS = 4 };

static struct om_word_entry *entry_at(struct om_words *w, uint64_t number)
{
    struct om_word_entry *entry =
        om_word_entry_at(atomic_load_explicit(&w->entries, memory_order_relaxed), number);
    OM_ASSERT(entry != NULL);
    return entry;
}

static void erase_chunk(struct om_words *w, struct om_word_garbage *garbage)
{
    om_word_put(w, garbage, sizeof(struct om_word_chunk));
}

/* Takes the entry out of its item's list. */
static void unlink_version(struct om_words *w, const struct om_word_entry *entry, uint64_t number)
{
    uint64_t previous = atomic_load_explicit(&entry->previous, memory_order_relaxed);
    uint64_t at = om_word_newest(w, entry->item);
    if (at == number) {
        om_word_set_newest(w, entry->item, previous);
        return;
    }
    struct om_word_entry *newer = entry_at(w, at);
    while ((at = atomic_load_explicit(&newer->previous, memory_order_relaxed)) != number) {
        newer = entry_at(w, at);
    }
    atomic_store_explicit(&newer->previous, previous, memory_order_release);
}

/* Surfaces follow their stems, so that going backwards drops them first. */
static void erase_terms(struct om_words *w, struct om_word_entry *entry, uint64_t number)
{
    for (uint32_t i = entry->term_count; i > 0; i--) {
        struct om_word_term *term = entry->terms[i - 1];
        if (term->kind == OM_WORD_STEM) {
            om_word_chain_kill(w, &term->postings, number);
        }
        if (--term->references == 0) {
            om_word_term_drop(w, term);
        }
    }
    om_word_put(w, entry->terms, entry->term_count * sizeof(entry->terms[0]));
    entry->terms = NULL;
    entry->term_count = 0;
}

void om_word_entry_erase(struct om_words *w, uint64_t number)
{
    struct om_word_entry *entry = entry_at(w, number);
    unlink_version(w, entry, number);
    erase_terms(w, entry, number);
    entry->root->references--;
    om_word_root_settle(w, entry->root);
    entry->root = NULL;
    struct om_word_directory *directory = atomic_load_explicit(&w->entries, memory_order_relaxed);
    uint64_t chunk = number / OM_WORD_CHUNK;
    struct om_word_chunk *home = om_word_directory_get(directory, chunk);
    uint32_t numbers = OM_WORD_CHUNK - (chunk == 0); /* there is no entry 0 */
    if (++home->erased == numbers) {
        om_word_directory_drop(directory, chunk);
        om_word_retire(w, &home->garbage, erase_chunk);
    }
    atomic_fetch_sub_explicit(&w->waiting_count, 1, memory_order_relaxed);
}

static size_t erase_ready(struct om_words *w, size_t budget)
{
    size_t erased = 0;
    for (; erased < budget && w->ready.count > 0; erased++) {
        uint64_t number = w->ready.first;
        w->ready.first = entry_at(w, number)->next;
        w->ready.count--;
        if (w->ready.count == 0) {
            w->ready = (struct om_word_queue){0};
        }
        om_word_entry_erase(w, number);
    }
    return erased;
}

static void join_queues(struct om_words *w, struct om_word_queue *to, struct om_word_queue *from)
{
    if (from->count == 0) {
        return;
    }
    if (to->count == 0) {
        *to = *from;
    } else {
        entry_at(w, to->last)->next = from->first;
        to->last = from->last;
        to->count += from->count;
    }
    *from = (struct om_word_queue){0};
}

void om_word_garbage_free(struct om_words *w, struct om_word_garbage *garbage)
{
    while (garbage != NULL) {
        struct om_word_garbage *next = garbage->next;
        garbage->erase(w, garbage);
        w->garbage_count--;
        garbage = next;
    }
}

static size_t still_waiting(const struct om_words *w)
{
    return w->fresh.count + w->waiting.count + w->ready.count + w->garbage_count;
}

size_t om_words_reclaim(struct om_words *w)
{
    size_t budget = SLICE;
    budget -= erase_ready(w, budget);
    for (int step = 0; step < STEPS && still_waiting(w) > 0 && om_grace_try(&w->grace); step++) {
        struct om_word_garbage *old = w->garbage_waiting;
        w->garbage_waiting = w->garbage_fresh;
        w->garbage_fresh = NULL;
        om_word_garbage_free(w, old);
        join_queues(w, &w->ready, &w->waiting);
        w->waiting = w->fresh;
        w->fresh = (struct om_word_queue){0};
        budget -= erase_ready(w, budget);
    }
    return still_waiting(w);
}
