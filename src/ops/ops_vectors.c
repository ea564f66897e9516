/* ops_vectors.c -- the operations over callers' own vector spaces. */
#include "ops/ops_int.h"

static const struct om_op_field add_fields[] = {
    {"space", "string", true, "the space's name; made by its first vector"},
    {"points", "array of points", true, "1 to 10,000: key, embedding, metadata?"},
    {"metric", "string", false, "of a new space: cosine (default), dot, l2"},
    OM_FIELDS_WRITE,
    OM_FIELDS_END};

static omega_metric metric_of(struct om_members *members)
{
    const omega_str name = om_member_str(members, "metric");
    if (om_str_eq_text(name, "dot")) {
        return OMEGA_METRIC_DOT;
    }
    if (om_str_eq_text(name, "l2")) {
        return OMEGA_METRIC_L2;
    }
    if (om_str_given(name) && !om_str_eq_text(name, "cosine") && members->status == OMEGA_OK) {
        members->status = om_fail(OMEGA_EINVAL, "'metric' must be cosine, dot or l2");
    }
    return OMEGA_METRIC_COSINE;
}

static omega_status read_point(struct om_members *one, omega_point *point, uint32_t *dimension)
{
    uint32_t count = 0;
    point->key = om_member_str(one, "key");
    point->values = om_member_floats(one, "embedding", &count);
    point->metadata_json = om_member_object(one, "metadata");
    if (one->status == OMEGA_OK && point->values == NULL) {
        return om_fail(OMEGA_EINVAL, "'embedding' is missing");
    }
    if (one->status == OMEGA_OK && *dimension != 0 && *dimension != count) {
        return om_fail(OMEGA_EINVAL, "'embedding' has %u numbers, the points before it %u", count,
                       *dimension);
    }
    *dimension = count;
    return one->status;
}

static omega_status read_points(struct om_op_call *call, omega_vector_add_options *options)
{
    static const char *const known[] = {"key", "embedding", "metadata", NULL};
    const struct om_json *list = om_json_get(call->input, "points");
    options->count = om_json_count(list);
    if (om_json_type_of(list) != OM_JSON_ARRAY || options->count < 1 ||
        options->count > OM_LIMIT_BATCH) {
        return om_fail(OMEGA_EINVAL, "'points' must be an array of 1 to %d points",
                       (int)OM_LIMIT_BATCH);
    }
    omega_point *points = (omega_point *)om_arena_get0(call->arena, options->count, sizeof *points);
    if (points == NULL) {
        return om_nomem();
    }
    for (size_t i = 0; i < options->count; i++) {
        struct om_members one = om_members_inside(call, om_json_at(list, i), known);
        const omega_status status = read_point(&one, &points[i], &options->dimension);
        if (status != OMEGA_OK) {
            return om_error_prefix(status, "points[%zu]", i);
        }
    }
    options->points = points;
    return OMEGA_OK;
}

static omega_status run_add(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_vector_add_options options = {.struct_size = sizeof options};
    omega_status status = read_points(call, &options);
    if (status != OMEGA_OK) {
        return status;
    }
    options.space = om_member_str(&members, "space");
    options.metric = metric_of(&members);
    options.write = om_member_write(&members);
    status = members.status == OMEGA_OK ? omega_vector_add(call->rt, &options) : members.status;
    if (status == OMEGA_OK) {
        om_json_put_u64(call->out, "count", options.count);
    }
    return status;
}

static void put_vectors(struct om_json_out *out, const omega_vectors *vectors)
{
    om_json_open(out, "points", '[');
    for (size_t i = 0; i < omega_vectors_count(vectors); i++) {
        const omega_vector *one = omega_vectors_at(vectors, i);
        om_json_open(out, NULL, '{');
        om_json_put_str(out, "key", one->key);
        om_json_put_double(out, "score", one->score);
        om_json_put_raw(out, "metadata", one->metadata_json);
        if (one->values != NULL) {
            om_json_put_floats(out, "embedding", one->values, one->dimension);
        }
        om_json_close(out, '}');
    }
    om_json_close(out, ']');
}

static const struct om_op_field get_fields[] = {{"space", "string", true, "the space's name"},
                                                {"key", "string", true, "the point's key"},
                                                OM_FIELDS_END};

static omega_status run_get(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    const omega_str space = om_member_str(&members, "space");
    const omega_str key = om_member_str(&members, "key");
    omega_vectors *vectors = NULL;
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_vector_get(call->rt, space, key, &vectors);
    if (status == OMEGA_OK) {
        put_vectors(call->out, vectors);
    }
    omega_vectors_free(vectors);
    return status;
}

static const struct om_op_field search_fields[] = {
    {"space", "string", true, "the space's name"},
    {"embedding", "array of numbers", true, "the query, of the space's dimension"},
    {"k", "integer", false, "1..10000; 10 when not given"},
    {"with_values", "boolean", false, "also return the vectors"},
    OM_FIELDS_END};

static omega_status run_search(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_vector_search_options options = {.struct_size = sizeof options};
    omega_vectors *vectors = NULL;
    options.space = om_member_str(&members, "space");
    options.query = om_member_floats(&members, "embedding", &options.dimension);
    options.k = (uint32_t)om_member_int(&members, "k", 1, OM_LIMIT_K, 10);
    options.with_values = om_member_bool(&members, "with_values", false);
    if (members.status != OMEGA_OK) {
        return members.status;
    }
    const omega_status status = omega_vector_search(call->rt, &options, &vectors);
    if (status == OMEGA_OK) {
        put_vectors(call->out, vectors);
    }
    omega_vectors_free(vectors);
    return status;
}

static const struct om_op_field delete_fields[] = {{"space", "string", true, "the space's name"},
                                                   {"key", "string", true, "the point's key"},
                                                   OM_FIELDS_WRITE,
                                                   OM_FIELDS_END};

static omega_status run_delete(struct om_op_call *call)
{
    struct om_members members = om_members_of(call);
    omega_vector_delete_options options = {.struct_size = sizeof options};
    options.space = om_member_str(&members, "space");
    options.key = om_member_str(&members, "key");
    options.write = om_member_write(&members);
    return members.status == OMEGA_OK ? omega_vector_delete(call->rt, &options) : members.status;
}

const struct om_op_row om_ops_vectors[] = {
    {"add_vectors", "Put points into a named space, all or none.", OM_HINT_IDEMPOTENT,
     OM_SCOPE_ADMIN, add_fields, run_add},
    {"get_vector", "One point by its key.", OM_HINT_READ_ONLY, OM_SCOPE_ADMIN, get_fields, run_get},
    {"search_vectors", "The points nearest to a vector, exactly.", OM_HINT_READ_ONLY,
     OM_SCOPE_ADMIN, search_fields, run_search},
    {"delete_vector", "Take a point out of its space.", OM_HINT_DESTRUCTIVE | OM_HINT_IDEMPOTENT,
     OM_SCOPE_ADMIN, delete_fields, run_delete},
};
const size_t om_ops_vectors_count = OM_COUNT_OF(om_ops_vectors);
