/* intern.c -- texts as small numbers, counted.
 *
 * Numbers index chunks that never move, so that a reader turns a number into its text without a
 * lock; the way back is a hash map under one. A name whose last use goes leaves the map at once (so
 * nobody finds it any more) and waits on a list until the readers who may hold its number have
 * left; the same text coming again meanwhile is a new name.
 *
 * Rejected: never freeing (sessions come and go for years in one process), and pointers to counted
 * texts in the entries (eight bytes for each of seven names of 100,000 memories).
 * Invariant: a name is in the map exactly when uses > 0. */
#include "memory/intern_int.h"

static struct om_name *name_at(const struct om_names *names, uint32_t name)
{
    /* Acquire: pairs with the release that published the chunk. */
    struct om_name *chunk =
        atomic_load_explicit(&names->chunks[(name - 1) / OM_NAMES_CHUNK], memory_order_acquire);
    return &chunk[(name - 1) % OM_NAMES_CHUNK];
}

omega_status om_names_init(struct om_names *names, struct om_alloc *alloc)
{
    void *table = NULL;
    memset(names, 0, sizeof *names);
    omega_status status = om_os_pages(OM_NAMES_CHUNKS * sizeof *names->chunks, &table);
    if (status != OMEGA_OK) {
        return status;
    }
    names->alloc = alloc;
    names->chunks = table;
    om_mutex_init(&names->mutex, OM_RANK_LEAF);
    om_map_init(&names->map, alloc);
    return OMEGA_OK;
}

void om_names_fini(struct om_names *names)
{
    if (names->chunks == NULL) {
        return;
    }
    for (uint32_t name = 1; name <= names->limit; name++) {
        om_put(names->alloc, name_at(names, name)->text);
    }
    for (uint32_t i = 0; i * OM_NAMES_CHUNK < names->limit; i++) {
        om_put(names->alloc, atomic_load_explicit(&names->chunks[i], memory_order_relaxed));
    }
    om_os_pages_free(names->chunks, OM_NAMES_CHUNKS * sizeof *names->chunks);
    om_map_fini(&names->map);
    om_mutex_fini(&names->mutex);
    names->chunks = NULL;
}

/* A number without a text. */
static omega_status take_number(struct om_names *names, uint32_t *out)
{
    if (names->free_first != 0) {
        *out = names->free_first;
        names->free_first = name_at(names, *out)->next;
        return OMEGA_OK;
    }
    if (names->limit == OM_NAMES_CHUNKS * OM_NAMES_CHUNK) {
        return om_fail(OMEGA_ELIMIT, "a store holds at most %d different names",
                       OM_NAMES_CHUNKS * OM_NAMES_CHUNK);
    }
    if (names->limit % OM_NAMES_CHUNK == 0) {
        struct om_name *chunk = om_get0(names->alloc, OM_NAMES_CHUNK, sizeof *chunk);
        if (chunk == NULL) {
            return om_nomem();
        }
        names->bytes += OM_NAMES_CHUNK * sizeof *chunk;
        atomic_store_explicit(&names->chunks[names->limit / OM_NAMES_CHUNK], chunk,
                              memory_order_release);
    }
    *out = ++names->limit;
    return OMEGA_OK;
}

static void give_number(struct om_names *names, uint32_t number)
{
    struct om_name *name = name_at(names, number);
    om_put(names->alloc, name->text);
    *name = (struct om_name){NULL, 0, 0, names->free_first};
    names->free_first = number;
}

static omega_status make_name(struct om_names *names, omega_str text, uint32_t *out)
{
    uint32_t number = 0;
    char *copy = om_get_text(names->alloc, text);
    if (copy == NULL) {
        return om_nomem();
    }
    omega_status status = take_number(names, &number);
    if (status != OMEGA_OK) {
        om_put(names->alloc, copy);
        return status;
    }
    *name_at(names, number) = (struct om_name){copy, (uint32_t)text.len, 1, 0};
    status = om_map_set(&names->map, text, number);
    if (status != OMEGA_OK) {
        give_number(names, number);
        return status;
    }
    names->bytes += 2 * text.len + 64; /* the copy, the map's own, its slot */
    *out = number;
    return OMEGA_OK;
}

omega_status om_names_take(struct om_names *names, omega_str text, uint32_t *out)
{
    uint64_t found = 0;
    omega_status status = OMEGA_OK;
    *out = 0;
    if (text.len == 0) {
        return OMEGA_OK;
    }
    om_mutex_lock(&names->mutex);
    if (om_map_get(&names->map, text, &found)) {
        *out = (uint32_t)found;
        name_at(names, *out)->uses += 1;
    } else {
        status = make_name(names, text, out);
    }
    om_mutex_unlock(&names->mutex);
    return status;
}

void om_names_drop(struct om_names *names, uint32_t number)
{
    if (number == 0) {
        return;
    }
    om_mutex_lock(&names->mutex);
    struct om_name *name = name_at(names, number);
    OM_ASSERT(name->uses > 0);
    name->uses -= 1;
    if (name->uses == 0) {
        OM_ASSERT(om_map_remove(&names->map, (omega_str){name->text, name->len}));
        name->next = names->ended_first;
        names->ended_first = number;
    }
    om_mutex_unlock(&names->mutex);
}

void om_names_age(struct om_names *names)
{
    om_mutex_lock(&names->mutex);
    uint32_t number = names->aged_first;
    names->aged_first = names->ended_first;
    names->ended_first = 0;
    while (number != 0) {
        uint32_t next = name_at(names, number)->next;
        names->bytes -= 2 * (uint64_t)name_at(names, number)->len + 64;
        give_number(names, number);
        number = next;
    }
    om_mutex_unlock(&names->mutex);
}

bool om_names_find(struct om_names *names, omega_str text, uint32_t *out)
{
    uint64_t found = 0;
    *out = 0;
    if (text.len == 0) {
        return true;
    }
    om_mutex_lock(&names->mutex);
    bool known = om_map_get(&names->map, text, &found);
    om_mutex_unlock(&names->mutex);
    *out = (uint32_t)found;
    return known;
}

omega_str om_names_text(const struct om_names *names, uint32_t number)
{
    if (number == 0) {
        return (omega_str){NULL, 0};
    }
    const struct om_name *name = name_at(names, number);
    return (omega_str){name->text, name->len};
}

uint64_t om_names_bytes(struct om_names *names)
{
    om_mutex_lock(&names->mutex);
    uint64_t bytes = names->bytes;
    om_mutex_unlock(&names->mutex);
    return bytes;
}
