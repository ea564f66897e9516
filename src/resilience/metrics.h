/* metrics.h -- counters, gauges and histograms of durations, registered as tables of rows.
 *
 * A folder writes one const table, registers it once and keeps the om_metric_set; rows are named by
 * their index (an enum beside the table), series by the index of the label's value.
 *
 * Names follow Prometheus: "omega_" + name + "_" + unit (if any) + "_total" (counters).
 * Threads: any. Adding and observing are relaxed atomics, a few nanoseconds; a reader sees each
 *          number whole, not all numbers of one instant.
 * Memory:  fixed when a table is registered. At most OM_METRICS_SERIES series in all. */
#ifndef OM_METRICS_H
#define OM_METRICS_H

#include "core/core.h"

enum om_metric_type { OM_METRIC_COUNTER, OM_METRIC_GAUGE, OM_METRIC_HISTOGRAM };

enum {
    OM_METRICS_SERIES = 5000,
    OM_HISTOGRAM_BOUNDS = 25,                      /* 2^0 .. 2^24 microseconds */
    OM_HISTOGRAM_BUCKETS = OM_HISTOGRAM_BOUNDS + 1 /* the last is "above 16.8 s" */
};

struct om_metric_row {
    const char *name; /* [a-z_]+, without prefix and unit */
    const char *help; /* one line */
    enum om_metric_type type;
    const char *unit;  /* "seconds", "bytes" or NULL; histograms are "seconds" */
    const char *label; /* NULL: one series, index 0 */
    const char *const *label_values;
    uint32_t label_count;
};

struct om_metrics;
struct om_metric_set;

OMEGA_MUST_CHECK omega_status om_metrics_new(struct om_alloc *alloc, struct om_metrics **out);
void om_metrics_free(struct om_metrics *metrics); /* with all sets; NULL is allowed */

/* The rows are borrowed and outlive the registry. OMEGA_EINVAL (a name that is malformed or taken),
 * OMEGA_ELIMIT, OMEGA_ENOMEM. */
OMEGA_MUST_CHECK omega_status om_metrics_register(struct om_metrics *metrics,
                                                  const struct om_metric_row *rows, uint32_t count,
                                                  struct om_metric_set **out);

/* Row or series out of range, or another type of row, is a broken caller (asserted). */
void om_counter_add(struct om_metric_set *set, uint32_t row, uint32_t series, uint64_t delta);
/* Counters that another part keeps: sets the absolute value. */
void om_counter_set(struct om_metric_set *set, uint32_t row, uint32_t series, uint64_t value);
void om_gauge_set(struct om_metric_set *set, uint32_t row, uint32_t series, double value);
/* Below 0 counts as 0. */
void om_histogram_observe(struct om_metric_set *set, uint32_t row, uint32_t series,
                          int64_t duration_ns);

/* The value of a counter or gauge; the count of a histogram. */
double om_metric_value(const struct om_metric_set *set, uint32_t row, uint32_t series);

struct om_histogram_view {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t buckets[OM_HISTOGRAM_BUCKETS]; /* not cumulative */
};
void om_histogram_read(const struct om_metric_set *set, uint32_t row, uint32_t series,
                       struct om_histogram_view *out);
/* Adds `from` to `into`: quantiles over several series. */
void om_histogram_merge(struct om_histogram_view *into, const struct om_histogram_view *from);
/* An estimate in seconds for 0 <= q <= 1: the bucket holds the true sample of rank ceil(q * count),
 * and inside it the estimate is linear, so it is off by less than a factor of 2 above 1 us. NaN
 * when the histogram is empty. Above 16.8 s it says 16.777216. */
double om_histogram_quantile(const struct om_histogram_view *view, double q);
/* The bucket of a duration: the smallest i with duration <= 2^i us. */
unsigned om_histogram_bucket(int64_t duration_ns);

/* One object: {"omega_x_total": 3, "omega_y": {"<label value>": 1.5, ...}, "omega_z_seconds":
 * {"count", "sum", "p50", "p99"}}. `key` as in om_json_open. */
void om_metrics_write_json(struct om_metrics *metrics, struct om_json_out *out, const char *key);
/* Prometheus text format 0.0.4. */
void om_metrics_write_text(struct om_metrics *metrics, struct om_buf *out);

#endif
