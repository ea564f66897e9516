/* crash_wreck.c -- flipped bits and cuts in each file of a store that was killed, under the whole
 * engine. */
#include <inttypes.h>

#include "support/whole.h"

#include "support/whole_script.h"

#include "support/whole_damage_trials.h"

#include "crash.h"

static const char *wreck_one_file(struct wreck *wreck, size_t which, uint64_t places)
{
    const struct wreck before = *wreck;
    const char *wrong = NULL;
    for (uint64_t number = 0; number < 2 * places && wrong == NULL; number++) {
        wrong = wreck_trial(wreck, which, number);
    }
    (void)printf("{\"campaign\":\"wreck\",\"file\":\"%s\",\"damages\":%" PRIu64
                 ",\"refused\":%" PRIu64 ",\"read_only\":%" PRIu64 ",\"missing\":%" PRIu64
                 ",\"rows_as_they_were\":%" PRIu64 ",\"calls_failed\":%" PRIu64 ",\"good\":%s}\n",
                 wreck_names[which], wreck->trials - before.trials, wreck->refused - before.refused,
                 wreck->read_only - before.read_only, wreck->missing - before.missing,
                 wreck->good_rows - before.good_rows, wreck->failed_calls - before.failed_calls,
                 wrong == NULL ? "true" : "false");
    (void)fflush(stdout);
    return wrong;
}

bool crash_wreck(const char *base, uint64_t places)
{
    static struct wreck wreck;
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s/wreck", base);
    const char *wrong = wreck_make(&wreck, dir);
    for (size_t which = 0; which < WRECK_FILES && wrong == NULL; which++) {
        wrong = wreck_one_file(&wreck, which, places);
    }
    if (wrong != NULL) {
        (void)fprintf(stderr, "crash: wreck: %s\n", wrong);
    }
    wreck_fini(&wreck);
    whole_remove(dir);
    return wrong == NULL;
}
