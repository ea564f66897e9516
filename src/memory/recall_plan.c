/* recall_plan.c -- what a recall may see, and which arms it asks.
 *
 * Names become numbers before the search, so that an entry is judged by comparing integers. The
 * scope roots narrow the arms to the caller's own rows and the shared ones: user, agent, shared.
 *
 * With known_at, a past version takes part when it was believed then (updated_at <= t <
 * believed_to); with valid_at, what held then (valid_from <= t < valid_to). Without them, validity
 * is no filter: what is no longer believed is superseded, and superseded is left out.
 *
 * Rejected: refusing to recall when the embedder is away (the words still answer, and the result
 * says so). */
#include "memory/recall_int.h"

/* ---- Options -------------------------------------------------------------------------------- */

static omega_status check_numbers(const omega_recall_options *o)
{
    if (o->struct_size < sizeof *o) {
        return om_fail(OMEGA_EINVAL,
                       "struct_size of the recall's options is %u; use its INIT macro",
                       o->struct_size);
    }
    if (o->k < 1 || o->k > OM_LIMIT_K) {
        return om_fail(OMEGA_EINVAL, "k is 1 to %d, not %u", OM_LIMIT_K, o->k);
    }
    if (!omega_is_unset(o->min_importance) && !(o->min_importance >= 0 && o->min_importance <= 1)) {
        return om_fail(OMEGA_EINVAL, "min_importance is 0 to 1, not %g", o->min_importance);
    }
    if (!omega_is_unset(o->vector_weight) && !(o->vector_weight >= 0 && o->vector_weight <= 1)) {
        return om_fail(OMEGA_EINVAL, "vector_weight is 0 to 1, not %g", o->vector_weight);
    }
    if ((o->include & ~(unsigned)(OMEGA_INCLUDE_ARCHIVED | OMEGA_INCLUDE_SUPERSEDED)) != 0) {
        return om_fail(OMEGA_EINVAL, "include has unknown bits: %u", o->include);
    }
    if (o->session_only && o->scope.session.len == 0) {
        return om_fail(OMEGA_EINVAL, "session_only needs scope.session");
    }
    return OMEGA_OK;
}

static omega_status check_query(const omega_recall_options *o)
{
    if (o->query.len == 0 && o->embedding == NULL) {
        return om_fail(OMEGA_EINVAL, "a recall needs a query or an embedding");
    }
    if (o->query.len > OM_LIMIT_QUERY) {
        return om_fail(OMEGA_ELIMIT, "the query has %zu bytes, at most %d are allowed",
                       o->query.len, OM_LIMIT_QUERY);
    }
    if (!om_utf8_valid(o->query)) {
        return om_fail(OMEGA_EINVAL, "the query is not valid UTF-8");
    }
    return OMEGA_OK;
}

static omega_status plan_tiers(struct om_recall *recall)
{
    const omega_recall_options *o = recall->options;
    recall->tiers = (1u << OMEGA_TIER_COUNT) - 1;
    if (o->tiers == NULL) {
        return OMEGA_OK;
    }
    recall->tiers = 0;
    for (size_t i = 0; i < o->tier_count; i++) {
        if ((unsigned)o->tiers[i] >= OMEGA_TIER_COUNT) {
            return om_fail(OMEGA_EINVAL, "tiers[%zu] is %d, which is no tier", i, (int)o->tiers[i]);
        }
        recall->tiers |= 1u << o->tiers[i];
    }
    return OMEGA_OK;
}

static void plan_times(struct om_recall *recall)
{
    const omega_recall_options *o = recall->options;
    recall->valid_at = o->valid_at_ms != OMEGA_TIME_UNSET ? o->valid_at_ms : o->as_of_ms;
    recall->known_at = o->known_at_ms != OMEGA_TIME_UNSET ? o->known_at_ms : o->as_of_ms;
    recall->now = om_wall_ms(recall->memory->options.clock);
    recall->min_importance = omega_is_unset(o->min_importance) ? 0 : o->min_importance;
    recall->states = 1u << OMEGA_MEMORY_ACTIVE;
    if ((o->include & OMEGA_INCLUDE_ARCHIVED) != 0) {
        recall->states |= 1u << OMEGA_MEMORY_ARCHIVED;
    }
    if ((o->include & OMEGA_INCLUDE_SUPERSEDED) != 0 || recall->known_at != OMEGA_TIME_UNSET) {
        recall->states |= 1u << OMEGA_MEMORY_SUPERSEDED;
    }
}

/* ---- Arms ----------------------------------------------------------------------------------- */

static struct om_arm *add_arm(struct om_recall *recall, const char *name, double weight)
{
    struct om_arm *arm = &recall->arms[recall->arm_count++];
    arm->name = name;
    arm->weight = weight;
    if (weight <= 0) {
        arm->absent = "its weight is 0";
    }
    return arm;
}

static bool is_zero(const float *values, uint32_t dimension)
{
    for (uint32_t i = 0; i < dimension; i++) {
        if (values[i] != 0.0F) {
            return false;
        }
    }
    return true;
}

static omega_status plan_text_arm(struct om_recall *recall, double weight)
{
    const struct om_embedder *embedder = recall->memory->options.embedder;
    if (embedder == NULL) {
        add_arm(recall, "vector", weight)->absent = "there is no embedder";
        return OMEGA_OK;
    }
    struct om_arm *arm = add_arm(recall, "vector", weight);
    arm->space_name = embedder->space;
    arm->space = om_spaces_find(recall->memory->options.spaces, omega_str_of(embedder->space));
    if (arm->absent != NULL) {
        return OMEGA_OK;
    }
    if (arm->space == NULL) {
        arm->absent = "the space has no vector yet";
        return OMEGA_OK;
    }
    float *values = om_arena_get(&recall->arena, embedder->dimension * sizeof *values);
    if (values == NULL) {
        return om_nomem();
    }
    omega_status status = embedder->embed(embedder->context, recall->options->query, values);
    if (status == OMEGA_ENOMEM) {
        return status;
    }
    if (status != OMEGA_OK || arm->space->dimension != embedder->dimension) {
        arm->absent = "the embedder does not answer";
        recall->degraded = "the embedder does not answer: recalled by words only";
    } else if (is_zero(values, embedder->dimension)) {
        arm->absent = "the query has no words to embed";
    }
    arm->query = values;
    return OMEGA_OK;
}

static omega_status plan_embedding_arm(struct om_recall *recall, double weight)
{
    const omega_recall_options *o = recall->options;
    struct om_memory *memory = recall->memory;
    omega_str name = o->space.len > 0 ? o->space : OM_STR("default");
    omega_status status = om_spaces_check(memory->options.spaces, name, OM_SPACE_MEMORIES,
                                          o->embedding, o->dimension);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_arm *arm = add_arm(recall, "vector", weight);
    arm->space_name = om_arena_text(&recall->arena, name);
    arm->space = om_spaces_find(memory->options.spaces, name);
    arm->query = o->embedding;
    if (arm->space == NULL && arm->absent == NULL) {
        arm->absent = "the space has no vector yet";
    }
    return arm->space_name != NULL ? OMEGA_OK : om_nomem();
}

/* A query weighs 1 - v in words and v in vectors; two vector arms share v. */
static omega_status plan_arms(struct om_recall *recall)
{
    const omega_recall_options *o = recall->options;
    bool has_query = o->query.len > 0;
    bool has_embedding = o->embedding != NULL;
    double vector_weight =
        omega_is_unset(o->vector_weight) ? recall->memory->options.vector_weight : o->vector_weight;
    double share = !has_query ? 1.0 : (has_embedding ? vector_weight / 2 : vector_weight);
    omega_status status = OMEGA_OK;
    if (has_query) {
        (void)add_arm(recall, "words", 1.0 - vector_weight);
        status = plan_text_arm(recall, share);
    }
    if (has_embedding && status == OMEGA_OK) {
        status = plan_embedding_arm(recall, share);
    }
    return status;
}

omega_status om_recall_plan(struct om_recall *recall)
{
    const omega_recall_options *o = recall->options;
    omega_status status = check_numbers(o);
    if (status == OMEGA_OK) {
        status = check_query(o);
    }
    if (status == OMEGA_OK) {
        status = om_check_scope(&o->scope);
    }
    if (status == OMEGA_OK) {
        status = plan_tiers(recall);
    }
    if (status == OMEGA_OK) {
        status = om_filter_compile(&recall->arena, o->filter_json, &recall->filter);
    }
    if (status == OMEGA_OK) {
        plan_times(recall);
        status = plan_arms(recall);
    }
    return status;
}

/* ---- The snapshot --------------------------------------------------------------------------- */

/* Numbers of the caller's names, and the roots that can hold what it may see. An unknown name is a
 * number that no entry has. */
static void resolve_scope(struct om_recall *recall)
{
    struct om_catalog *catalog = recall->memory->catalog;
    const omega_scope *scope = &recall->options->scope;
    const omega_str none = {NULL, 0};
    size_t count = 0;
    if (!om_catalog_find_name(catalog, scope->user, &recall->user)) {
        recall->user = UINT32_MAX;
    }
    if (!om_catalog_find_name(catalog, scope->agent, &recall->agent)) {
        recall->agent = UINT32_MAX;
    }
    if (!om_catalog_find_name(catalog, scope->session, &recall->session)) {
        recall->session = UINT32_MAX;
    }
    recall->seen.pass = om_recall_passes;
    recall->seen.context = recall;
    if (recall->options->all_roots) {
        return;
    }
    if (om_catalog_find_root(catalog, none, none, &recall->roots[count])) {
        count += 1;
    }
    if (scope->user.len > 0 &&
        om_catalog_find_root(catalog, scope->user, none, &recall->roots[count])) {
        count += 1;
    }
    if (scope->agent.len > 0 &&
        om_catalog_find_root(catalog, none, scope->agent, &recall->roots[count])) {
        count += 1;
    }
    OM_ASSERT(count > 0); /* the shared root is always known */
    recall->seen.roots = recall->roots;
    recall->seen.root_count = count;
}

static void enter_arms(struct om_recall *recall)
{
    for (unsigned i = 0; i < recall->arm_count; i++) {
        struct om_arm *arm = &recall->arms[i];
        if (arm->absent != NULL) {
            continue;
        }
        arm->ticket = arm->space != NULL ? om_vectors_enter(arm->space->vectors)
                                         : om_words_enter(recall->memory->words);
        arm->entered = true;
    }
}

static omega_status bind_arm(struct om_recall *recall, struct om_arm *arm)
{
    if (arm->space != NULL) {
        return om_vectors_query(arm->space->vectors, arm->query, arm->space->dimension,
                                recall->reader.seq, &arm->vectors);
    }
    omega_status status = om_words_parse(recall->memory->words, recall->options->query,
                                         &recall->seen, &recall->arena, &arm->words);
    if (status == OMEGA_OK && arm->words->term_count == 0) {
        arm->absent = "the query has no words";
    }
    return status;
}

omega_status om_recall_enter(struct om_recall *recall)
{
    /* Every grace period before the snapshot: what it shows then stays until the recall leaves. */
    if (!recall->from_rows) {
        enter_arms(recall);
    }
    resolve_scope(recall);
    omega_status status = om_store_read(recall->memory->store, OM_RECALL_WAIT_MS, &recall->reader);
    for (unsigned i = 0; i < recall->arm_count && status == OMEGA_OK && !recall->from_rows; i++) {
        if (recall->arms[i].absent == NULL) {
            status = bind_arm(recall, &recall->arms[i]);
        }
    }
    return status;
}

void om_recall_leave(struct om_recall *recall)
{
    for (unsigned i = 0; i < recall->arm_count; i++) {
        struct om_arm *arm = &recall->arms[i];
        if (!arm->entered) {
            continue;
        }
        if (arm->space != NULL) {
            om_vectors_leave(arm->space->vectors, arm->ticket);
        } else {
            om_words_leave(recall->memory->words, arm->ticket);
        }
        arm->entered = false;
    }
    om_store_read_end(&recall->reader);
}

/* ---- Who passes ----------------------------------------------------------------------------- */

static bool holds_at(int64_t from, int64_t to, int64_t at)
{
    return (from == OMEGA_TIME_UNSET || from <= at) && (to == OMEGA_TIME_UNSET || at < to);
}

static bool scope_shows(const struct om_recall *recall, const struct om_entry *entry, int tier)
{
    const omega_recall_options *o = recall->options;
    if (!o->all_roots && ((entry->user != 0 && entry->user != recall->user) ||
                          (entry->agent != 0 && entry->agent != recall->agent))) {
        return false;
    }
    if (o->session_only) {
        return entry->session != 0 && entry->session == recall->session;
    }
    return o->all_roots || tier > OMEGA_TIER_SESSION || entry->session == 0 ||
           entry->session == recall->session;
}

static bool times_show(const struct om_recall *recall, const struct om_entry *entry,
                       omega_memory_state state)
{
    int64_t expires = atomic_load_explicit(&entry->expires_at, memory_order_relaxed);
    if (expires != OMEGA_TIME_UNSET && expires <= recall->now) {
        return false;
    }
    if (recall->valid_at != OMEGA_TIME_UNSET &&
        !holds_at(entry->valid_from, atomic_load_explicit(&entry->valid_to, memory_order_relaxed),
                  recall->valid_at)) {
        return false;
    }
    if (recall->known_at == OMEGA_TIME_UNSET) {
        return true;
    }
    int64_t believed_to = state == OMEGA_MEMORY_SUPERSEDED
                              ? atomic_load_explicit(&entry->believed_to, memory_order_relaxed)
                              : OMEGA_TIME_UNSET;
    return holds_at(atomic_load_explicit(&entry->updated_at, memory_order_relaxed), believed_to,
                    recall->known_at);
}

bool om_recall_passes(void *context, uint32_t item)
{
    const struct om_recall *recall = context;
    const struct om_entry *entry = om_catalog_entry(recall->memory->catalog, item);
    if (recall->filter != NULL) {
        om_catalog_look_ahead(recall->memory->catalog, item);
    }
    if (!om_entry_stands(entry, recall->reader.seq)) {
        return false;
    }
    omega_memory_state state = om_entry_state(entry, recall->reader.seq);
    int tier = atomic_load_explicit(&entry->tier, memory_order_relaxed);
    return ((recall->states >> state) & 1u) != 0 && ((recall->tiers >> tier) & 1u) != 0 &&
           scope_shows(recall, entry, tier) &&
           atomic_load_explicit(&entry->importance, memory_order_relaxed) >=
               recall->min_importance &&
           times_show(recall, entry, state) &&
           om_filter_entry(recall->filter, recall->memory->catalog, entry);
}

omega_status om_recall_row_passes(const struct om_recall *recall, const struct om_memory_row *row,
                                  bool *passes)
{
    const omega_recall_options *o = recall->options;
    bool expired = row->expires_at != OMEGA_TIME_UNSET && row->expires_at <= recall->now;
    int64_t believed_to =
        row->state == OMEGA_MEMORY_SUPERSEDED ? row->believed_to : OMEGA_TIME_UNSET;
    bool in_session =
        !o->session_only || (row->session.len > 0 && om_str_eq(row->session, o->scope.session));
    *passes = ((recall->states >> row->state) & 1u) != 0 &&
              ((recall->tiers >> row->tier) & 1u) != 0 &&
              (o->all_roots ? in_session : om_row_visible(row, &o->scope, o->session_only)) &&
              row->importance >= recall->min_importance && !expired &&
              (recall->valid_at == OMEGA_TIME_UNSET ||
               holds_at(row->valid_from, row->valid_to, recall->valid_at)) &&
              (recall->known_at == OMEGA_TIME_UNSET ||
               holds_at(row->updated_at, believed_to, recall->known_at));
    return *passes ? om_filter_row(recall->filter, row, passes) : OMEGA_OK;
}
