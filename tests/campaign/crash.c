/* crash.c -- `make crash`: a writing process killed by SIGKILL 200 times at random moments.
 *
 * Four threads store, store batches, add messages, update, upsert, delete and erase through the
 * public contract. Every other kill falls inside a commit. After each the directory is opened,
 * checked, compared with the model of what was acknowledged, asked by words and vectors; the steps
 * under way are repeated. Every DIRECTORY kills a new directory begins, so that small and large
 * stores take part.
 *
 *     crash_campaign [kills [seed]] */
#include <inttypes.h>

#include "support/kill_point.h"
#include "support/whole.h"

#include "support/whole_script.h"

#include "support/kill_trials.h"

enum { KILLS = 200, DIRECTORY = 50 };

static struct {
    uint64_t rounds, inside, acks, least, done, lost, recalls, memories;
    double open_ms, open_worst_ms;
} total;

static void add_up(const struct kill_campaign *campaign)
{
    total.rounds += campaign->rounds;
    total.inside += campaign->inside_commit;
    total.acks += campaign->acks;
    total.least = OM_MIN(total.least, campaign->least_acks);
    total.done += campaign->done_in_flight;
    total.lost += campaign->lost_in_flight;
    total.recalls += campaign->recalls;
    total.open_ms += campaign->open_ms;
    total.open_worst_ms = OM_MAX(total.open_worst_ms, campaign->open_worst_ms);
    for (size_t s = 0; s < KILL_THREADS; s++) {
        total.memories += campaign->scripts[s].count;
    }
}

/* `count` kills on one directory, which stays when something is wrong. */
static bool run_directory(const char *base, uint64_t count, uint64_t seed)
{
    static struct kill_campaign campaign;
    char dir[300];
    const char *wrong = NULL;
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    kill_begin(&campaign, dir, seed);
    for (uint64_t round = 0; round < count && wrong == NULL; round++) {
        wrong = kill_round(&campaign, round % 2 == 0, seed);
        if (wrong != NULL) {
            (void)fprintf(stderr, "kill %" PRIu64 ", seed %" PRIu64 ": %s\nThe directory: %s\n",
                          total.rounds + round + 1, seed, wrong, dir);
        } else if (campaign.rounds % 10 == 0) {
            (void)fprintf(stderr, "%" PRIu64 " kills\n", total.rounds + campaign.rounds);
        }
    }
    add_up(&campaign);
    kill_end(&campaign);
    if (wrong == NULL) {
        whole_remove(dir);
    }
    return wrong == NULL;
}

int main(int argc, char **argv)
{
    const uint64_t kills = argc > 1 ? strtoull(argv[1], NULL, 10) : KILLS;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char base[256];
    bool good = whole_make_dir(base, sizeof base);
    total.least = UINT64_MAX;
    while (good && total.rounds < kills) {
        good = run_directory(base, OM_MIN((uint64_t)DIRECTORY, kills - total.rounds),
                             seed + total.rounds);
    }
    (void)printf("kills %" PRIu64 ", %" PRIu64 " inside a commit; acknowledgements %" PRIu64
                 ", at least %" PRIu64 " between two kills\n",
                 total.rounds, total.inside, total.acks, total.least);
    (void)printf("memories written %" PRIu64 ", recalled %" PRIu64 "; steps under way: %" PRIu64
                 " had happened, %" PRIu64 " had not, each repeated once\n",
                 total.memories, total.recalls, total.done, total.lost);
    (void)printf("open after a kill: %.1f ms mean, %.1f ms worst\n",
                 total.open_ms / (double)OM_MAX(total.rounds, (uint64_t)1), total.open_worst_ms);
    (void)puts(good ? "acknowledged and missing 0, doubled 0, faults 0" : "FAILED");
    if (good) {
        (void)rmdir(base);
    }
    return good && total.least >= KILL_ACKS ? 0 : 1;
}
