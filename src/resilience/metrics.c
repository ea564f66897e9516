/* metrics.c -- tables of numbers that cost nanoseconds to change.
 *
 * A counter or gauge is one atomic word (a gauge keeps the bits of its double). A histogram has
 * SHARDS copies of {buckets, sum}, each on lines of its own. The first SHARDS - 1 threads of the
 * process each own one for good: its only writer needs no locked instruction, a load and a store
 * do. All later threads share the last one by atomic addition, which costs them twice 5 ns.
 * Everything is relaxed: numbers are independent of each other and publish nothing.
 *
 * Buckets are powers of two from 1 us to 2^24 us: the index of a duration is the bit length of
 * (ns - 1) / 1000, one multiplication and one clz. Rejected: HDR-like sub-buckets (thousands of
 * series in Prometheus) and a lock-free exact list (unbounded).
 *
 * A registered set never moves and is linked at the front of the registry's list, so adding needs
 * no lock; the lock is for registering and rendering.
 *
 * Locks: `mutex` (metrics) guards the list and the count of series. */
#include "resilience/metrics.h"

#include <math.h>
#include <stdio.h>

enum { SHARDS = 8, SHARED = SHARDS - 1, NAME_SIZE = 96 };

struct shard {
    _Alignas(64) _Atomic uint64_t buckets[OM_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_ns;
};

struct histogram {
    struct shard shards[SHARDS];
};

/* Where a row's series begin: in `words` or in `histograms`. */
struct om_metric_set {
    struct om_metric_set *next;
    const struct om_metric_row *rows;
    uint32_t row_count;
    uint32_t *first;
    _Atomic uint64_t *words;
    struct histogram *histograms; /* aligned inside histogram_block */
    void *histogram_block;
};

struct om_metrics {
    struct om_alloc *alloc;
    struct om_mutex mutex;
    struct om_metric_set *sets; /* newest first */
    uint32_t series_count;
};

/* ---- Names -------------------------------------------------------------------------------- */

static uint32_t series_of(const struct om_metric_row *row)
{
    return row->label != NULL ? row->label_count : 1;
}

/* "omega_<name>[_<unit>][_total]"; false when it does not fit. */
static bool full_name(const struct om_metric_row *row, char out[NAME_SIZE])
{
    const char *unit = row->type == OM_METRIC_HISTOGRAM ? "seconds" : row->unit;
    int len = snprintf(out, NAME_SIZE, "omega_%s%s%s%s", row->name, unit != NULL ? "_" : "",
                       unit != NULL ? unit : "", row->type == OM_METRIC_COUNTER ? "_total" : "");
    return len > 0 && len < NAME_SIZE;
}

static bool is_name(const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '_')) {
            return false;
        }
    }
    return true;
}

static bool name_taken(const struct om_metric_set *sets, const char *name)
{
    char other[NAME_SIZE];
    for (; sets != NULL; sets = sets->next) {
        for (uint32_t i = 0; i < sets->row_count; i++) {
            if (full_name(&sets->rows[i], other) && strcmp(other, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static omega_status check_row(const struct om_metric_row *row)
{
    char name[NAME_SIZE];
    if (!is_name(row->name) || (row->unit != NULL && !is_name(row->unit)) ||
        !full_name(row, name)) {
        return om_fail(OMEGA_EINVAL, "metric '%s': the name must be [a-z0-9_]+ and short",
                       row->name != NULL ? row->name : "");
    }
    if (row->help == NULL || strchr(row->help, '\n') != NULL) {
        return om_fail(OMEGA_EINVAL, "metric '%s': the help must be one line", row->name);
    }
    if (row->label == NULL) {
        return OMEGA_OK;
    }
    if (!is_name(row->label) || row->label_values == NULL || row->label_count == 0) {
        return om_fail(OMEGA_EINVAL, "metric '%s': a label needs a name and values", row->name);
    }
    return OMEGA_OK;
}

/* Checks the whole table against itself and what is registered; counts its series. */
static omega_status check_rows(const struct om_metrics *metrics, const struct om_metric_row *rows,
                               uint32_t count, uint32_t *series)
{
    *series = 0;
    for (uint32_t i = 0; i < count; i++) {
        omega_status status = check_row(&rows[i]);
        if (status != OMEGA_OK) {
            return status;
        }
        char name[NAME_SIZE];
        full_name(&rows[i], name);
        struct om_metric_set before = {.rows = rows, .row_count = i};
        if (name_taken(&before, name) || name_taken(metrics->sets, name)) {
            return om_fail(OMEGA_EINVAL, "metric '%s' is registered already", name);
        }
        if (series_of(&rows[i]) > OM_METRICS_SERIES - metrics->series_count - *series) {
            return om_fail(OMEGA_ELIMIT, "metric '%s': more than %d series in all", name,
                           OM_METRICS_SERIES);
        }
        *series += series_of(&rows[i]);
    }
    return OMEGA_OK;
}

/* ---- Life --------------------------------------------------------------------------------- */

omega_status om_metrics_new(struct om_alloc *alloc, struct om_metrics **out)
{
    *out = NULL;
    struct om_metrics *metrics = om_get0(alloc, 1, sizeof(*metrics));
    if (metrics == NULL) {
        return om_nomem();
    }
    metrics->alloc = alloc;
    om_mutex_init(&metrics->mutex, OM_RANK_METRICS);
    *out = metrics;
    return OMEGA_OK;
}

static void free_set(struct om_alloc *alloc, struct om_metric_set *set)
{
    if (set != NULL) {
        om_put(alloc, set->first);
        om_put(alloc, set->words);
        om_put(alloc, set->histogram_block);
        om_put(alloc, set);
    }
}

void om_metrics_free(struct om_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->sets != NULL) {
        struct om_metric_set *set = metrics->sets;
        metrics->sets = set->next;
        free_set(metrics->alloc, set);
    }
    om_mutex_fini(&metrics->mutex);
    om_put(metrics->alloc, metrics);
}

/* Gives each row its place. Histograms are aligned by hand: the allocator promises malloc's 16. */
static omega_status build_set(struct om_alloc *alloc, struct om_metric_set *set)
{
    set->first = om_get0(alloc, set->row_count, sizeof(*set->first));
    if (set->first == NULL) {
        return om_nomem();
    }
    uint32_t words = 0;
    uint32_t histograms = 0;
    for (uint32_t i = 0; i < set->row_count; i++) {
        uint32_t *next = set->rows[i].type == OM_METRIC_HISTOGRAM ? &histograms : &words;
        set->first[i] = *next;
        *next += series_of(&set->rows[i]);
    }
    const size_t align = _Alignof(struct histogram);
    set->words = om_get0(alloc, words, sizeof(*set->words));
    set->histogram_block = om_get0(alloc, 1, histograms * sizeof(struct histogram) + align);
    if (set->words == NULL || set->histogram_block == NULL) {
        return om_nomem();
    }
    uintptr_t at = ((uintptr_t)set->histogram_block + align - 1) & ~(uintptr_t)(align - 1);
    set->histograms = (struct histogram *)at;
    return OMEGA_OK;
}

omega_status om_metrics_register(struct om_metrics *metrics, const struct om_metric_row *rows,
                                 uint32_t count, struct om_metric_set **out)
{
    *out = NULL;
    uint32_t series = 0;
    struct om_metric_set *set = NULL;
    om_mutex_lock(&metrics->mutex);
    omega_status status = check_rows(metrics, rows, count, &series);
    if (status != OMEGA_OK) {
        goto out;
    }
    set = om_get0(metrics->alloc, 1, sizeof(*set));
    if (set == NULL) {
        status = om_nomem();
        goto out;
    }
    set->rows = rows;
    set->row_count = count;
    status = build_set(metrics->alloc, set);
    if (status != OMEGA_OK) {
        goto out;
    }
    set->next = metrics->sets;
    metrics->sets = set;
    metrics->series_count += series;
    *out = set;
    set = NULL;
out:
    free_set(metrics->alloc, set);
    om_mutex_unlock(&metrics->mutex);
    return status;
}

/* ---- Changing ----------------------------------------------------------------------------- */

static uint32_t place_of(const struct om_metric_set *set, uint32_t row, uint32_t series)
{
    OM_ASSERT(row < set->row_count && series < series_of(&set->rows[row]));
    return set->first[row] + series;
}

static _Atomic uint64_t *word_of(const struct om_metric_set *set, uint32_t row, uint32_t series,
                                 enum om_metric_type type)
{
    uint32_t place = place_of(set, row, series);
    OM_ASSERT(set->rows[row].type == type);
    return &set->words[place];
}

void om_counter_add(struct om_metric_set *set, uint32_t row, uint32_t series, uint64_t delta)
{
    atomic_fetch_add_explicit(word_of(set, row, series, OM_METRIC_COUNTER), delta,
                              memory_order_relaxed);
}

void om_counter_set(struct om_metric_set *set, uint32_t row, uint32_t series, uint64_t value)
{
    atomic_store_explicit(word_of(set, row, series, OM_METRIC_COUNTER), value,
                          memory_order_relaxed);
}

void om_gauge_set(struct om_metric_set *set, uint32_t row, uint32_t series, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    atomic_store_explicit(word_of(set, row, series, OM_METRIC_GAUGE), bits, memory_order_relaxed);
}

/* Threads are numbered as they come, and a number is never given twice: that is what makes a shard
 * below SHARED the property of one thread. Process-wide, so it holds for every registry. */
static unsigned shard_of_thread(void)
{
    static atomic_uint next_thread;
    static _Thread_local unsigned mine; /* shard + 1; 0: not yet numbered */
    if (mine == 0) {
        unsigned number = atomic_load_explicit(&next_thread, memory_order_relaxed);
        if (number < SHARED) { /* else the counter stays put, so that it cannot wrap */
            number = atomic_fetch_add_explicit(&next_thread, 1, memory_order_relaxed);
        }
        mine = OM_MIN(number, (unsigned)SHARED) + 1;
    }
    return mine - 1;
}

/* Adds where this thread is the only writer, or where it is not. */
static void add_to(_Atomic uint64_t *word, uint64_t delta, bool owned)
{
    if (owned) {
        uint64_t value = atomic_load_explicit(word, memory_order_relaxed);
        atomic_store_explicit(word, value + delta, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(word, delta, memory_order_relaxed);
    }
}

unsigned om_histogram_bucket(int64_t duration_ns)
{
    if (duration_ns <= 1000) {
        return 0;
    }
    unsigned length = 64 - (unsigned)__builtin_clzll((uint64_t)(duration_ns - 1) / 1000);
    return OM_MIN(length, (unsigned)OM_HISTOGRAM_BOUNDS);
}

void om_histogram_observe(struct om_metric_set *set, uint32_t row, uint32_t series,
                          int64_t duration_ns)
{
    uint32_t place = place_of(set, row, series);
    OM_ASSERT(set->rows[row].type == OM_METRIC_HISTOGRAM);
    unsigned index = shard_of_thread();
    struct shard *shard = &set->histograms[place].shards[index];
    add_to(&shard->buckets[om_histogram_bucket(duration_ns)], 1, index < SHARED);
    add_to(&shard->sum_ns, (uint64_t)OM_MAX(duration_ns, INT64_C(0)), index < SHARED);
}

/* ---- Reading ------------------------------------------------------------------------------ */

void om_histogram_read(const struct om_metric_set *set, uint32_t row, uint32_t series,
                       struct om_histogram_view *out)
{
    uint32_t place = place_of(set, row, series);
    OM_ASSERT(set->rows[row].type == OM_METRIC_HISTOGRAM);
    memset(out, 0, sizeof(*out));
    for (unsigned s = 0; s < SHARDS; s++) {
        struct shard *shard = &set->histograms[place].shards[s];
        for (unsigned i = 0; i < OM_HISTOGRAM_BUCKETS; i++) {
            uint64_t hits = atomic_load_explicit(&shard->buckets[i], memory_order_relaxed);
            out->buckets[i] += hits;
            out->count += hits;
        }
        out->sum_ns += atomic_load_explicit(&shard->sum_ns, memory_order_relaxed);
    }
}

void om_histogram_merge(struct om_histogram_view *into, const struct om_histogram_view *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    for (unsigned i = 0; i < OM_HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

/* Upper bound of a bucket in seconds. */
static double bound_s(unsigned bucket)
{
    return (double)(UINT64_C(1) << bucket) / 1e6;
}

double om_histogram_quantile(const struct om_histogram_view *view, double q)
{
    if (view->count == 0) {
        return OMEGA_UNSET;
    }
    double rank = OM_MAX(1.0, ceil(OM_MIN(OM_MAX(q, 0.0), 1.0) * (double)view->count));
    uint64_t below = 0;
    for (unsigned i = 0; i < OM_HISTOGRAM_BOUNDS; i++) {
        uint64_t hits = view->buckets[i];
        if (hits > 0 && (double)(below + hits) >= rank) {
            double low = i == 0 ? 0.0 : bound_s(i - 1);
            return low + (bound_s(i) - low) * (rank - (double)below) / (double)hits;
        }
        below += hits;
    }
    return bound_s(OM_HISTOGRAM_BOUNDS - 1);
}

double om_metric_value(const struct om_metric_set *set, uint32_t row, uint32_t series)
{
    uint32_t place = place_of(set, row, series);
    if (set->rows[row].type == OM_METRIC_HISTOGRAM) {
        struct om_histogram_view view;
        om_histogram_read(set, row, series, &view);
        return (double)view.count;
    }
    uint64_t bits = atomic_load_explicit(&set->words[place], memory_order_relaxed);
    if (set->rows[row].type == OM_METRIC_COUNTER) {
        return (double)bits;
    }
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static uint64_t counter_value(const struct om_metric_set *set, uint32_t row, uint32_t series)
{
    return atomic_load_explicit(word_of(set, row, series, OM_METRIC_COUNTER), memory_order_relaxed);
}

static void write_json_series(const struct om_metric_set *set, uint32_t row, uint32_t series,
                              struct om_json_out *out, const char *key)
{
    if (set->rows[row].type == OM_METRIC_COUNTER) {
        om_json_put_u64(out, key, counter_value(set, row, series));
        return;
    }
    if (set->rows[row].type == OM_METRIC_GAUGE) {
        om_json_put_double(out, key, om_metric_value(set, row, series));
        return;
    }
    struct om_histogram_view view;
    om_histogram_read(set, row, series, &view);
    om_json_open(out, key, '{');
    om_json_put_u64(out, "count", view.count);
    om_json_put_double(out, "sum", (double)view.sum_ns / 1e9);
    om_json_put_double(out, "p50", om_histogram_quantile(&view, 0.50));
    om_json_put_double(out, "p99", om_histogram_quantile(&view, 0.99));
    om_json_close(out, '}');
}

void om_metrics_write_json(struct om_metrics *metrics, struct om_json_out *out, const char *key)
{
    om_json_open(out, key, '{');
    om_mutex_lock(&metrics->mutex);
    for (const struct om_metric_set *set = metrics->sets; set != NULL; set = set->next) {
        for (uint32_t i = 0; i < set->row_count; i++) {
            const struct om_metric_row *row = &set->rows[i];
            char name[NAME_SIZE];
            full_name(row, name);
            if (row->label == NULL) {
                write_json_series(set, i, 0, out, name);
                continue;
            }
            om_json_open(out, name, '{');
            for (uint32_t s = 0; s < row->label_count; s++) {
                write_json_series(set, i, s, out, row->label_values[s]);
            }
            om_json_close(out, '}');
        }
    }
    om_mutex_unlock(&metrics->mutex);
    om_json_close(out, '}');
}

/* ---- Prometheus text 0.0.4 ---------------------------------------------------------------- */

/* Escapes \ and line feeds, and in label values the quote. */
static void add_escaped(struct om_buf *out, const char *text, bool quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (quoted && *text == '"')) {
            om_buf_add_char(out, '\\');
            om_buf_add_char(out, *text);
        } else if (*text == '\n') {
            om_buf_add_text(out, "\\n");
        } else {
            om_buf_add_char(out, *text);
        }
    }
}

/* `{label="value",le="bound"} `, whichever of the two there is. */
static void add_labels(struct om_buf *out, const struct om_metric_row *row, uint32_t series,
                       const char *le)
{
    if (row->label != NULL || le != NULL) {
        om_buf_add_char(out, '{');
        if (row->label != NULL) {
            om_buf_addf(out, "%s=\"", row->label);
            add_escaped(out, row->label_values[series], true);
            om_buf_add_text(out, le != NULL ? "\"," : "\"");
        }
        if (le != NULL) {
            om_buf_addf(out, "le=\"%s\"", le);
        }
        om_buf_add_char(out, '}');
    }
    om_buf_add_char(out, ' ');
}

/* Seconds of nanoseconds, exactly and free of the locale. */
static void add_seconds(struct om_buf *out, uint64_t ns)
{
    om_buf_addf(out, "%llu.%09llu\n", (unsigned long long)(ns / 1000000000),
                (unsigned long long)(ns % 1000000000));
}

static void add_histogram(const struct om_metric_set *set, uint32_t row, uint32_t series,
                          const char *name, struct om_buf *out)
{
    const struct om_metric_row *shape = &set->rows[row];
    struct om_histogram_view view;
    om_histogram_read(set, row, series, &view);
    uint64_t below = 0;
    for (unsigned i = 0; i < OM_HISTOGRAM_BUCKETS; i++) {
        char le[24] = "+Inf";
        if (i < OM_HISTOGRAM_BOUNDS) {
            unsigned long bound_us = 1ul << i;
            snprintf(le, sizeof(le), "%lu.%06lu", bound_us / 1000000, bound_us % 1000000);
        }
        below += view.buckets[i];
        om_buf_addf(out, "%s_bucket", name);
        add_labels(out, shape, series, le);
        om_buf_addf(out, "%llu\n", (unsigned long long)below);
    }
    om_buf_addf(out, "%s_sum", name);
    add_labels(out, shape, series, NULL);
    add_seconds(out, view.sum_ns);
    om_buf_addf(out, "%s_count", name);
    add_labels(out, shape, series, NULL);
    om_buf_addf(out, "%llu\n", (unsigned long long)view.count);
}

/* The shortest text that reads back as the same number, as JSON writes it; what JSON cannot say,
 * Prometheus can. */
static void add_gauge(struct om_buf *out, double value)
{
    if (isnan(value)) {
        om_buf_add_text(out, "NaN");
    } else if (isinf(value)) {
        om_buf_add_text(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        struct om_json_out number;
        om_json_out_init(&number, out);
        om_json_put_double(&number, NULL, value);
    }
    om_buf_add_char(out, '\n');
}

static void add_series(const struct om_metric_set *set, uint32_t row, uint32_t series,
                       const char *name, struct om_buf *out)
{
    if (set->rows[row].type == OM_METRIC_HISTOGRAM) {
        add_histogram(set, row, series, name, out);
        return;
    }
    om_buf_add_text(out, name);
    add_labels(out, &set->rows[row], series, NULL);
    if (set->rows[row].type == OM_METRIC_COUNTER) {
        om_buf_addf(out, "%llu\n", (unsigned long long)counter_value(set, row, series));
    } else {
        add_gauge(out, om_metric_value(set, row, series));
    }
}

void om_metrics_write_text(struct om_metrics *metrics, struct om_buf *out)
{
    static const char *const types[] = {
        [OM_METRIC_COUNTER] = "counter",
        [OM_METRIC_GAUGE] = "gauge",
        [OM_METRIC_HISTOGRAM] = "histogram",
    };
    om_mutex_lock(&metrics->mutex);
    for (const struct om_metric_set *set = metrics->sets; set != NULL; set = set->next) {
        for (uint32_t i = 0; i < set->row_count; i++) {
            const struct om_metric_row *row = &set->rows[i];
            char name[NAME_SIZE];
            full_name(row, name);
            om_buf_addf(out, "# HELP %s ", name);
            add_escaped(out, row->help, false);
            om_buf_addf(out, "\n# TYPE %s %s\n", name, types[row->type]);
            for (uint32_t s = 0; s < series_of(row); s++) {
                add_series(set, i, s, name, out);
            }
        }
    }
    om_mutex_unlock(&metrics->mutex);
}
