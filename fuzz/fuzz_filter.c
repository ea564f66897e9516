/* fuzz_filter.c -- any bytes as a filter (the first line) over any bytes as metadata (the rest).
 *
 * Checks: a refusal has a readable message and no filter; a compiled filter gives the same answer
 * over a row and over the row's catalogue entry, and its negation gives the other one. */
#include "memory/memory_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool over_entry(const struct om_filter *filter, const struct om_memory_row *row)
{
    struct om_catalog *catalog = NULL;
    uint32_t item = 0;
    OM_ASSERT(om_catalog_new(om_alloc_default(), &catalog) == OMEGA_OK);
    OM_ASSERT(om_catalog_prepare(catalog, row, &item) == OMEGA_OK);
    om_catalog_add(catalog, item, 1);
    bool pass = om_filter_entry(filter, catalog, om_catalog_entry(catalog, item));
    OM_ASSERT(om_catalog_validate(catalog) == NULL);
    om_catalog_free(catalog);
    return pass;
}

static void check_answers(struct om_arena *arena, omega_str text, const struct om_filter *filter,
                          const struct om_memory_row *row)
{
    struct om_filter *negated = NULL;
    bool pass = false;
    bool negated_pass = false;
    if (om_filter_row(filter, row, &pass) != OMEGA_OK) {
        return; /* the metadata is no JSON object */
    }
    OM_ASSERT(over_entry(filter, row) == pass);
    const char *not_text = om_arena_printf(arena, "{\"$not\":%.*s}", OM_STR_ARG(text));
    if (om_filter_compile(arena, omega_str_of(not_text), &negated) == OMEGA_OK) {
        OM_ASSERT(om_filter_row(negated, row, &negated_pass) == OMEGA_OK);
        OM_ASSERT(negated_pass != pass);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct om_arena arena;
    struct om_filter *filter = NULL;
    struct om_memory_row row;
    omega_str rest = {NULL, 0};
    omega_str text = om_str_cut((omega_str){(const char *)data, size}, '\n', &rest);
    memset(&row, 0, sizeof row);
    row.row = 1;
    row.tier = OMEGA_TIER_EPISODIC;
    row.type = OM_STR("note");
    row.importance = 0.5;
    row.key = OM_STR("k");
    /* A filter that looks at fields only never reads metadata; keep it readable all the same. */
    row.metadata = rest;
    om_arena_init(&arena, om_alloc_default(), 0);
    omega_status status = om_filter_compile(&arena, text, &filter);
    if (status != OMEGA_OK) {
        OM_ASSERT(filter == NULL && status != OMEGA_ECORRUPT);
        OM_ASSERT(om_utf8_valid(omega_str_of(omega_error_message())));
    } else if (filter != NULL) {
        struct om_buf packed;
        om_buf_init(&packed, om_alloc_default(), 64u << 20);
        if (om_filter_pack(&row, &packed) == OMEGA_OK) {
            OM_ASSERT(packed.len == 0 ||
                      om_filter_packed_size((const unsigned char *)packed.ptr) == packed.len);
            check_answers(&arena, text, filter, &row);
        }
        om_buf_fini(&packed);
    }
    om_arena_fini(&arena);
    return 0;
}
