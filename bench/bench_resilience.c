/* bench_resilience.c -- what the mechanisms cost when nothing is wrong.
 *
 * One JSON line for each case. The short ones are timed in batches; p50 and p99 are those of the
 * batches' means. Delivery to a parked subscriber is measured beside a bare eventfd wake, turn by
 * turn in the same run, because both are mostly the kernel's: the difference is ours. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resilience/resilience.h"

enum { BATCHES = 4000, BATCH = 256, WAKES = 2000, IDLE_MS = 3000 };

static double samples[BATCHES];

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t count, double q)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[(size_t)(q * (double)(count - 1))];
}

static int64_t now_ns(void)
{
    return om_mono_ns(om_clock_system());
}

static void must(omega_status status)
{
    if (status != OMEGA_OK) {
        fprintf(stderr, "bench_resilience: %s\n", omega_error_message());
        exit(1);
    }
}

/* Times `step(context, i)` and prints its line. */
static void measure(const char *name, void (*step)(void *context, unsigned i), void *context)
{
    for (int b = 0; b < BATCHES; b++) {
        int64_t begin_ns = now_ns();
        for (unsigned i = 0; i < BATCH; i++) {
            step(context, i);
        }
        samples[b] = (double)(now_ns() - begin_ns) / BATCH;
    }
    double p50 = quantile(samples, BATCHES, 0.50);
    printf("{\"bench\":\"resilience\",\"case\":\"%s\",\"batches\":%d,\"batch\":%d,"
           "\"p50_ns\":%.1f,\"p99_ns\":%.1f}\n",
           name, BATCHES, BATCH, p50, quantile(samples, BATCHES, 0.99));
    (void)fflush(stdout);
}

/* ---- Lifecycle, histogram, health --------------------------------------------------------- */

static void step_transition(void *context, unsigned i)
{
    must(om_lifecycle_apply(context, i % 2 == 0 ? OM_INPUT_PAUSE : OM_INPUT_RESUME, "bench"));
}

static void ignore_transition(void *context, const struct om_transition *transition)
{
    *(uint64_t *)context = transition->rev;
}

static void bench_transition(void)
{
    struct om_lifecycle life;
    uint64_t seen = 0;
    om_lifecycle_init(&life, om_clock_system());
    must(om_lifecycle_apply(&life, OM_INPUT_START, "bench"));
    must(om_lifecycle_apply(&life, OM_INPUT_STARTED, "bench"));
    measure("state_transition", step_transition, &life);
    must(om_lifecycle_observe(&life, ignore_transition, &seen));
    measure("state_transition_observed", step_transition, &life);
    om_lifecycle_fini(&life);
}

static void step_observe(void *context, unsigned i)
{
    om_histogram_observe(context, 0, 0, (int64_t)i * 977);
}

static void step_count(void *context, unsigned i)
{
    om_counter_add(context, 1, 0, i);
}

struct rival {
    struct om_metric_set *set;
    atomic_bool stop;
};

static void observe_too(void *context)
{
    struct rival *rival = context;
    for (unsigned i = 0; !atomic_load_explicit(&rival->stop, memory_order_relaxed); i++) {
        step_observe(rival->set, i);
    }
}

static void bench_metrics(void)
{
    static const struct om_metric_row rows[] = {
        {"bench", "Observed.", OM_METRIC_HISTOGRAM, NULL, NULL, NULL, 0},
        {"counted", "Counted.", OM_METRIC_COUNTER, NULL, NULL, NULL, 0},
    };
    struct om_metrics *metrics = NULL;
    struct om_thread thread = {.started = false};
    struct rival rival = {.set = NULL};
    must(om_metrics_new(om_alloc_default(), &metrics));
    must(om_metrics_register(metrics, rows, OM_COUNT_OF(rows), &rival.set));
    measure("histogram_observe", step_observe, rival.set);
    measure("counter_add", step_count, rival.set);
    must(om_thread_start(&thread, "rival", observe_too, &rival));
    measure("histogram_observe_two_threads", step_observe, rival.set);
    atomic_store(&rival.stop, true);
    om_thread_join(&thread);
    om_metrics_free(metrics);
}

static void step_snapshot(void *context, unsigned i)
{
    static struct om_health_snapshot snapshot;
    (void)i;
    om_health_snapshot(context, &snapshot);
}

static void bench_health(void)
{
    static const char *const names[] = {"agentdb", "memory",    "loops", "meta_sona",
                                        "store",   "embedding", "server"};
    struct om_health *health = NULL;
    must(om_health_new(om_alloc_default(), om_clock_system(), &health));
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        const struct om_health_row row = {.name = names[i]};
        must(om_health_add(health, &row));
        must(om_health_report(health, names[i], OMEGA_DEGRADED, "a reason of usual length"));
    }
    measure("health_snapshot", step_snapshot, health);
    om_health_free(health);
}

/* ---- Bus ---------------------------------------------------------------------------------- */

static struct om_event sample_event(void)
{
    struct om_event event = {.type = 3, .size = 64, .row = 1};
    memset(event.payload, 'x', event.size);
    return event;
}

static void step_publish(void *context, unsigned i)
{
    static struct om_event event;
    if (event.size == 0) {
        event = sample_event();
    }
    event.n = i;
    om_bus_publish(context, &event);
}

static void read_busily(void *context)
{
    struct om_event event;
    omega_status status;
    do {
        status = om_subscription_next(context, 0, &event);
    } while (status != OMEGA_ECLOSED);
}

static void bench_publish(void)
{
    struct om_bus *bus = NULL;
    struct om_subscription *subscription = NULL;
    struct om_thread thread = {.started = false};
    must(om_bus_new(OM_BUS_SLOTS, &bus));
    measure("publish_no_reader", step_publish, bus);
    must(om_bus_subscribe(bus, OM_EVENT_ALL, &subscription));
    must(om_thread_start(&thread, "reader", read_busily, subscription));
    measure("publish_busy_reader", step_publish, bus);
    om_subscription_close(subscription);
    om_thread_join(&thread);
    struct om_subscription_counts counts;
    om_subscription_counts(subscription, &counts);
    printf("{\"bench\":\"resilience\",\"case\":\"busy_reader\",\"delivered\":%llu,"
           "\"lagged\":%llu}\n",
           (unsigned long long)counts.delivered, (unsigned long long)counts.lagged);
    om_subscription_free(subscription);
    om_bus_free(bus);
}

/* A sleeper and its waker: the waker notes the time and wakes; the sleeper notes how long it took
 * and says that it is going back to sleep. */
struct sleeper {
    struct om_bus *bus;
    struct om_subscription *subscription; /* NULL: the bare eventfd */
    int fd;
    _Atomic int64_t woken_ns; /* 0: not yet */
};

static void sleep_on_bus(void *context)
{
    struct sleeper *sleeper = context;
    struct om_event event;
    while (om_subscription_next(sleeper->subscription, -1, &event) == OMEGA_OK) {
        atomic_store(&sleeper->woken_ns, now_ns());
    }
}

static void sleep_on_eventfd(void *context)
{
    struct sleeper *sleeper = context;
    for (int i = 0; i < WAKES; i++) {
        (void)om_os_wait_readable(sleeper->fd, -1);
        atomic_store(&sleeper->woken_ns, now_ns());
        om_os_eventfd_clear(sleeper->fd);
    }
}

/* One wake, from the call to the sleeper's first instruction, in microseconds. The pause before
 * lets it fall asleep. */
static double wake_once(struct sleeper *sleeper)
{
    (void)usleep(150);
    atomic_store(&sleeper->woken_ns, 0);
    int64_t begin_ns = now_ns();
    if (sleeper->subscription != NULL) {
        step_publish(sleeper->bus, 0);
    } else {
        om_os_eventfd_signal(sleeper->fd);
    }
    int64_t woken_ns;
    while ((woken_ns = atomic_load(&sleeper->woken_ns)) == 0) {
        (void)usleep(20);
    }
    return (double)(woken_ns - begin_ns) / 1e3;
}

static void bench_delivery(void)
{
    static double by_bus[WAKES], bare[WAKES];
    struct sleeper on_bus = {.fd = -1}, on_eventfd = {.fd = -1};
    struct om_thread threads[2] = {{.started = false}};
    must(om_bus_new(OM_BUS_SLOTS, &on_bus.bus));
    must(om_bus_subscribe(on_bus.bus, OM_EVENT_ALL, &on_bus.subscription));
    must(om_os_eventfd(&on_eventfd.fd));
    must(om_thread_start(&threads[0], "on-bus", sleep_on_bus, &on_bus));
    must(om_thread_start(&threads[1], "on-eventfd", sleep_on_eventfd, &on_eventfd));
    for (int i = 0; i < WAKES; i++) {
        by_bus[i] = wake_once(&on_bus);
        bare[i] = wake_once(&on_eventfd);
    }
    om_subscription_close(on_bus.subscription);
    om_thread_join(&threads[0]);
    om_thread_join(&threads[1]);
    double ours = quantile(by_bus, WAKES, 0.5);
    double control = quantile(bare, WAKES, 0.5);
    printf("{\"bench\":\"resilience\",\"case\":\"parked_delivery\",\"wakes\":%d,\"p50_us\":%.2f,"
           "\"p99_us\":%.2f,\"eventfd_p50_us\":%.2f,\"eventfd_p99_us\":%.2f,\"over_us\":%.2f}\n",
           WAKES, ours, quantile(by_bus, WAKES, 0.99), control, quantile(bare, WAKES, 0.99),
           ours - control);
    om_os_close(&on_eventfd.fd);
    om_subscription_free(on_bus.subscription);
    om_bus_free(on_bus.bus);
}

/* ---- An idle scheduler -------------------------------------------------------------------- */

static omega_status run_nothing(void *context, struct om_task *task)
{
    (void)context;
    (void)task;
    return OMEGA_OK;
}

/* The seven loops at their default intervals. */
static void bench_idle(void)
{
    static const int64_t intervals_ms[] = {100,       5000,        1800000,     86400000,
                                           604800000, 31557600000, 315576000000};
    static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7"};
    struct om_scheduler *scheduler = NULL;
    const struct om_scheduler_options options = {.alloc = om_alloc_default(),
                                                 .clock = om_clock_system()};
    must(om_scheduler_new(&options, &scheduler));
    for (size_t i = 0; i < OM_COUNT_OF(names); i++) {
        const struct om_schedule_row row = {.name = names[i],
                                            .interval_ms = intervals_ms[i],
                                            .jitter_percent = 5,
                                            .enabled = true,
                                            .run = run_nothing};
        must(om_scheduler_add(scheduler, &row));
    }
    must(om_scheduler_start(scheduler));
    int64_t cpu_ns = om_os_cpu_ns();
    int64_t begin_ns = now_ns();
    (void)poll(NULL, 0, IDLE_MS);
    double share = (double)(om_os_cpu_ns() - cpu_ns) / (double)(now_ns() - begin_ns);
    printf("{\"bench\":\"resilience\",\"case\":\"idle_scheduler\",\"rows\":%zu,\"ms\":%d,"
           "\"cpu_percent\":%.4f}\n",
           OM_COUNT_OF(names), IDLE_MS, share * 100);
    om_scheduler_free(scheduler);
}

int main(void)
{
    bench_transition();
    bench_publish();
    bench_delivery();
    bench_metrics();
    bench_health();
    bench_idle();
    return 0;
}
