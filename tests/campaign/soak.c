/* soak.c -- `make soak`: a mixed load for SOAK_SECONDS (600 by default); does anything grow?
 *
 * Writers run scripts and then forget all that these made, the last with erasure, so that the set
 * stays bounded; readers recall by words and by vector and list; one thread asks for health,
 * metrics and a check. Every period resident and private bytes and open descriptors are taken, at
 * the moments when a writer has just forgotten all; after the first third, which fills caches, a
 * line is fitted through them (least squares). It must hold that no call fails, that descriptors do
 * not grow, and that private memory grows by less than SLOPE_MAX_KB_S. The database grows by what
 * it keeps of operations, events and tombstones: its slope is printed, not judged. */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "support/whole.h"

#include "support/whole_script.h"

enum {
    WRITERS = 2,
    READERS = 2,
    THREADS = WRITERS + READERS + 1,
    SAMPLES_MAX = 8192,
    ROUND_STEPS = 300,
    DEFAULT_SECONDS = 600,
    SLOPE_MAX_KB_S = 16
};

enum { SECONDS, RESIDENT_KB, PRIVATE_KB, DESCRIPTORS, DATABASE_KB, COLUMNS };

struct soak {
    omega_runtime *rt;
    char base[256], dir[300];
    atomic_bool stop;
    atomic_uint_fast64_t writes, reads, visits, failures;
    double samples[SAMPLES_MAX][COLUMNS];
    size_t sample_count;
    int64_t began_ns;
};

struct soaker {
    struct soak *soak;
    unsigned number;
    uint64_t draws;
};

static bool goes_on(struct soak *soak)
{
    return !atomic_load(&soak->stop);
}

static void note_failure(struct soak *soak, const char *what)
{
    if (atomic_fetch_add(&soak->failures, 1) < 5) {
        (void)fprintf(stderr, "soak: %s: %s\n", what, omega_error_message());
    }
}

/* ---- What is measured ------------------------------------------------------------------------ */

static double count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double count = 0;
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}

static void take_sample(struct soak *soak)
{
    uint64_t resident = 0, private_bytes = 0, database = 0;
    char path[400];
    if (soak->sample_count == SAMPLES_MAX) {
        return;
    }
    double *sample = soak->samples[soak->sample_count++];
    om_os_memory(&resident, &private_bytes);
    (void)snprintf(path, sizeof path, "%s/omega.db", soak->dir);
    (void)!om_os_file_size(path, &database);
    sample[SECONDS] = (double)(om_mono_ns(om_clock_system()) - soak->began_ns) / 1e9;
    sample[RESIDENT_KB] = (double)resident / 1024;
    sample[PRIVATE_KB] = (double)private_bytes / 1024;
    sample[DESCRIPTORS] = count_descriptors();
    sample[DATABASE_KB] = (double)database / 1024;
}

/* Growth per second of a column over the last two thirds. */
static double slope_of(const struct soak *soak, int column)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = soak->sample_count / 3; i < soak->sample_count; i++) {
        const double *sample = soak->samples[i];
        n++;
        x += sample[SECONDS];
        y += sample[column];
        xx += sample[SECONDS] * sample[SECONDS];
        xy += sample[SECONDS] * sample[column];
    }
    const double below = n * xx - x * x;
    return n > 1 && below > 0 ? (n * xy - x * y) / below : 0;
}

/* ---- The load -------------------------------------------------------------------------------- */

static void forget_all(struct soak *soak, const struct script *script)
{
    char user[SCRIPT_NAME_SIZE], session[SCRIPT_NAME_SIZE];
    script_user(script, user);
    for (size_t i = 0; i < script->count; i++) {
        const struct script_memory *memory = &script->memories[i];
        omega_delete_options options = OMEGA_DELETE_OPTIONS_INIT;
        options.id = memory->id.text;
        options.scope.user = omega_str_of(user);
        options.now = i + 1 == script->count;
        options.write.durability = OMEGA_DURABILITY_PROCESS;
        if (memory->session != 0) {
            (void)snprintf(session, sizeof session, "session-%llu",
                           (unsigned long long)memory->session);
            options.scope.session = omega_str_of(session);
        }
        if (memory->is_alive && omega_memory_delete(soak->rt, &options, NULL) != OMEGA_OK) {
            note_failure(soak, "forgetting");
        }
    }
}

static void *write_on(void *context)
{
    struct soaker *soaker = context;
    struct soak *soak = soaker->soak;
    for (uint64_t round = 0; goes_on(soak); round++) {
        struct script script = {.seed = 1000 + round, .thread = soaker->number};
        omega_status status = OMEGA_OK;
        for (size_t i = 0; i < ROUND_STEPS && status == OMEGA_OK && goes_on(soak); i++) {
            const struct script_step step = script_next(&script);
            struct script_result result;
            status = script_run(soak->rt, &script, &step, &result);
            if (status == OMEGA_OK) {
                script_accept(&script, &step, result.ids);
            } else {
                note_failure(soak, "a step");
            }
            atomic_fetch_add(&soak->writes, 1);
        }
        forget_all(soak, &script);
        script_fini(&script);
        if (soaker->number == 0) {
            take_sample(soak);
        }
    }
    return NULL;
}

static omega_status read_once(struct soak *soak, uint64_t draw, omega_memories **out)
{
    char text[WHOLE_TEXT_SIZE], user[SCRIPT_NAME_SIZE];
    float vector[WHOLE_DIMENSION];
    const struct script script = {.thread = (unsigned)(draw % WRITERS)};
    script_user(&script, user);
    if (draw % 7 == 0) {
        omega_list_options list = OMEGA_LIST_OPTIONS_INIT;
        list.scope.user = omega_str_of(user);
        return omega_memory_list(soak->rt, &list, out);
    }
    omega_recall_options recall = OMEGA_RECALL_OPTIONS_INIT;
    recall.scope.user = omega_str_of(user);
    recall.query = draw % 3 != 0 ? whole_text(draw, text) : (omega_str){NULL, 0};
    recall.embedding = draw % 3 != 1 ? whole_vector(draw, vector) : NULL;
    recall.dimension = draw % 3 != 1 ? WHOLE_DIMENSION : 0;
    recall.explain = draw % 5 == 0;
    return omega_memory_recall(soak->rt, &recall, out);
}

static void *read_on(void *context)
{
    struct soaker *soaker = context;
    while (goes_on(soaker->soak)) {
        omega_memories *found = NULL;
        const uint64_t draw = whole_draw(++soaker->draws, soaker->number);
        if (read_once(soaker->soak, draw, &found) != OMEGA_OK) {
            note_failure(soaker->soak, "a read");
        }
        omega_memories_free(found);
        atomic_fetch_add(&soaker->soak->reads, 1);
    }
    return NULL;
}

static void *visit(void *context)
{
    struct soaker *soaker = context;
    struct soak *soak = soaker->soak;
    while (goes_on(soak)) {
        omega_health_report health = {.struct_size = sizeof health};
        char *metrics = NULL;
        if (omega_health_probe(soak->rt, &health) != OMEGA_OK ||
            omega_metrics_prometheus(soak->rt, &metrics) != OMEGA_OK) {
            note_failure(soak, "a probe");
        }
        omega_text_free(metrics);
        const char *wrong = atomic_load(&soak->visits) % 10 == 9 ? whole_check(soak->rt) : NULL;
        if (wrong != NULL) {
            (void)fprintf(stderr, "soak: %s\n", wrong);
            atomic_fetch_add(&soak->failures, 1);
        }
        atomic_fetch_add(&soak->visits, 1);
        om_os_sleep_ms(500);
    }
    return NULL;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void run(struct soak *soak, unsigned seconds)
{
    pthread_t threads[THREADS];
    struct soaker soakers[THREADS];
    size_t started = 0;
    soak->began_ns = om_mono_ns(om_clock_system());
    for (unsigned i = 0; i < THREADS; i++) {
        void *(*work)(void *) = i < WRITERS ? write_on : i < WRITERS + READERS ? read_on : visit;
        soakers[i] = (struct soaker){.soak = soak, .number = i};
        if (pthread_create(&threads[started], NULL, work, &soakers[i]) == 0) {
            started++;
        } else {
            note_failure(soak, "no thread");
        }
    }
    for (unsigned second = 0; second < seconds; second++) {
        om_os_sleep_ms(1000);
    }
    atomic_store(&soak->stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static bool judge(const struct soak *soak, unsigned seconds)
{
    const double private_slope = slope_of(soak, PRIVATE_KB), fds = slope_of(soak, DESCRIPTORS);
    const uint64_t failures = atomic_load(&soak->failures);
    const double *last = soak->samples[soak->sample_count - 1];
    const bool good = failures == 0 && private_slope < SLOPE_MAX_KB_S && fds * seconds < 1;
    (void)printf("{\"campaign\":\"soak\",\"seconds\":%u,\"writes\":%" PRIu64 ",\"reads\":%" PRIu64
                 ",\"visits\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"samples\":%zu,"
                 "\"resident_kb\":%.0f,\"resident_kb_per_s\":%.2f,\"private_kb\":%.0f,"
                 "\"private_kb_per_s\":%.2f,\"descriptors\":%.0f,\"descriptors_per_s\":%.4f,"
                 "\"database_kb\":%.0f,\"database_kb_per_s\":%.2f,\"good\":%s}\n",
                 seconds, (uint64_t)atomic_load(&soak->writes), (uint64_t)atomic_load(&soak->reads),
                 (uint64_t)atomic_load(&soak->visits), failures, soak->sample_count,
                 last[RESIDENT_KB], slope_of(soak, RESIDENT_KB), last[PRIVATE_KB], private_slope,
                 last[DESCRIPTORS], fds, last[DATABASE_KB], slope_of(soak, DATABASE_KB),
                 good ? "true" : "false");
    return good;
}

int main(void)
{
    static struct soak soak;
    const char *wish = getenv("SOAK_SECONDS");
    const unsigned seconds = wish != NULL ? (unsigned)strtoul(wish, NULL, 10) : DEFAULT_SECONDS;
    if (!whole_make_dir(soak.base, sizeof soak.base)) {
        return 1;
    }
    (void)snprintf(soak.dir, sizeof soak.dir, "%s/data", soak.base);
    const struct whole_options options = {.dir = soak.dir};
    if (whole_start(&options, &soak.rt) != OMEGA_OK) {
        (void)fprintf(stderr, "soak: start: %s\n", omega_error_message());
        return 1;
    }
    run(&soak, seconds);
    whole_stop(soak.rt);
    const bool good = soak.sample_count > 3 && judge(&soak, seconds);
    if (!good && soak.sample_count <= 3) {
        (void)fprintf(stderr, "soak: too short to tell\n");
    }
    whole_remove(soak.base);
    return good ? 0 : 1;
}
