/* bench_store.c -- durable writes against the disk they wait for.
 *
 * One JSON line for each case. The disk is measured in the same run and the same directory, turn by
 * turn with the writes: a bare pwrite and fdatasync of 4 KiB at the end of a growing file, and the
 * same inside a file that has its size. Group commit is measured with 1, 8 and 64 writers, with
 * `disk` and with `process` durability in alternating rounds; the ratio is theirs. The directory is
 * the first argument or /var/tmp: a tmpfs has no fsync worth measuring. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/toy_store.h"

enum {
    SINGLES = 2000,
    BLOCK = 4096,
    ROUNDS = 4,
    ROUND_MS = 700,
    WRITERS_MAX = 64,
    COLD_ROWS = 100000
};

static char base[512], dir[600];
static atomic_int_fast64_t next_id = 1;

static void must(omega_status status)
{
    if (status != OMEGA_OK) {
        fprintf(stderr, "bench_store: %s\n", omega_error_message());
        exit(1);
    }
}

static void must_be(bool good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t count, double q)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[(size_t)(q * (double)(count - 1))];
}

static double us_since(int64_t start_ns)
{
    return (double)(om_mono_ns(om_clock_system()) - start_ns) / 1000.0;
}

static void write_one(struct om_store *store, enum om_durability durability)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog while forty-two agents "
                               "remember what it looked like, where it went, and who was asked.";
    int64_t id = atomic_fetch_add(&next_id, 1);
    must(toy_put_one(store, id, OM_STR(text), durability, NULL));
}

/* ---- One writer beside the disk -------------------------------------------------------------- */

struct control {
    int fd;
    off_t at, wrap;
};

static struct control control_open(const char *name, bool has_size)
{
    static char block[BLOCK];
    char path[700];
    struct control control = {.wrap = has_size ? (off_t)1024 * BLOCK : 0};
    (void)snprintf(path, sizeof(path), "%s/%s", base, name);
    control.fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    must_be(control.fd >= 0, path);
    for (off_t at = 0; at < control.wrap; at += BLOCK) {
        must_be(pwrite(control.fd, block, BLOCK, at) == BLOCK, "pwrite");
    }
    must_be(fsync(control.fd) == 0, "fsync");
    return control;
}

static double control_sync(struct control *control)
{
    static char block[BLOCK] = {1};
    int64_t start = om_mono_ns(om_clock_system());
    must_be(pwrite(control->fd, block, BLOCK, control->at) == BLOCK, "pwrite");
    must_be(fdatasync(control->fd) == 0, "fdatasync");
    control->at += BLOCK;
    if (control->wrap != 0 && control->at >= control->wrap) {
        control->at = 0;
    }
    return us_since(start);
}

/* Until the log has its full size and is written from its beginning again. */
static void wrap_log(struct om_store *store)
{
    while (!om_store_wants_checkpoint(store)) {
        write_one(store, OM_DURABILITY_PROCESS);
    }
    must(om_store_checkpoint(store, false, 1000));
}

static void bench_single(struct om_store *store, const char *name)
{
    static double grow[SINGLES], over[SINGLES], disk[SINGLES], process[SINGLES];
    struct control growing = control_open("growing", false);
    struct control sized = control_open("sized", true);
    for (int i = 0; i < SINGLES; i++) {
        grow[i] = control_sync(&growing);
        over[i] = control_sync(&sized);
        int64_t start = om_mono_ns(om_clock_system());
        write_one(store, OM_DURABILITY_DISK);
        disk[i] = us_since(start);
        start = om_mono_ns(om_clock_system());
        write_one(store, OM_DURABILITY_PROCESS);
        process[i] = us_since(start);
        if (om_store_wants_checkpoint(store)) {
            must(om_store_checkpoint(store, false, 1000));
        }
    }
    (void)close(growing.fd);
    (void)close(sized.fd);
    double fsync_grow = quantile(grow, SINGLES, 0.5), fsync_over = quantile(over, SINGLES, 0.5);
    double p50 = quantile(disk, SINGLES, 0.5);
    printf("{\"bench\":\"store\",\"case\":\"%s\",\"count\":%d,"
           "\"fsync_growing_p50_us\":%.1f,\"fsync_sized_p50_us\":%.1f,\"disk_p50_us\":%.1f,\"disk_"
           "p99_us\":%.1f,"
           "\"over_growing_us\":%.1f,\"over_sized_us\":%.1f,\"process_p50_us\":%.1f,"
           "\"process_p99_us\":%.1f}\n",
           name, SINGLES, fsync_grow, fsync_over, p50, quantile(disk, SINGLES, 0.99),
           p50 - fsync_grow, p50 - fsync_over, quantile(process, SINGLES, 0.5),
           quantile(process, SINGLES, 0.99));
    (void)fflush(stdout);
}

static void bench_checkpoint(struct om_store *store)
{
    struct om_store_info info;
    om_store_info(store, &info);
    int64_t start = om_mono_ns(om_clock_system());
    must(om_store_checkpoint(store, true, 1000));
    printf("{\"bench\":\"store\",\"case\":\"checkpoint\",\"wal_bytes\":%llu,\"us\":%.0f}\n",
           (unsigned long long)info.wal_bytes, us_since(start));
    (void)fflush(stdout);
}

/* ---- Many writers ---------------------------------------------------------------------------- */

struct writer {
    struct om_thread thread;
    struct om_store *store;
    enum om_durability durability;
    atomic_bool *stop;
    uint64_t written;
};

static void write_until_stopped(void *context)
{
    struct writer *writer = context;
    while (!atomic_load_explicit(writer->stop, memory_order_relaxed)) {
        write_one(writer->store, writer->durability);
        writer->written++;
    }
}

static double writes_per_second(struct om_store *store, int count, enum om_durability durability)
{
    static struct writer writers[WRITERS_MAX];
    atomic_bool stop = false;
    uint64_t written = 0;
    int64_t start = om_mono_ns(om_clock_system());
    for (int i = 0; i < count; i++) {
        writers[i] = (struct writer){.store = store, .durability = durability, .stop = &stop};
        must(om_thread_start(&writers[i].thread, "writer", write_until_stopped, &writers[i]));
    }
    while (us_since(start) < ROUND_MS * 1000.0) {
        om_os_sleep_ms(5);
        if (om_store_wants_checkpoint(store)) {
            omega_status status = om_store_checkpoint(store, false, 1000);
            must(status == OMEGA_EAGAIN ? OMEGA_OK : status);
        }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < count; i++) {
        om_thread_join(&writers[i].thread);
        written += writers[i].written;
    }
    return (double)written / us_since(start) * 1e6;
}

static void bench_group(struct om_store *store, int count)
{
    double disk[ROUNDS], process[ROUNDS];
    struct om_store_info before, after;
    om_store_info(store, &before);
    for (int i = 0; i < ROUNDS; i++) {
        disk[i] = writes_per_second(store, count, OM_DURABILITY_DISK);
        process[i] = writes_per_second(store, count, OM_DURABILITY_PROCESS);
    }
    om_store_info(store, &after);
    double d = quantile(disk, ROUNDS, 0.5), p = quantile(process, ROUNDS, 0.5);
    printf("{\"bench\":\"store\",\"case\":\"write_group\",\"writers\":%d,\"disk_per_s\":%.0f,"
           "\"process_per_s\":%.0f,\"ratio\":%.2f,\"records_per_commit\":%.1f}\n",
           count, d, p, d / p,
           (double)(after.operations - before.operations) /
               (double)(after.commits - before.commits));
    (void)fflush(stdout);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void fill(struct om_store *store)
{
    static struct toy_write toys[OM_LIMIT_LIST];
    static struct om_write writes[OM_LIMIT_LIST];
    for (int done = 0; done < COLD_ROWS; done += OM_LIMIT_LIST) {
        for (int i = 0; i < OM_LIMIT_LIST; i++) {
            int64_t id = atomic_fetch_add(&next_id, 1);
            toy_write_init(&toys[i], &toy_put, (uint64_t)id, OM_DURABILITY_PROCESS);
            toy_body_put(&toys[i], id, OM_STR("a row among a hundred thousand others"), id);
            writes[i] = toys[i].write;
        }
        must(om_store_commit(store, writes, OM_LIMIT_LIST));
        for (int i = 0; i < OM_LIMIT_LIST; i++) {
            toys[i].write = writes[i];
            toy_write_fini(&toys[i]);
        }
        must(om_store_checkpoint(store, false, 1000));
    }
}

static void bench_open(const struct om_store_options *options, struct om_store **store)
{
    double opened[5], bytes = 0;
    int64_t start = om_mono_ns(om_clock_system());
    fill(*store);
    double filled = us_since(start);
    for (size_t i = 0; i < OM_COUNT_OF(opened); i++) {
        om_store_close(*store);
        *store = NULL;
        start = om_mono_ns(om_clock_system());
        must(om_store_open(options, store));
        opened[i] = us_since(start);
    }
    struct om_store_info info;
    om_store_info(*store, &info);
    bytes = (double)info.db_bytes;
    printf("{\"bench\":\"store\",\"case\":\"open\",\"operations\":%llu,\"db_mb\":%.0f,\"us\":%.0f,"
           "\"bulk_per_s\":%.0f}\n",
           (unsigned long long)info.last_seq, bytes / 1e6,
           quantile(opened, OM_COUNT_OF(opened), 0.5), COLD_ROWS / filled * 1e6);
    (void)fflush(stdout);
}

static void bench_read(struct om_store *store)
{
    enum { READS = 20000 };
    static double reads[READS];
    for (int i = 0; i < READS; i++) {
        struct om_reader reader;
        int64_t start = om_mono_ns(om_clock_system());
        must(om_store_read(store, 1000, &reader));
        om_store_read_end(&reader);
        reads[i] = us_since(start);
    }
    printf("{\"bench\":\"store\",\"case\":\"snapshot\",\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
           quantile(reads, READS, 0.5), quantile(reads, READS, 0.99));
    (void)fflush(stdout);
}

static void bench_erase(struct om_store *store, int64_t id, const char *name)
{
    struct om_store_info info;
    uint64_t overwritten = 0;
    om_store_info(store, &info);
    must(toy_drop_one(store, id));
    int64_t start = om_mono_ns(om_clock_system());
    must(om_store_erase(store, 1000, &overwritten));
    printf("{\"bench\":\"store\",\"case\":\"%s\",\"db_mb\":%.0f,\"ms\":%.1f}\n", name,
           (double)info.db_bytes / 1e6, us_since(start) / 1000.0);
    (void)fflush(stdout);
}

/* ---- All ------------------------------------------------------------------------------------- */

static void remove_file(void *context, const char *where, const char *name)
{
    char path[1200];
    (void)context;
    (void)snprintf(path, sizeof(path), "%s/%s", where, name);
    (void)unlink(path);
}

static omega_status remove_data(void *context, const char *name, bool is_dir)
{
    if (!is_dir) {
        remove_file(NULL, context, name);
    }
    return OMEGA_OK;
}

int main(int argc, char **argv)
{
    struct om_store *store = NULL;
    (void)snprintf(base, sizeof(base), "%s/omega-bench-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
    must_be(mkdtemp(base) != NULL, base);
    (void)snprintf(dir, sizeof(dir), "%s/data", base);
    struct om_store_options options = toy_options(dir);
    must(om_store_open(&options, &store));
    bench_single(store, "write_single_new_log");
    wrap_log(store);
    bench_single(store, "write_single");
    bench_checkpoint(store);
    bench_group(store, 1);
    bench_group(store, 8);
    bench_group(store, 64);
    bench_open(&options, &store);
    bench_read(store);
    bench_erase(store, 1, "erase_first");
    bench_erase(store, 2, "erase");
    om_store_close(store);
    must(om_os_list(dir, om_alloc_default(), remove_data, dir));
    must(om_os_list(base, om_alloc_default(), remove_data, base));
    (void)rmdir(dir);
    (void)rmdir(base);
    return 0;
}
