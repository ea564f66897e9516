/* crash.c -- `make crash`: what was acknowledged outlives kills, power cuts, damage and full disks,
 * and what was forgotten does not.
 *
 *     crash_campaign [part ...]     all parts, or those named */
#include <stdio.h>
#include <string.h>

#include "support/whole.h"

#include "crash.h"

enum { KILLS = 200, STORE_KILLS = 200, PLACES = 500, POWER_OPS = 2000, POWER_STRIDE = 20 };

static bool run_engine(const char *base)
{
    return crash_engine(base, KILLS, 1);
}

static bool run_wreck(const char *base)
{
    return crash_wreck(base, PLACES);
}

static bool run_erase(const char *base)
{
    return crash_erase(base, 3);
}

static bool run_kill(const char *base)
{
    return crash_kill(base, STORE_KILLS, 1);
}

static bool run_power(const char *base)
{
    return crash_power(base, POWER_OPS, POWER_STRIDE);
}

static bool run_damage(const char *base)
{
    return crash_damage(base, PLACES);
}

/* Last: it moves to a mount namespace of its own. */
static bool run_full(const char *base)
{
    (void)base;
    return crash_full(25);
}

static const struct {
    const char *name;
    bool (*run)(const char *base);
} parts[] = {{"engine", run_engine}, {"wreck", run_wreck}, {"erase", run_erase},
             {"kill", run_kill},     {"power", run_power}, {"damage", run_damage},
             {"full", run_full}};

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    char base[256];
    int passed = 0, failed = 0;
    if (!whole_make_dir(base, sizeof base)) {
        (void)fprintf(stderr, "crash: no directory for the trials\n");
        return 1;
    }
    om_log_set_level(OM_LOG_OFF);
    for (size_t i = 0; i < OM_COUNT_OF(parts); i++) {
        if (is_wanted(parts[i].name, argc, argv)) {
            const bool good = parts[i].run(base);
            passed += good;
            failed += !good;
        }
    }
    (void)printf("%d parts passed, %d failed\n", passed, failed);
    if (failed == 0) {
        whole_remove(base);
    }
    return failed == 0 && passed > 0 ? 0 : 1;
}
