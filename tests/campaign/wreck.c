/* wreck.c -- 500 flipped bits and 500 cuts in each file of a store that was killed.
 *
 *     wreck_campaign [places] */
#include <inttypes.h>

#include "support/whole.h"

#include "support/whole_script.h"

#include "support/whole_damage_trials.h"

int main(int argc, char **argv)
{
    static struct wreck wreck;
    const uint64_t places = argc > 1 ? strtoull(argv[1], NULL, 10) : 500;
    char base[256], dir[300];
    bool good = whole_make_dir(base, sizeof base);
    om_log_set_level(OM_LOG_OFF);
    (void)snprintf(dir, sizeof dir, "%s/data", base);
    const char *wrong = good ? wreck_make(&wreck, dir) : "no directory";
    for (size_t which = 0; which < WRECK_FILES && wrong == NULL; which++) {
        const struct wreck before = wreck;
        for (uint64_t number = 0; number < 2 * places && wrong == NULL; number++) {
            wrong = wreck_trial(&wreck, which, number);
        }
        (void)printf("%s: %" PRIu64 " flips and cuts; %" PRIu64 " refused at start, %" PRIu64
                     " read-only with %" PRIu64 " operations named as missing; %" PRIu64
                     " rows as they were, %" PRIu64 " calls failed\n",
                     wreck_names[which], wreck.trials - before.trials,
                     wreck.refused - before.refused, wreck.read_only - before.read_only,
                     wreck.missing - before.missing, wreck.good_rows - before.good_rows,
                     wreck.failed_calls - before.failed_calls);
    }
    if (wrong != NULL) {
        (void)printf("FAILED: %s\n", wrong);
    } else {
        (void)puts("wrong rows 0, unnamed losses 0");
    }
    wreck_fini(&wreck);
    whole_remove(base);
    return wrong == NULL ? 0 : 1;
}
