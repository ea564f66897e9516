/* fuzz_import.c -- any bytes as memories, as a chat, as text, and as what they look like.
 *
 * Checks: nothing leaks, a failure is one of the input's, every piece is counted once, and the same
 * bytes are read the same the second time. */
#include "transfer/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16 };

static void count_message(void *context, const char *message)
{
    OM_ASSERT(message[0] != '\0' && om_utf8_valid(omega_str_of(message)));
    ++*(uint64_t *)context;
}

static omega_status read_as(omega_import_format format, omega_str text, omega_import_report *report)
{
    static const char *const names[] = {"input", "input.jsonl", "input.json", "input.md"};
    struct om_alloc alloc;
    uint64_t messages = 0;
    om_alloc_init(&alloc, NULL);
    const struct om_transfer transfer = {.alloc = &alloc};
    const omega_import_options options = {.struct_size = sizeof options,
                                          .format = format,
                                          .tier = OMEGA_TIER_UNSET,
                                          .on_error = count_message,
                                          .context = &messages};
    const omega_status status = om_transfer_read(&transfer, names[format], text, &options, report);
    OM_ASSERT(report->failed + report->skipped <= report->read);
    OM_ASSERT(messages >= report->failed);
    OM_ASSERT(report->stored == 0 && report->known == 0);
    OM_ASSERT(atomic_load(&alloc.live_count) == 0);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const omega_str text = {(const char *)data, size};
    if (size > INPUT_MAX) {
        return 0;
    }
    for (int format = OMEGA_IMPORT_AUTO; format <= OMEGA_IMPORT_TEXT; format++) {
        omega_import_report first, second;
        const omega_status status = read_as((omega_import_format)format, text, &first);
        OM_ASSERT(status == OMEGA_OK || status == OMEGA_EINVAL || status == OMEGA_ELIMIT);
        OM_ASSERT(status == read_as((omega_import_format)format, text, &second));
        OM_ASSERT(memcmp(&first, &second, sizeof first) == 0);
    }
    return 0;
}
