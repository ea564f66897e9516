/* crash_engine.c -- a writing process of the whole engine, killed by SIGKILL at random moments.
 *
 * Four threads store, store batches, add messages, update, upsert, delete and erase through the
 * public contract. Every other kill falls inside a commit. After each the directory is opened,
 * checked, compared with the model of what was acknowledged, asked by words and vectors; the steps
 * under way are repeated. Every DIRECTORY kills a new directory begins, so that small and large
 * stores take part. */
#include <inttypes.h>

#include "support/kill_point.h"
#include "support/whole.h"

#include "support/whole_script.h"

#include "support/kill_trials.h"

#include "crash.h"

enum { DIRECTORY = 50 };

struct kill_total {
    uint64_t rounds, inside, acks, least, done, lost, recalls, memories;
    double open_ms, open_worst_ms;
};

static void add_up(struct kill_total *total, const struct kill_campaign *campaign)
{
    total->rounds += campaign->rounds;
    total->inside += campaign->inside_commit;
    total->acks += campaign->acks;
    total->least = OM_MIN(total->least, campaign->least_acks);
    total->done += campaign->done_in_flight;
    total->lost += campaign->lost_in_flight;
    total->recalls += campaign->recalls;
    total->open_ms += campaign->open_ms;
    total->open_worst_ms = OM_MAX(total->open_worst_ms, campaign->open_worst_ms);
    for (size_t s = 0; s < KILL_THREADS; s++) {
        total->memories += campaign->scripts[s].count;
    }
}

/* `count` kills on one directory, which stays when something is wrong. */
static bool run_directory(struct kill_total *total, const char *base, uint64_t count, uint64_t seed)
{
    static struct kill_campaign campaign;
    char dir[300];
    const char *wrong = NULL;
    (void)snprintf(dir, sizeof dir, "%s/engine", base);
    kill_begin(&campaign, dir, seed);
    for (uint64_t round = 0; round < count && wrong == NULL; round++) {
        wrong = kill_round(&campaign, round % 2 == 0, seed);
        if (wrong != NULL) {
            (void)fprintf(stderr, "crash: kill %" PRIu64 ", seed %" PRIu64 ": %s (%s)\n",
                          total->rounds + round + 1, seed, wrong, dir);
        } else if (campaign.rounds % 25 == 0) {
            (void)fprintf(stderr, "crash: %" PRIu64 " kills\n", total->rounds + campaign.rounds);
        }
    }
    add_up(total, &campaign);
    kill_end(&campaign);
    if (wrong == NULL) {
        whole_remove(dir);
    }
    return wrong == NULL;
}

bool crash_engine(const char *base, uint64_t kills, uint64_t seed)
{
    struct kill_total total = {.least = UINT64_MAX};
    bool good = true;
    while (good && total.rounds < kills) {
        good = run_directory(&total, base, OM_MIN((uint64_t)DIRECTORY, kills - total.rounds),
                             seed + total.rounds);
    }
    (void)printf("{\"campaign\":\"engine\",\"kills\":%" PRIu64 ",\"inside_commit\":%" PRIu64
                 ",\"acknowledged\":%" PRIu64 ",\"least_between_kills\":%" PRIu64
                 ",\"memories\":%" PRIu64 ",\"recalled\":%" PRIu64
                 ",\"under_way\":{\"done\":%" PRIu64 ",\"not\":%" PRIu64
                 "},\"open_ms\":{\"mean\":%.1f,\"worst\":%.1f},\"good\":%s}\n",
                 total.rounds, total.inside, total.acks, total.least, total.memories, total.recalls,
                 total.done, total.lost, total.open_ms / (double)OM_MAX(total.rounds, (uint64_t)1),
                 total.open_worst_ms, good ? "true" : "false");
    (void)fflush(stdout);
    return good && total.least >= KILL_ACKS;
}
