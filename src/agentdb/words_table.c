/* words_table.c -- where terms, roots, entries and items are found.
 *
 * Tables: open addressing with linear probing over pointers; a node carries its hash. The publisher
 * grows a table by filling a new one and publishing it whole; a removed node leaves a mark that
 * only a new table clears, so a probe never ends early. Directories: chunks found by number, in an
 * array that is replaced when it is full, without its empty beginning.
 *
 * Rejected: core/map.h, which has no readers beside its writer.
 *
 * Invariants: a table has an empty slot; a node is in exactly one table; numbers of words and
 * entries are never used again. */
#include "agentdb/words_int.h"

enum { TABLE_MIN = 64, DIRECTORY_MIN = 4 };

/* Stands where a node was. */
static struct om_word_node removed_mark;

/* ---- Tables ---------------------------------------------------------------------------------- */

static size_t table_size(size_t slots)
{
    return sizeof(struct om_word_table) + slots * sizeof(_Atomic(struct om_word_node *));
}

static void erase_table(struct om_words *w, struct om_word_garbage *garbage)
{
    struct om_word_table *table = (struct om_word_table *)garbage;
    om_word_put(w, table, table_size(table->mask + 1));
}

static struct om_word_node *slot_get(const struct om_word_table *table, size_t at)
{
    /* Acquire: the node behind the pointer is complete. */
    return atomic_load_explicit(&table->slots[at & table->mask], memory_order_acquire);
}

static void slot_set(struct om_word_table *table, size_t at, struct om_word_node *node)
{
    atomic_store_explicit(&table->slots[at & table->mask], node, memory_order_release);
}

static void table_put(struct om_word_table *table, struct om_word_node *node)
{
    size_t at = (size_t)node->hash;
    while (slot_get(table, at) != NULL) {
        at++;
    }
    slot_set(table, at, node);
    table->used++;
    table->live++;
}

/* Makes room for one more node: at most 3/4 of the slots are used. */
static omega_status table_reserve(struct om_words *w, _Atomic(struct om_word_table *) *slot)
{
    struct om_word_table *old = atomic_load_explicit(slot, memory_order_relaxed);
    if (old != NULL && (old->used + 1) * 4 <= (old->mask + 1) * 3) {
        return OMEGA_OK;
    }
    size_t slots = TABLE_MIN;
    while (old != NULL && slots < (old->live + 1) * 2) {
        slots *= 2;
    }
    struct om_word_table *table = om_word_get(w, table_size(slots));
    if (table == NULL) {
        return om_nomem();
    }
    table->mask = slots - 1;
    size_t at = 0;
    struct om_word_node *node;
    while (old != NULL && (node = om_word_table_next(old, &at)) != NULL) {
        table_put(table, node);
    }
    atomic_store_explicit(slot, table, memory_order_release);
    if (old != NULL) {
        om_word_retire(w, &old->garbage, erase_table);
    }
    return OMEGA_OK;
}

static void table_drop(struct om_word_table *table, const struct om_word_node *node)
{
    size_t at = (size_t)node->hash;
    while (slot_get(table, at) != node) {
        OM_ASSERT(slot_get(table, at) != NULL);
        at++;
    }
    slot_set(table, at, &removed_mark);
    table->live--;
}

struct om_word_node *om_word_table_next(const struct om_word_table *table, size_t *at)
{
    while (table != NULL && *at <= table->mask) {
        struct om_word_node *node = slot_get(table, (*at)++);
        if (node != NULL && node != &removed_mark) {
            return node;
        }
    }
    return NULL;
}

void om_word_table_free(struct om_words *w, struct om_word_table *table)
{
    if (table != NULL) {
        erase_table(w, &table->garbage);
    }
}

/* ---- Roots ----------------------------------------------------------------------------------- */

static uint64_t hash_root(uint32_t root)
{
    return om_hash(&root, sizeof(root), 0);
}

struct om_word_root *om_word_root_find(struct om_words *w, uint32_t root)
{
    const struct om_word_table *table = atomic_load_explicit(&w->roots, memory_order_acquire);
    if (table == NULL) {
        return NULL;
    }
    size_t at = (size_t)hash_root(root);
    struct om_word_node *node;
    while ((node = slot_get(table, at++)) != NULL) {
        struct om_word_root *found = (struct om_word_root *)node;
        if (node != &removed_mark && found->root == root) {
            return found;
        }
    }
    return NULL;
}

omega_status om_word_root_make(struct om_words *w, uint32_t root, struct om_word_root **out)
{
    *out = om_word_root_find(w, root);
    if (*out != NULL) {
        return OMEGA_OK;
    }
    omega_status status = table_reserve(w, &w->roots);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_word_root *made = om_word_get(w, sizeof(*made));
    if (made == NULL) {
        return om_nomem();
    }
    made->node.hash = hash_root(root);
    made->root = root;
    table_put(atomic_load_explicit(&w->roots, memory_order_relaxed), &made->node);
    atomic_fetch_add_explicit(&w->root_count, 1, memory_order_relaxed);
    *out = made;
    return OMEGA_OK;
}

static void erase_root(struct om_words *w, struct om_word_garbage *garbage)
{
    struct om_word_root *root = (struct om_word_root *)garbage;
    om_word_chain_erase(w, &root->vocabulary);
    om_word_put(w, root, sizeof(*root));
}

void om_word_root_settle(struct om_words *w, struct om_word_root *root)
{
    if (root->references > 0 || root->term_count > 0) {
        return;
    }
    table_drop(atomic_load_explicit(&w->roots, memory_order_relaxed), &root->node);
    atomic_fetch_sub_explicit(&w->root_count, 1, memory_order_relaxed);
    om_word_retire(w, &root->node.garbage, erase_root);
}

/* ---- Terms ----------------------------------------------------------------------------------- */

struct om_word_key om_word_key_of(uint32_t root, enum om_word_kind kind, omega_str text)
{
    uint64_t seed = (uint64_t)root << 1 | (uint64_t)kind;
    return (struct om_word_key){om_hash(text.ptr, text.len, seed), root, kind, text};
}

static bool term_is(const struct om_word_term *term, const struct om_word_key *key)
{
    return term->node.hash == key->hash && term->kind == key->kind &&
           term->root->root == key->root && term->len == key->text.len &&
           memcmp(term->text, key->text.ptr, key->text.len) == 0;
}

struct om_word_term *om_word_term_find(struct om_words *w, const struct om_word_key *key)
{
    const struct om_word_table *table = atomic_load_explicit(&w->terms, memory_order_acquire);
    if (table == NULL) {
        return NULL;
    }
    size_t at = (size_t)key->hash;
    struct om_word_node *node;
    while ((node = slot_get(table, at++)) != NULL) {
        if (node->hash == key->hash && node != &removed_mark &&
            term_is((struct om_word_term *)node, key)) {
            return (struct om_word_term *)node;
        }
    }
    return NULL;
}

static size_t term_size(size_t len)
{
    return sizeof(struct om_word_term) + len;
}

static void erase_term(struct om_words *w, struct om_word_garbage *garbage)
{
    struct om_word_term *term = (struct om_word_term *)garbage;
    om_word_chain_erase(w, &term->postings);
    om_word_put(w, term, term_size(term->len));
}

/* Gives a surface its number, and its place in the vocabulary when it can be a correction. */
static omega_status name_surface(struct om_words *w, struct om_word_term *term)
{
    uint64_t number = w->next_name;
    uint64_t outline = om_word_outline((omega_str){term->text, term->len});
    if (outline == 0) {
        return OMEGA_OK;
    }
    omega_status status =
        om_word_directory_make(w, &w->names, number / OM_WORD_CHUNK, sizeof(struct om_word_names));
    if (status == OMEGA_OK) {
        status = om_word_chain_reserve(w, &term->root->vocabulary);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_word_names *names = om_word_directory_get(
        atomic_load_explicit(&w->names, memory_order_relaxed), number / OM_WORD_CHUNK);
    atomic_store_explicit(&names->terms[number % OM_WORD_CHUNK], term, memory_order_release);
    om_word_chain_append(&term->root->vocabulary, number << OM_WORD_COUNT_BITS | outline);
    term->number = number;
    w->next_name = number + 1;
    return OMEGA_OK;
}

omega_status om_word_term_make(struct om_words *w, struct om_word_root *root,
                               const struct om_word_key *key, struct om_word_term *stem,
                               struct om_word_term **out)
{
    *out = om_word_term_find(w, key);
    if (*out != NULL) {
        return OMEGA_OK;
    }
    omega_status status = table_reserve(w, &w->terms);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_word_term *term = om_word_get(w, term_size(key->text.len));
    if (term == NULL) {
        return om_nomem();
    }
    term->node.hash = key->hash;
    term->root = root;
    term->stem = stem;
    term->kind = (uint8_t)key->kind;
    term->len = (uint16_t)key->text.len;
    memcpy(term->text, key->text.ptr, key->text.len);
    status = key->kind == OM_WORD_SURFACE ? name_surface(w, term) : OMEGA_OK;
    if (status != OMEGA_OK) {
        om_word_put(w, term, term_size(term->len));
        return status;
    }
    table_put(atomic_load_explicit(&w->terms, memory_order_relaxed), &term->node);
    root->term_count++;
    atomic_fetch_add_explicit(&w->term_count, 1, memory_order_relaxed);
    *out = term;
    return OMEGA_OK;
}

static void erase_names(struct om_words *w, struct om_word_garbage *garbage)
{
    om_word_put(w, garbage, sizeof(struct om_word_names));
}

static void unname_surface(struct om_words *w, struct om_word_term *term)
{
    if (term->number == 0) {
        return;
    }
    struct om_word_directory *directory = atomic_load_explicit(&w->names, memory_order_relaxed);
    uint64_t chunk = term->number / OM_WORD_CHUNK;
    struct om_word_names *names = om_word_directory_get(directory, chunk);
    atomic_store_explicit(&names->terms[term->number % OM_WORD_CHUNK], NULL, memory_order_relaxed);
    om_word_chain_kill(w, &term->root->vocabulary, term->number);
    uint32_t numbers = OM_WORD_CHUNK - (chunk == 0); /* there is no number 0 */
    if (++names->erased == numbers) {
        om_word_directory_drop(directory, chunk);
        om_word_retire(w, &names->garbage, erase_names);
    }
}

void om_word_term_drop(struct om_words *w, struct om_word_term *term)
{
    unname_surface(w, term);
    table_drop(atomic_load_explicit(&w->terms, memory_order_relaxed), &term->node);
    term->root->term_count--;
    atomic_fetch_sub_explicit(&w->term_count, 1, memory_order_relaxed);
    om_word_retire(w, &term->node.garbage, erase_term);
}

/* ---- Directories
 * ---------------------------------------------------------------------------------- */

static size_t directory_size(uint64_t capacity)
{
    return sizeof(struct om_word_directory) + (size_t)capacity * sizeof(_Atomic(void *));
}

static void erase_directory(struct om_words *w, struct om_word_garbage *garbage)
{
    struct om_word_directory *directory = (struct om_word_directory *)garbage;
    om_word_put(w, directory, directory_size(directory->capacity));
}

void *om_word_directory_get(const struct om_word_directory *directory, uint64_t chunk)
{
    if (directory == NULL || chunk < directory->first ||
        chunk - directory->first >= directory->capacity) {
        return NULL;
    }
    return atomic_load_explicit(&directory->chunks[chunk - directory->first], memory_order_acquire);
}

static void directory_set(struct om_word_directory *directory, uint64_t chunk, void *what)
{
    atomic_store_explicit(&directory->chunks[chunk - directory->first], what, memory_order_release);
}

/* The first chunk that must be kept when `chunk` is added. */
static uint64_t first_kept(const struct om_word_directory *old, uint64_t chunk)
{
    for (uint64_t i = 0; old != NULL && i < old->capacity; i++) {
        if (om_word_directory_get(old, old->first + i) != NULL) {
            return OM_MIN(chunk, old->first + i);
        }
    }
    return chunk;
}

/* A directory that covers `chunk` and what `old` holds. */
static struct om_word_directory *
directory_grown(struct om_words *w, const struct om_word_directory *old, uint64_t chunk)
{
    uint64_t first = first_kept(old, chunk);
    uint64_t end = old != NULL ? OM_MAX(chunk + 1, old->first + old->capacity) : chunk + 1;
    uint64_t capacity = OM_MAX((end - first) * 2, (uint64_t)DIRECTORY_MIN);
    struct om_word_directory *directory = om_word_get(w, directory_size(capacity));
    if (directory == NULL) {
        return NULL;
    }
    directory->first = first;
    directory->capacity = capacity;
    for (uint64_t i = first; old != NULL && i < old->first + old->capacity; i++) {
        directory_set(directory, i, om_word_directory_get(old, i));
    }
    return directory;
}

omega_status om_word_directory_make(struct om_words *w, _Atomic(struct om_word_directory *) *slot,
                                    uint64_t chunk, size_t size)
{
    struct om_word_directory *directory = atomic_load_explicit(slot, memory_order_relaxed);
    if (om_word_directory_get(directory, chunk) != NULL) {
        return OMEGA_OK;
    }
    bool covered = directory != NULL && chunk >= directory->first &&
                   chunk - directory->first < directory->capacity;
    if (!covered) {
        struct om_word_directory *old = directory;
        directory = directory_grown(w, old, chunk);
        if (directory == NULL) {
            return om_nomem();
        }
        atomic_store_explicit(slot, directory, memory_order_release);
        if (old != NULL) {
            om_word_retire(w, &old->garbage, erase_directory);
        }
    }
    void *made = om_word_get(w, size);
    if (made == NULL) {
        return om_nomem();
    }
    directory_set(directory, chunk, made);
    return OMEGA_OK;
}

void om_word_directory_drop(struct om_word_directory *directory, uint64_t chunk)
{
    directory_set(directory, chunk, NULL);
}

void om_word_directory_free(struct om_words *w, struct om_word_directory *directory, size_t size)
{
    for (uint64_t i = 0; directory != NULL && i < directory->capacity; i++) {
        void *chunk = om_word_directory_get(directory, directory->first + i);
        if (chunk != NULL) {
            om_word_put(w, chunk, size);
        }
    }
    if (directory != NULL) {
        erase_directory(w, &directory->garbage);
    }
}
