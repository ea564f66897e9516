/* erase.c -- 100 memories of 1,000 are forgotten; the files are searched for what they held.
 *
 * First all by one call, then one after the other by a process that is killed again and again.
 *
 *     erase_campaign [rounds] */
#include <inttypes.h>

#include "support/whole.h"

#include "support/erase_trials.h"

int main(int argc, char **argv)
{
    const uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    char base[256], dir[300];
    const char *wrong = whole_make_dir(base, sizeof base) ? NULL : "no directory";
    uint64_t searched = 0, kills = 0, words = 0, windows = 0;
    for (uint64_t round = 0; round < 2 * rounds && wrong == NULL; round++) {
        (void)snprintf(dir, sizeof dir, "%s/data-%" PRIu64, base, round);
        struct erase_trial trial = {.dir = dir, .total = 1000, .victims = 100};
        wrong = round % 2 == 0 ? erase_filter_trial(&trial, &searched)
                               : erase_kill_trial(&trial, round, &kills, &searched);
        words += trial.words.count;
        windows += trial.windows.count;
        erase_end(&trial);
    }
    (void)printf("%" PRIu64 " memories of %" PRIu64 " forgotten; %" PRIu64 " words and %" PRIu64
                 " windows of 16 bytes looked for; %" PRIu64 " kills while forgetting; %" PRIu64
                 " MB searched\n",
                 200 * rounds, 2000 * rounds, words, windows, kills, searched >> 20);
    if (wrong != NULL) {
        (void)printf("FAILED: %s\nThe directory: %s\n", wrong, dir);
        return 1;
    }
    (void)puts("found before: all; found afterwards: 0");
    whole_remove(base);
    return 0;
}
