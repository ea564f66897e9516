/* tour_say.c -- how the tour speaks: short lines, the measured time at the right. */
#include <stdarg.h>

#include "cli/tour_int.h"

enum { TIME_COLUMN = 64, LINE_SIZE = 512, SHOWN = 66 };

double tour_us(int64_t start_ns)
{
    return (double)(om_mono_ns(om_clock_system()) - start_ns) / 1000.0;
}

void tour_heading(struct tour *tour, const char *text)
{
    char line[LINE_SIZE];
    if (!tour->cli->json) {
        snprintf(line, sizeof line, "%u. %s", ++tour->step, text);
        cli_heading(line);
    }
}

void tour_line(struct tour *tour, double us, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list list;
    if (tour->cli->json) {
        return;
    }
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    printf("   ");
    if (us < 0) {
        cli_put_text(stdout, omega_str_of(line), 0);
        printf("\n");
        return;
    }
    const size_t width = cli_put_text(stdout, omega_str_of(line), 0);
    printf("%*s %9.0f us\n", width < TIME_COLUMN ? (int)(TIME_COLUMN - width) : 0, "", us);
}

/* The file's last two parts: enough to find it, short enough for a line. */
static omega_str short_uri(omega_str uri)
{
    size_t at = uri.len;
    for (unsigned slashes = 0; at > 0; at--) {
        if (uri.ptr[at - 1] == '/' && ++slashes == 2) {
            break;
        }
    }
    return (omega_str){uri.ptr + at, uri.len - at};
}

void tour_result(struct tour *tour, const omega_memory *memory, size_t rank)
{
    struct om_json_doc *doc = NULL;
    if (tour->cli->json) {
        return;
    }
    printf("   %zu. %.3f  ", rank, memory->score);
    cli_put_text(stdout, memory->content, SHOWN);
    printf("\n");
    if (rank > 1) {
        return;
    }
    printf("      %s", omega_tier_name(memory->tier));
    if (memory->source_uri.len > 0) {
        printf(", from ");
        cli_put_text(stdout, short_uri(memory->source_uri), SHOWN);
    }
    printf("\n");
    if (om_json_parse(om_alloc_default(), memory->explain_json, NULL, &doc) == OMEGA_OK) {
        cli_show_explain(om_json_root(doc), "      ");
    }
    om_json_free(doc);
}
