/* recall.c -- ranked retrieval over the memories.
 *
 * The order of things: check and compile the options; enter the grace periods; take the snapshot;
 * rank (candidates.c, or recall_rows.c when the index is away); then read the best rows from the
 * snapshot, verify each, and go on until k are found. The snapshot may be younger than the index: a
 * row that has gone is passed over; one that has been superseded meanwhile is shown as it was,
 * since its change was not complete when the recall began. A damaged row is passed over and named.
 *
 * When a ranking runs out before k because of rows passed over, it is made again, longer. When
 * fewer than k memories are visible, archived ones follow, scaled so that they come after.
 *
 * Reads are accesses: they are counted in the catalogue and written later in one record, never
 * here.
 * Rejected: verifying against the catalogue only (a bit that flipped on disk would be passed on).
 *
 * Invariant: results are in descending score; equal ones older first. */
#include "memory/recall_int.h"

static void note_degraded(struct om_recall *recall, const char *reason)
{
    if (recall->degraded == NULL) {
        recall->degraded = reason;
    }
}

/* ---- Reading one row ------------------------------------------------------------------------ */

/* The row has moved on since the index's snapshot: show it as it was there. */
static void show_as_it_was(struct om_memory_row *row, omega_memory_state state)
{
    row->state = state;
    row->believed_to = OMEGA_TIME_UNSET;
    memset(&row->superseded_by, 0, sizeof row->superseded_by);
    if (!om_uuid_is_nil(row->version_of)) {
        row->id = row->version_of;
        memset(&row->version_of, 0, sizeof row->version_of);
    }
}

/* May the row, as the store has it, be shown? */
static bool is_shown(struct om_recall *recall, const struct om_candidate *candidate,
                     struct om_memory_row *row)
{
    const omega_recall_options *o = recall->options;
    if (!recall->from_rows && row->state == OMEGA_MEMORY_SUPERSEDED) {
        const struct om_entry *entry = om_catalog_entry(recall->memory->catalog, candidate->item);
        omega_memory_state state = om_entry_state(entry, recall->reader.seq);
        if (state != OMEGA_MEMORY_SUPERSEDED) {
            show_as_it_was(row, state);
        }
    }
    return ((recall->tiers >> row->tier) & 1u) != 0 &&
           (o->all_roots || om_row_visible(row, &o->scope, o->session_only)) &&
           (row->expires_at == OMEGA_TIME_UNSET || row->expires_at > recall->now);
}

static omega_status name_damaged(struct om_recall *recall)
{
    const char *reason =
        om_arena_printf(om_results_arena(recall->results), "%s", om_error_last()->message);
    om_log(OM_LOG_ERROR, "memory", "recall passed over a row: %s", om_error_last()->message);
    note_degraded(recall, reason != NULL ? reason : "a damaged row was passed over");
    return OMEGA_OK;
}

static void count_access(struct om_recall *recall, const struct om_candidate *candidate)
{
    struct om_catalog *catalog = recall->memory->catalog;
    uint32_t item = candidate->item;
    if (!recall->from_rows || om_catalog_find(catalog, candidate->row, &item)) {
        om_catalog_touch(catalog, item, recall->now);
    }
}

/* *added tells whether the candidate became a result. */
static omega_status add_result(struct om_recall *recall, const struct om_candidate *candidate,
                               bool *added)
{
    struct om_memory_row row;
    omega_memory *result = NULL;
    *added = false;
    omega_status status = om_row_by_number(recall->reader.conn, candidate->row, &row);
    if (status == OMEGA_ENOTFOUND) {
        return OMEGA_OK;
    }
    if (status == OMEGA_ECORRUPT) {
        return name_damaged(recall);
    }
    if (status != OMEGA_OK || !is_shown(recall, candidate, &row)) {
        return status;
    }
    status = om_results_add(recall->results, &row, &result);
    if (status == OMEGA_OK) {
        result->score = candidate->fused * recall->scale;
        *added = true;
    }
    if (status == OMEGA_OK && recall->options->explain) {
        status = om_recall_explain(recall, candidate, &row, &result->explain_json);
    }
    if (status == OMEGA_OK) {
        count_access(recall, candidate);
    }
    return status;
}

/* ---- One pass ------------------------------------------------------------------------------- */

/* Rows that an earlier, shorter ranking of this pass has read. */
struct read_rows {
    int64_t *rows;
    size_t count, capacity;
};

static bool was_read(const struct read_rows *read, int64_t row)
{
    for (size_t i = 0; i < read->count; i++) {
        if (read->rows[i] == row) {
            return true;
        }
    }
    return false;
}

static omega_status note_read(struct om_recall *recall, struct read_rows *read, int64_t row)
{
    if (read->count == read->capacity) {
        size_t capacity = OM_MAX(read->capacity * 2, (size_t)64);
        int64_t *rows = om_arena_get(&recall->arena, capacity * sizeof *rows);
        if (rows == NULL) {
            return om_nomem();
        }
        if (read->count > 0) {
            memcpy(rows, read->rows, read->count * sizeof *rows);
        }
        read->rows = rows;
        read->capacity = capacity;
    }
    read->rows[read->count++] = row;
    return OMEGA_OK;
}

static omega_status rank(struct om_recall *recall, size_t wanted, struct om_ranking *out)
{
    return recall->from_rows ? om_recall_rank_rows(recall, out)
                             : om_recall_rank(recall, wanted, out);
}

/* Adds at most `wanted` results in the states of the pass. */
static omega_status run_pass(struct om_recall *recall, size_t wanted)
{
    struct om_ranking ranking = {.count = 0};
    struct read_rows read = {.count = 0};
    size_t found = 0;
    size_t length = wanted;
    omega_status status = OMEGA_OK;
    while (found < wanted && !ranking.complete && status == OMEGA_OK) {
        bool again = ranking.count > 0;
        size_t before = ranking.count;
        status = rank(recall, length, &ranking);
        if (again && ranking.count <= before && !ranking.complete) {
            break; /* the arms have no more to give */
        }
        for (size_t i = 0; i < ranking.count && found < wanted && status == OMEGA_OK; i++) {
            bool added = false;
            if (again && was_read(&read, ranking.rows[i].row)) {
                continue;
            }
            status = note_read(recall, &read, ranking.rows[i].row);
            if (status == OMEGA_OK) {
                status = add_result(recall, &ranking.rows[i], &added);
            }
            found += added ? 1 : 0;
        }
        length = OM_MIN(length * 2 + 64, (size_t)2 * OM_LIMIT_K);
    }
    return status;
}

static double last_score(const omega_memories *results)
{
    size_t count = om_memories_count(results);
    return count > 0 ? om_memories_at(results, count - 1)->score : 1.0;
}

/* Archived memories after what was found: their scores are shrunk below the last one's. */
static omega_status fill_up(struct om_recall *recall)
{
    const omega_recall_options *o = recall->options;
    size_t found = om_memories_count(recall->results);
    uint32_t archived = 1u << OMEGA_MEMORY_ARCHIVED;
    if (found >= o->k || o->no_fill || (recall->states & archived) != 0) {
        return OMEGA_OK;
    }
    recall->scale = last_score(recall->results) / (1 + recall->memory->options.importance_weight);
    recall->states = archived;
    return run_pass(recall, o->k - found);
}

static void go_by_rows(struct om_recall *recall, const char *reason)
{
    recall->from_rows = true;
    note_degraded(recall, reason);
}

/* The snapshot and the index to go with it. A publication that failed says so before its sequence
 * is in force, so asking after the snapshot was taken is soon enough. */
static omega_status enter(struct om_recall *recall)
{
    if (atomic_load(&recall->memory->index_disabled)) {
        go_by_rows(recall, "the index is off: answered from the rows");
    }
    omega_status status = om_recall_enter(recall);
    if (status == OMEGA_OK && !recall->from_rows && atomic_load(&recall->memory->behind)) {
        om_recall_leave(recall);
        go_by_rows(recall, "the index is behind: answered from the rows");
        status = om_recall_enter(recall);
    }
    return status;
}

static omega_status search(struct om_recall *recall)
{
    omega_status status = enter(recall);
    if (status == OMEGA_OK) {
        status = run_pass(recall, recall->options->k);
    }
    if (status == OMEGA_OK) {
        status = fill_up(recall);
    }
    if (status == OMEGA_OK) {
        status = om_results_vectors(recall->results, &recall->reader);
    }
    om_recall_leave(recall);
    return status;
}

omega_status om_memory_recall(struct om_memory *memory, const omega_recall_options *options,
                              omega_memories **out)
{
    struct om_recall recall = {.memory = memory, .options = options, .scale = 1.0};
    *out = NULL;
    om_arena_init(&recall.arena, memory->options.alloc, 0);
    omega_status status = om_recall_plan(&recall);
    if (status == OMEGA_OK) {
        status = om_results_new(memory, &recall.results);
    }
    if (status == OMEGA_OK) {
        unsigned ticket = om_catalog_enter(memory->catalog);
        status = search(&recall);
        om_catalog_leave(memory->catalog, ticket);
    }
    om_arena_fini(&recall.arena);
    if (status != OMEGA_OK) {
        om_memories_free(recall.results);
        return status;
    }
    if (recall.degraded != NULL) {
        om_results_degrade(recall.results, recall.degraded);
    }
    *out = recall.results;
    return OMEGA_OK;
}
