/* show.c -- results for people: memories, explanations, counts. Control characters in what was
 * stored never reach the terminal. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_int.h"

bool cli_color(void)
{
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

static const char *style(const char *code)
{
    return cli_color() ? code : "";
}

void cli_heading(const char *text)
{
    printf("%s%s%s\n", style("\033[1m"), text, style("\033[0m"));
}

void cli_put_text(FILE *out, omega_str text, size_t max)
{
    size_t shown = 0;
    bool space = false;
    while (text.len > 0 && (max == 0 || shown < max)) {
        uint32_t c = 0;
        const size_t size = om_utf8_next(text, &c);
        const bool blank = c <= 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0);
        if (!blank) {
            fwrite(text.ptr, 1, size, out);
        } else if (!space) {
            fputc(' ', out);
        }
        space = blank;
        shown++;
        text.ptr += size;
        text.len -= size;
    }
    if (text.len > 0) {
        fputs("...", out);
    }
}

void cli_show_count(uint64_t count, const char *one, const char *many)
{
    printf("%llu %s\n", (unsigned long long)count, count == 1 ? one : many);
}

static void put_text(omega_str text)
{
    cli_put_text(stdout, text, 0);
}

void cli_show_memory(const struct om_json *memory, const char *bullet)
{
    const double score = om_json_number(om_json_get(memory, "score"));
    const omega_str state = om_json_str(om_json_get(memory, "state"));
    const omega_str name = om_json_str(om_json_get(memory, "name"));
    printf("%s ", bullet);
    if (!isnan(score)) {
        printf("%s%.3f%s ", style("\033[32m"), score, style("\033[0m"));
    }
    cli_put_text(stdout, om_json_str(om_json_get(memory, "content")), 400);
    printf("\n    %s", style("\033[2m"));
    put_text(om_json_str(om_json_get(memory, "tier")));
    if (name.len > 0) {
        printf("  by ");
        put_text(name);
    }
    if (!om_str_eq_text(state, "active")) {
        printf("  ");
        put_text(state);
    }
    printf("  ");
    put_text(om_json_str(om_json_get(memory, "occurred_at")));
    printf("  ");
    put_text(om_json_str(om_json_get(memory, "id")));
    printf("%s\n", style("\033[0m"));
}

static void show_term(const struct om_json *term)
{
    printf(" ");
    put_text(om_json_str(om_json_get(term, "term")));
    printf(" %.2f", om_json_number(om_json_get(term, "score")));
}

static void show_arm(const struct om_json *arm)
{
    const omega_str space = om_json_str(om_json_get(arm, "space"));
    const struct om_json *terms = om_json_get(arm, "terms");
    printf("      ");
    put_text(om_json_str(om_json_get(arm, "arm")));
    if (space.len > 0) {
        printf(" in ");
        put_text(space);
    }
    printf(": %.3f of 1, weight %.2f", om_json_number(om_json_get(arm, "normalised")),
           om_json_number(om_json_get(arm, "weight")));
    if (om_json_count(terms) > 0) {
        printf(", words:");
    }
    for (size_t i = 0; i < om_json_count(terms); i++) {
        show_term(om_json_at(terms, i));
    }
    printf("\n");
}

void cli_show_explain(const struct om_json *memory)
{
    const struct om_json *explain = om_json_get(memory, "explain");
    const struct om_json *arms = om_json_get(explain, "arms");
    const struct om_json *absent = om_json_get(explain, "absent");
    for (size_t i = 0; i < om_json_count(arms); i++) {
        show_arm(om_json_at(arms, i));
    }
    for (size_t i = 0; i < om_json_count(absent); i++) {
        const struct om_json *one = om_json_at(absent, i);
        printf("      without ");
        put_text(om_json_str(om_json_get(one, "arm")));
        printf(": ");
        put_text(om_json_str(om_json_get(one, "reason")));
        printf("\n");
    }
}
