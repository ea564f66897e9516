/* bench_runtime.c -- what a running engine costs around the work: a no-op both ways, a read on a
 * worker beside the same read here, asking for health and metrics, pausing, a recall through the
 * contract; memory and CPU of a runtime that has nothing to do.
 *
 * One JSON line for each case. Short calls are timed in batches; p50 and p99 are those of the
 * batches' means. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/runtime.h"

enum { BATCHES = 2000, BATCH = 128, PAUSES = 200, IDLE_MS = 10000, MEMORIES = 1000 };

static double samples[BATCHES];

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(size_t count, double q)
{
    qsort(samples, count, sizeof samples[0], compare);
    return samples[(size_t)(q * (double)(count - 1))];
}

static int64_t now_ns(void)
{
    return om_mono_ns(om_clock_system());
}

static void must(omega_status status)
{
    if (status != OMEGA_OK) {
        fprintf(stderr, "bench_runtime: %s\n", omega_error_message());
        exit(1);
    }
}

static void print_line(const char *name, size_t count)
{
    const double p50 = quantile(count, 0.50);
    printf("{\"bench\":\"runtime\",\"case\":\"%s\",\"samples\":%zu,\"p50_ns\":%.1f,"
           "\"p99_ns\":%.1f}\n",
           name, count, p50, quantile(count, 0.99));
    (void)fflush(stdout);
}

struct bench {
    omega_runtime *rt;
    omega_cq *cq;
};

/* Times `step` in batches. */
static void measure(const char *name, void (*step)(struct bench *bench), struct bench *bench,
                    unsigned batch)
{
    for (int b = 0; b < BATCHES; b++) {
        const int64_t begin_ns = now_ns();
        for (unsigned i = 0; i < batch; i++) {
            step(bench);
        }
        samples[b] = (double)(now_ns() - begin_ns) / batch;
    }
    print_line(name, BATCHES);
}

/* ---- Operations ----------------------------------------------------------------------------- */

static void submit_and_take(struct bench *bench, omega_op op, const void *options)
{
    const omega_request request = {.struct_size = sizeof request, .op = op, .options = options};
    omega_completion done = {.struct_size = sizeof done};
    must(omega_submit(bench->rt, &request, bench->cq, NULL, NULL));
    must(omega_cq_next(bench->cq, -1, &done));
    must(done.status);
    omega_completion_release(&done);
}

static void step_noop(struct bench *bench)
{
    submit_and_take(bench, OMEGA_OP_NOOP, NULL);
}

/* The lightest call with a row, a gate and a histogram: refused by its arguments, so no work. */
static void step_blocking(struct bench *bench)
{
    float none;
    if (omega_embed(bench->rt, omega_str_of("x"), &none, 0) == OMEGA_OK) {
        exit(1);
    }
}

static const char missing_id[] = "01900000-0000-7000-8000-000000000000";

static void step_get(struct bench *bench)
{
    omega_memories *memories = NULL;
    if (omega_memory_get(bench->rt, missing_id, NULL, &memories) != OMEGA_ENOTFOUND) {
        exit(1);
    }
}

static void step_get_submitted(struct bench *bench)
{
    const omega_get_options get = {.struct_size = sizeof get, .id = omega_str_of(missing_id)};
    const omega_request request = {
        .struct_size = sizeof request, .op = OMEGA_OP_GET_MEMORY, .options = &get};
    omega_completion done = {.struct_size = sizeof done};
    must(omega_submit(bench->rt, &request, bench->cq, NULL, NULL));
    must(omega_cq_next(bench->cq, -1, &done));
    omega_completion_release(&done);
}

static void step_health(struct bench *bench)
{
    omega_health_report report = {.struct_size = sizeof report};
    must(omega_health_status(bench->rt, &report));
}

static void step_metrics(struct bench *bench)
{
    omega_runtime_metrics metrics = {.struct_size = sizeof metrics};
    must(omega_metrics(bench->rt, &metrics));
}

static void step_recall(struct bench *bench)
{
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    omega_memories *found = NULL;
    recall.query = omega_str_of("a quiet cup of green tea");
    must(omega_memory_recall(bench->rt, &recall, &found));
    omega_memories_free(found);
}

static void bench_pause(struct bench *bench)
{
    for (int i = 0; i < PAUSES; i++) {
        const int64_t begin_ns = now_ns();
        must(omega_runtime_pause(bench->rt));
        must(omega_runtime_resume(bench->rt));
        samples[i] = (double)(now_ns() - begin_ns) / 2;
    }
    print_line("pause_and_resume", PAUSES);
}

static void store_some(struct bench *bench)
{
    static const char *const words[] = {"green", "black",  "white", "morning", "evening",
                                        "quiet", "strong", "cup",   "pot",     "garden"};
    char text[128];
    for (unsigned i = 0; i < MEMORIES; i++) {
        omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
        omega_id id;
        snprintf(text, sizeof text, "%s tea in a %s %s, number %u", words[i % 10],
                 words[i / 10 % 10], words[i / 100 % 10], i);
        input.content = omega_str_of(text);
        input.importance = 0.5;
        input.write.durability = OMEGA_DURABILITY_PROCESS;
        must(omega_memory_store(bench->rt, &input, &id));
    }
}

/* ---- A runtime with nothing to do ------------------------------------------------------------ */

static void bench_empty_memory(void)
{
    uint64_t resident = 0;
    uint64_t private_bytes = 0;
    om_os_memory(&resident, &private_bytes);
    printf("{\"bench\":\"runtime\",\"case\":\"empty_memory\",\"resident_bytes\":%llu,"
           "\"private_bytes\":%llu}\n",
           (unsigned long long)resident, (unsigned long long)private_bytes);
    (void)fflush(stdout);
}

static void bench_idle(void)
{
    const int64_t cpu_ns = om_os_cpu_ns();
    const int64_t begin_ns = now_ns();
    (void)poll(NULL, 0, IDLE_MS);
    const double share = (double)(om_os_cpu_ns() - cpu_ns) / (double)(now_ns() - begin_ns);
    printf("{\"bench\":\"runtime\",\"case\":\"idle\",\"ms\":%d,\"cpu_percent\":%.4f}\n", IDLE_MS,
           share * 100);
    (void)fflush(stdout);
}

int main(void)
{
    char dir[] = "/tmp/omega-bench-runtime-XXXXXX";
    char command[128];
    struct bench bench = {NULL, NULL};
    omega_config config;
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    omega_config_init(&config);
    snprintf(config.runtime_data_dir, sizeof config.runtime_data_dir, "%s", dir);
    must(omega_runtime_new(&config, &bench.rt));
    const int64_t begin_ns = now_ns();
    must(omega_runtime_start(bench.rt));
    printf("{\"bench\":\"runtime\",\"case\":\"first_start\",\"ms\":%.2f}\n",
           (double)(now_ns() - begin_ns) / 1e6);
    bench_empty_memory();
    bench_idle();
    must(omega_cq_new(bench.rt, 16, &bench.cq));
    measure("refused_blocking", step_blocking, &bench, BATCH);
    measure("noop_submit_to_completion", step_noop, &bench, BATCH);
    measure("get_missing_blocking", step_get, &bench, 16);
    measure("get_missing_on_a_worker", step_get_submitted, &bench, 4);
    measure("health_status", step_health, &bench, BATCH);
    measure("metrics", step_metrics, &bench, 1);
    bench_pause(&bench);
    store_some(&bench);
    measure("recall_of_1000", step_recall, &bench, 1);
    omega_cq_free(bench.cq);
    must(omega_runtime_stop(bench.rt, 10000));
    omega_runtime_free(bench.rt);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 1;
}
