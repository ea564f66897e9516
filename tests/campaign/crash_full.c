/* crash_full.c -- a small disk filled and emptied again and again under the whole engine. */
#include <inttypes.h>

#include "support/whole.h"

#include "support/whole_script.h"

#include "support/full_trials.h"

#include "crash.h"

bool crash_full(uint64_t cycles)
{
    static struct full_trial trial;
    if (!full_mount(&trial, 64)) {
        (void)printf("{\"campaign\":\"full\",\"skipped\":\"a tmpfs cannot be mounted here: %s\"}\n",
                     strerror(errno));
        return true;
    }
    const char *wrong = full_run(&trial, cycles);
    if (wrong != NULL) {
        (void)fprintf(stderr, "crash: full: %s\n", wrong);
    }
    (void)printf("{\"campaign\":\"full\",\"times_full\":%" PRIu64 ",\"acknowledged\":%" PRIu64
                 ",\"refused\":%" PRIu64 ",\"recalled\":%" PRIu64 ",\"good\":%s}\n",
                 trial.cycles, trial.acks, trial.refusals, trial.reads,
                 wrong == NULL ? "true" : "false");
    (void)fflush(stdout);
    full_unmount(&trial);
    return wrong == NULL;
}
