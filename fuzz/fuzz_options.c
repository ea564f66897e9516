/* fuzz_options.c -- any bytes as a configuration file.
 *
 * Checks: a refused file changes nothing, an accepted one leaves every field in its range. */
#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct settings {
    bool enabled;
    uint32_t links;
    int64_t interval_ms;
    double rate;
    char name[16];
    uint32_t mode;
};

static const char *const modes[] = {"process", "disk", NULL};

#define FIELD(name) offsetof(struct settings, name), sizeof(((struct settings *)NULL)->name)
static const struct om_option rows[] = {
    {"loops.enabled", OM_OPTION_BOOL, FIELD(enabled), 0, 0, "true", NULL, ""},
    {"agentdb.hnsw_m", OM_OPTION_U32, FIELD(links), 4, 128, "16", NULL, ""},
    {"loops.interval_ms", OM_OPTION_I64, FIELD(interval_ms), -10, 1e12, "100", NULL, ""},
    {"breaker.rate", OM_OPTION_DOUBLE, FIELD(rate), 0, 1, "0.25", NULL, ""},
    {"runtime.name", OM_OPTION_TEXT, FIELD(name), 1, 0, "omega", NULL, ""},
    {"store.durability", OM_OPTION_CHOICE, FIELD(mode), 0, 0, "disk", modes, ""},
};
static const struct om_option_table table = {rows, OM_COUNT_OF(rows)};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings, before;
    omega_str text = {(const char *)data, size};
    memset(&settings, 0, sizeof settings);
    om_options_init(&table, &settings);
    memcpy(&before, &settings, sizeof before);
    if (om_options_load_text(&table, &settings, text, "fuzz.conf") != OMEGA_OK) {
        OM_ASSERT(om_utf8_valid(omega_str_of(omega_error_message())));
        OM_ASSERT(memcmp(&before, &settings, sizeof before) == 0);
    }
    OM_ASSERT(om_options_check(&table, &settings) == OMEGA_OK);
    return 0;
}
