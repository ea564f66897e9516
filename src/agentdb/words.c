/* words.c -- the words index: its life, adding and removing items.
 *
 * An addition runs in three steps. Draft: fold, split and stem the text into distinct terms with
 * counts, in scratch memory. Prepare: find or make the root, the terms and the room for every
 * posting, the only step that can fail; what it made for nothing is dropped again. Commit: fill the
 * entry, append the postings, raise the statistics; readers whose snapshot is older than `seq` pass
 * the new postings by.
 *
 * Removing lowers the statistics and marks the entry; its bytes go later (words_reclaim.c).
 *
 * Rejected: keeping per-item term lists as text, to be stemmed again at removal: twice the work in
 * the publish step; a forward index in the store: the index would need it to forget. */
#include "agentdb/words_int.h"

void *om_word_get(struct om_words *w, size_t size)
{
    void *ptr = om_get0(w->alloc, 1, size);
    if (ptr != NULL) {
        atomic_fetch_add_explicit(&w->bytes, size, memory_order_relaxed);
    }
    return ptr;
}

void om_word_put(struct om_words *w, void *ptr, size_t size)
{
    if (ptr == NULL) {
        return;
    }
    explicit_bzero(ptr, size);
    om_put(w->alloc, ptr);
    atomic_fetch_sub_explicit(&w->bytes, size, memory_order_relaxed);
}

/* ---- Life ------------------------------------------------------------------------------------ */

omega_status om_words_new(struct om_alloc *alloc, struct om_words **out)
{
    const size_t align = _Alignof(struct om_words);
    char *block = om_get0(alloc, 1, sizeof(struct om_words) + align - 1);
    if (block == NULL) {
        return om_nomem();
    }
    struct om_words *w = (void *)(block + (align - (uintptr_t)block % align) % align);
    w->alloc = alloc;
    w->block = block;
    w->next_entry = 1;
    w->next_name = 1;
    om_stemmers_init(&w->stemmers, alloc);
    om_grace_init(&w->grace);
    *out = w;
    return OMEGA_OK;
}

static void free_terms(struct om_words *w)
{
    struct om_word_table *table = atomic_load(&w->terms);
    struct om_word_node *node;
    for (size_t at = 0; (node = om_word_table_next(table, &at)) != NULL;) {
        struct om_word_term *term = (struct om_word_term *)node;
        om_word_chain_erase(w, &term->postings);
        om_word_put(w, term, sizeof(*term) + term->len);
    }
    om_word_table_free(w, table);
}

static void free_roots(struct om_words *w)
{
    struct om_word_table *table = atomic_load(&w->roots);
    struct om_word_node *node;
    for (size_t at = 0; (node = om_word_table_next(table, &at)) != NULL;) {
        struct om_word_root *root = (struct om_word_root *)node;
        om_word_chain_erase(w, &root->vocabulary);
        om_word_put(w, root, sizeof(*root));
    }
    om_word_table_free(w, table);
}

static void free_entries(struct om_words *w)
{
    struct om_word_directory *directory = atomic_load(&w->entries);
    for (uint64_t entry = 1; entry < w->next_entry; entry++) {
        struct om_word_entry *row = om_word_entry_at(directory, entry);
        if (row == NULL) {
            entry |= OM_WORD_CHUNK - 1; /* the whole chunk is gone */
        } else {
            om_word_put(w, row->terms, row->term_count * sizeof(row->terms[0]));
        }
    }
    om_word_directory_free(w, directory, sizeof(struct om_word_chunk));
}

void om_words_free(struct om_words *w)
{
    if (w == NULL) {
        return;
    }
    free_entries(w);
    om_word_directory_free(w, atomic_load(&w->items), sizeof(struct om_word_items));
    om_word_directory_free(w, atomic_load(&w->names), sizeof(struct om_word_names));
    free_terms(w);
    free_roots(w);
    om_word_garbage_free(w, w->garbage_fresh);
    om_word_garbage_free(w, w->garbage_waiting);
    om_stemmers_fini(&w->stemmers);
    om_put(w->alloc, w->block);
}

unsigned om_words_enter(struct om_words *w)
{
    return om_grace_enter(&w->grace);
}

void om_words_leave(struct om_words *w, unsigned ticket)
{
    om_grace_leave(&w->grace, ticket);
}

void om_words_usage(struct om_words *w, struct om_words_usage *out)
{
    *out = (struct om_words_usage){
        .items = atomic_load_explicit(&w->item_count, memory_order_relaxed),
        .waiting = atomic_load_explicit(&w->waiting_count, memory_order_relaxed),
        .roots = atomic_load_explicit(&w->root_count, memory_order_relaxed),
        .terms = atomic_load_explicit(&w->term_count, memory_order_relaxed),
        .bytes = atomic_load_explicit(&w->bytes, memory_order_relaxed) + sizeof(*w),
    };
}

/* ---- Entries --------------------------------------------------------------------------------- */

static _Atomic uint64_t *newest_of(struct om_words *w, uint32_t item)
{
    const struct om_word_directory *directory =
        atomic_load_explicit(&w->items, memory_order_acquire);
    struct om_word_items *items = om_word_directory_get(directory, item / OM_WORD_ITEM_CHUNK);
    return items != NULL ? &items->newest[item % OM_WORD_ITEM_CHUNK] : NULL;
}

uint64_t om_word_newest(struct om_words *w, uint32_t item)
{
    const _Atomic uint64_t *newest = newest_of(w, item);
    /* Acquire: the entry behind the number is complete. */
    return newest != NULL ? atomic_load_explicit(newest, memory_order_acquire) : 0;
}

void om_word_set_newest(struct om_words *w, uint32_t item, uint64_t entry)
{
    atomic_store_explicit(newest_of(w, item), entry, memory_order_release);
}

void om_word_retire(struct om_words *w, struct om_word_garbage *garbage,
                    void (*erase)(struct om_words *w, struct om_word_garbage *garbage))
{
    garbage->erase = erase;
    garbage->next = w->garbage_fresh;
    w->garbage_fresh = garbage;
    w->garbage_count++;
}

static struct om_word_entry *entry_at(struct om_words *w, uint64_t entry)
{
    struct om_word_entry *found =
        om_word_entry_at(atomic_load_explicit(&w->entries, memory_order_relaxed), entry);
    OM_ASSERT(found != NULL);
    return found;
}

static uint32_t *length_at(struct om_words *w, uint64_t entry)
{
    return om_word_length_at(atomic_load_explicit(&w->entries, memory_order_relaxed), entry);
}

void om_word_queue_push(struct om_words *w, struct om_word_queue *queue, uint64_t entry)
{
    entry_at(w, entry)->next = 0;
    if (queue->last != 0) {
        entry_at(w, queue->last)->next = entry;
    } else {
        queue->first = entry;
    }
    queue->last = entry;
    queue->count++;
}

/* ---- Adding
 * --------------------------------------------------------------------------------------- */

/* What an addition has prepared. */
struct addition {
    struct om_words *w;
    struct om_word_root *root;
    struct om_word_term **terms; /* as the drafts, stems and surfaces mixed */
    uint32_t term_count;
};

static omega_status prepare_term(struct addition *addition, const struct om_word_drafts *drafts,
                                 const struct om_word_draft *draft)
{
    struct om_word_key key = {draft->hash, addition->root->root, (enum om_word_kind)draft->kind,
                              om_word_draft_text(drafts, draft)};
    bool surface = key.kind == OM_WORD_SURFACE;
    struct om_word_term *stem = surface ? addition->terms[draft->stem] : NULL;
    struct om_word_term *term = NULL;
    omega_status status = om_word_term_make(addition->w, addition->root, &key, stem, &term);
    if (status != OMEGA_OK) {
        return status;
    }
    addition->terms[addition->term_count++] = term;
    return surface ? OMEGA_OK : om_word_chain_reserve(addition->w, &term->postings);
}

static omega_status prepare_places(struct om_words *w, uint32_t item)
{
    if (w->next_entry >= OM_WORD_ENTRY_MAX) {
        return om_fail(OMEGA_ELIMIT, "the words index has numbered 2^40 additions: open it anew");
    }
    omega_status status = om_word_directory_make(w, &w->entries, w->next_entry / OM_WORD_CHUNK,
                                                 sizeof(struct om_word_chunk));
    if (status != OMEGA_OK) {
        return status;
    }
    return om_word_directory_make(w, &w->items, item / OM_WORD_ITEM_CHUNK,
                                  sizeof(struct om_word_items));
}

static omega_status prepare(struct addition *addition, const struct om_word_drafts *drafts,
                            uint32_t item, uint32_t root)
{
    struct om_words *w = addition->w;
    omega_status status = prepare_places(w, item);
    if (status == OMEGA_OK) {
        status = om_word_root_make(w, root, &addition->root);
    }
    if (status == OMEGA_OK && drafts->count > 0) {
        addition->terms = om_word_get(w, drafts->count * sizeof(addition->terms[0]));
        status = addition->terms != NULL ? OMEGA_OK : om_nomem();
    }
    for (size_t i = 0; i < drafts->count && status == OMEGA_OK; i++) {
        status = prepare_term(addition, drafts, &drafts->rows[i]);
    }
    return status;
}

/* Drops what was made for nothing, the newest first: surfaces before their stems. */
static void take_back(struct addition *addition, const struct om_word_drafts *drafts)
{
    struct om_words *w = addition->w;
    for (uint32_t i = addition->term_count; i > 0; i--) {
        if (addition->terms[i - 1]->references == 0) {
            om_word_term_drop(w, addition->terms[i - 1]);
        }
    }
    if (addition->root != NULL) {
        om_word_root_settle(w, addition->root);
    }
    om_word_put(w, addition->terms, drafts->count * sizeof(addition->terms[0]));
}

static void commit_terms(struct addition *addition, const struct om_word_drafts *drafts,
                         uint64_t number)
{
    for (uint32_t i = 0; i < addition->term_count; i++) {
        struct om_word_term *term = addition->terms[i];
        uint64_t count = OM_MIN((uint64_t)drafts->rows[i].count, OM_WORD_COUNT_MAX);
        if (term->kind == OM_WORD_STEM) {
            om_word_chain_append(&term->postings, number << OM_WORD_COUNT_BITS | count);
        }
        term->references++;
        atomic_fetch_add_explicit(&term->items, 1, memory_order_relaxed);
    }
}

static void commit(struct addition *addition, const struct om_word_drafts *drafts, uint32_t item,
                   uint64_t seq)
{
    struct om_words *w = addition->w;
    uint64_t number = w->next_entry++;
    struct om_word_entry *entry = entry_at(w, number);
    entry->item = item;
    *length_at(w, number) = drafts->words;
    entry->root = addition->root;
    entry->added = seq;
    entry->terms = addition->terms;
    entry->term_count = addition->term_count;
    atomic_store_explicit(&entry->removed, OM_WORD_NEVER, memory_order_relaxed);
    atomic_store_explicit(&entry->previous, om_word_newest(w, item), memory_order_relaxed);
    atomic_fetch_add_explicit(&addition->root->items, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&addition->root->length, drafts->words, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->item_count, 1, memory_order_relaxed);
    addition->root->references++;
    commit_terms(addition, drafts, number);
    om_word_set_newest(w, item, number);
}

omega_status om_words_add(struct om_words *w, uint32_t item, uint32_t root, uint64_t seq,
                          omega_str text)
{
    OM_ASSERT(seq < OM_WORD_NEVER);
    struct om_word_drafts drafts;
    struct addition addition = {.w = w};
    omega_status status = om_word_drafts_read(w, root, text, &drafts);
    if (status == OMEGA_OK) {
        status = prepare(&addition, &drafts, item, root);
        if (status == OMEGA_OK) {
            (void)om_words_remove(w, item, seq);
            commit(&addition, &drafts, item, seq);
        } else {
            take_back(&addition, &drafts);
        }
    }
    om_word_drafts_fini(w, &drafts);
    return status;
}

bool om_words_remove(struct om_words *w, uint32_t item, uint64_t seq)
{
    uint64_t number = om_word_newest(w, item);
    struct om_word_entry *entry = number != 0 ? entry_at(w, number) : NULL;
    if (entry == NULL ||
        atomic_load_explicit(&entry->removed, memory_order_relaxed) != OM_WORD_NEVER) {
        return false;
    }
    atomic_store_explicit(&entry->removed, seq, memory_order_release);
    for (uint32_t i = 0; i < entry->term_count; i++) {
        atomic_fetch_sub_explicit(&entry->terms[i]->items, 1, memory_order_relaxed);
    }
    atomic_fetch_sub_explicit(&entry->root->items, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&entry->root->length, *length_at(w, number), memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->item_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&w->waiting_count, 1, memory_order_relaxed);
    om_word_queue_push(w, &w->fresh, number);
    return true;
}
