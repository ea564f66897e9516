/* The working set against a model that keeps every version of everything and compares them all.
 *
 * Random batches of adds, replacements and removals at rising sequences, readers that stay inside
 * at their old snapshots, reclaiming in between. Components are small integers, so that products
 * and distances are exact and ties are common; cosine is compared within a tolerance. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

#include "agentdb/vectors.h"

enum { VERSIONS_MAX = 6000, READERS = 3, ROOTS = 6 };

struct version {
    uint32_t item;
    uint32_t root;
    uint64_t added;
    uint64_t removed;
    float *values;
};

struct reader {
    bool inside;
    unsigned ticket;
    uint64_t snapshot;
};

struct model {
    struct om_rng rng;
    struct om_vectors *v;
    uint32_t dimension;
    enum om_metric metric;
    uint32_t items; /* numbers in use are spread * (0 .. items - 1) */
    struct version *versions;
    size_t count;
    float *floats; /* of all versions, then of the query */
    uint64_t commit_seq;
    struct reader readers[READERS];
    struct om_vector_hit *hits;
};

static uint32_t below(struct model *m, uint32_t bound)
{
    return (uint32_t)om_rng_below(&m->rng, bound);
}

static void fill(struct model *m, float *values)
{
    for (uint32_t i = 0; i < m->dimension; i++) {
        values[i] = (float)below(m, 7) - 3.0f;
    }
}

static uint32_t pick_item(struct model *m)
{
    return below(m, m->items) * 1031u;
}

static bool is_seen(const struct version *version, uint64_t snapshot)
{
    return version->added <= snapshot && version->removed > snapshot;
}

static struct version *find(struct model *m, uint32_t item, uint64_t snapshot)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->versions[i].item == item && is_seen(&m->versions[i], snapshot)) {
            return &m->versions[i];
        }
    }
    return NULL;
}

static void step_add(struct model *m, uint64_t seq)
{
    if (m->count == VERSIONS_MAX) {
        return;
    }
    uint32_t item = pick_item(m);
    struct version *before = find(m, item, UINT64_MAX - 1);
    if (before != NULL) {
        before->removed = seq;
    }
    struct version *version = &m->versions[m->count];
    *version = (struct version){item, below(m, ROOTS), seq, UINT64_MAX,
                                m->floats + m->count * m->dimension};
    m->count++;
    fill(m, version->values);
    assert_ok(om_vectors_add(m->v, item, version->root, seq, version->values));
}

static void step_remove(struct model *m, uint64_t seq)
{
    uint32_t item = pick_item(m);
    struct version *before = find(m, item, UINT64_MAX - 1);
    assert_int_equal(om_vectors_remove(m->v, item, seq), before != NULL);
    if (before != NULL) {
        before->removed = seq;
    }
}

/* A batch becomes visible as a whole. */
static void step_batch(struct model *m)
{
    uint64_t seq = m->commit_seq + 1 + below(m, 3);
    for (uint32_t left = 1 + below(m, 8); left > 0; left--) {
        if (below(m, 3) == 0) {
            step_remove(m, seq);
        } else {
            step_add(m, seq);
        }
    }
    m->commit_seq = seq;
}

static void step_reader(struct model *m)
{
    struct reader *reader = &m->readers[below(m, READERS)];
    if (reader->inside) {
        om_vectors_leave(m->v, reader->ticket);
    } else {
        reader->ticket = om_vectors_enter(m->v);
        reader->snapshot = m->commit_seq;
    }
    reader->inside = !reader->inside;
}

static bool passes_by_item(void *context, uint32_t item)
{
    return item % 3 != *(const uint32_t *)context;
}

static bool model_passes(const struct om_item_filter *filter, const struct version *version)
{
    bool has_root = filter->root_count == 0;
    for (size_t i = 0; i < filter->root_count; i++) {
        has_root |= filter->roots[i] == version->root;
    }
    return has_root && (filter->pass == NULL || filter->pass(filter->context, version->item));
}

static double model_score(const struct model *m, const float *query, const float *values)
{
    double dot = 0;
    double a = 0;
    double b = 0;
    double l2 = 0;
    for (uint32_t i = 0; i < m->dimension; i++) {
        double x = (double)query[i];
        double y = (double)values[i];
        dot += x * y;
        a += x * x;
        b += y * y;
        l2 += (x - y) * (x - y);
    }
    return m->metric == OM_METRIC_DOT  ? dot
           : m->metric == OM_METRIC_L2 ? -l2
           : a * b > 0                 ? dot / sqrt(a * b)
                                       : 0;
}

struct question {
    const float *values;
    uint64_t snapshot;
    struct om_item_filter filter;
    size_t k;
};

static bool is_hit(const struct model *m, size_t count, uint32_t item)
{
    for (size_t i = 0; i < count; i++) {
        if (m->hits[i].item == item) {
            return true;
        }
    }
    return false;
}

/* Nothing that was left out is better than the last hit; returns how much should be seen. */
static size_t check_left_out(struct model *m, const struct question *question, size_t count)
{
    double tolerance = m->metric == OM_METRIC_COSINE ? 1e-6 : 0;
    size_t seen = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct version *version = &m->versions[i];
        if (!is_seen(version, question->snapshot) || !model_passes(&question->filter, version)) {
            continue;
        }
        seen++;
        if (count < question->k || is_hit(m, count, version->item)) {
            continue;
        }
        double score = model_score(m, question->values, version->values);
        double last = (double)m->hits[count - 1].score;
        assert_true(score <= last + tolerance);
        assert_true(tolerance > 0 || score < last || version->item > m->hits[count - 1].item);
    }
    return seen;
}

static void check_hits(struct model *m, const struct question *question, size_t count)
{
    double tolerance = m->metric == OM_METRIC_COSINE ? 1e-6 : 0;
    for (size_t i = 0; i < count; i++) {
        struct om_vector_hit hit = m->hits[i];
        const struct version *version = find(m, hit.item, question->snapshot);
        if (version == NULL) {
            fail_msg("item %u is not there at %llu", hit.item,
                     (unsigned long long)question->snapshot);
            return;
        }
        assert_true(model_passes(&question->filter, version));
        double score = model_score(m, question->values, version->values);
        assert_true(fabs((double)hit.score - score) <= tolerance);
        assert_true(i == 0 || hit.score < m->hits[i - 1].score ||
                    (hit.score == m->hits[i - 1].score && hit.item > m->hits[i - 1].item));
    }
    assert_int_equal(count, OM_MIN(question->k, check_left_out(m, question, count)));
}

static void check_one_item(struct model *m, const struct om_vectors_query *query, float *copy)
{
    uint32_t item = pick_item(m);
    const struct version *version = find(m, item, query->snapshot);
    float score = 0;
    assert_int_equal(om_vectors_score(m->v, query, item, &score), version != NULL);
    assert_int_equal(om_vectors_get(m->v, item, query->snapshot, copy), version != NULL);
    if (version != NULL) {
        assert_memory_equal(copy, version->values, m->dimension * sizeof(float));
        assert_true(fabs((double)score - model_score(m, query->values, copy)) <= 1e-6);
    }
}

static void ask(struct model *m, uint64_t snapshot)
{
    uint32_t remainder = below(m, 3);
    uint32_t roots[OM_ITEM_FILTER_ROOTS] = {below(m, ROOTS), below(m, ROOTS), below(m, ROOTS),
                                            below(m, ROOTS)};
    float *values = m->floats + (size_t)VERSIONS_MAX * m->dimension;
    struct question question = {.values = values, .snapshot = snapshot, .k = 1 + below(m, 40)};
    question.filter.roots = roots;
    question.filter.root_count = below(m, OM_ITEM_FILTER_ROOTS + 1);
    question.filter.pass = below(m, 2) == 0 ? NULL : passes_by_item;
    question.filter.context = &remainder;
    fill(m, values);
    struct om_vectors_query query;
    assert_ok(om_vectors_query(m->v, values, m->dimension, snapshot, &query));
    bool is_open = question.filter.root_count == 0 && question.filter.pass == NULL;
    size_t count =
        om_vectors_search(m->v, &query, is_open ? NULL : &question.filter, question.k, m->hits);
    check_hits(m, &question, count);
    check_one_item(m, &query, values + m->dimension);
}

static void step_ask(struct model *m)
{
    struct reader *reader = &m->readers[below(m, READERS)];
    if (reader->inside) {
        ask(m, reader->snapshot);
    } else {
        unsigned ticket = om_vectors_enter(m->v);
        ask(m, m->commit_seq);
        om_vectors_leave(m->v, ticket);
    }
}

static void step(struct model *m)
{
    uint32_t draw = below(m, 100);
    if (draw < 40) {
        step_batch(m);
    } else if (draw < 50) {
        step_reader(m);
    } else if (draw < 70) {
        (void)om_vectors_reclaim(m->v);
    } else if (draw < 98) {
        step_ask(m);
    } else {
        const char *why = om_vectors_validate(m->v);
        if (why != NULL) {
            fail_msg("%s", why);
        }
    }
}

struct plan {
    uint32_t dimension;
    enum om_metric metric;
    uint32_t items;
    unsigned steps;
    unsigned helpers;
};

static void run_plan(const struct plan *plan, uint64_t seed)
{
    struct om_alloc *alloc = om_alloc_default();
    struct om_scan_pool *pool;
    assert_ok(om_scan_pool_open(alloc, plan->helpers, &pool));
    const struct om_vectors_options options = {.alloc = alloc,
                                               .pool = pool,
                                               .name = "model",
                                               .dimension = plan->dimension,
                                               .metric = plan->metric};
    struct model m = {.dimension = plan->dimension, .metric = plan->metric, .items = plan->items};
    om_rng_seed(&m.rng, seed);
    m.versions = om_get0(alloc, VERSIONS_MAX, sizeof *m.versions);
    m.floats = om_get0(alloc, (size_t)(VERSIONS_MAX + 2) * plan->dimension, sizeof(float));
    m.hits = om_get0(alloc, 64, sizeof *m.hits);
    assert_true(m.versions != NULL && m.floats != NULL && m.hits != NULL);
    assert_ok(om_vectors_new(&options, &m.v));
    for (unsigned i = 0; i < plan->steps; i++) {
        step(&m);
    }
    assert_null(om_vectors_validate(m.v));
    om_vectors_free(m.v);
    om_scan_pool_close(pool);
    om_put(alloc, m.versions);
    om_put(alloc, m.floats);
    om_put(alloc, m.hits);
}

static void test_small_sets(void **state)
{
    (void)state;
    const uint32_t dimensions[] = {1, 2, 16, 33};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const struct plan plan = {.dimension = dimensions[seed % 4],
                                  .metric = (enum om_metric)(seed % 3),
                                  .items = seed % 2 == 0 ? 30 : 300,
                                  .steps = 2500};
        run_plan(&plan, seed);
    }
}

/* Chunks of 512 slots, over the size from which helpers take part. */
static void test_large_set_with_helpers(void **state)
{
    (void)state;
    const struct plan plan = {
        .dimension = 8192, .metric = OM_METRIC_COSINE, .items = 700, .steps = 900, .helpers = 2};
    run_plan(&plan, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_sets),
        cmocka_unit_test(test_large_set_with_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
