/* spaces.c -- the registry of vector spaces, and the rows of vectors.
 *
 *   spaces    one row for each space; ids run 1, 2, 3 ... and are never used again
 *   vectors   id = space << 40 | row, the floats as IEEE bytes little-endian, their checksum
 *
 * A space is made inside a record's apply. It is *made* then, known only to the writer, and
 * *published* with the commit; if the record fails, its row is rolled back and the made space is
 * replaced when its id is given again. So a space that readers find has its row in the store.
 *
 * Rejected: one table for each space (a schema that changes at run time, statements that cannot be
 * prepared once), and vectors as columns of their owner's rows (a row of a memory would be read
 * with 3 KiB that nobody asked for).
 * Invariants: published[id] never changes once set; a made space has a row, or a failed record.
 *
 * Threads: made, and what is kept for reserving, belong to the writer; published is atomic. */
#include "agentdb/spaces_int.h"

/* What apply has announced to the working set. */
struct om_space_room {
    struct om_alloc *alloc;
    uint32_t promised; /* adds announced since the last one was made */
    uint32_t made;     /* adds for which there is room */
    bool added;        /* since the last announcement */
};

struct space_slot {
    struct om_space space;
    char name[OM_LIMIT_NAME + 1];
    struct om_space_room room;
};

struct om_spaces {
    struct om_alloc *alloc;
    struct om_scan_pool *pool;
    const char *fixed_name;
    uint32_t fixed_dimension; /* 0: none */
    _Atomic uint32_t count;
    struct space_slot *made[OM_LIMIT_SPACES + 1];
    _Atomic(struct space_slot *) published[OM_LIMIT_SPACES + 1];
};

/* ---- The registry --------------------------------------------------------------------------- */

static void free_slot(struct om_spaces *spaces, struct space_slot *slot)
{
    if (slot != NULL) {
        om_vectors_free(slot->space.vectors);
        om_put(spaces->alloc, slot);
    }
}

static omega_status new_slot(struct om_spaces *spaces, uint32_t id, const struct om_space *wanted,
                             struct space_slot **out)
{
    struct space_slot *slot = om_get0(spaces->alloc, 1, sizeof *slot);
    *out = NULL;
    if (slot == NULL) {
        return om_nomem();
    }
    slot->space = *wanted;
    slot->space.id = id;
    slot->space.name = slot->name;
    slot->space.room = &slot->room;
    slot->room.alloc = spaces->alloc;
    memcpy(slot->name, wanted->name, strlen(wanted->name) + 1);
    struct om_vectors_options options = {.alloc = spaces->alloc,
                                         .pool = spaces->pool,
                                         .name = slot->name,
                                         .dimension = wanted->dimension,
                                         .metric = wanted->metric};
    omega_status status = om_vectors_new(&options, &slot->space.vectors);
    if (status != OMEGA_OK) {
        om_put(spaces->alloc, slot);
        return status;
    }
    *out = slot;
    return OMEGA_OK;
}

omega_status om_spaces_new(struct om_alloc *alloc, struct om_scan_pool *pool,
                           struct om_spaces **out)
{
    *out = om_get0(alloc, 1, sizeof **out);
    if (*out == NULL) {
        return om_nomem();
    }
    (*out)->alloc = alloc;
    (*out)->pool = pool;
    return OMEGA_OK;
}

void om_spaces_free(struct om_spaces *spaces)
{
    if (spaces == NULL) {
        return;
    }
    for (uint32_t id = 1; id <= OM_LIMIT_SPACES; id++) {
        free_slot(spaces, spaces->made[id]);
        free_slot(spaces, atomic_load_explicit(&spaces->published[id], memory_order_relaxed));
    }
    om_put(spaces->alloc, spaces);
}

static struct space_slot *published_slot(struct om_spaces *spaces, uint32_t id)
{
    /* Acquire: pairs with publish_slot. */
    return id >= 1 && id <= OM_LIMIT_SPACES
               ? atomic_load_explicit(&spaces->published[id], memory_order_acquire)
               : NULL;
}

static void publish_slot(struct om_spaces *spaces, struct space_slot *slot)
{
    uint32_t id = slot->space.id;
    spaces->made[id] = NULL;
    atomic_store_explicit(&spaces->published[id], slot, memory_order_release);
    if (id > atomic_load_explicit(&spaces->count, memory_order_relaxed)) {
        atomic_store_explicit(&spaces->count, id, memory_order_release);
    }
}

static void publish_made(void *context, uint64_t seq, void *data)
{
    struct om_spaces *spaces = context;
    const uint32_t *id = data;
    (void)seq;
    if (spaces->made[*id] != NULL) { /* the second record of a batch finds it published */
        publish_slot(spaces, spaces->made[*id]);
    }
}

const struct om_space *om_spaces_at(struct om_spaces *spaces, uint32_t id)
{
    const struct space_slot *slot = published_slot(spaces, id);
    return slot != NULL ? &slot->space : NULL;
}

const struct om_space *om_spaces_in_apply(struct om_spaces *spaces, uint32_t id)
{
    const struct om_space *space = om_spaces_at(spaces, id);
    if (space == NULL && id >= 1 && id <= OM_LIMIT_SPACES && spaces->made[id] != NULL) {
        space = &spaces->made[id]->space;
    }
    return space;
}

uint32_t om_spaces_count(struct om_spaces *spaces)
{
    return atomic_load_explicit(&spaces->count, memory_order_acquire);
}

const struct om_space *om_spaces_find(struct om_spaces *spaces, omega_str name)
{
    uint32_t count = om_str_given(name) ? om_spaces_count(spaces) : 0;
    for (uint32_t id = 1; id <= count; id++) {
        const struct om_space *space = om_spaces_at(spaces, id);
        if (space != NULL && om_str_eq_text(name, space->name)) {
            return space;
        }
    }
    return NULL;
}

/* ---- Checks --------------------------------------------------------------------------------- */

static const char *owner_text(enum om_space_owner owner)
{
    return owner == OM_SPACE_MEMORIES ? "memories" : "points";
}

static const char *metric_text(enum om_metric metric)
{
    static const char *const texts[] = {"cosine", "dot", "l2"};
    return (unsigned)metric < OM_COUNT_OF(texts) ? texts[metric] : "?";
}

static omega_status check_owner(const struct om_space *space, enum om_space_owner owner)
{
    if (space->owner != owner) {
        return om_fail(OMEGA_ECONFLICT, "space '%s' holds %s, not %s", space->name,
                       owner_text(space->owner), owner_text(owner));
    }
    return OMEGA_OK;
}

static omega_status check_fit(const struct om_space *space, const struct om_space *wanted)
{
    omega_status status = check_owner(space, wanted->owner);
    if (status != OMEGA_OK) {
        return status;
    }
    if (space->dimension != wanted->dimension) {
        return om_fail(OMEGA_EINVAL, "space '%s' has %u dimensions, the vector has %u", space->name,
                       space->dimension, wanted->dimension);
    }
    if (space->metric != wanted->metric) {
        return om_fail(OMEGA_ECONFLICT, "space '%s' has the metric %s, not %s", space->name,
                       metric_text(space->metric), metric_text(wanted->metric));
    }
    return OMEGA_OK;
}

static omega_status check_values(omega_str name, const float *values, uint32_t dimension)
{
    for (uint32_t i = 0; i < dimension; i++) {
        /* Not finite is what minus itself is not 0. */
        if (!(values[i] - values[i] == 0.0F)) {
            return om_fail(OMEGA_EINVAL, "space '%.*s': value %u of the vector is not finite",
                           OM_STR_ARG(name), i);
        }
    }
    return OMEGA_OK;
}

void om_spaces_fix(struct om_spaces *spaces, const char *name, uint32_t dimension)
{
    spaces->fixed_name = name;
    spaces->fixed_dimension = dimension;
}

/* Of a space that is not there yet. */
static omega_status check_fixed(const struct om_spaces *spaces, omega_str name, uint32_t dimension)
{
    if (spaces->fixed_dimension > 0 && spaces->fixed_dimension != dimension &&
        om_str_eq_text(name, spaces->fixed_name)) {
        return om_fail(OMEGA_EINVAL, "space '%s' has %u dimensions, the vector has %u",
                       spaces->fixed_name, spaces->fixed_dimension, dimension);
    }
    return OMEGA_OK;
}

omega_status om_spaces_check(struct om_spaces *spaces, omega_str name, enum om_space_owner owner,
                             const float *values, uint32_t dimension)
{
    const struct om_space *space = om_spaces_find(spaces, name);
    if (space != NULL) {
        omega_status status = check_owner(space, owner);
        return status != OMEGA_OK ? status : om_vectors_check(space->vectors, values, dimension);
    }
    if (!om_str_given(name) || name.len == 0 || name.len > OM_LIMIT_NAME ||
        memchr(name.ptr, 0, name.len) != NULL) {
        return om_fail(OMEGA_EINVAL, "the name of a space has 1 to %d bytes, no NUL among them",
                       OM_LIMIT_NAME);
    }
    if (dimension < 1 || dimension > OM_LIMIT_DIMENSION) {
        return om_fail(OMEGA_EINVAL, "space '%.*s': a vector has 1 to %d dimensions, not %u",
                       OM_STR_ARG(name), OM_LIMIT_DIMENSION, dimension);
    }
    omega_status status = check_fixed(spaces, name, dimension);
    return status != OMEGA_OK ? status : check_values(name, values, dimension);
}

/* ---- Rows of spaces -------------------------------------------------------------------------- */

static int64_t space_sum(const struct om_space *space)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, space->id);
    om_row_sum_str(&sum, omega_str_of(space->name));
    om_row_sum_i64(&sum, space->owner);
    om_row_sum_i64(&sum, space->metric);
    om_row_sum_i64(&sum, space->dimension);
    return om_row_sum_result(&sum);
}

omega_status om_space_read(struct om_stmt *stmt, char name[OM_LIMIT_NAME + 1], struct om_space *out)
{
    omega_str text = om_col_str(stmt, 1);
    int64_t id = om_col_i64(stmt, 0);
    memset(out, 0, sizeof *out);
    size_t len = OM_MIN(text.len, (size_t)OM_LIMIT_NAME);
    if (len > 0) {
        memcpy(name, text.ptr, len);
    }
    name[len] = '\0';
    out->id = (uint32_t)id;
    out->name = name;
    out->owner = (enum om_space_owner)om_col_i64(stmt, 2);
    out->metric = (enum om_metric)om_col_i64(stmt, 3);
    out->dimension = (uint32_t)om_col_i64(stmt, 4);
    bool sound = id >= 1 && id <= OM_LIMIT_SPACES && text.len == len && len > 0 &&
                 (unsigned)out->owner <= OM_SPACE_POINTS && (unsigned)out->metric <= OM_METRIC_L2 &&
                 out->dimension >= 1 && out->dimension <= OM_LIMIT_DIMENSION;
    if (!sound || om_col_i64(stmt, 5) != space_sum(out)) {
        return om_fail(OMEGA_ECORRUPT, "space %lld ('%s') is damaged: its checksum does not fit",
                       (long long)id, name);
    }
    return OMEGA_OK;
}

omega_status om_spaces_load(struct om_spaces *spaces, struct om_reader *reader)
{
    struct om_stmt *stmt = NULL;
    bool found = true;
    omega_status status = om_sql(reader->conn, &om_agentdb_schema, OM_AGENTDB_SPACES, &stmt);
    while (status == OMEGA_OK) {
        char name[OM_LIMIT_NAME + 1];
        struct om_space space;
        struct space_slot *slot = NULL;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        status = om_space_read(stmt, name, &space);
        if (status == OMEGA_ECORRUPT) {
            om_log(OM_LOG_ERROR, "agentdb", "%s; its vectors are not searched",
                   om_error_last()->message);
            status = OMEGA_OK;
            continue;
        }
        if (status == OMEGA_OK && om_spaces_at(spaces, space.id) == NULL) {
            status = new_slot(spaces, space.id, &space, &slot);
            if (status == OMEGA_OK) {
                publish_slot(spaces, slot);
            }
        }
    }
    om_stmt_reset(stmt);
    return status;
}

/* The row with this name, as the transaction sees it. */
static omega_status find_row(struct om_txn *txn, const char *name, uint32_t *id)
{
    struct om_stmt *stmt = NULL;
    bool found = false;
    *id = 0;
    omega_status status =
        om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_SPACE_BY_NAME, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, omega_str_of(name));
    status = om_step(stmt, &found);
    if (status == OMEGA_OK && found) {
        char text[OM_LIMIT_NAME + 1];
        struct om_space space;
        status = om_space_read(stmt, text, &space);
        *id = space.id;
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status next_id(struct om_txn *txn, uint32_t *id)
{
    struct om_stmt *stmt = NULL;
    bool found = false;
    omega_status status =
        om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_SPACE_LAST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(stmt, &found);
    int64_t last = status == OMEGA_OK && found ? om_col_i64(stmt, 0) : 0;
    om_stmt_reset(stmt);
    if (status == OMEGA_OK && last >= OM_LIMIT_SPACES) {
        return om_fail(OMEGA_ELIMIT, "a store holds at most %d vector spaces", OM_LIMIT_SPACES);
    }
    *id = (uint32_t)last + 1;
    return status;
}

static omega_status insert_row(struct om_txn *txn, const struct om_space *space)
{
    struct om_stmt *stmt = NULL;
    omega_status status =
        om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_SPACE_INSERT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, space->id);
    om_bind_str(stmt, 1, omega_str_of(space->name));
    om_bind_i64(stmt, 2, space->owner);
    om_bind_i64(stmt, 3, space->metric);
    om_bind_i64(stmt, 4, space->dimension);
    om_bind_i64(stmt, 5, space_sum(space));
    return om_run(stmt);
}

/* The space with row `id`, made for this transaction or by an earlier record of its batch. */
static omega_status make_space(struct om_spaces *spaces, struct om_txn *txn, uint32_t id,
                               const struct om_space *wanted, const struct om_space **out)
{
    struct space_slot *slot = spaces->made[id];
    uint32_t *data = om_arena_get(om_txn_arena(txn), sizeof *data);
    if (data == NULL) {
        return om_nomem();
    }
    *data = id;
    bool stale = slot != NULL && (strcmp(slot->name, wanted->name) != 0 ||
                                  check_fit(&slot->space, wanted) != OMEGA_OK);
    if (stale) {
        free_slot(spaces, slot);
        spaces->made[id] = slot = NULL;
    }
    omega_status status = OMEGA_OK;
    if (slot == NULL) {
        status = new_slot(spaces, id, wanted, &slot);
    }
    if (status == OMEGA_OK) {
        spaces->made[id] = slot;
        *out = &slot->space;
        status = om_txn_on_commit(txn, publish_made, spaces, data);
    }
    return status;
}

omega_status om_spaces_ensure(struct om_spaces *spaces, struct om_txn *txn,
                              const struct om_space *wanted, const struct om_space **out)
{
    uint32_t id = 0;
    *out = om_spaces_find(spaces, omega_str_of(wanted->name));
    if (*out != NULL) {
        return check_fit(*out, wanted);
    }
    omega_status status = find_row(txn, wanted->name, &id);
    if (status != OMEGA_OK) {
        return status;
    }
    if (id != 0) { /* an earlier record of this batch made it */
        OM_ASSERT(spaces->made[id] != NULL);
        status = check_fit(&spaces->made[id]->space, wanted);
        return status != OMEGA_OK ? status : make_space(spaces, txn, id, wanted, out);
    }
    struct om_space space = *wanted;
    status = check_fixed(spaces, omega_str_of(wanted->name), wanted->dimension);
    if (status == OMEGA_OK) {
        status = next_id(txn, &space.id);
    }
    if (status == OMEGA_OK) {
        status = insert_row(txn, &space);
    }
    return status != OMEGA_OK ? status : make_space(spaces, txn, space.id, wanted, out);
}

/* ---- The working set ------------------------------------------------------------------------- */

/* om_vectors_reserve makes room for the items of one call. The room for a whole batch is asked for
 * by naming the item as often as there may be adds, twice as often each time. */
static omega_status widen_room(const struct om_space *space, uint32_t item)
{
    struct om_space_room *room = space->room;
    uint32_t count = OM_MAX(2 * room->promised, 64U);
    uint32_t *items = om_get(room->alloc, count * sizeof *items);
    if (items == NULL) {
        return om_nomem();
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i] = item;
    }
    omega_status status = om_vectors_reserve(space->vectors, items, count);
    om_put(room->alloc, items);
    if (status == OMEGA_OK) {
        room->made = count;
    }
    return status;
}

omega_status om_spaces_reserve(const struct om_space *space, uint32_t item)
{
    struct om_space_room *room = space->room;
    if (room->added) { /* a new batch: what was promised before and not added has failed */
        room->added = false;
        room->promised = room->made = 0;
    }
    room->promised += 1;
    if (room->promised > room->made) {
        return widen_room(space, item);
    }
    return om_vectors_reserve(space->vectors, &item, 1);
}

omega_status om_spaces_add(const struct om_space *space, uint32_t item, uint32_t root, uint64_t seq,
                           const void *floats)
{
    space->room->added = true;
    return om_vectors_add(space->vectors, item, root, seq, floats);
}
