/* crash_erase.c -- 100 memories of 1,000 are forgotten; the files are searched for what they held.
 *
 * By turns all by one call, and one after the other by a process that is killed again and again. */
#include <inttypes.h>

#include "support/whole.h"

#include "support/erase_trials.h"

#include "crash.h"

bool crash_erase(const char *base, uint64_t rounds)
{
    char dir[300];
    const char *wrong = NULL;
    uint64_t searched = 0, kills = 0, words = 0, windows = 0;
    for (uint64_t round = 0; round < 2 * rounds && wrong == NULL; round++) {
        (void)snprintf(dir, sizeof dir, "%s/erase-%" PRIu64, base, round);
        struct erase_trial trial = {.dir = dir, .total = 1000, .victims = 100};
        wrong = round % 2 == 0 ? erase_filter_trial(&trial, &searched)
                               : erase_kill_trial(&trial, round, &kills, &searched);
        words += trial.words.count;
        windows += trial.windows.count;
        erase_end(&trial);
        if (wrong == NULL) {
            whole_remove(dir);
        }
    }
    if (wrong != NULL) {
        (void)fprintf(stderr, "crash: erase: %s (%s)\n", wrong, dir);
    }
    (void)printf("{\"campaign\":\"erase\",\"forgotten\":%" PRIu64 ",\"of\":%" PRIu64
                 ",\"words\":%" PRIu64 ",\"windows\":%" PRIu64 ",\"kills\":%" PRIu64
                 ",\"searched_mb\":%" PRIu64 ",\"good\":%s}\n",
                 200 * rounds, 2000 * rounds, words, windows, kills, searched >> 20,
                 wrong == NULL ? "true" : "false");
    (void)fflush(stdout);
    return wrong == NULL;
}
