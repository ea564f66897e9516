/* words_int.h -- the parts of the words index, private to agentdb/words*.c.
 *
 * words.c          life, adding, removing; words_draft.c reads the text
 * words_chain.c    growing arrays of 64-bit values that are read while they grow
 * words_table.c    hash tables of terms and roots, directories of numbered things
 * words_reclaim.c  erasing what was removed
 * words_parse.c    queries; words_near.c corrections; words_search.c scoring; words_validate.c
 *
 * Numbers. Each addition is an *entry* with a number that only grows; postings carry entry numbers,
 * so every chain ascends whatever items the owner reuses. An item's entries form a list, newest
 * first.
 *
 * Publication. The publisher fills a thing, then links it with a release store (a chain's count, a
 * table's slot, a directory's chunk); readers load with acquire. What it unlinks is garbage: freed
 * two successful om_grace_try later. Fields marked P belong to the publisher alone. */
#ifndef OM_WORDS_INT_H
#define OM_WORDS_INT_H

#include "agentdb/words.h"
#include "text/text.h"

enum {
    OM_WORD_COUNT_BITS = 24, /* of a posting: how often the term stands in the entry */
    OM_WORD_CHUNK = 64,      /* entries, or numbered terms, of one chunk of a directory */
    OM_WORD_ITEM_CHUNK = 1024,
    OM_WORD_TERM_SIZE = OM_TOKEN_SIZE + 8 /* bytes of a stem at most */
};
#define OM_WORD_COUNT_MAX ((UINT64_C(1) << OM_WORD_COUNT_BITS) - 1)
#define OM_WORD_ENTRY_MAX (UINT64_C(1) << 40)
#define OM_WORD_NEVER UINT64_MAX

/* What readers may still hold; first in every thing that is ever unlinked. */
struct om_word_garbage {
    struct om_word_garbage *next;
    void (*erase)(struct om_words *w, struct om_word_garbage *garbage);
};

/* ---- Chains ---------------------------------------------------------------------------------- */

/* A value is key << 24 | payload with keys ascending; payload 0 marks a dead value. */
struct om_word_block {
    _Atomic(struct om_word_block *) next;
    uint32_t capacity;
    atomic_uint count;
    _Atomic uint64_t values[];
};

struct om_word_chain {
    _Atomic(struct om_word_block *) head;
    struct om_word_block *tail; /* P */
    uint32_t count;             /* P: values, dead ones included */
    uint32_t dead;              /* P */
};

struct om_word_cursor {
    const struct om_word_block *block;
    uint32_t at, count;
};

/* Makes room for one more value. */
OMEGA_MUST_CHECK omega_status om_word_chain_reserve(struct om_words *w,
                                                    struct om_word_chain *chain);
void om_word_chain_append(struct om_word_chain *chain, uint64_t value); /* after reserve */
/* The payload of the live value of `key`, 0 if there is none. Readers and publisher. */
uint64_t om_word_chain_find(const struct om_word_chain *chain, uint64_t key);
/* Overwrites the value of `key`, which must be live, and rebuilds a chain of mostly dead values. */
void om_word_chain_kill(struct om_words *w, struct om_word_chain *chain, uint64_t key);
void om_word_chain_erase(struct om_words *w, struct om_word_chain *chain);

void om_word_cursor_init(struct om_word_cursor *cursor, const struct om_word_chain *chain);
void om_word_cursor_enter(struct om_word_cursor *cursor, const struct om_word_block *block);

/* The value under the cursor, or 0 at the end. Skips dead ones. `cursor->at++` goes on. */
static inline uint64_t om_word_cursor_value(struct om_word_cursor *cursor)
{
    while (cursor->block != NULL) {
        for (; cursor->at < cursor->count; cursor->at++) {
            /* A value is one word that stands by itself: relaxed is enough. */
            uint64_t value =
                atomic_load_explicit(&cursor->block->values[cursor->at], memory_order_relaxed);
            if ((value & OM_WORD_COUNT_MAX) != 0) {
                return value;
            }
        }
        om_word_cursor_enter(cursor,
                             atomic_load_explicit(&cursor->block->next, memory_order_acquire));
    }
    return 0;
}

/* ---- Terms, roots, tables
 * ------------------------------------------------------------------------ */

struct om_word_node {
    struct om_word_garbage garbage;
    uint64_t hash;
};

struct om_word_root {
    struct om_word_node node;
    uint32_t root;
    uint32_t term_count;             /* P: terms of both kinds */
    uint64_t references;             /* P: entries not erased */
    _Atomic uint64_t items;          /* not removed */
    _Atomic uint64_t length;         /* their words */
    struct om_word_chain vocabulary; /* number of a word << 24 | its outline (words_near.c) */
};

enum om_word_kind { OM_WORD_STEM, OM_WORD_SURFACE };

/* A stem with its postings, or a word as written ("surface") that leads to its stem. */
struct om_word_term {
    struct om_word_node node;
    struct om_word_root *root;
    struct om_word_chain postings; /* of a stem: entry << 24 | count */
    struct om_word_term *stem;     /* of a surface */
    uint64_t number;               /* of a surface, in the directory of words */
    atomic_uint items;             /* entries not removed that have it */
    uint32_t references;           /* P: entries not erased that have it */
    uint16_t len;
    uint8_t kind;
    char text[];
};

struct om_word_table {
    struct om_word_garbage garbage;
    size_t mask;
    size_t used; /* P: slots not empty */
    size_t live; /* P */
    _Atomic(struct om_word_node *) slots[];
};

/* A term as it is looked up. */
struct om_word_key {
    uint64_t hash;
    uint32_t root;
    enum om_word_kind kind;
    omega_str text;
};
struct om_word_key om_word_key_of(uint32_t root, enum om_word_kind kind, omega_str text);

struct om_word_root *om_word_root_find(struct om_words *w, uint32_t root);
struct om_word_term *om_word_term_find(struct om_words *w, const struct om_word_key *key);
/* Find or make. */
OMEGA_MUST_CHECK omega_status om_word_root_make(struct om_words *w, uint32_t root,
                                                struct om_word_root **out);
OMEGA_MUST_CHECK omega_status om_word_term_make(struct om_words *w, struct om_word_root *root,
                                                const struct om_word_key *key,
                                                struct om_word_term *stem,
                                                struct om_word_term **out);
/* Unlink; the garbage is erased later. */
void om_word_term_drop(struct om_words *w, struct om_word_term *term);
/* Drops the root when nothing refers to it. */
void om_word_root_settle(struct om_words *w, struct om_word_root *root);
/* Calls each node of a table; for the publisher, and for readers of the roots. */
struct om_word_node *om_word_table_next(const struct om_word_table *table, size_t *at);
void om_word_table_free(struct om_words *w, struct om_word_table *table);

/* ---- Directories
 * ---------------------------------------------------------------------------------- */

/* Chunks by number, the first of them `first`. */
struct om_word_directory {
    struct om_word_garbage garbage;
    uint64_t first;
    uint64_t capacity;
    _Atomic(void *) chunks[];
};

/* NULL when there is no such chunk (any more). */
void *om_word_directory_get(const struct om_word_directory *directory, uint64_t chunk);
/* Makes a zeroed chunk of `size` bytes unless it is there. */
OMEGA_MUST_CHECK omega_status om_word_directory_make(struct om_words *w,
                                                     _Atomic(struct om_word_directory *) *slot,
                                                     uint64_t chunk, size_t size);
/* Takes a chunk out; the caller retires it. */
void om_word_directory_drop(struct om_word_directory *directory, uint64_t chunk);
void om_word_directory_free(struct om_words *w, struct om_word_directory *directory, size_t size);

/* ---- Entries
 * --------------------------------------------------------------------------------------- */

struct om_word_entry {
    uint32_t item;
    uint32_t term_count; /* P */
    struct om_word_root *root;
    uint64_t added;
    _Atomic uint64_t removed;    /* OM_WORD_NEVER while it stands */
    _Atomic uint64_t previous;   /* the item's entry before this one; 0: none */
    uint64_t next;               /* P: in a queue of removed entries */
    struct om_word_term **terms; /* P: a stem stands before its surfaces */
};

struct om_word_chunk {
    struct om_word_garbage garbage;
    uint32_t erased;                 /* P: entries of the chunk that are gone */
    uint32_t lengths[OM_WORD_CHUNK]; /* words of each entry: all that scoring reads of it */
    struct om_word_entry entries[OM_WORD_CHUNK];
};

/* Numbered words, for the vocabularies. */
struct om_word_names {
    struct om_word_garbage garbage;
    uint32_t erased; /* P */
    _Atomic(struct om_word_term *) terms[OM_WORD_CHUNK];
};

struct om_word_items {
    _Atomic uint64_t newest[OM_WORD_ITEM_CHUNK]; /* entry of the item; 0: none */
};

struct om_word_queue {
    uint64_t first, last; /* entries; 0: none */
    size_t count;
};

/* ---- The index
 * ---------------------------------------------------------------------------------------- */

/* One distinct term of a text that is being added. */
struct om_word_draft {
    uint64_t hash; /* of its key */
    size_t offset; /* into the drafts' bytes */
    uint32_t count;
    uint32_t stem; /* of a surface: the row of its stem */
    uint16_t len;
    uint8_t kind;
};

struct om_word_drafts {
    struct om_words *w;
    struct om_buf bytes; /* their texts */
    struct om_word_draft *rows;
    size_t count, capacity;
    uint32_t *slots; /* hash table of row + 1 */
    size_t slot_count;
    uint32_t root;
    uint32_t words; /* tokens counted */
    bool with_stop_words;
};

/* Reads a text into its distinct terms. `drafts` is to be finished in any case. */
OMEGA_MUST_CHECK omega_status om_word_drafts_read(struct om_words *w, uint32_t root, omega_str text,
                                                  struct om_word_drafts *drafts);
void om_word_drafts_fini(struct om_words *w, struct om_word_drafts *drafts);
static inline omega_str om_word_draft_text(const struct om_word_drafts *drafts,
                                           const struct om_word_draft *draft)
{
    return (omega_str){drafts->bytes.ptr + draft->offset, draft->len};
}

struct om_words {
    struct om_alloc *alloc;
    void *block; /* what holds this struct, which is aligned to its cache lines */
    struct om_stemmers stemmers;
    struct om_grace grace;
    _Atomic(struct om_word_table *) terms;
    _Atomic(struct om_word_table *) roots;
    _Atomic(struct om_word_directory *) entries; /* of om_word_chunk */
    _Atomic(struct om_word_directory *) names;   /* of om_word_names */
    _Atomic(struct om_word_directory *) items;   /* of om_word_items */
    uint64_t next_entry;                         /* P, from 1 */
    uint64_t next_name;                          /* P, from 1 */
    struct om_word_queue fresh, waiting, ready;  /* P: removed entries by age */
    struct om_word_garbage *garbage_fresh;       /* P */
    struct om_word_garbage *garbage_waiting;     /* P */
    size_t garbage_count;                        /* P */
    _Atomic uint64_t item_count, waiting_count, root_count, term_count, bytes;
};

void *om_word_get(struct om_words *w, size_t size);           /* zeroed; NULL when out */
void om_word_put(struct om_words *w, void *ptr, size_t size); /* overwritten, then freed */
void om_word_retire(struct om_words *w, struct om_word_garbage *garbage,
                    void (*erase)(struct om_words *w, struct om_word_garbage *garbage));
/* Erases a list of garbage now. */
void om_word_garbage_free(struct om_words *w, struct om_word_garbage *garbage);
void om_word_queue_push(struct om_words *w, struct om_word_queue *queue, uint64_t entry);

/* NULL when it was erased or is newer than the reader. */
static inline struct om_word_entry *om_word_entry_at(const struct om_word_directory *directory,
                                                     uint64_t entry)
{
    struct om_word_chunk *chunk = om_word_directory_get(directory, entry / OM_WORD_CHUNK);
    return chunk != NULL ? &chunk->entries[entry % OM_WORD_CHUNK] : NULL;
}

/* Where the length of an entry stands, which must be there. */
static inline uint32_t *om_word_length_at(const struct om_word_directory *directory, uint64_t entry)
{
    struct om_word_chunk *chunk = om_word_directory_get(directory, entry / OM_WORD_CHUNK);
    OM_ASSERT(chunk != NULL);
    return &chunk->lengths[entry % OM_WORD_CHUNK];
}

/* The item's newest entry, 0 if none. */
uint64_t om_word_newest(struct om_words *w, uint32_t item);
void om_word_set_newest(struct om_words *w, uint32_t item, uint64_t entry);

/* Erases one removed entry that no reader can see. */
void om_word_entry_erase(struct om_words *w, uint64_t number);

/* ---- Queries
 * --------------------------------------------------------------------------------------- */

/* Where a query's postings stand. */
struct om_words_places {
    struct om_word_root **roots;
    size_t root_count;
    struct om_word_term **stems; /* [term * root_count + root]; NULL: the root lacks it */
    double *factors;             /* of each term: weight * idf * (k1 + 1) */
    double flat, slope;          /* k1 (1 - b) and k1 b / mean length */
};

/* What a term adds; the one place where the formula stands. */
static inline double om_word_gain(const struct om_words_places *places, size_t term, double count,
                                  double length)
{
    return places->factors[term] * count / (count + (places->flat + places->slope * length));
}

/* A word that may stand in for a misspelt one. */
struct om_word_near {
    struct om_word_term *surface;
    unsigned distance;
    uint64_t items; /* of the roots that have the surface */
};

/* The words of the roots nearest to `word`: at most OM_WORDS_CORRECTIONS, all at the least
 * distance, with different stems, the more frequent first, then by text. Returns their number. */
size_t om_word_near_find(struct om_words *w, const struct om_words_places *places, omega_str word,
                         struct om_word_near *out);
/* The outline of a word, 1..2^24-1, which is compared first; 0: it is never a correction. */
uint64_t om_word_outline(omega_str word);
/* Insertions, deletions, substitutions and swaps of neighbours from a to b, in code points; any
 * number above `most` stands for more than that. Both have at most OM_TOKEN_SIZE bytes. */
unsigned om_word_distance(omega_str a, omega_str b, unsigned most);

#endif
