/* draws.c -- what is chosen for a memory before its record is queued: its vector, its importance.
 *
 * Importance that the caller leaves open is novelty: 1 - the highest cosine similarity to the
 * newest memories of the same scope root, and to the items before it in the same record. Only the
 * newest count, WINDOW of them out of LOOK items: an exact search of everything would cost a write
 * milliseconds at 100,000 memories, and what an agent repeats, it mostly repeats soon. In records
 * of more than SMALL items the window shrinks, so that an import stays bound by the disk. What lies
 * further back is the business of consolidation, which merges near-duplicates and adds their
 * support up. A text that is like nothing, or has no word, is as new as can be: 1.
 * Rejected: the words index (an exhaustive search costs as much), a constant (then ranking and
 * keeping have nothing to go by). */
#include "memory/record_int.h"

enum { SMALL = 64, WINDOW = 128, LOOK = 4096, WINDOW_OF_MANY = 32, LOOK_OF_MANY = 512 };
enum { BEFORE = 16 /* items of the same record */ };

static const double importance_min = 0.05;

/* ---- The vector ------------------------------------------------------------------------------ */

static bool is_zero(const float *values, uint32_t dimension)
{
    for (uint32_t i = 0; i < dimension; i++) {
        if (values[i] != 0.0F) {
            return false;
        }
    }
    return true;
}

omega_status om_draw_vector(struct om_memory *memory, struct om_arena *arena, omega_str text,
                            struct om_packed_vector *out)
{
    const struct om_embedder *embedder = memory->options.embedder;
    *out = (struct om_packed_vector){{NULL, 0}, 0, NULL};
    if (embedder == NULL) {
        return OMEGA_OK;
    }
    float *values = om_arena_get(arena, embedder->dimension * sizeof *values);
    if (values == NULL) {
        return om_nomem();
    }
    omega_status status = embedder->embed(embedder->context, text, values);
    if (status != OMEGA_OK) {
        /* An embedder that is away must not stop a write: the vector is filled in later. */
        return embedder->is_local || status == OMEGA_ENOMEM ? status : OMEGA_OK;
    }
    if (!is_zero(values, embedder->dimension)) {
        *out =
            (struct om_packed_vector){omega_str_of(embedder->space), embedder->dimension, values};
    }
    return OMEGA_OK;
}

/* ---- Importance ------------------------------------------------------------------------------ */

/* Several sums at once, so that the compiler can keep them in one register. */
static double dot(const float *a, const float *b, uint32_t dimension)
{
    float sums[8] = {0};
    uint32_t whole = dimension & ~7U;
    for (uint32_t i = 0; i < whole; i += 8) {
        for (uint32_t lane = 0; lane < 8; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    float sum = 0.0F;
    for (uint32_t lane = 0; lane < 8; lane++) {
        sum += sums[lane];
    }
    for (uint32_t i = whole; i < dimension; i++) {
        sum += a[i] * b[i];
    }
    return (double)sum;
}

static bool same_root(const omega_scope *a, const omega_scope *b)
{
    if (a->user.len > 0 || b->user.len > 0) {
        return om_str_eq(a->user, b->user);
    }
    return om_str_eq(a->agent, b->agent);
}

/* The likeness to the items before number `index`; their vectors have unit length. */
static double likeness_before(const struct om_item *items, size_t index)
{
    const struct om_item *item = &items[index];
    double best = 0.0;
    for (size_t i = index; i > 0 && index - i < BEFORE; i--) {
        const struct om_item *other = &items[i - 1];
        if (other->text.dimension == item->text.dimension &&
            same_root(&other->input.scope, &item->input.scope)) {
            double score = dot(other->text.floats, item->text.floats, item->text.dimension);
            best = OM_MAX(best, score);
        }
    }
    return best;
}

struct search {
    struct om_catalog *catalog;
    const struct om_vectors *vectors;
    uint64_t snapshot;
    uint32_t window, look;
};

/* The likeness to the newest memories of the root. */
static double likeness_stored(const struct search *search, const struct om_item *item)
{
    struct om_vectors_query query;
    om_name_id root;
    if (!om_catalog_find_root(search->catalog, item->input.scope.user, item->input.scope.agent,
                              &root) ||
        om_vectors_query(search->vectors, item->text.floats, item->text.dimension, search->snapshot,
                         &query) != OMEGA_OK) {
        return 0.0;
    }
    double best = 0.0;
    uint32_t scored = 0;
    uint32_t limit = om_catalog_limit(search->catalog);
    for (uint32_t i = limit; i > 0 && limit - i < search->look && scored < search->window; i--) {
        float score;
        const struct om_entry *entry = om_catalog_entry(search->catalog, i - 1);
        if (om_entry_stands(entry, search->snapshot) && entry->root == root &&
            om_vectors_score(search->vectors, &query, i - 1, &score)) {
            best = OM_MAX(best, (double)score);
            scored++;
        }
    }
    return best;
}

static void draw(struct om_item *items, size_t index, const struct search *search)
{
    struct om_item *item = &items[index];
    if (!omega_is_unset(item->importance)) {
        return;
    }
    double likeness = 0.0;
    if (item->text.dimension > 0) {
        likeness = likeness_before(items, index);
        if (search != NULL) {
            likeness = OM_MAX(likeness, likeness_stored(search, item));
        }
    }
    item->importance = OM_MIN(OM_MAX(1.0 - likeness, importance_min), 1.0);
}

void om_draw_importance(struct om_memory *memory, struct om_item *items, size_t count)
{
    const struct om_embedder *embedder = memory->options.embedder;
    const struct om_space *space =
        embedder != NULL ? om_spaces_find(memory->options.spaces, omega_str_of(embedder->space))
                         : NULL;
    if (space == NULL || atomic_load(&memory->index_disabled)) {
        for (size_t i = 0; i < count; i++) {
            draw(items, i, NULL);
        }
        return;
    }
    unsigned in_catalog = om_catalog_enter(memory->catalog);
    unsigned in_vectors = om_vectors_enter(space->vectors);
    struct search search = {memory->catalog, space->vectors, om_store_commit_seq(memory->store),
                            count <= SMALL ? WINDOW : WINDOW_OF_MANY,
                            count <= SMALL ? LOOK : LOOK_OF_MANY};
    for (size_t i = 0; i < count; i++) {
        draw(items, i, &search);
    }
    om_vectors_leave(space->vectors, in_vectors);
    om_catalog_leave(memory->catalog, in_catalog);
}
