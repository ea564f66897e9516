/* fuzz_filter.c -- any bytes as a filter (the first line) over any bytes as metadata (the rest).
 *
 * Checks: a refusal has a readable message; a compiled filter gives the same answer over a row and
 * over the row's catalogue entry, and its negation gives the other one. */
#include "memory/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_negation(omega_str text, omega_str metadata, unsigned answer)
{
    struct om_buf negated;
    unsigned other = 0;
    om_buf_init(&negated, om_alloc_default(), 1 << 20);
    om_buf_addf(&negated, "{\"$not\":%.*s}", OM_STR_ARG(text));
    /* Refused when the filter is as deep as one may be. */
    if (om_memory_filter_try(om_buf_str(&negated), metadata, &other) == OMEGA_OK) {
        OM_ASSERT(other == (answer ^ 3u));
    }
    om_buf_fini(&negated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    omega_str metadata = {NULL, 0};
    omega_str text = om_str_cut((omega_str){(const char *)data, size}, '\n', &metadata);
    unsigned answer = 0;
    if (om_memory_filter_try(text, metadata, &answer) != OMEGA_OK) {
        OM_ASSERT(om_utf8_valid(omega_str_of(omega_error_message())));
        return 0;
    }
    OM_ASSERT(answer == 0 || answer == 3);
    if (text.len > 0) {
        check_negation(text, metadata, answer);
    }
    return 0;
}
