/* crash_power.c -- power cuts and damaged files, on a disk that the campaign owns. */
#include "support/toy_store.h"
#include "support/vfs.h"

#include "support/store_trials.h"

#include "crash.h"

enum { DAMAGED_ROWS = 400 };

static struct om_store_options prepare(const char *base, char dir[OM_PATH_SIZE])
{
    trial_path(dir, base, "data");
    struct om_store_options options = toy_options(dir);
    options.vfs = om_test_vfs();
    om_test_vfs_reset();
    om_test_vfs_real_sync(false);
    om_log_set_level(OM_LOG_OFF);
    return options;
}

bool crash_power(const char *base, int64_t ops, uint64_t stride)
{
    char dir[OM_PATH_SIZE];
    struct om_store_options options = prepare(base, dir);
    uint64_t total = power_count(&options, ops), cuts = 0, wrongs = 0;
    for (uint64_t cut = 1; cut <= total; cut += stride) {
        for (uint64_t torn = 0; torn < 2; torn++) {
            const char *wrong = power_trial(&options, ops, cut, torn != 0 ? cut : 0);
            cuts++;
            if (wrong != NULL) {
                wrongs++;
                fprintf(stderr, "crash: power cut at I/O %llu (%s): %s\n", (unsigned long long)cut,
                        torn != 0 ? "torn" : "all unsynced lost", wrong);
            }
        }
    }
    (void)rmdir(dir);
    printf("{\"campaign\":\"power\",\"operations\":%lld,\"io_calls\":%llu,\"cuts\":%llu,"
           "\"wrong\":%llu}\n",
           (long long)ops, (unsigned long long)total, (unsigned long long)cuts,
           (unsigned long long)wrongs);
    (void)fflush(stdout);
    return total > (uint64_t)ops && wrongs == 0;
}

static uint64_t damage_file(const struct om_store_options *options, struct damage_files *files,
                            size_t which, uint64_t count)
{
    uint64_t refusals = 0, wrongs = 0;
    for (uint64_t number = 0; number < count; number++) {
        bool refused = false;
        om_test_vfs_reset();
        const char *wrong = damage_trial(options, files, which, number, &refused);
        refusals += refused;
        if (wrong != NULL) {
            wrongs++;
            fprintf(stderr, "crash: damage %llu of %s: %s\n", (unsigned long long)number,
                    damage_names[which], wrong);
        }
    }
    printf("{\"campaign\":\"damage\",\"file\":\"%s\",\"bytes\":%zu,\"damages\":%llu,"
           "\"refused\":%llu,\"wrong\":%llu}\n",
           damage_names[which], files->sizes[which], (unsigned long long)count,
           (unsigned long long)refusals, (unsigned long long)wrongs);
    (void)fflush(stdout);
    return wrongs;
}

bool crash_damage(const char *base, uint64_t count)
{
    char dir[OM_PATH_SIZE];
    struct om_store_options options = prepare(base, dir);
    struct damage_files files = {0};
    uint64_t wrongs = 0;
    if (!damage_make(&options, DAMAGED_ROWS, &files)) {
        fprintf(stderr, "crash: the files to damage could not be made\n");
        return false;
    }
    for (size_t which = 0; which < OM_COUNT_OF(damage_names); which++) {
        wrongs += damage_file(&options, &files, which, count);
    }
    damage_free(&files);
    om_test_vfs_reset();
    (void)rmdir(dir);
    return wrongs == 0;
}
