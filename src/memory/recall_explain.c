/* recall_explain.c -- why a result stands where it does, as JSON.
 *
 * {"score", "arms": [{"arm", "weight" (of the sum, renormalised), "score", "best" (of this query),
 *  "normalised", and for words "length", "terms": [{"term", "found"?, "idf", "tf", "score"}]; for a
 *  vector "space" and the score once more as "cosine", "dot" or "l2"}], "absent": [{"arm",
 *  "space"?, "reason"}], "importance", "importance_weight", "scale" (below 1 for an archived memory
 *  that fills up), "tier", "state", "retrievability", "path": "index" | "rows"}
 *
 * score = scale x (sum of weight x normalised + importance_weight x importance). */
#include "memory/recall_int.h"

static void put_terms(struct om_recall *recall, const struct om_arm *arm,
                      const struct om_candidate *candidate, struct om_json_out *json)
{
    const struct om_words_query *query = arm->words;
    uint32_t *counts = om_arena_get(&recall->arena, (query->term_count + 1) * sizeof *counts);
    struct om_words_match match = {.counts = counts};
    if (counts == NULL || !om_words_match(recall->memory->words, query, recall->reader.seq,
                                          candidate->item, &match)) {
        return;
    }
    om_json_put_i64(json, "length", match.length);
    om_json_open(json, "terms", '[');
    for (size_t i = 0; i < query->term_count; i++) {
        const struct om_words_term *term = &query->terms[i];
        if (counts[i] == 0) {
            continue;
        }
        om_json_open(json, NULL, '{');
        om_json_put_str(json, "term", term->word);
        if (om_str_given(term->found)) {
            om_json_put_str(json, "found", term->found);
        }
        om_json_put_double(json, "idf", term->idf);
        om_json_put_i64(json, "tf", counts[i]);
        om_json_put_double(json, "score", om_words_gain(query, i, counts[i], match.length));
        om_json_close(json, '}');
    }
    om_json_close(json, ']');
}

/* The name under which a vector's score stands. */
static const char *metric_text(enum om_metric metric)
{
    static const char *const texts[] = {"cosine", "dot", "l2"};
    return texts[metric];
}

static void put_arm(struct om_recall *recall, unsigned index, const struct om_candidate *candidate,
                    struct om_json_out *json)
{
    const struct om_arm *arm = &recall->arms[index];
    double total = om_recall_weight(recall, candidate->has);
    double score = candidate->scores[index];
    om_json_open(json, NULL, '{');
    om_json_put_text(json, "arm", arm->name);
    om_json_put_double(json, "weight", total > 0 ? arm->weight / total : 0);
    om_json_put_double(json, "score", score);
    om_json_put_double(json, "best", arm->max);
    om_json_put_double(json, "normalised", om_recall_normalised(arm, score));
    if (arm->space != NULL) {
        om_json_put_text(json, "space", arm->space_name);
        om_json_put_double(json, metric_text(arm->space->metric), score);
    } else if (arm->words != NULL) {
        put_terms(recall, arm, candidate, json);
    }
    om_json_close(json, '}');
}

static void put_absent(const struct om_arm *arm, const char *reason, struct om_json_out *json)
{
    om_json_open(json, NULL, '{');
    om_json_put_text(json, "arm", arm->name);
    if (arm->space_name != NULL) {
        om_json_put_text(json, "space", arm->space_name);
    }
    om_json_put_text(json, "reason", reason);
    om_json_close(json, '}');
}

static void put_arms(struct om_recall *recall, const struct om_candidate *candidate,
                     struct om_json_out *json)
{
    om_json_open(json, "arms", '[');
    for (unsigned i = 0; i < recall->arm_count; i++) {
        if ((candidate->has >> i & 1u) != 0) {
            put_arm(recall, i, candidate, json);
        }
    }
    om_json_close(json, ']');
    om_json_open(json, "absent", '[');
    for (unsigned i = 0; i < recall->arm_count; i++) {
        const struct om_arm *arm = &recall->arms[i];
        if (arm->absent != NULL) {
            put_absent(arm, arm->absent, json);
        } else if ((candidate->has >> i & 1u) == 0) {
            put_absent(arm, "the memory has no vector in this space", json);
        }
    }
    om_json_close(json, ']');
}

static const char *state_text(omega_memory_state state)
{
    static const char *const texts[] = {"active", "superseded", "archived"};
    return texts[state];
}

static double retrievability_of(const struct om_recall *recall, const struct om_memory_row *row)
{
    return om_retrievability(row->tier, row->stability, recall->now - om_row_last_use(row));
}

omega_status om_recall_explain(struct om_recall *recall, const struct om_candidate *candidate,
                               const struct om_memory_row *row, omega_str *out)
{
    struct om_buf text;
    struct om_json_out json;
    om_buf_init(&text, recall->memory->options.alloc, OM_LIMIT_CONTENT);
    om_json_out_init(&json, &text);
    om_json_open(&json, NULL, '{');
    om_json_put_double(&json, "score", candidate->fused * recall->scale);
    put_arms(recall, candidate, &json);
    om_json_put_double(&json, "importance", row->importance);
    om_json_put_double(&json, "importance_weight", recall->memory->options.importance_weight);
    om_json_put_double(&json, "scale", recall->scale);
    om_json_put_text(&json, "tier", omega_tier_name(row->tier));
    om_json_put_text(&json, "state", state_text(row->state));
    om_json_put_double(&json, "retrievability", retrievability_of(recall, row));
    om_json_put_text(&json, "path", recall->from_rows ? "rows" : "index");
    om_json_close(&json, '}');
    omega_status status = text.status;
    if (status == OMEGA_OK) {
        *out = om_arena_str(om_results_arena(recall->results), om_buf_str(&text));
        status = out->ptr != NULL ? OMEGA_OK : om_nomem();
    }
    om_buf_fini(&text);
    return status;
}
