/* cmd_bench.c -- what this machine does: writes, recalls and the disk's fsync, on a store of its
 * own in a new directory, removed afterwards. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_int.h"

enum { WRITES = 200, BATCHES = 20, BATCH = 250, RECALLS = 200, FSYNCS = 100 };

static const struct cli_option options[] = {CLI_OPTIONS_END};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_case(const struct cli *cli, const char *name, double *us, size_t count)
{
    qsort(us, count, sizeof *us, compare);
    const double p50 = us[count / 2];
    const double p99 = us[count * 99 / 100];
    printf(cli->json ? "{\"case\":\"%s\",\"count\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f}\n"
                     : "%-28s %5zu times   p50 %9.1f us   p99 %9.1f us\n",
           name, count, p50, p99);
}

static double us_since(int64_t start_ns)
{
    return (double)(om_mono_ns(om_clock_system()) - start_ns) / 1000.0;
}

static const char *const words[] = {
    "river",   "engine", "coffee", "meeting", "garden",   "invoice", "violin",  "deadline",
    "harbour", "recipe", "server", "winter",  "passport", "budget",  "orchard", "keyboard"};

static void make_text(struct om_rng *rng, char *out, size_t size)
{
    size_t len = 0;
    for (int i = 0; i < 12; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%s%llu", i > 0 ? " " : "",
                                words[om_rng_below(rng, OM_COUNT_OF(words))],
                                (unsigned long long)om_rng_below(rng, 40));
    }
}

static omega_status bench_fsync(const struct cli *cli, const char *dir)
{
    char path[OM_PATH_SIZE];
    double us[FSYNCS];
    char block[4096] = {1};
    int fd = -1;
    omega_status status = om_os_join(path, dir, "fsync");
    if (status == OMEGA_OK) {
        status = om_os_open_private(path, true, &fd);
    }
    for (size_t i = 0; i < FSYNCS && status == OMEGA_OK; i++) {
        const int64_t start = om_mono_ns(om_clock_system());
        status = om_os_pwrite(fd, block, sizeof block, i * sizeof block);
        if (status == OMEGA_OK && fdatasync(fd) != 0) {
            status = om_fail(OMEGA_EIO, "fsync failed in %s", dir);
        }
        us[i] = us_since(start);
    }
    om_os_close(&fd);
    if (status == OMEGA_OK) {
        print_case(cli, "the disk's write and fsync", us, FSYNCS);
    }
    return status;
}

static omega_status store_one(struct cli *cli, struct om_rng *rng, omega_durability durability)
{
    char text[512];
    omega_id id;
    omega_memory_input input = OMEGA_MEMORY_INPUT_INIT;
    make_text(rng, text, sizeof text);
    input.content = omega_str_of(text);
    input.write.durability = durability;
    return omega_memory_store(cli->rt, &input, &id);
}

static omega_status bench_writes(struct cli *cli, struct om_rng *rng, omega_durability durability,
                                 const char *name)
{
    double us[WRITES];
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < WRITES && status == OMEGA_OK; i++) {
        const int64_t start = om_mono_ns(om_clock_system());
        status = store_one(cli, rng, durability);
        us[i] = us_since(start);
    }
    if (status == OMEGA_OK) {
        print_case(cli, name, us, WRITES);
    }
    return status;
}

static omega_status bench_batches(struct cli *cli, struct om_rng *rng)
{
    static char texts[BATCH][512];
    static omega_memory_input inputs[BATCH];
    static omega_id ids[BATCH];
    double us[BATCHES];
    omega_status status = OMEGA_OK;
    for (size_t b = 0; b < BATCHES && status == OMEGA_OK; b++) {
        for (size_t i = 0; i < BATCH; i++) {
            make_text(rng, texts[i], sizeof texts[i]);
            inputs[i] = omega_memory_input_default();
            inputs[i].content = omega_str_of(texts[i]);
        }
        const int64_t start = om_mono_ns(om_clock_system());
        status = omega_memory_store_batch(cli->rt, inputs, BATCH, NULL, ids);
        us[b] = us_since(start);
        if (status == OMEGA_OK && !cli_progress(cli, "filling", b + 1, BATCHES)) {
            status = om_fail(OMEGA_ECANCELLED, "measuring was ended early");
        }
    }
    cli_progress_end(cli);
    if (status == OMEGA_OK) {
        print_case(cli, "a batch of 250 memories", us, BATCHES);
    }
    return status;
}

static omega_status bench_recalls(struct cli *cli, struct om_rng *rng)
{
    double us[RECALLS];
    omega_status status = OMEGA_OK;
    for (size_t i = 0; i < RECALLS && status == OMEGA_OK; i++) {
        char text[512];
        omega_memories *found = NULL;
        omega_recall_options ask = OMEGA_RECALL_OPTIONS_INIT;
        make_text(rng, text, sizeof text);
        ask.query = omega_str_of(text);
        const int64_t start = om_mono_ns(om_clock_system());
        status = omega_memory_recall(cli->rt, &ask, &found);
        us[i] = us_since(start);
        omega_memories_free(found);
    }
    if (status == OMEGA_OK) {
        print_case(cli, "a recall over 5,400", us, RECALLS);
    }
    return status;
}

static omega_status run_all(struct cli *cli, const char *dir)
{
    struct om_rng rng;
    om_rng_seed(&rng, 1);
    omega_status status = bench_fsync(cli, dir);
    if (status == OMEGA_OK) {
        status = cli_open(cli);
    }
    if (status == OMEGA_OK) {
        status = bench_writes(cli, &rng, OMEGA_DURABILITY_DISK, "a durable write");
    }
    if (status == OMEGA_OK) {
        status = bench_writes(cli, &rng, OMEGA_DURABILITY_PROCESS, "a write, process durability");
    }
    if (status == OMEGA_OK) {
        status = bench_batches(cli, &rng);
    }
    return status == OMEGA_OK ? bench_recalls(cli, &rng) : status;
}

static omega_status remove_entry(void *context, const char *name, bool is_dir)
{
    char path[OM_PATH_SIZE];
    omega_status status = om_os_join(path, (const char *)context, name);
    return status == OMEGA_OK && !is_dir ? om_os_remove(path) : status;
}

static int run_bench(struct cli *cli)
{
    char dir[OM_PATH_SIZE];
    const char *base = cli->data_dir != NULL ? cli->data_dir : getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/omega-bench-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(dir) == NULL) {
        fprintf(stderr, "omega: no directory can be made in '%s'\n", base != NULL ? base : "/tmp");
        return omega_status_exit_code(OMEGA_EIO);
    }
    cli->data_dir = dir;
    omega_status status = run_all(cli, dir);
    const int code = status == OMEGA_OK ? 0 : cli_fail(status);
    status = cli_close(cli);
    const omega_status cleaned = om_os_list(dir, om_alloc_default(), remove_entry, dir);
    if (cleaned == OMEGA_OK) {
        rmdir(dir);
    }
    return code != 0 || status == OMEGA_OK ? code : cli_fail(status);
}

const struct cli_command cli_bench = {
    .name = "bench",
    .words = "",
    .summary = "measure writes and recalls on this machine",
    .details = "Works in a new directory inside --data (else the system's temporary directory) and "
               "removes it.",
    .options = options,
    .run = run_bench,
    .makes_store = true,
};
