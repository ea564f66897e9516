/* points.c -- vectors that callers bring without a memory: add, get, search, delete by key.
 *
 * A write is checked, packed into one record and committed; what a record does stands in
 * points_apply.c. A search asks the working set and reads each hit's row from the snapshot. The
 * snapshot may be younger than the working set (its commit is durable before it is published): a
 * point that has gone is passed over, and one that was replaced meanwhile is scored again from its
 * stored vector, so that a result never pairs a key's new metadata with its old vector.
 *
 * Rejected: metadata in memory (it is only read for the k results). */
#include "agentdb/points_int.h"

#include <math.h>

#include "simd/simd.h"

enum { READ_WAIT_MS = 5000, SEARCH_SLACK = 16 };

struct omega_vectors {
    struct om_alloc *alloc;
    struct om_arena arena;
    omega_vector *rows;
    int64_t *ages; /* the row of each: a lower one is older */
    size_t count, capacity;
};

/* ---- Life ----------------------------------------------------------------------------------- */

static void item_freed(void *context, uint32_t item)
{
    (void)context; /* a point keeps nothing beside its item */
    (void)item;
}

omega_status om_points_new(struct om_alloc *alloc, struct om_spaces *spaces, struct om_points **out)
{
    static const char *const names[] = {"vector.add", "vector.delete"};
    struct om_points *points = om_get0(alloc, 1, sizeof *points);
    *out = NULL;
    if (points == NULL) {
        return om_nomem();
    }
    points->alloc = alloc;
    points->spaces = spaces;
    om_mutex_init(&points->mutex, OM_RANK_INDEX);
    for (size_t i = 0; i < OM_POINTS_KIND_COUNT; i++) {
        points->kinds[i] = (struct om_record_kind){
            names[i], i == OM_POINTS_ADD ? om_points_apply_add : om_points_apply_delete, points};
        points->kind_list[i] = &points->kinds[i];
    }
    omega_status status = om_items_new(alloc, item_freed, NULL, &points->items);
    if (status != OMEGA_OK) {
        om_points_free(points);
        return status;
    }
    *out = points;
    return OMEGA_OK;
}

void om_points_free(struct om_points *points)
{
    if (points != NULL) {
        om_items_free(points->items);
        om_mutex_fini(&points->mutex);
        om_put(points->alloc, points);
    }
}

const struct om_record_kind *const *om_points_kinds(struct om_points *points, size_t *count)
{
    *count = OM_POINTS_KIND_COUNT;
    return points->kind_list;
}

void om_points_reclaim(struct om_points *points, struct om_store *store)
{
    om_mutex_lock(&points->mutex);
    /* Between the steps of a batch, readers still need what its first steps have removed. */
    if (om_store_commit_seq(store) >= points->published_seq) {
        (void)om_items_reclaim(points->items);
        for (uint32_t id = 1; id <= om_spaces_count(points->spaces); id++) {
            const struct om_space *space = om_spaces_at(points->spaces, id);
            if (space != NULL && space->owner == OM_SPACE_POINTS) {
                (void)om_vectors_reclaim(space->vectors);
            }
        }
    }
    om_mutex_unlock(&points->mutex);
}

/* ---- Lists ---------------------------------------------------------------------------------- */

static omega_status list_new(struct om_alloc *alloc, size_t capacity, omega_vectors **out)
{
    omega_vectors *list = om_get0(alloc, 1, sizeof *list);
    *out = NULL;
    if (list == NULL) {
        return om_nomem();
    }
    list->alloc = alloc;
    om_arena_init(&list->arena, alloc, 0);
    list->capacity = capacity;
    list->rows = om_arena_get0(&list->arena, capacity + 1, sizeof *list->rows);
    list->ages = om_arena_get0(&list->arena, capacity + 1, sizeof *list->ages);
    if (list->rows == NULL || list->ages == NULL) {
        om_point_list_free(list);
        return om_nomem();
    }
    *out = list;
    return OMEGA_OK;
}

size_t om_point_list_count(const omega_vectors *list)
{
    return list != NULL ? list->count : 0;
}

const omega_vector *om_point_list_at(const omega_vectors *list, size_t index)
{
    return list != NULL && index < list->count ? &list->rows[index] : NULL;
}

void om_point_list_free(omega_vectors *list)
{
    if (list != NULL) {
        om_arena_fini(&list->arena);
        om_put(list->alloc, list);
    }
}

/* Moves the last entry to its place: best score first, equal ones older first. It rarely moves:
 * hits come in that order but for ties and what was scored again. */
static void settle_last(omega_vectors *list)
{
    for (size_t i = list->count - 1; i > 0; i--) {
        omega_vector *a = &list->rows[i - 1];
        omega_vector *b = &list->rows[i];
        if (a->score > b->score || (a->score == b->score && list->ages[i - 1] <= list->ages[i])) {
            return;
        }
        omega_vector row = *a;
        int64_t age = list->ages[i - 1];
        *a = *b;
        *b = row;
        list->ages[i - 1] = list->ages[i];
        list->ages[i] = age;
    }
}

/* Copies the texts, and the values unless NULL. */
static omega_status list_add(omega_vectors *list, const struct om_point_row *row,
                             const float *values, uint32_t dimension, double score)
{
    OM_ASSERT(list->count < list->capacity);
    omega_vector *vector = &list->rows[list->count];
    float *copy = NULL;
    vector->struct_size = (uint32_t)sizeof *vector;
    vector->dimension = dimension;
    vector->score = score;
    vector->key = om_arena_str(&list->arena, row->key);
    vector->metadata_json =
        om_str_given(row->metadata) ? om_arena_str(&list->arena, row->metadata) : OM_STR("{}");
    if (values != NULL) {
        copy = om_arena_get(&list->arena, dimension * sizeof *copy);
        if (copy == NULL) {
            return om_nomem();
        }
        memcpy(copy, values, dimension * sizeof *copy);
    }
    vector->values = copy;
    if (vector->metadata_json.ptr == NULL || (vector->key.ptr == NULL && row->key.len > 0)) {
        return om_nomem();
    }
    list->ages[list->count] = row->row;
    list->count += 1;
    settle_last(list);
    return OMEGA_OK;
}

omega_status om_point_list_one(struct om_alloc *alloc, omega_str key, const float *values,
                               uint32_t dimension, omega_vectors **out)
{
    struct om_point_row row = {.key = key};
    omega_status status = list_new(alloc, 1, out);
    if (status == OMEGA_OK) {
        status = list_add(*out, &row, values, dimension, 0);
    }
    if (status != OMEGA_OK) {
        om_point_list_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- Checks --------------------------------------------------------------------------------- */

static omega_status check_key(omega_str key)
{
    if (key.len == 0 || key.len > OM_LIMIT_NAME) {
        return om_fail(OMEGA_EINVAL, "a point's key has 1 to %d bytes, not %zu", OM_LIMIT_NAME,
                       key.len);
    }
    if (!om_utf8_valid(key)) {
        return om_fail(OMEGA_EINVAL, "a point's key is not valid UTF-8");
    }
    return OMEGA_OK;
}

/* Packs the metadata in its compact form with sorted keys; {} and none are "not given". */
static omega_status pack_metadata(struct om_buf *body, omega_str metadata)
{
    struct om_json_doc *doc = NULL;
    struct om_buf text;
    if (metadata.len == 0) {
        om_pack_str(body, (omega_str){NULL, 0});
        return OMEGA_OK;
    }
    if (metadata.len > OM_LIMIT_METADATA) {
        return om_fail(OMEGA_ELIMIT, "metadata has %zu bytes, at most %d are allowed", metadata.len,
                       OM_LIMIT_METADATA);
    }
    om_buf_init(&text, body->alloc, 2 * OM_LIMIT_METADATA);
    omega_status status = om_json_parse(body->alloc, metadata, NULL, &doc);
    if (status == OMEGA_OK && om_json_type_of(om_json_root(doc)) != OM_JSON_OBJECT) {
        status = om_fail(OMEGA_EINVAL, "metadata is a JSON object");
    }
    if (status == OMEGA_OK) {
        om_json_dump(om_json_root(doc), &text);
        status = text.status;
    }
    if (status == OMEGA_OK) {
        bool none = om_json_count(om_json_root(doc)) == 0;
        om_pack_str(body, none ? (omega_str){NULL, 0} : om_buf_str(&text));
    }
    om_json_free(doc);
    om_buf_fini(&text);
    return status;
}

static omega_status pack_point(struct om_points *points, const omega_vector_add_options *options,
                               const omega_point *point, struct om_buf *body)
{
    omega_status status = check_key(point->key);
    if (status == OMEGA_OK && point->values == NULL) {
        status = om_fail(OMEGA_EINVAL, "the point has no values");
    }
    if (status == OMEGA_OK) {
        status = om_spaces_check(points->spaces, options->space, OM_SPACE_POINTS, point->values,
                                 options->dimension);
    }
    if (status == OMEGA_OK) {
        om_pack_str(body, point->key);
        status = pack_metadata(body, point->metadata_json);
    }
    if (status == OMEGA_OK) {
        om_pack_floats(body, point->values, options->dimension);
        status = body->status;
    }
    return status;
}

static omega_status pack_add(struct om_points *points, const omega_vector_add_options *options,
                             struct om_buf *body)
{
    if (options->points == NULL || options->count < 1 || options->count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "an add has 1 to %d points, not %zu", OM_LIMIT_BATCH,
                       options->count);
    }
    if ((unsigned)options->metric > OMEGA_METRIC_L2) {
        return om_fail(OMEGA_EINVAL, "metric %d is none", (int)options->metric);
    }
    om_pack_u64(body, OM_POINTS_RECORD_VERSION);
    om_pack_str(body, options->space);
    om_pack_u64(body, options->metric);
    om_pack_u64(body, options->dimension);
    om_pack_u64(body, options->count);
    for (size_t i = 0; i < options->count; i++) {
        omega_status status = pack_point(points, options, &options->points[i], body);
        if (status != OMEGA_OK) {
            return om_error_prefix(status, "points[%zu]", i);
        }
    }
    return body->status;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static const char *actor_text(omega_actor actor)
{
    return actor == OMEGA_ACTOR_HUMAN ? "human" : actor == OMEGA_ACTOR_SYSTEM ? "system" : "model";
}

static enum om_durability durability_of(omega_durability wanted, enum om_durability otherwise)
{
    return wanted == OMEGA_DURABILITY_PROCESS ? OM_DURABILITY_PROCESS
           : wanted == OMEGA_DURABILITY_DISK  ? OM_DURABILITY_DISK
                                              : otherwise;
}

static omega_status fill_record(const struct om_point_context *context,
                                const omega_write_options *options, struct om_record *record)
{
    record->op_id = om_uuid_new(context->ids);
    record->at_ms = om_wall_ms(context->clock);
    record->actor = omega_str_of(actor_text(options->actor));
    record->durability = durability_of(options->durability, context->durability);
    return options->op_id.len > 0 ? om_uuid_parse(options->op_id, &record->op_id) : OMEGA_OK;
}

static omega_status commit(struct om_points *points, const struct om_point_context *context,
                           const omega_write_options *options, enum om_points_kind kind,
                           const struct om_buf *body)
{
    struct om_write write;
    memset(&write, 0, sizeof write);
    omega_status status = fill_record(context, options, &write.record);
    if (status != OMEGA_OK) {
        return status;
    }
    write.record.kind = points->kind_list[kind];
    write.record.body = om_buf_str(body);
    write.record.request_hash = om_hash(body->ptr, body->len, (uint64_t)kind);
    om_buf_init(&write.result, points->alloc, OM_LIMIT_METADATA);
    status = om_store_commit(context->store, &write, 1);
    om_buf_fini(&write.result);
    if (status == OMEGA_OK && options->receipt != NULL) {
        memset(options->receipt, 0, sizeof *options->receipt);
        options->receipt->seq = write.seq;
        options->receipt->reached = write.reached == OM_DURABILITY_PROCESS
                                        ? OMEGA_DURABILITY_PROCESS
                                        : OMEGA_DURABILITY_DISK;
        options->receipt->repeated = write.repeated;
    }
    return status;
}

omega_status om_points_add(struct om_points *points, const struct om_point_context *context,
                           const omega_vector_add_options *options)
{
    struct om_buf body;
    om_buf_init(&body, points->alloc, OM_LIMIT_BULK);
    omega_status status = pack_add(points, options, &body);
    if (status == OMEGA_OK) {
        status = commit(points, context, &options->write, OM_POINTS_ADD, &body);
    }
    om_buf_fini(&body);
    return status;
}

omega_status om_points_delete(struct om_points *points, const struct om_point_context *context,
                              const omega_vector_delete_options *options)
{
    struct om_buf body;
    omega_status status = check_key(options->key);
    if (status != OMEGA_OK) {
        return status;
    }
    om_buf_init(&body, points->alloc, OM_LIMIT_BULK);
    om_pack_u64(&body, OM_POINTS_RECORD_VERSION);
    om_pack_str(&body, options->space);
    om_pack_str(&body, options->key);
    status = body.status;
    if (status == OMEGA_OK) {
        status = commit(points, context, &options->write, OM_POINTS_DELETE, &body);
    }
    om_buf_fini(&body);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static omega_status find_space(struct om_points *points, omega_str name,
                               const struct om_space **out)
{
    *out = om_spaces_find(points->spaces, name);
    if (*out == NULL) {
        return om_fail(OMEGA_ENOTFOUND, "no vector space '%.*s'",
                       OM_STR_ARG(om_utf8_clip(name, OM_LIMIT_NAME)));
    }
    if ((*out)->owner != OM_SPACE_POINTS) {
        return om_fail(OMEGA_ECONFLICT, "space '%s' holds memories, not points: recall them",
                       (*out)->name);
    }
    return OMEGA_OK;
}

static omega_status get_point(struct om_points *points, struct om_reader *reader,
                              const struct om_space *space, omega_str key, omega_vectors *list)
{
    struct om_point_row row;
    bool found = false;
    omega_status status = om_point_find(reader->conn, space->id, key, &row, &found);
    if (status == OMEGA_OK && !found) {
        status = om_fail(OMEGA_ENOTFOUND, "space '%s' has no point '%.*s'", space->name,
                         OM_STR_ARG(om_utf8_clip(key, OM_LIMIT_NAME)));
    }
    float *values = om_get(points->alloc, space->dimension * sizeof *values);
    if (status == OMEGA_OK) {
        status = values != NULL ? om_spaces_get(reader, space, row.row, values) : om_nomem();
    }
    if (status == OMEGA_OK) {
        status = list_add(list, &row, values, space->dimension, 0);
    }
    om_put(points->alloc, values);
    return status;
}

omega_status om_points_get(struct om_points *points, struct om_store *store, omega_str space_name,
                           omega_str key, omega_vectors **out)
{
    const struct om_space *space = NULL;
    struct om_reader reader = {0};
    omega_vectors *list = NULL;
    *out = NULL;
    omega_status status = find_space(points, space_name, &space);
    if (status == OMEGA_OK) {
        status = om_store_read(store, READ_WAIT_MS, &reader);
    }
    if (status == OMEGA_OK) {
        status = list_new(points->alloc, 1, &list);
    }
    if (status == OMEGA_OK) {
        status = get_point(points, &reader, space, key, list);
    }
    om_store_read_end(&reader);
    if (status != OMEGA_OK) {
        om_point_list_free(list);
        return status;
    }
    *out = list;
    return OMEGA_OK;
}

/* ---- Searching ------------------------------------------------------------------------------ */

struct search {
    struct om_points *points;
    const omega_vector_search_options *options;
    const struct om_space *space;
    struct om_reader reader;
    struct om_vectors_query query;
    float *values; /* scratch for one vector */
};

/* The score of a vector that the working set does not have yet. */
static double score_again(const struct search *search, const float *values)
{
    const float *query = search->options->query;
    uint32_t dimension = search->space->dimension;
    double dot = om_simd_dot_exact(query, values, dimension);
    if (search->space->metric == OM_METRIC_DOT) {
        return dot;
    }
    if (search->space->metric == OM_METRIC_L2) {
        return -om_simd_l2sq_exact(query, values, dimension);
    }
    double norms = sqrt(om_simd_dot_exact(query, query, dimension)) *
                   sqrt(om_simd_dot_exact(values, values, dimension));
    return norms > 0 ? dot / norms : 0;
}

/* Adds the hit, if the snapshot has it. */
static omega_status add_hit(struct search *search, const struct om_vector_hit *hit,
                            omega_vectors *list)
{
    struct om_point_row row;
    bool found = false;
    double score = (double)hit->score;
    const float *values = NULL;
    int64_t number = om_items_row(search->points->items, hit->item);
    omega_status status = om_point_by_row(search->reader.conn, number, &row, &found);
    if (status == OMEGA_ECORRUPT || (status == OMEGA_OK && !found)) {
        return OMEGA_OK; /* damaged: named by get and by the check; or gone since */
    }
    bool newer = status == OMEGA_OK && row.seq > search->reader.seq;
    if (status == OMEGA_OK && newer && row.space != search->space->id) {
        return OMEGA_OK; /* its number was given to a point of another space */
    }
    if (status == OMEGA_OK && (newer || search->options->with_values)) {
        values = search->values;
        status = om_spaces_get(&search->reader, search->space, number, search->values);
        if (status == OMEGA_ECORRUPT) {
            return OMEGA_OK;
        }
    }
    if (status == OMEGA_OK && newer) {
        score = score_again(search, values);
    }
    return status != OMEGA_OK ? status
                              : list_add(list, &row, search->options->with_values ? values : NULL,
                                         search->space->dimension, score);
}

/* One try with `count` hits asked for; *enough is false when more could be found by asking more. */
static omega_status try_search(struct search *search, size_t count, omega_vectors *list,
                               bool *enough)
{
    omega_status status = OMEGA_OK;
    struct om_vector_hit *hits = om_get(search->points->alloc, count * sizeof *hits);
    if (hits == NULL) {
        return om_nomem();
    }
    size_t found = om_vectors_search(search->space->vectors, &search->query, NULL, count, hits);
    list->count = 0;
    for (size_t i = 0; i < found && list->count < search->options->k && status == OMEGA_OK; i++) {
        status = add_hit(search, &hits[i], list);
    }
    *enough = list->count == search->options->k || found < count || count == OM_LIMIT_K;
    om_put(search->points->alloc, hits);
    return status;
}

static omega_status run_search(struct search *search, omega_vectors *list)
{
    size_t count = OM_MIN((size_t)search->options->k + SEARCH_SLACK, (size_t)OM_LIMIT_K);
    bool enough = false;
    omega_status status =
        om_vectors_query(search->space->vectors, search->options->query, search->options->dimension,
                         search->reader.seq, &search->query);
    search->values = om_get(search->points->alloc, search->space->dimension * sizeof(float));
    if (status == OMEGA_OK && search->values == NULL) {
        status = om_nomem();
    }
    while (status == OMEGA_OK && !enough) {
        status = try_search(search, count, list, &enough);
        count = OM_MIN(count * 2, (size_t)OM_LIMIT_K);
    }
    om_put(search->points->alloc, search->values);
    return status;
}

omega_status om_points_search(struct om_points *points, struct om_store *store,
                              const omega_vector_search_options *options, omega_vectors **out)
{
    struct search search = {.points = points, .options = options};
    omega_vectors *list = NULL;
    *out = NULL;
    if (options->k < 1 || options->k > OM_LIMIT_K) {
        return om_fail(OMEGA_EINVAL, "k is 1 to %d, not %u", OM_LIMIT_K, options->k);
    }
    if (options->query == NULL) {
        return om_fail(OMEGA_EINVAL, "a search needs a query vector");
    }
    omega_status status = find_space(points, options->space, &search.space);
    if (status == OMEGA_OK) {
        status = list_new(points->alloc, options->k, &list);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    unsigned in_items = om_items_enter(points->items);
    unsigned in_vectors = om_vectors_enter(search.space->vectors);
    status = om_store_read(store, READ_WAIT_MS, &search.reader);
    if (status == OMEGA_OK) {
        status = run_search(&search, list);
    }
    om_vectors_leave(search.space->vectors, in_vectors);
    om_items_leave(points->items, in_items);
    om_store_read_end(&search.reader);
    if (status != OMEGA_OK) {
        om_point_list_free(list);
        return status;
    }
    *out = list;
    return OMEGA_OK;
}
