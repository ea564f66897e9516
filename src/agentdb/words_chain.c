/* words_chain.c -- ascending 64-bit values that one publisher appends and readers walk meanwhile.
 *
 * A chain of blocks, each as large as all before it within limits, so that rare words cost little
 * and common ones are read in long runs. A reader takes a block's count once: what lies below it is
 * complete. A dead value keeps its place with payload 0 and the key of its left neighbour, so that
 * keys go on ascending and the erased key is gone; when more than half of a chain is dead it is
 * copied without them and the old blocks become garbage.
 *
 * Rejected: compressing postings (delta and varint). They would have to be rewritten to erase one,
 * and readers without locks would have to be told. */
#include "agentdb/words_int.h"

enum { BLOCK_MIN = 2, BLOCK_MAX = 512, REBUILD_DEAD = 16 };

/* The blocks of a chain that was rebuilt. */
struct old_blocks {
    struct om_word_garbage garbage;
    struct om_word_block *head;
};

static size_t block_size(uint32_t capacity)
{
    return sizeof(struct om_word_block) + capacity * sizeof(uint64_t);
}

static struct om_word_block *block_new(struct om_words *w, uint32_t capacity)
{
    struct om_word_block *block = om_word_get(w, block_size(capacity));
    if (block != NULL) {
        block->capacity = capacity;
    }
    return block;
}

static void blocks_free(struct om_words *w, struct om_word_block *block)
{
    while (block != NULL) {
        struct om_word_block *next = atomic_load_explicit(&block->next, memory_order_relaxed);
        om_word_put(w, block, block_size(block->capacity));
        block = next;
    }
}

static uint32_t block_count(const struct om_word_block *block)
{
    /* Acquire: the values below the count are seen. */
    return atomic_load_explicit(&block->count, memory_order_acquire);
}

/* Values are single words that stand by themselves: relaxed is enough. */
static uint64_t block_value(const struct om_word_block *block, uint32_t at)
{
    return atomic_load_explicit(&block->values[at], memory_order_relaxed);
}

omega_status om_word_chain_reserve(struct om_words *w, struct om_word_chain *chain)
{
    struct om_word_block *tail = chain->tail;
    if (tail != NULL && block_count(tail) < tail->capacity) {
        return OMEGA_OK;
    }
    uint32_t capacity = OM_MIN(OM_MAX(chain->count, (uint32_t)BLOCK_MIN), (uint32_t)BLOCK_MAX);
    struct om_word_block *block = block_new(w, capacity);
    if (block == NULL) {
        return om_nomem();
    }
    /* Release: the block's capacity and zeros are seen with it. */
    if (tail == NULL) {
        atomic_store_explicit(&chain->head, block, memory_order_release);
    } else {
        atomic_store_explicit(&tail->next, block, memory_order_release);
    }
    chain->tail = block;
    return OMEGA_OK;
}

void om_word_chain_append(struct om_word_chain *chain, uint64_t value)
{
    struct om_word_block *tail = chain->tail;
    uint32_t count = block_count(tail);
    OM_ASSERT(count < tail->capacity);
    atomic_store_explicit(&tail->values[count], value, memory_order_relaxed);
    atomic_store_explicit(&tail->count, count + 1, memory_order_release);
    chain->count++;
}

/* The first place in the block whose key is `key` or more. */
static uint32_t block_seek(const struct om_word_block *block, uint32_t count, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block_value(block, middle) >> OM_WORD_COUNT_BITS < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The block that has a live value of `key`, and where in it; NULL if none has. */
static struct om_word_block *find_place(const struct om_word_chain *chain, uint64_t key,
                                        uint32_t *at)
{
    struct om_word_block *block = atomic_load_explicit(&chain->head, memory_order_acquire);
    for (; block != NULL; block = atomic_load_explicit(&block->next, memory_order_acquire)) {
        uint32_t count = block_count(block);
        if (count == 0 || block_value(block, count - 1) >> OM_WORD_COUNT_BITS < key) {
            continue;
        }
        *at = block_seek(block, count, key);
        uint64_t value = block_value(block, *at);
        bool live = value >> OM_WORD_COUNT_BITS == key && (value & OM_WORD_COUNT_MAX) != 0;
        return live ? block : NULL;
    }
    return NULL;
}

uint64_t om_word_chain_find(const struct om_word_chain *chain, uint64_t key)
{
    uint32_t at = 0;
    const struct om_word_block *block = find_place(chain, key, &at);
    return block != NULL ? block_value(block, at) & OM_WORD_COUNT_MAX : 0;
}

static void erase_old_blocks(struct om_words *w, struct om_word_garbage *garbage)
{
    struct old_blocks *old = (struct old_blocks *)garbage;
    blocks_free(w, old->head);
    om_word_put(w, old, sizeof(*old));
}

/* Copies the live values into `copy`, which is empty. False when memory is out. */
static bool copy_live(struct om_words *w, const struct om_word_chain *chain,
                      struct om_word_chain *copy)
{
    struct om_word_cursor cursor;
    om_word_cursor_init(&cursor, chain);
    for (;;) {
        uint64_t value = om_word_cursor_value(&cursor);
        if (value == 0) {
            return true;
        }
        if (om_word_chain_reserve(w, copy) != OMEGA_OK) {
            return false;
        }
        om_word_chain_append(copy, value);
        cursor.at++;
    }
}

/* Without memory the chain stays as it is: larger, not wrong. */
static void rebuild(struct om_words *w, struct om_word_chain *chain)
{
    struct om_word_chain copy = {.tail = NULL};
    struct old_blocks *old = om_word_get(w, sizeof(*old));
    if (old == NULL || !copy_live(w, chain, &copy)) {
        om_word_chain_erase(w, &copy);
        om_word_put(w, old, sizeof(*old));
        return;
    }
    old->head = atomic_load_explicit(&chain->head, memory_order_relaxed);
    om_word_retire(w, &old->garbage, erase_old_blocks);
    struct om_word_block *head = atomic_load_explicit(&copy.head, memory_order_relaxed);
    /* Release: the copied values are seen with their block. */
    atomic_store_explicit(&chain->head, head, memory_order_release);
    chain->tail = copy.tail;
    chain->count = copy.count;
    chain->dead = 0;
}

void om_word_chain_kill(struct om_words *w, struct om_word_chain *chain, uint64_t key)
{
    uint32_t at = 0;
    struct om_word_block *block = find_place(chain, key, &at);
    OM_ASSERT(block != NULL);
    uint64_t left = at > 0 ? block_value(block, at - 1) & ~OM_WORD_COUNT_MAX : 0;
    atomic_store_explicit(&block->values[at], left, memory_order_relaxed);
    chain->dead++;
    if (chain->dead >= REBUILD_DEAD && chain->dead > chain->count / 2) {
        rebuild(w, chain);
    }
}

void om_word_chain_erase(struct om_words *w, struct om_word_chain *chain)
{
    blocks_free(w, atomic_load_explicit(&chain->head, memory_order_relaxed));
    atomic_store_explicit(&chain->head, NULL, memory_order_relaxed);
    chain->tail = NULL;
    chain->count = 0;
    chain->dead = 0;
}

void om_word_cursor_enter(struct om_word_cursor *cursor, const struct om_word_block *block)
{
    cursor->block = block;
    cursor->at = 0;
    cursor->count = block != NULL ? block_count(block) : 0;
}

void om_word_cursor_init(struct om_word_cursor *cursor, const struct om_word_chain *chain)
{
    om_word_cursor_enter(cursor, atomic_load_explicit(&chain->head, memory_order_acquire));
}
