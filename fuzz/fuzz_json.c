/* fuzz_json.c -- any bytes as JSON, with and without lifted floats.
 *
 * Checks: both ways agree on whether the text is JSON (but for numbers over a range, which differ
 * by design), a dump is valid and dumps to itself, and a text is read the same the second time. */
#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16 };

static const char *const float_keys[] = {"embedding", "v", NULL};

static bool is_range_error(void)
{
    const char *said = omega_error_message();
    return strstr(said, "too big") != NULL || strstr(said, "too small") != NULL ||
           strstr(said, "overflow") != NULL || strstr(said, "range of a float") != NULL;
}

static void dump(const struct om_json_doc *doc, struct om_buf *out)
{
    om_buf_init(out, om_alloc_default(), (size_t)INPUT_MAX * 32);
    om_json_dump(om_json_root(doc), out);
    OM_ASSERT(out->status == OMEGA_OK && om_utf8_valid(om_buf_str(out)));
}

static void check_dump(const struct om_json_doc *doc, const char *const *keys)
{
    struct om_buf first, second;
    struct om_json_doc *again;
    dump(doc, &first);
    OM_ASSERT(om_json_parse(om_alloc_default(), om_buf_str(&first), keys, &again) == OMEGA_OK);
    dump(again, &second);
    OM_ASSERT(om_str_eq(om_buf_str(&first), om_buf_str(&second)));
    om_json_free(again);
    om_buf_fini(&first);
    om_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct om_json_doc *plain, *lifted;
    omega_str text = {(const char *)data, size};
    if (size > INPUT_MAX) {
        return 0;
    }
    omega_status status = om_json_parse(om_alloc_default(), text, NULL, &plain);
    bool may_differ = status != OMEGA_OK && is_range_error();
    omega_status again = om_json_parse(om_alloc_default(), text, float_keys, &lifted);
    may_differ = may_differ || (again != OMEGA_OK && is_range_error());
    OM_ASSERT(status == again || may_differ);
    if (plain != NULL) {
        check_dump(plain, NULL);
    }
    if (lifted != NULL) {
        check_dump(lifted, float_keys);
    }
    om_json_free(plain);
    om_json_free(lifted);
    return 0;
}
