/* metrics_test.c -- totals under threads, quantiles against sorted samples, both renderings. */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "resilience/metrics.h"

enum { ROW_WRITES, ROW_BYTES, ROW_TIERS, ROW_LATENCY, ROW_OPS };

static const char *const tiers[] = {"semantic", "say \"hi\"\\\n"};
static const char *const ops[] = {"store", "recall"};
static const struct om_metric_row rows[] = {
    [ROW_WRITES] = {"writes", "Writes done.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
    [ROW_BYTES] = {"db_wal", "Size of the log.", OM_METRIC_GAUGE, "bytes", NULL, NULL, 0},
    [ROW_TIERS] = {"memories", "By tier.", OM_METRIC_GAUGE, NULL, "tier", tiers, 2},
    [ROW_LATENCY] = {"fsync", "Time of a sync.", OM_METRIC_HISTOGRAM, NULL, NULL, NULL, 0},
    [ROW_OPS] = {"op_duration", "Time of an op.", OM_METRIC_HISTOGRAM, "seconds", "op", ops, 2},
};

struct fixture {
    struct om_metrics *metrics;
    struct om_metric_set *set;
};

static struct fixture open_fixture(void)
{
    struct fixture fixture;
    assert_ok(om_metrics_new(om_alloc_default(), &fixture.metrics));
    assert_ok(om_metrics_register(fixture.metrics, rows, OM_COUNT_OF(rows), &fixture.set));
    return fixture;
}

static void test_values_of_each_type(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    om_counter_add(f.set, ROW_WRITES, 0, 2);
    om_counter_add(f.set, ROW_WRITES, 0, 3);
    assert_true(om_metric_value(f.set, ROW_WRITES, 0) == 5.0);
    om_counter_set(f.set, ROW_WRITES, 0, 9);
    assert_true(om_metric_value(f.set, ROW_WRITES, 0) == 9.0);
    om_gauge_set(f.set, ROW_TIERS, 0, -1.5);
    om_gauge_set(f.set, ROW_TIERS, 1, 4.0);
    assert_true(om_metric_value(f.set, ROW_TIERS, 0) == -1.5);
    assert_true(om_metric_value(f.set, ROW_TIERS, 1) == 4.0);
    assert_true(om_metric_value(f.set, ROW_BYTES, 0) == 0.0);
    om_histogram_observe(f.set, ROW_OPS, 1, 1500);
    om_histogram_observe(f.set, ROW_OPS, 1, -4);
    assert_true(om_metric_value(f.set, ROW_OPS, 1) == 2.0);
    assert_true(om_metric_value(f.set, ROW_OPS, 0) == 0.0);
    struct om_histogram_view view;
    om_histogram_read(f.set, ROW_OPS, 1, &view);
    assert_int_equal(view.sum_ns, 1500);
    assert_int_equal(view.buckets[0], 1);
    assert_int_equal(view.buckets[1], 1);
    om_metrics_free(f.metrics);
}

/* The definition, by search: the smallest i with duration <= 2^i us. */
static unsigned naive_bucket(int64_t ns)
{
    unsigned i = 0;
    while (i < OM_HISTOGRAM_BOUNDS && ns > (INT64_C(1000) << i)) {
        i++;
    }
    return i;
}

static void test_buckets_by_search(void **state)
{
    (void)state;
    struct om_rng rng;
    om_rng_seed(&rng, 11);
    for (int i = 0; i < 200000; i++) {
        int64_t ns = (int64_t)(om_rng_u64(&rng) >> (1 + om_rng_below(&rng, 63)));
        assert_int_equal(om_histogram_bucket(ns), naive_bucket(ns));
    }
    for (unsigned i = 0; i < OM_HISTOGRAM_BOUNDS; i++) {
        int64_t bound = INT64_C(1000) << i;
        assert_int_equal(om_histogram_bucket(bound), i);
        assert_int_equal(om_histogram_bucket(bound + 1), i + 1);
    }
    assert_int_equal(om_histogram_bucket(INT64_MIN), 0);
    assert_int_equal(om_histogram_bucket(INT64_MAX), OM_HISTOGRAM_BOUNDS);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The estimate lies in the bucket of the true sample of that rank. */
static void check_quantiles(const struct om_histogram_view *view, const int64_t *sorted, size_t n)
{
    static const double qs[] = {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0};
    double previous = 0.0;
    for (size_t i = 0; i < OM_COUNT_OF(qs); i++) {
        size_t rank = (size_t)ceil(qs[i] * (double)n);
        int64_t truth = sorted[rank > 0 ? rank - 1 : 0];
        double estimate = om_histogram_quantile(view, qs[i]);
        unsigned bucket = om_histogram_bucket(truth);
        double high = bucket < OM_HISTOGRAM_BOUNDS ? ldexp(1e-6, (int)bucket) : 16.777216;
        double low = bucket == 0 ? 0.0 : ldexp(1e-6, (int)bucket - 1);
        assert_true(estimate <= high * (1 + 1e-12));
        assert_true(bucket == OM_HISTOGRAM_BOUNDS || estimate >= low);
        assert_true(estimate >= previous);
        previous = estimate;
    }
}

static void test_quantiles_against_sorted_samples(void **state)
{
    (void)state;
    enum { SAMPLES = 5000 };
    static int64_t samples[SAMPLES];
    struct om_rng rng;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f = open_fixture();
        om_rng_seed(&rng, seed);
        size_t n = seed <= 10 ? seed : SAMPLES - seed * 100; /* few: every rank shows */
        for (size_t i = 0; i < n; i++) {
            samples[i] = (int64_t)(500.0 * exp(om_rng_unit(&rng) * 18.0));
            om_histogram_observe(f.set, ROW_LATENCY, 0, samples[i]);
        }
        qsort(samples, n, sizeof(samples[0]), compare);
        struct om_histogram_view view;
        om_histogram_read(f.set, ROW_LATENCY, 0, &view);
        assert_int_equal(view.count, n);
        check_quantiles(&view, samples, n);
        om_metrics_free(f.metrics);
    }
    struct om_histogram_view empty = {0}, sum = {0};
    assert_true(omega_is_unset(om_histogram_quantile(&empty, 0.5)));
    empty.count = empty.buckets[3] = 4;
    om_histogram_merge(&sum, &empty);
    om_histogram_merge(&sum, &empty);
    assert_int_equal(sum.count, 8);
    assert_int_equal(sum.buckets[3], 8);
}

enum { THREADS = 12, STEPS = 20000 }; /* more than there are shards */

static void hammer(void *context)
{
    struct om_metric_set *set = context;
    for (int64_t i = 0; i < STEPS; i++) {
        om_counter_add(set, ROW_WRITES, 0, 1);
        om_histogram_observe(set, ROW_OPS, (uint32_t)i % 2, i);
    }
}

static void test_no_count_is_lost_between_threads(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    struct om_thread threads[THREADS] = {{0}};
    for (int i = 0; i < THREADS; i++) {
        assert_ok(om_thread_start(&threads[i], "hammer", hammer, f.set));
    }
    for (int i = 0; i < THREADS; i++) {
        om_thread_join(&threads[i]);
    }
    struct om_histogram_view even, odd;
    om_histogram_read(f.set, ROW_OPS, 0, &even);
    om_histogram_read(f.set, ROW_OPS, 1, &odd);
    assert_true(om_metric_value(f.set, ROW_WRITES, 0) == (double)THREADS * STEPS);
    assert_int_equal(even.count + odd.count, THREADS * STEPS);
    assert_int_equal(even.sum_ns + odd.sum_ns, (uint64_t)THREADS * STEPS * (STEPS - 1) / 2);
    om_metrics_free(f.metrics);
}

static void test_prometheus_text(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    om_counter_add(f.set, ROW_WRITES, 0, UINT64_C(9007199254740993)); /* no double holds it */
    om_gauge_set(f.set, ROW_BYTES, 0, 0.1);
    om_gauge_set(f.set, ROW_TIERS, 0, 12);
    om_gauge_set(f.set, ROW_TIERS, 1, HUGE_VAL);
    om_histogram_observe(f.set, ROW_LATENCY, 0, 1500);
    om_histogram_observe(f.set, ROW_LATENCY, 0, INT64_C(20000000000));
    struct om_buf text;
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    om_metrics_write_text(f.metrics, &text);
    assert_int_equal(text.status, OMEGA_OK);
    static const char *const wanted[] = {
        "# HELP omega_writes_total Writes done.\n# TYPE omega_writes_total counter\n"
        "omega_writes_total 9007199254740993\n",
        "# TYPE omega_db_wal_bytes gauge\nomega_db_wal_bytes 0.1\n",
        "omega_memories{tier=\"semantic\"} 12",
        "omega_memories{tier=\"say \\\"hi\\\"\\\\\\n\"} +Inf\n",
        "# TYPE omega_fsync_seconds histogram\n"
        "omega_fsync_seconds_bucket{le=\"0.000001\"} 0\n"
        "omega_fsync_seconds_bucket{le=\"0.000002\"} 1\n",
        "omega_fsync_seconds_bucket{le=\"16.777216\"} 1\n"
        "omega_fsync_seconds_bucket{le=\"+Inf\"} 2\n"
        "omega_fsync_seconds_sum 20.000001500\n"
        "omega_fsync_seconds_count 2\n",
        "omega_op_duration_seconds_bucket{op=\"recall\",le=\"+Inf\"} 0\n",
        "omega_op_duration_seconds_count{op=\"store\"} 0\n",
    };
    for (size_t i = 0; i < OM_COUNT_OF(wanted); i++) {
        assert_non_null(strstr(text.ptr, wanted[i]));
    }
    om_buf_fini(&text);
    om_metrics_free(f.metrics);
}

static void test_json(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    om_counter_add(f.set, ROW_WRITES, 0, 7);
    om_gauge_set(f.set, ROW_TIERS, 0, 2.5);
    om_gauge_set(f.set, ROW_BYTES, 0, OMEGA_UNSET);
    for (int i = 0; i < 100; i++) {
        om_histogram_observe(f.set, ROW_OPS, 1, 1500000);
    }
    struct om_buf text;
    struct om_json_out out;
    struct om_json_doc *doc = NULL;
    om_buf_init(&text, om_alloc_default(), 1 << 20);
    om_json_out_init(&out, &text);
    om_metrics_write_json(f.metrics, &out, NULL);
    assert_int_equal(text.status, OMEGA_OK);
    assert_ok(om_json_parse(om_alloc_default(), om_buf_str(&text), NULL, &doc));
    const struct om_json *root = om_json_root(doc);
    assert_int_equal(om_json_count(root), OM_COUNT_OF(rows));
    assert_true(om_json_number(om_json_get(root, "omega_writes_total")) == 7.0);
    const struct om_json *tier = om_json_get(root, "omega_memories");
    assert_true(om_json_number(om_json_get(tier, "semantic")) == 2.5);
    assert_int_equal(om_json_type_of(om_json_get(root, "omega_db_wal_bytes")), OM_JSON_NULL);
    const struct om_json *recall =
        om_json_get(om_json_get(root, "omega_op_duration_seconds"), "recall");
    assert_true(om_json_number(om_json_get(recall, "count")) == 100.0);
    assert_true(fabs(om_json_number(om_json_get(recall, "sum")) - 0.15) < 1e-9);
    double p50 = om_json_number(om_json_get(recall, "p50"));
    assert_true(p50 > 0.001024 && p50 <= 0.002048);
    om_json_free(doc);
    om_buf_fini(&text);
    om_metrics_free(f.metrics);
}

static void test_bad_tables_are_refused(void **state)
{
    (void)state;
    struct fixture f = open_fixture();
    static const struct om_metric_row bad[] = {
        {"Writes", "Upper case.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {"", "Empty.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {NULL, "None.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {"helpless", NULL, OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {"lines", "two\nlines", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {"label", "No values.", OM_METRIC_COUNTER, NULL, "tier", NULL, 0},
        {"unit", "Odd unit.", OM_METRIC_GAUGE, "Mega bytes", NULL, NULL, 0},
        {"writes", "Taken.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
    };
    struct om_metric_set *set = NULL;
    for (size_t i = 0; i < OM_COUNT_OF(bad); i++) {
        assert_status(om_metrics_register(f.metrics, &bad[i], 1, &set), OMEGA_EINVAL);
        assert_null(set);
    }
    static const struct om_metric_row twice[] = {
        {"twice", "One.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
        {"twice", "Two.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
    };
    assert_status(om_metrics_register(f.metrics, twice, 2, &set), OMEGA_EINVAL);
    struct om_metric_row wide = {"wide",  "Too many.", OM_METRIC_COUNTER, NULL,
                                 "label", tiers,       OM_METRICS_SERIES};
    assert_status(om_metrics_register(f.metrics, &wide, 1, &set), OMEGA_ELIMIT);
    assert_ok(om_metrics_register(f.metrics, twice, 1, &set)); /* the refused left nothing */
    om_metrics_free(f.metrics);
    om_metrics_free(NULL);
}

static omega_status register_once(void *context)
{
    (void)context;
    struct om_metrics *metrics = NULL;
    struct om_metric_set *set = NULL;
    omega_status status = om_metrics_new(om_alloc_default(), &metrics);
    if (status == OMEGA_OK) {
        status = om_metrics_register(metrics, rows, OM_COUNT_OF(rows), &set);
    }
    om_metrics_free(metrics);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    size_t before = atomic_load(&om_alloc_default()->live_count);
    assert_int_equal(om_test_oom_sweep(register_once, NULL), 5);
    assert_int_equal(atomic_load(&om_alloc_default()->live_count), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_each_type),
        cmocka_unit_test(test_buckets_by_search),
        cmocka_unit_test(test_quantiles_against_sorted_samples),
        cmocka_unit_test(test_no_count_is_lost_between_threads),
        cmocka_unit_test(test_prometheus_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bad_tables_are_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
